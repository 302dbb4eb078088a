//! The recorded cases, and how a pod of ours is compared with one of them.

use std::{collections::BTreeSet, fmt::Write};

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) executor: String,
    pub(crate) options: Value,
    pub(crate) build_config: Value,
    pub(crate) pod: Value,
}

/// A case that records a defect: its id, the defect, and what the predecessor's pod should have been.
pub(crate) type Deviation = (&'static str, &'static str, fn(&mut Value));

pub(crate) const DEVIATIONS: &[Deviation] = &[
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

/// Panics with a readable list if a pod that `make` makes of a case is not the one expected.
pub(crate) fn compare_all(make: impl Fn(&Case) -> Value) {
    let cases = cases();
    assert_eq!(cases.len(), 74);
    let mut report = String::new();
    for case in &cases {
        let differences = differences(&expected(case), &without_suffix(make(case)));
        if !differences.is_empty() {
            writeln!(report, "\n{}:\n  {}", case.id, differences.join("\n  ")).unwrap();
        }
    }
    assert!(report.is_empty(), "{report}");
}

pub(crate) fn cases() -> Vec<Case> {
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

/// The pod with `-<random>` for five characters of `[a-z0-9]` in its name.
pub(crate) fn without_suffix(mut pod: Value) -> Value {
    let name = pod["metadata"]["name"].as_str().unwrap();
    let (stem, suffix) = name.rsplit_once('-').unwrap();
    let allowed = suffix
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    assert!(suffix.len() == 5 && allowed, "{name}");
    pod["metadata"]["name"] = json!(format!("{stem}-<random>"));
    pod
}

/// The recorded pod with the type of host paths where it belongs and without nulls.
pub(crate) fn normalised(mut pod: Value) -> Value {
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
pub(crate) fn differences(expected: &Value, ours: &Value) -> Vec<String> {
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
