use std::collections::{BTreeMap, BTreeSet, HashMap};

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
        // Of both spellings the later one counts.
        (
            &weighted,
            json!({ "screwdriver.cd/executor": "k8s", "beta.screwdriver.cd/executor": "k8s-sandbox" }),
            "node:22",
            "k8s-sandbox",
        ),
        // No name at all.
        (
            &weighted,
            json!({ "screwdriver.cd/executor": "" }),
            "node:22",
            "k8s",
        ),
        (
            &weighted,
            json!({ "screwdriver.cd/executor": null }),
            "node:22",
            "k8s",
        ),
        (
            &weighted,
            json!({ "screwdriver.cd/executor": false }),
            "node:22",
            "k8s",
        ),
        (
            &unweighted,
            json!({ "screwdriver.cd/executor": 0 }),
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

/// The predecessor goes on to the next rule, and with some properties of its router (D33) it stumbles.
#[test]
fn a_name_that_there_is_not_is_refused_with_those_that_there_are() {
    let executors = executors(&[("WEIGHT_K8S", "1")], &json!({}));
    let api = "https://api.sd.example".parse().unwrap();
    for (name, shown) in [
        (json!("jenkins"), "jenkins"),
        (json!("start"), "start"),
        (json!("plugin"), "plugin"),
        (json!("K8S"), "K8S"),
        (json!(7), "7"),
        (json!(true), "true"),
        (json!(["k8s"]), "[\"k8s\"]"),
    ] {
        let annotations = json!({ "screwdriver.cd/executor": name });
        let annotations = annotations.as_object().unwrap();
        let error = choose(&executors, annotations, "node:22", &api, &1).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("This cluster has no executor {shown}; it has k8s, k8s-sandbox, k8s-vm.")
        );
    }
}

/// 50, 30 and 20 per cent of 100,000 builds, each within 5 standard deviations.
#[test]
fn the_draw_is_fair() {
    let executors = three_ways();
    let api = "https://api.sd.example".parse().unwrap();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for build in 1..=100_000_u64 {
        let chosen = choose(&executors, &Map::new(), "node:22", &api, &build).unwrap();
        *counts.entry(&chosen.name).or_default() += 1;
    }
    for (name, expected, deviation) in [
        ("k8s", 50_000, 158),
        ("k8s-sandbox", 30_000, 145),
        ("k8s-vm", 20_000, 126),
    ] {
        assert!(counts[name].abs_diff(expected) < 5 * deviation, "{counts:?}");
    }
}

/// What one replica draws, every other one draws too, also one of another version: these may never change.
#[test]
fn the_draw_is_the_same_on_every_replica() {
    let executors = three_ways();
    let drawn = |build| chosen(&executors, &json!({}), "node:22", build);
    for (build, expected) in VECTORS {
        assert_eq!(drawn(*build), *expected, "{build}");
    }
}

/// Weights of 5, 3 and 2.
fn three_ways() -> ExecutorsSettings {
    executors(
        &[("WEIGHT_K8S", "5"), ("WEIGHT_K8S_VM", "2")],
        &json!({ "executor": { "k8s-sandbox": { "weightage": "3" } } }),
    )
}

/// The remainder by 10 of the first 8 bytes of SHA-256 of `https://api.sd.example\n<build>`, as a share.
const VECTORS: &[(u64, &str)] = &[
    (1, "k8s-sandbox"),
    (2, "k8s"),
    (3, "k8s-vm"),
    (4, "k8s-vm"),
    (5, "k8s-sandbox"),
    (6, "k8s"),
    (7, "k8s"),
    (8, "k8s"),
    (8_609, "k8s"),
    (1_000_000, "k8s"),
    (9_007_199_254_740_991, "k8s-sandbox"),
];

/// As in the predecessor: fractions count in the sum and not in the shares; what nobody has is the first one's.
#[test]
fn fractions_of_weights_are_the_first_ones() {
    let weights = |k8s: &str, vm: &str| {
        executors(
            &[
                ("WEIGHT_K8S", k8s),
                ("WEIGHT_K8S_VM", vm),
                ("EXECUTOR_PLUGIN", "k8s-sandbox"),
            ],
            &json!({}),
        )
    };
    for (k8s, vm, expected) in [
        ("1.9", "0.9", ["k8s"].as_slice()),
        ("0.9", "0.9", &["k8s"]),
        ("0.5", "0.5", &["k8s"]),
        ("0", "0", &["k8s-sandbox"]),
        ("0", "0.25", &["k8s"]),
        ("0", "2", &["k8s-vm"]),
        ("0", "2.5", &["k8s", "k8s-vm"]),
    ] {
        let executors = weights(k8s, vm);
        let drawn: BTreeSet<_> = (1..=50)
            .map(|build| chosen(&executors, &json!({}), "node:22", build))
            .collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), expected, "{k8s} {vm}");
    }
}

#[test]
fn a_fraction_is_drawn_as_often_as_it_is_large() {
    let executors = executors(&[("WEIGHT_K8S", "1.5"), ("WEIGHT_K8S_VM", "2.5")], &json!({}));
    // 4 in all: 0 is in the share of k8s, 1 and 2 in that of k8s-vm, 3 in nobody's.
    let names: Vec<_> = (0..4)
        .map(|hash| draw(&executors, "node:22", hash).unwrap().name.as_str())
        .collect();
    assert_eq!(names, ["k8s", "k8s-vm", "k8s-vm", "k8s"]);
    let part = self::executors(&[("WEIGHT_K8S_VM", "2.5")], &json!({}));
    let first = (0..2_500).filter(|hash| draw(&part, "node:22", *hash).unwrap().name == "k8s");
    assert_eq!(first.count(), 500);
}

#[test]
fn exclusions_of_either_spelling_keep_images_away() {
    for key in ["exclusion", "exclusions"] {
        let executors = executors(
            &[
                ("K8S_EXECUTOR_EXCLUSION", "['^internal/', 'centos:[67]']"),
                ("EXECUTOR_PLUGIN", "k8s-vm"),
            ],
            &json!({ "executor": {
                "k8s": { "weightage": 1 },
                "k8s-sandbox": { "weightage": 1, (key): ["alpine"] },
            } }),
        );
        let drawn = |container: &str| {
            let names: BTreeSet<_> = (1..=50)
                .map(|build| chosen(&executors, &json!({}), container, build))
                .collect();
            names.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(drawn("node:22"), "k8s k8s-sandbox");
        assert_eq!(drawn("internal/node:22"), "k8s-sandbox");
        assert_eq!(drawn("registry/INTERNAL/node:22"), "k8s k8s-sandbox");
        assert_eq!(drawn("CentOS:7"), "k8s-sandbox");
        assert_eq!(drawn("alpine:3"), "k8s");
        assert_eq!(
            drawn("internal/alpine:3"),
            "k8s-vm",
            "nobody is left: the default"
        );
    }
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
        "This cluster has no executor gone; it has k8s, k8s-sandbox, k8s-vm."
    );
}
