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
