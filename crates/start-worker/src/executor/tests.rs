use std::collections::{BTreeMap, HashMap};

use common::settings::Settings;
use serde_json::json;

use super::*;

/// The three executors out of the box: k8s (keeps rhel6 away), k8s-sandbox, k8s-vm.
fn executors(variables: &[(&str, &str)], node_config: &Value) -> ExecutorsSettings {
    let mut env: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    env.insert("NODE_CONFIG".to_owned(), node_config.to_string());
    Settings::load(&env, Some("/nonexistent".as_ref()))
        .unwrap()
        .executors
}

fn chosen<'e>(executors: &'e ExecutorsSettings, annotations: &Value, container: &str, build: u64) -> &'e str {
    let api = "https://api.sd.example".parse().unwrap();
    &choose(
        executors,
        annotations.as_object().unwrap(),
        container,
        &api,
        &build,
    )
    .unwrap()
    .name
}

#[test]
fn annotation_goes_before_weights_before_default() {
    let none = json!({});
    let weighted = executors(&[("WEIGHT_K8S", "1"), ("EXECUTOR_PLUGIN", "k8s-vm")], &none);
    let unweighted = executors(&[("EXECUTOR_PLUGIN", "k8s-sandbox")], &none);
    let cases = [
        (
            &weighted,
            json!({ "screwdriver.cd/executor": "k8s-sandbox" }),
            "node:22",
            "k8s-sandbox",
        ),
        (
            &weighted,
            json!({ "beta.screwdriver.cd/executor": "k8s-sandbox" }),
            "node:22",
            "k8s-sandbox",
        ),
        (
            &weighted,
            json!({ "alpha.screwdriver.cd/executor": "k8s-sandbox" }),
            "node:22",
            "k8s",
        ),
        (
            &weighted,
            json!({ "screwdriver.cd/executor": "k8s" }),
            "rhel6",
            "k8s",
        ),
        (&weighted, json!({}), "node:22", "k8s"),
        (&weighted, json!({}), "registry/RHEL6:1", "k8s-vm"),
        (&unweighted, json!({}), "node:22", "k8s-sandbox"),
        // Names that this cluster does not have, properties of the predecessor's router among them (D33).
        (
            &weighted,
            json!({ "screwdriver.cd/executor": "jenkins" }),
            "node:22",
            "k8s",
        ),
        (
            &unweighted,
            json!({ "screwdriver.cd/executor": "start" }),
            "node:22",
            "k8s-sandbox",
        ),
        (
            &unweighted,
            json!({ "screwdriver.cd/executor": "plugin" }),
            "node:22",
            "k8s-sandbox",
        ),
        (
            &unweighted,
            json!({ "screwdriver.cd/executor": 7 }),
            "node:22",
            "k8s-sandbox",
        ),
    ];
    for (executors, annotations, container, expected) in cases {
        assert_eq!(
            chosen(executors, &annotations, container, 1),
            expected,
            "{annotations} {container}"
        );
    }
}

#[test]
fn the_draw_follows_the_weights() {
    let executors = executors(&[("WEIGHT_K8S", "3"), ("WEIGHT_K8S_VM", "1")], &json!({}));
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for build in 1..=4_000 {
        *counts
            .entry(chosen(&executors, &json!({}), "node:22", build))
            .or_default() += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["k8s", "k8s-vm"]);
    assert!(counts["k8s"].abs_diff(3_000) < 120, "{counts:?}");
}

#[test]
fn every_share_of_the_draw_is_hit() {
    let executors = executors(
        &[("WEIGHT_K8S", "2"), ("WEIGHT_K8S_VM", "1")],
        &json!({ "executor": { "k8s-sandbox": { "weightage": 1 } } }),
    );
    let names: Vec<_> = (0..4)
        .map(|hash| draw(&executors, "node:22", hash).unwrap().name.as_str())
        .collect();
    assert_eq!(names, ["k8s", "k8s", "k8s-sandbox", "k8s-vm"]);
    let names: Vec<_> = (0..2)
        .map(|hash| draw(&executors, "rhel6", hash).unwrap().name.as_str())
        .collect();
    assert_eq!(names, ["k8s-sandbox", "k8s-vm"]);
}

#[test]
fn the_same_build_is_always_drawn_alike() {
    let executors = executors(&[("WEIGHT_K8S", "1"), ("WEIGHT_K8S_VM", "1")], &json!({}));
    let api: Url = "https://api.sd.example".parse().unwrap();
    let slash: Url = "https://api.sd.example/".parse().unwrap();
    for build in 1..100_u64 {
        let one = choose(&executors, &Map::new(), "node:22", &api, &build).unwrap();
        let other = choose(&executors, &Map::new(), "node:22", &slash, &build.to_string()).unwrap();
        assert_eq!(one.name, other.name);
    }
}

#[test]
fn an_unknown_name_is_told_with_the_known_ones() {
    let executors = executors(&[], &json!({}));
    assert_eq!(named(&executors, "k8s").unwrap().name, "k8s");
    let error = named(&executors, "gone").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no executor gone; there are k8s, k8s-sandbox, k8s-vm"
    );
}
