use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::settings::{Settings, SettingsErrors};

fn load(name: &str, value: &str) -> Result<Settings, SettingsErrors> {
    let env: HashMap<String, String> = [(name.to_owned(), value.to_owned())].into();
    Settings::load(&env, Some("/nonexistent".as_ref()))
}

fn names_problem(result: &Result<Settings, SettingsErrors>, name: &str) -> bool {
    result.as_ref().is_err_and(|errors| {
        errors
            .problems()
            .iter()
            .any(|problem| problem.place.starts_with(name))
    })
}

#[test]
fn every_name_is_there_once() {
    let names: BTreeSet<&str> = all().map(|variable| variable.name).collect();
    assert_eq!(names.len(), all().count(), "a name occurs twice");
    assert_eq!(predecessor::VARIABLES.len(), 98, "the predecessor has 98 names");
}

#[test]
fn a_default_is_a_valid_value() {
    for variable in all() {
        if let Some(default) = variable.default {
            load(variable.name, default).unwrap_or_else(|errors| panic!("{}: {errors}", variable.name));
        }
    }
}

#[test]
fn every_variable_reaches_the_settings() {
    let unset = format!("{:?}", load("", "").unwrap());
    for variable in all().filter(|variable| variable.place != Place::Nowhere) {
        let name = variable.name;
        match variable.kind {
            Kind::Number | Kind::Boolean | Kind::Duration | Kind::Url | Kind::Json => {
                assert!(names_problem(&load(name, "?"), name), "{name} takes nonsense");
            }
            Kind::Text | Kind::File | Kind::List => {
                let result = load(name, "other");
                let changes = result
                    .as_ref()
                    .is_ok_and(|settings| format!("{settings:?}") != unset);
                assert!(changes || names_problem(&result, name), "{name} has no effect");
            }
            // Their effect is not to be seen; they have tests of their own.
            Kind::Secret => {}
        }
    }
}

#[test]
fn variables_without_effect_are_taken_and_told() {
    for variable in all().filter(|variable| variable.place == Place::Nowhere) {
        let settings = load(variable.name, "anything").unwrap();
        assert!(
            settings
                .warnings
                .iter()
                .any(|warning| warning.starts_with(variable.name)),
            "{}",
            variable.name
        );
    }
}

#[test]
fn a_place_names_the_variable_or_the_file_and_key() {
    let cases = [
        ("RABBITMQ_PORT", "rabbitmq.port", "RABBITMQ_PORT"),
        ("K8S_HOST", "executor.k8s-vm.options.kubernetes.host", "K8S_HOST"),
        (
            "K8S_VOLUME_MOUNTS",
            "executor.k8s.options.kubernetes.volumeMounts[1].path",
            "K8S_VOLUME_MOUNTS: [1].path",
        ),
        (
            "K8S_POD_LABELS",
            "executor.k8s.options.kubernetes.podLabels.team",
            "K8S_POD_LABELS: team",
        ),
        (
            "config/local.yaml",
            "rabbitmq.port",
            "config/local.yaml: rabbitmq.port",
        ),
    ];
    for (origin, path, expected) in cases {
        assert_eq!(place(origin, path), expected);
    }
}
