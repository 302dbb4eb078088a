//! What holds of the pod of any job.

use proptest::prelude::*;

use super::*;

/// Digits, a sign and a fraction allowed, and the unit.
fn is_quantity(limit: &Value, unit: &str) -> bool {
    let number = limit.as_str().and_then(|text| text.strip_suffix(unit));
    number.is_some_and(|number| {
        let digits = number.strip_prefix('-').unwrap_or(number).replacen('.', "", 1);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
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
