mod properties;
mod rules;

use common::settings::ExecutorSettings;
use serde_json::json;

use super::*;

fn executor(plugin: Plugin, kubernetes: &Value, more: &Value) -> ExecutorSettings {
    let mut options = json!({
        "kubernetes": kubernetes,
        "ecosystem": {
            "api": "https://api.sd.example",
            "store": "https://store.sd.example",
            "ui": "https://sd.example",
        },
    });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    ExecutorSettings::from_options("k8s", plugin, &options).unwrap()
}

fn spec(annotations: &Map<String, Value>) -> BuildSpec<'_> {
    BuildSpec {
        build_id: 8609,
        container: "node:22",
        token: "a.b-c_d",
        job_id: Some(777),
        job_name: Some("main"),
        event_id: Some(4242),
        pipeline_id: Some(123),
        pipeline_name: Some("org/repo"),
        pr_num: None,
        pr_parent_job_id: None,
        template_full_name: None,
        template_version: None,
        annotations,
        traceparent: None,
        recreated: 0,
    }
}

/// The value at a JSON pointer of the pod; null when there is none.
fn at(pod: &Pod, pointer: &str) -> Value {
    serde_json::to_value(pod)
        .unwrap()
        .pointer(pointer)
        .cloned()
        .unwrap_or(Value::Null)
}

fn made(executor: &ExecutorSettings, build: &BuildSpec<'_>) -> Pod {
    of(executor, build, "8609-abcde").unwrap().pod
}

fn refused(executor: &ExecutorSettings, build: &BuildSpec<'_>) -> ManifestError {
    match of(executor, build, "8609-abcde") {
        Ok(_) => panic!("a pod was made"),
        Err(error) => error,
    }
}

fn contains(list: &Value, item: &Value) -> bool {
    list.as_array().unwrap().contains(item)
}

#[test]
fn a_trace_reaches_the_build_and_the_pod() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let annotations = Map::new();
    let build = BuildSpec {
        traceparent: Some(traceparent),
        ..spec(&annotations)
    };
    for (plugin, options) in [
        (Plugin::K8s, json!({})),
        (Plugin::K8sVm, json!({ "baseImage": "vm:1" })),
    ] {
        let pod = made(&executor(plugin, &options, &json!({})), &build);
        let variable = json!({ "name": "TRACEPARENT", "value": traceparent });
        assert!(
            contains(&at(&pod, "/spec/containers/0/env"), &variable),
            "{plugin:?}"
        );
        assert_eq!(
            at(&pod, "/metadata/annotations/screwdriver.cd~1traceparent"),
            json!(traceparent)
        );
    }
}

#[test]
fn a_pod_knows_how_often_it_was_recreated() {
    let annotations = Map::new();
    let executor = executor(Plugin::K8s, &json!({ "annotations": { "a": "b" } }), &json!({}));
    let pod = made(
        &executor,
        &BuildSpec {
            recreated: 2,
            ..spec(&annotations)
        },
    );
    assert_eq!(
        at(&pod, "/metadata/annotations"),
        json!({ "a": "b", "screwdriver.cd/recreated": "2" })
    );
    let pod = made(&executor, &spec(&annotations));
    assert_eq!(at(&pod, "/metadata/annotations"), json!({ "a": "b" }));
}

#[test]
fn no_setting_hides_a_pod_from_those_who_look_for_its_build() {
    let labels = json!({ "podLabels": { "sdbuild": "other", "tier": "own/tier" } });
    let pod = made(&executor(Plugin::K8s, &labels, &json!({})), &spec(&Map::new()));
    assert_eq!(at(&pod, "/metadata/labels/sdbuild"), json!("8609"));
    assert_eq!(at(&pod, "/metadata/labels/tier"), json!("own.tier"));
}

#[test]
fn pull_requests_of_stages_only_read_shared_caches() {
    let cache = json!({ "ecosystem": {
        "api": "https://a.example", "store": "https://s.example", "ui": "https://u.example",
        "cache": { "strategy": "disk", "path": "/cache" },
    } });
    let annotations = Map::new();
    let build = BuildSpec {
        job_name: Some("PR-15:stage@alpha:setup"),
        pr_parent_job_id: Some(11),
        ..spec(&annotations)
    };
    let pod = made(&executor(Plugin::K8s, &json!({}), &cache), &build);
    let mounts = at(&pod, "/spec/containers/0/volumeMounts");
    for (name, path) in [
        ("sd-pipeline-cache", "/sdpipelinecache"),
        ("sd-job-cache", "/sdjobcache"),
    ] {
        assert!(
            contains(
                &mounts,
                &json!({ "name": name, "mountPath": path, "readOnly": true })
            ),
            "{mounts}"
        );
    }
    let folder = json!({ "path": "/cache/jobs/123/11", "type": "DirectoryOrCreate" });
    assert!(contains(
        &at(&pod, "/spec/volumes"),
        &json!({ "name": "sd-job-cache", "hostPath": folder })
    ));
}

#[test]
fn the_parent_job_counts_for_pull_requests_only() {
    let annotations = Map::new();
    let executor = executor(Plugin::K8sVm, &json!({ "baseImage": "vm:1" }), &json!({}));
    let pod = made(
        &executor,
        &BuildSpec {
            pr_parent_job_id: Some(11),
            ..spec(&annotations)
        },
    );
    assert_eq!(at(&pod, "/spec/containers/0/args/15"), json!("777"));
}

#[test]
fn the_operators_selector_goes_over_the_jobs_wish() {
    let kubernetes = json!({
        "baseImage": "vm:1",
        "resources": { "disk": { "space": "disk", "speed": "speed" } },
        "nodeSelectors": { "speed": "low", "zone": "a" },
    });
    let annotations = json!({ "screwdriver.cd/disk": "HIGH", "screwdriver.cd/diskSpeed": "HIGH" });
    let pod = made(
        &executor(Plugin::K8sVm, &kubernetes, &json!({})),
        &spec(annotations.as_object().unwrap()),
    );
    let pairs: Vec<String> = at(&pod, "/spec/tolerations")
        .as_array()
        .unwrap()
        .iter()
        .map(|toleration| format!("{}={}", toleration["key"], toleration["value"]))
        .collect();
    assert_eq!(pairs, [r#""disk"="high""#, r#""speed"="low""#, r#""zone"="a""#]);
}

#[test]
fn a_job_without_limits_of_its_own_kind_gets_the_operators() {
    let cases = [
        (json!({}), "90", 30),
        (json!({ "screwdriver.cd/timeout": "45" }), "45", 30),
        (json!({ "screwdriver.cd/timeout": 1.5 }), "1.5", 30),
        (json!({ "screwdriver.cd/timeout": "soon" }), "NaN", 30),
        (json!({ "screwdriver.cd/timeout": 0 }), "90", 30),
        (
            json!({ "screwdriver.cd/terminationGracePeriodSeconds": "61" }),
            "90",
            61,
        ),
        (
            json!({ "screwdriver.cd/terminationGracePeriodSeconds": "x" }),
            "90",
            30,
        ),
    ];
    let executor = executor(Plugin::K8s, &json!({}), &json!({}));
    for (annotations, timeout, grace_period) in cases {
        let pod = made(&executor, &spec(annotations.as_object().unwrap()));
        let line = at(&pod, "/spec/containers/0/args/0");
        assert!(
            line.as_str()
                .unwrap()
                .contains(&format!("\"{timeout}\" \"8609\"")),
            "{annotations}: {line}"
        );
        assert_eq!(
            at(&pod, "/spec/terminationGracePeriodSeconds"),
            json!(grace_period),
            "{annotations}"
        );
    }
}

#[test]
fn text_of_a_message_stays_text() {
    let annotations = Map::new();
    let address = json!({ "ecosystem": {
        "api": "https://a.example/?a=b&c=<d>'", "store": "https://s.example", "ui": "https://u.example",
        "pushgatewayUrl": "http://p.example/?a=b",
    } });
    let executor = executor(Plugin::K8s, &json!({ "podLabels": { "n": "12.10" } }), &address);
    for container in [
        "12.10",
        "true",
        "null",
        "2026-01-01",
        "a=b&c",
        "a\nprivileged: true",
        "<\"'`{{token}}",
    ] {
        let build = BuildSpec {
            container,
            job_name: Some("a=b&c"),
            ..spec(&annotations)
        };
        let pod = made(&executor, &build);
        assert_eq!(at(&pod, "/spec/containers/0/image"), json!(container));
        let variable = json!({ "name": "CONTAINER_IMAGE", "value": container });
        assert!(
            contains(&at(&pod, "/spec/containers/0/env"), &variable),
            "{container}"
        );
        let pushgateway = json!({ "name": "SD_PUSHGATEWAY_URL", "value": "http://p.example/?a=b" });
        assert!(contains(&at(&pod, "/spec/containers/0/env"), &pushgateway));
        let line = at(&pod, "/spec/containers/0/args/0");
        assert!(
            line.as_str()
                .unwrap()
                .contains("\"https://a.example/?a=b&c=<d>'\""),
            "{line}"
        );
        assert_eq!(at(&pod, "/metadata/labels/screwdriver.cd~1job"), json!("a.b.c"));
        assert_eq!(at(&pod, "/metadata/labels/n"), json!("12.10"));
    }
}

#[test]
fn a_token_that_could_leave_its_quotes_makes_no_pod() {
    let annotations = Map::new();
    let executor = executor(Plugin::K8s, &json!({}), &json!({}));
    for token in ["", "a\"; rm -rf /; \"", "$(id)", "`id`", "a\\", "a b", "a\n"] {
        let build = BuildSpec {
            token,
            ..spec(&annotations)
        };
        assert_eq!(
            refused(&executor, &build),
            ManifestError::MalformedToken,
            "{token:?}"
        );
    }
}

#[test]
fn a_virtual_machine_needs_an_image() {
    let executor = executor(Plugin::K8sVm, &json!({}), &json!({}));
    assert_eq!(
        refused(&executor, &spec(&Map::new())),
        ManifestError::NoBaseImage {
            executor: "k8s".to_owned()
        }
    );
}
