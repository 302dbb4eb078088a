//! Values that are odd and legal: a real API server takes what the chart makes of them, to the last field.

use anyhow::Context;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::helm::Helm;

use crate::objects;

/// Every value that may be empty is, as in a file of keys without values: helm takes their defaults away.
pub(crate) fn empty() -> Value {
    let worker = json!({
        "env": null, "volumes": null, "volumeMounts": null, "resources": null, "priorityClassName": null, "digest": null,
        "nodeSelector": null, "tolerations": null, "affinity": null, "topologySpreadConstraints": null,
    });
    json!({
        "nameOverride": null, "fullnameOverride": null, "buildNamespaces": null, "buildTokenSecret": null,
        "config": null, "env": null, "secretEnv": null, "envFrom": null, "volumes": null, "volumeMounts": null,
        "podAnnotations": null, "podLabels": null, "podSecurityContext": null, "securityContext": null,
        "image": { "tag": null, "pullSecrets": null }, "networkPolicy": { "from": null },
        "dashboard": { "enabled": true, "labels": null },
        "workers": { "start-worker": worker, "verify-worker": worker },
    })
}

fn cases() -> Vec<(&'static str, Value)> {
    let all_kinds = json!({
        "keda": { "host": "http://rabbitmq:15672", "secret": { "name": "1" } },
        "workers": {
            "start-worker": { "autoscaling": { "mode": "keda" } }, "verify-worker": { "autoscaling": { "mode": "hpa" } },
        },
    });
    let with = |key: &str, value: Value| {
        let mut values = all_kinds.clone();
        values[key] = value;
        values
    };
    vec![
        ("odd", empty()),
        // Names that YAML takes for numbers and booleans, and that a Service may not have.
        ("1.2", with("nameOverride", json!("3"))),
        (
            "12",
            with("secretEnv", json!({ "A": { "name": "1", "key": "2" } })),
        ),
        ("odd", with("fullnameOverride", json!("true"))),
        (
            "odd",
            with(
                "image",
                json!({ "tag": "1.0", "pullSecrets": [{ "name": "1e3" }] }),
            ),
        ),
        // The longest names that helm allows; what is cut off may not leave a dash at the end.
        (
            "a-release-with-a-name-that-is-as-long-as-helm-lets-it",
            all_kinds.clone(),
        ),
        (
            "odd",
            with(
                "fullnameOverride",
                json!("a-name-that-is-cut-off-after-this-dash--but-goes-on"),
            ),
        ),
        // Texts that could end a quote or a block.
        (
            "odd",
            with(
                "env",
                json!({ "A": "x\ny: {{ .Values }}\t\u{2028} \"q\" \\ '\u{7}", "B": 1_234_567, "C": false, "D": "" }),
            ),
        ),
        (
            "odd",
            with(
                "config",
                json!({ "a b": "{{ x }}\n# y\n---\nz\n\n", "1": 2, "true": null, "executor": "text" }),
            ),
        ),
        (
            "odd",
            with(
                "podAnnotations",
                json!({ "example.org/a": "yes", "example.org/b": "1: 2" }),
            ),
        ),
        (
            "odd",
            with("podDisruptionBudget", json!({ "maxUnavailable": "100%" })),
        ),
    ]
}

/// Every object of every case, in a namespace that is there, with unknown and doubled fields refused.
pub(crate) async fn values_are_taken(helm: &Helm, client: &Client) -> anyhow::Result<()> {
    let strict = PatchParams::apply("chart-test").validation_strict().dry_run();
    for (release, values) in cases() {
        let objects = objects(helm, release, &values)
            .await
            .map_err(anyhow::Error::msg)?;
        anyhow::ensure!(objects.len() > 15, "{} objects: {values}", objects.len());
        for object in objects {
            let text = |key: &str| object[key].as_str().unwrap_or_default();
            let (group, version) = text("apiVersion")
                .split_once('/')
                .unwrap_or(("", text("apiVersion")));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("kind")));
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "workers", &resource);
            let name = object["metadata"]["name"]
                .as_str()
                .context("no text for a name")?;
            let taken = api.patch(name, &strict, &Patch::Apply(&object)).await;
            taken.with_context(|| format!("release {release}: {object}"))?;
        }
    }
    Ok(())
}
