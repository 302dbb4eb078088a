use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::settings::{
    Check, Effective, Settings,
    effective::{NO_EFFECT, NOT_SET, REDACTED},
};

/// The predecessor's own table: name, keys, form, default, and a value that is not the default.
const PREDECESSOR: &str = include_str!("predecessor.tsv");

/// One line of the predecessor's table.
struct Row {
    name: &'static str,
    keys: Vec<String>,
    form: &'static str,
    default: &'static str,
    value: &'static str,
}

fn predecessors() -> Vec<Row> {
    let lines = PREDECESSOR.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap();
        Row {
            name: column(),
            keys: keys_of(column()),
            form: column(),
            default: column(),
            value: column(),
        }
    };
    lines.map(row).collect()
}

/// `KS.x` is `x` below the options of k8s and k8s-sandbox, `V.x` that of k8s-vm; other keys are whole.
fn keys_of(text: &str) -> Vec<String> {
    let executor = |letter| match letter {
        'K' => Some("k8s"),
        'S' => Some("k8s-sandbox"),
        'V' => Some("k8s-vm"),
        _ => None,
    };
    let (start, rest) = text.split_once('.').unwrap();
    match start.chars().map(executor).collect::<Option<Vec<_>>>() {
        Some(names) => names
            .iter()
            .map(|name| format!("executor.{name}.options.{rest}"))
            .collect(),
        None => vec![text.to_owned()],
    }
}

fn check(variables: &[(&str, &str)]) -> Check {
    let env: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::check(&env, None)
}

/// The lines about `key`; the broker's options are told by the one that counts.
fn lines<'c>(check: &'c Check, key: &str) -> Vec<&'c Effective> {
    let inner = format!("{key}.");
    let about = |line: &&Effective| line.key == key || line.key.starts_with(&inner);
    check.effective.iter().filter(about).collect()
}

/// Whether pods of k8s-vm have a use for it: the table says which the predecessor ignores there.
fn is_used(key: &str) -> bool {
    let ignored = ["sdHabEnabled", "kubernetes.privileged", "kubernetes.podLabels"];
    let option = key.strip_prefix("executor.k8s-vm.options.");
    option.is_none_or(|option| !ignored.contains(&option))
}

/// Whether the line shows the value, in whatever form.
fn shows(line: &Effective, value: &str) -> bool {
    let json = |text: &str| json5::from_str::<serde_json::Value>(text).ok();
    line.value == value
        || json(&line.value) == Some(value.into())
        || json(&line.value).is_some_and(|shown| Some(shown) == json(value))
}

#[test]
fn every_name_is_there_once() {
    let names: BTreeSet<&str> = all().map(|variable| variable.name).collect();
    assert_eq!(names.len(), all().count(), "a name occurs twice");
    let theirs: BTreeSet<&str> = predecessors().iter().map(|row| row.name).collect();
    let taken: BTreeSet<&str> = predecessor::VARIABLES.iter().map(|row| row.name).collect();
    assert_eq!(theirs.len(), 98, "the predecessor has 98 names");
    assert_eq!(taken, theirs);
}

#[test]
fn a_default_is_a_valid_value() {
    for variable in all() {
        if let Some(default) = variable.default {
            let check = check(&[(variable.name, default)]);
            check
                .settings
                .unwrap_or_else(|errors| panic!("{}: {errors}", variable.name));
        }
    }
}

#[test]
fn every_name_of_the_predecessor_reaches_its_setting() {
    let unset = check(&[]);
    let before = format!("{:?}", unset.settings.as_ref().unwrap());
    for row in predecessors() {
        let set = check(&[(row.name, row.value)]);
        let after = set
            .settings
            .as_ref()
            .unwrap_or_else(|errors| panic!("{}: {errors}", row.name));
        let kind = all().find(|variable| variable.name == row.name).unwrap().kind;
        for key in &row.keys {
            let shown = lines(&set, key);
            let [line] = shown[..] else {
                panic!("{}: {key} is shown {} times", row.name, shown.len());
            };
            assert_eq!(line.source, row.name, "{line}");
            match kind {
                _ if kind == Kind::Idle || !is_used(key) => assert_eq!(line.value, NO_EFFECT, "{line}"),
                Kind::Secret => assert_eq!(line.value, REDACTED, "{line}"),
                _ => {
                    let heartbeat = row.name == "RABBITMQ_CONNECT_OPTIONS" && line.value == "7";
                    assert!(heartbeat || shows(line, row.value), "{line}");
                    assert!(!lines(&unset, key).contains(&line), "{line}");
                }
            }
        }
        // And nothing else: the lines that name the variable are those of its keys.
        let sources = set.effective.iter().filter(|line| line.source == row.name);
        assert_eq!(sources.count(), row.keys.len(), "{}", row.name);
        // Secrets are not to be seen; they have a test of their own.
        if kind != Kind::Secret {
            assert_ne!(format!("{after:?}"), before, "{}", row.name);
        }
    }
}

#[test]
fn every_default_of_the_predecessor_holds_but_for_a_few() {
    let unset = check(&[]);
    let different = ["RABBITMQ_MSG_REPROCESS_LIMIT"];
    for row in predecessors().iter().filter(|row| !different.contains(&row.name)) {
        let kind = all().find(|variable| variable.name == row.name).unwrap().kind;
        for key in row
            .keys
            .iter()
            .filter(|key| !matches!(kind, Kind::Idle | Kind::Secret) && is_used(key))
        {
            let shown = lines(&unset, key);
            let [line] = shown[..] else {
                panic!("{}: {key} is shown {} times", row.name, shown.len());
            };
            let same = match (row.name, row.default) {
                ("RABBITMQ_CONNECT_OPTIONS", _) => line.value == "20",
                // The predecessor's code has `default` for these.
                ("K8S_JOBS_NAMESPACE" | "K8S_SERVICE_ACCOUNT_NAME", "-") => shows(line, "default"),
                (_, "-") => [NOT_SET, "[]", "\"\""].contains(&line.value.as_str()),
                (_, "{}") => line.value == "{}" || line.value == "[]",
                (_, default) => shows(line, default),
            };
            assert!(same, "{line}, not {}", row.default);
        }
    }
}

#[test]
fn the_forms_of_the_predecessor_are_ours() {
    for row in predecessors() {
        let kind = all().find(|variable| variable.name == row.name).unwrap().kind;
        let json = matches!(kind, Kind::Json | Kind::List);
        assert_eq!(json, row.form == "json", "{}", row.name);
    }
}

#[test]
fn ours_reach_the_settings_too() {
    // What is said of traces has no effect without a collector.
    const COLLECTOR: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318");
    let before = format!("{:?}", check(&[COLLECTOR]).settings.unwrap());
    for variable in ours::VARIABLES {
        let name = variable.name;
        let named = |check: &Check| {
            let errors = check.settings.as_ref().err();
            errors.is_some_and(|errors| {
                errors
                    .problems()
                    .iter()
                    .any(|problem| problem.place.starts_with(name))
            })
        };
        let effect = match variable.kind {
            Kind::Text | Kind::List => {
                let check = check(&[COLLECTOR, (name, "other")]);
                let changes = check
                    .settings
                    .as_ref()
                    .is_ok_and(|settings| format!("{settings:?}") != before);
                changes || named(&check)
            }
            _ => named(&check(&[(name, "?")])),
        };
        assert!(effect, "{name} has no effect");
    }
}

/// Values that operators and accidents bring: anything at all, and what looks like a value.
fn values() -> impl Strategy<Value = String> {
    let shapes = "(-?[0-9]{1,25}(\\.[0-9]{1,3})?(ms|s|m|h|e9)?|[\\[{\"'(](a|[0-9]|:|,|\\.|\"|'|[\\[\\]{}()])*|\
                  https?://[a-z:@/?#]*|true|FALSE|[a-z/%-]{1,70}|/dev/(zero|null)|tcp://[0-9.:]{1,12})";
    prop_oneof![any::<String>(), shapes]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_value_of_any_variable_is_a_setting_or_a_problem_that_names_it(
        index in 0..all().count(),
        value in values(),
    ) {
        let name = all().nth(index).unwrap().name;
        let check = check(&[(name, &value)]);
        if let Err(errors) = &check.settings {
            for problem in errors.problems() {
                prop_assert!(problem.place.starts_with(name), "{name}: {problem}");
            }
        }
        // One line each, whatever is in it.
        let shown = check.to_string();
        let empty = shown.lines().filter(|line| line.is_empty()).count();
        prop_assert_eq!(shown.lines().count() - empty, check.effective.len());
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
