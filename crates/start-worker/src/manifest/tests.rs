mod rules;

use common::settings::ExecutorSettings;
use proptest::prelude::*;
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

/// Digits, a sign and a fraction allowed, and the unit.
fn is_quantity(limit: &Value, unit: &str) -> bool {
    let number = limit.as_str().and_then(|text| text.strip_suffix(unit));
    number.is_some_and(|number| {
        let digits = number.strip_prefix('-').unwrap_or(number).replacen('.', "", 1);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
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

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(MAX|TURBO|HIGH|LOW|MICRO)".prop_map(Value::from),
        Just(Value::Null),
        Just(json!(["a"])),
        Just(json!({})),
    ]
}

fn is_label_value(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = value.bytes().next().into_iter().chain(value.bytes().next_back());
    value.len() <= 63 && value.bytes().all(inner) && ends.into_iter().all(|byte| byte.is_ascii_alphanumeric())
}

proptest! {
    #[test]
    fn any_annotations_make_a_pod(
        pairs in prop::collection::vec((
            "(beta\\.)?screwdriver\\.cd/(cpu|ram|disk|diskSpeed|timeout|dockerEnabled|dockerCpu|buildkitRam|\
             rootlessBuildkitEnabled|terminationGracePeriodSeconds|ephemeralStorage|executor)",
            any_value(),
        ), 0..6),
    ) {
        let annotations: Map<String, Value> = pairs.into_iter().collect();
        let options = json!({
            "dockerFeatureEnabled": true, "rootlessBuildkitFeatureEnabled": true, "baseImage": "vm:1",
            "resources": { "disk": { "space": "disk", "speed": "speed" } },
        });
        for (plugin, cpu, memory) in [(Plugin::K8s, "m", "Gi"), (Plugin::K8sVm, "", "Mi")] {
            let executor = executor(plugin, &options, &json!({}));
            let made = of(&executor, &spec(&annotations), "8609-abcde").unwrap();
            for container in at(&made.pod, "/spec/containers").as_array().unwrap() {
                let limits = &container["resources"]["limits"];
                prop_assert!(is_quantity(&limits["cpu"], cpu) && is_quantity(&limits["memory"], memory), "{limits}");
            }
            let grace = at(&made.pod, "/spec/terminationGracePeriodSeconds");
            prop_assert!(grace.as_i64().is_some_and(|seconds| seconds >= 30), "{}", grace);
            // What a note names was given.
            for fallback in &made.fallbacks {
                prop_assert!(Annotations::new(&annotations).get(fallback.annotation).is_some(), "{fallback}");
            }
        }
    }

    #[test]
    fn names_and_labels_are_valid_whatever_things_are_called(
        job_name in any::<String>(), pipeline in any::<String>(), template in "[a-z@/.: ]{0,80}", label in any::<String>(),
        build_id in 1..1_000_000_000_000_000_u64, pr_num in proptest::option::of(any::<u64>()),
    ) {
        let executor = executor(Plugin::K8s, &json!({ "podLabels": { "l": label } }), &json!({ "prefix": "beta-" }));
        let annotations = Map::new();
        let build = BuildSpec {
            build_id, pr_num,
            job_name: Some(&job_name),
            pipeline_name: Some(&pipeline),
            template_full_name: Some(&template),
            template_version: Some(&template),
            ..spec(&annotations)
        };
        let pod = made(&executor, &build);
        for (name, value) in pod.metadata.labels.unwrap() {
            prop_assert!(is_label_value(&value), "{name}: {value:?}");
        }
        let spec = pod.spec.unwrap();
        for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            prop_assert!(container.name.len() <= 63 && container.name.bytes().all(allowed), "{}", container.name);
        }
    }
}
