//! Our pods against those that the predecessor really made, field for field.
//!
//! What may differ, and only that, is in [`normalised`] (for every case) and in [`DEVIATIONS`] (cases that
//! record a defect, compared against the corrected value).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fmt::Write};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    pod_identity::pod_name,
    settings::{ExecutorSettings, Plugin},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use start_worker::manifest::{self, BuildSpec};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: String,
    executor: String,
    options: Value,
    build_config: Value,
    pod: Value,
}

/// A case that records a defect: its id, the defect, and what the predecessor's pod should have been.
type Deviation = (&'static str, &'static str, fn(&mut Value));

const DEVIATIONS: &[Deviation] = &[
    // Only the text "true" counted, so the boolean did not.
    ("automount-boolean-true", "D37", |pod| {
        pod["spec"]["automountServiceAccountToken"] = json!(true);
    }),
    // Every second pull request was overlooked and could write to the caches of the branch.
    ("disk-cache-pr-without-parent", "D32", |pod| {
        for mount in list(pod, "/spec/containers/0/volumeMounts") {
            if mount["name"] == "sd-pipeline-cache" || mount["name"] == "sd-job-cache" {
                mount["readOnly"] = json!(true);
            }
        }
    }),
    // A privileged buildkit ran for any job that asked, though no operator had allowed it.
    ("everything", "D31", |pod| {
        list(pod, "/spec/containers").retain(|container| container["name"] != "buildkitd");
        list(pod, "/spec/volumes").retain(|volume| !is_buildkits(volume));
        list(pod, "/spec/containers/0/volumeMounts").retain(|mount| !is_buildkits(mount));
        pod["spec"]["containers"][1]["image"] = json!("docker:20.10-dind");
    }),
];

fn is_buildkits(item: &Value) -> bool {
    item["name"]
        .as_str()
        .is_some_and(|name| name.starts_with("buildkit-"))
}

fn list<'v>(pod: &'v mut Value, pointer: &str) -> &'v mut Vec<Value> {
    pod.pointer_mut(pointer).unwrap().as_array_mut().unwrap()
}

#[test]
fn our_pods_are_the_predecessors() {
    let cases = cases();
    assert_eq!(cases.len(), 74);
    let mut report = String::new();
    for case in &cases {
        let differences = differences(&expected(case), &ours(case));
        if !differences.is_empty() {
            writeln!(report, "\n{}:\n  {}", case.id, differences.join("\n  ")).unwrap();
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_deviation_is_one() {
    let cases = cases();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    for (id, defect, _) in DEVIATIONS {
        assert!(ids.contains(id), "{defect}: there is no case {id}");
        let case = cases.iter().find(|case| case.id == *id).unwrap();
        let recorded = normalised(case.pod.clone());
        assert!(
            !differences(&recorded, &ours(case)).is_empty(),
            "{id} does not deviate by {defect}"
        );
    }
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/golden/pods.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn expected(case: &Case) -> Value {
    let mut pod = normalised(case.pod.clone());
    for (id, _, correct) in DEVIATIONS {
        if *id == case.id {
            correct(&mut pod);
        }
    }
    pod
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
    let mut pod = serde_json::to_value(manifest::of(&executor, &build, &name).unwrap().pod).unwrap();
    pod["metadata"]["name"] = json!(without_suffix(&name));
    pod
}

/// A number, or a text that is one.
fn id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// `-<random>` for five characters of `[a-z0-9]`.
fn without_suffix(name: &str) -> String {
    let (stem, suffix) = name.rsplit_once('-').unwrap();
    let allowed = suffix
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    assert!(suffix.len() == 5 && allowed, "{name}");
    format!("{stem}-<random>")
}

/// The recorded pod with the type of host paths where it belongs and without nulls.
fn normalised(mut pod: Value) -> Value {
    for volume in list(&mut pod, "/spec/volumes") {
        let kind = volume.as_object_mut().unwrap().remove("type");
        if let Some(kind) = kind {
            volume["hostPath"]["type"] = kind;
        }
    }
    without_nulls(&mut pod);
    pod
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One line for each place where the two differ.
fn differences(expected: &Value, ours: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", Some(expected), Some(ours), &mut lines);
    lines
}

fn compare(path: &str, expected: Option<&Value>, ours: Option<&Value>, lines: &mut Vec<String>) {
    match (expected, ours) {
        (Some(Value::Object(expected)), Some(Value::Object(ours))) => {
            let keys: BTreeSet<&String> = expected.keys().chain(ours.keys()).collect();
            for key in keys {
                compare(&format!("{path}/{key}"), expected.get(key), ours.get(key), lines);
            }
        }
        (Some(Value::Array(expected)), Some(Value::Array(ours))) => {
            for index in 0..expected.len().max(ours.len()) {
                compare(
                    &format!("{path}/{index}"),
                    expected.get(index),
                    ours.get(index),
                    lines,
                );
            }
        }
        _ if expected == ours => {}
        _ => {
            let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            lines.push(format!(
                "{path}: expected {}, made {}",
                show(expected),
                show(ours)
            ));
        }
    }
}
