//! Our pods against those that the predecessor really made, field for field.
//!
//! What may differ, and only that, is in [`cases::normalised`] (for every case) and in [`cases::DEVIATIONS`]
//! (cases that record a defect, compared against the corrected value).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "golden/cases.rs"]
mod cases;

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cases::{Case, DEVIATIONS, compare_all, differences, normalised, without_suffix};
use common::{
    pod_identity::pod_name,
    settings::{ExecutorSettings, Plugin},
};
use serde_json::{Map, Value};
use start_worker::manifest::{self, BuildSpec};

#[test]
fn our_pods_are_the_predecessors() {
    compare_all(ours);
}

#[test]
fn every_deviation_is_one() {
    let cases = cases::cases();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    for (id, defect, _) in DEVIATIONS {
        assert!(ids.contains(id), "{defect}: there is no case {id}");
        let case = cases.iter().find(|case| case.id == *id).unwrap();
        let recorded = normalised(case.pod.clone());
        assert!(
            !differences(&recorded, &without_suffix(ours(case))).is_empty(),
            "{id} does not deviate by {defect}"
        );
    }
}

/// The defects that may change what a recorded pod should have been.
const DEFECTS: [&str; 7] = ["D31", "D32", "D34", "D37", "D38", "D40", "D41"];

#[test]
fn every_defect_has_a_row_in_the_migration_guide_and_a_test() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let guide = std::fs::read_to_string(format!("{root}/docs/MIGRATION.md")).unwrap();
    let rows: Vec<&str> = guide.lines().filter(|line| line.ends_with("` |")).collect();
    for defect in DEFECTS {
        let row = format!("| {defect} |");
        assert!(
            rows.iter().any(|line| line.starts_with(&row)),
            "{defect} has no row"
        );
    }
    for (id, defect, _) in DEVIATIONS {
        assert!(DEFECTS.contains(defect), "{id} deviates by {defect}");
    }
    let mut sources = String::new();
    for folder in ["crates", "tests/src", "tests/tests"] {
        read(format!("{root}/{folder}").as_ref(), &mut sources);
    }
    for row in rows {
        let test = row.trim_end_matches("` |").rsplit('`').next().unwrap();
        assert!(
            sources.contains(&format!("fn {test}(")),
            "there is no test {test}: {row}"
        );
    }
}

/// Adds the text of all Rust files below.
fn read(folder: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn ours(case: &Case) -> Value {
    let plugin = if case.executor == "k8s-vm" {
        Plugin::K8sVm
    } else {
        Plugin::K8s
    };
    let executor = ExecutorSettings::from_options(&case.executor, plugin, &case.options).unwrap();
    let config = &case.build_config;
    let no_annotations = Map::new();
    let build_id = id(&config["buildId"]).unwrap();
    let token = config["token"].as_str().unwrap();
    let build = BuildSpec {
        build_id,
        container: config["container"].as_str().unwrap(),
        token,
        job_id: id(&config["jobId"]),
        job_name: config["jobName"].as_str(),
        event_id: id(&config["eventId"]),
        pipeline_id: id(&config["pipeline"]["id"]),
        pipeline_name: config["pipeline"]["name"].as_str(),
        pr_num: id(&config["prNum"]),
        pr_parent_job_id: id(&claims(token)["prParentJobId"]),
        template_full_name: config["template"]["fullName"].as_str(),
        template_version: config["template"]["version"].as_str(),
        annotations: config["annotations"].as_object().unwrap_or(&no_annotations),
        traceparent: None,
        recreated: 0,
    };
    let api_uri = config["apiUri"].as_str().unwrap().parse().unwrap();
    let name = pod_name(&executor.prefix, &api_uri, &build_id);
    serde_json::to_value(manifest::of(&executor, &build, &name).unwrap().pod).unwrap()
}

/// A number, or a text that is one.
fn id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
