//! How much a build may use, in limits and labels.

use super::*;

#[test]
fn sizes_show_in_labels() {
    let half = json!({ "resources": { "cpu": { "low": 0.5 }, "memory": { "low": "1.5" } } });
    hold(
        Plugin::K8s,
        vec![
            (
                "half a core",
                half.clone(),
                none(),
                none(),
                "/metadata/labels/screwdriver.cd~1cpu",
                json!("0.5"),
            ),
            (
                "its limit",
                half.clone(),
                none(),
                none(),
                "/spec/containers/0/resources/limits/cpu",
                json!("500m"),
            ),
            (
                "memory",
                half,
                none(),
                none(),
                "/metadata/labels/screwdriver.cd~1memory",
                json!("1.5"),
            ),
            (
                "MAX",
                none(),
                none(),
                asked("cpu", json!("MAX")),
                "/metadata/labels/screwdriver.cd~1cpu",
                json!("12"),
            ),
            (
                "nothing has no label",
                none(),
                none(),
                asked("cpu", json!(0)),
                "/metadata/labels/screwdriver.cd~1cpu",
                Value::Null,
            ),
            (
                "nothing is a limit",
                none(),
                none(),
                asked("cpu", json!(0)),
                "/spec/containers/0/resources/limits/cpu",
                json!("0m"),
            ),
            (
                "less than nothing is the API server's to refuse",
                none(),
                none(),
                asked("ram", json!(-1)),
                "/spec/containers/0/resources/limits/memory",
                json!("-1Gi"),
            ),
        ],
    );
}

/// The predecessor prints the text, which is the same amount.
#[test]
fn numbers_in_texts_are_printed_as_numbers() {
    let texts = json!({
        "resources": { "cpu": { "low": "1.10" }, "memory": { "low": "3.0" } }, "buildTimeout": "1e3",
    });
    let rule = |name: &'static str, pointer: &'static str, expected: &str| {
        (name, texts.clone(), none(), none(), pointer, json!(expected))
    };
    hold(
        Plugin::K8s,
        vec![
            rule("cores", "/spec/containers/0/resources/limits/cpu", "1100m"),
            rule("memory", "/spec/containers/0/resources/limits/memory", "3Gi"),
            rule("its label", "/metadata/labels/screwdriver.cd~1memory", "3"),
        ],
    );
    let pod = made(&executor(Plugin::K8s, &texts, &none()), &spec(&Map::new()));
    let line = at(&pod, "/spec/containers/0/args/0");
    assert!(line.as_str().unwrap().contains(" \"1000\" "), "{line}");
}

#[test]
fn storage_is_limited_if_configured_or_asked_for() {
    let limits = "/spec/containers/0/resources/limits/ephemeral-storage";
    let configured = json!({ "baseImage": "vm:1",
        "resources": { "ephemeralStorage": { "default": "5Gi", "max": "20Gi" } } });
    let image = json!({ "baseImage": "vm:1" });
    let more = asked("ephemeralStorage", json!("1Ti"));
    for plugin in [Plugin::K8s, Plugin::K8sVm] {
        hold(
            plugin,
            vec![
                ("neither", image.clone(), none(), none(), limits, Value::Null),
                (
                    "configured",
                    configured.clone(),
                    none(),
                    none(),
                    limits,
                    json!("5Gi"),
                ),
                (
                    "asked for",
                    image.clone(),
                    none(),
                    more.clone(),
                    limits,
                    json!("1Ti"),
                ),
                (
                    "too much",
                    configured.clone(),
                    none(),
                    more.clone(),
                    limits,
                    json!("20Gi"),
                ),
            ],
        );
    }
}
