//! What of the chart scales: that it names the right queues, and that a real API server takes it as KEDA defines it.

use std::path::Path;

use anyhow::Context;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{
    helm::{Helm, repository},
    keda,
    worker::Kind,
};

use crate::{KINDS, namespace, objects, template, values};

/// The setting is the path of a URI, which KEDA does not know.
#[tokio::test]
async fn scaled_objects_have_the_name_of_the_vhost() -> anyhow::Result<()> {
    let helm = Helm::find().await?;
    let cases = [
        [("/screwdriver", "screwdriver"), ("screwdriver", "screwdriver")],
        [("/", "/"), ("/%2F", "/")],
        [("/a%20b", "a b"), ("//a", "/a")],
        [("/a?b#c", "a?b#c"), ("/%252F", "%2F")],
    ];
    for case in cases {
        let mut values = both();
        for (kind, (path, _)) in KINDS.into_iter().zip(case) {
            values["workers"][kind.binary()]["env"] = json!({ "RABBITMQ_VIRTUAL_HOST": path });
        }
        let objects = objects(&helm, "a", &values).await.map_err(anyhow::Error::msg)?;
        for (kind, (path, name)) in KINDS.into_iter().zip(case) {
            assert_eq!(found(&objects, kind).0, name, "{path}");
        }
    }
    Ok(())
}

#[test]
fn the_documents_table_is_the_values() -> anyhow::Result<()> {
    let values = std::fs::read_to_string(repository().join("deploy/chart/values.yaml"))?;
    let values: Value = serde_saphyr::from_str(&values)?;
    let document = std::fs::read_to_string(repository().join("docs/SCALING.md"))?;
    let [start, verify] =
        ["start-worker", "verify-worker"].map(|worker| &values["workers"][worker]["autoscaling"]);
    let fallback = &values["keda"]["fallbackReplicas"];
    let rows = [
        format!(
            "(`queueLength`) | {}, which is one prefetch | {} |",
            start["queueLength"], verify["queueLength"]
        ),
        format!(
            "| replicas | {} to {} | {} to {} |",
            start["minReplicas"], start["maxReplicas"], verify["minReplicas"], verify["maxReplicas"]
        ),
        format!(
            "(`pollingInterval`) | {} s | {} s |",
            start["pollingInterval"], verify["pollingInterval"]
        ),
        format!(
            "| after {} s, one a minute | the same |",
            start["scaleDownStabilization"]
        ),
        format!("(`keda.fallbackReplicas`) | {fallback} | {fallback} |"),
        format!("{} of 20 (`inFlight`)", start["inFlight"]),
    ];
    for row in rows {
        assert!(document.contains(&row), "docs/SCALING.md lacks: {row}");
    }
    for same in ["scaleDownStabilization", "inFlight"] {
        assert_eq!(start[same], verify[same]);
    }
    for worker in [start, verify] {
        assert_eq!(
            (&worker["scaleDownPeriod"], &worker["messageRate"]),
            (&json!(60), &json!(0))
        );
    }
    Ok(())
}

/// Installs the chart with its scaled objects, and has each of them checked to the last field.
pub(crate) async fn what_scales_is_taken(
    helm: &Helm,
    client: &Client,
    kubeconfig: &Path,
) -> anyhow::Result<()> {
    // KEDA's kinds are known here, though KEDA is not: nothing scales, but every field is checked.
    keda::define_kinds(client).await?;
    namespace(client, "scaled", json!({})).await?;
    let keda = values("keda");
    let arguments = [
        "install",
        "a",
        "deploy/chart",
        "--namespace",
        "scaled",
        "--values",
        &keda,
    ];
    helm.succeed(Some(kubeconfig), &arguments).await?;
    let scaling = [
        (
            "keda",
            "keda.sh/v1alpha1",
            "ScaledObject ScaledObject TriggerAuthentication",
        ),
        ("everything", "autoscaling/v2", "HorizontalPodAutoscaler"),
    ];
    for (case, version, kinds) in scaling {
        let chart = template(helm, case).await;
        anyhow::ensure!(strictly_taken(client, &chart, version).await? == kinds, "{case}");
    }
    Ok(())
}

/// The kinds of a chart's objects of one version, each of which the API server takes with unknown fields refused; and a
/// wrong field in one is refused, so that this means something.
async fn strictly_taken(client: &Client, chart: &str, version: &str) -> anyhow::Result<String> {
    let strict = PatchParams::apply("chart-test").validation_strict().dry_run();
    let objects: Vec<Value> = serde_saphyr::from_multiple(chart)?;
    let (group, short) = version.split_once('/').context("no group")?;
    let mut kinds = Vec::new();
    for mut object in objects
        .into_iter()
        .filter(|object| object["apiVersion"] == version)
    {
        let kind = object["kind"].as_str().context("no kind")?.to_owned();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, short, &kind));
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "scaled", &resource);
        object["metadata"]["name"] = json!("again");
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
        api.patch("again", &strict, &Patch::Apply(&object)).await?;
        object["spec"]["nonsense"] = json!(1);
        let refused = api.patch("again", &strict, &Patch::Apply(&object)).await;
        let refused = refused.err().context("nonsense was taken")?.to_string();
        anyhow::ensure!(refused.contains("nonsense"), "{refused}");
        kinds.push(kind);
    }
    Ok(kinds.join(" "))
}

/// Values with which both workers scale by their queues.
pub(crate) fn both() -> Value {
    let worker = json!({ "autoscaling": { "mode": "keda" } });
    json!({
        "keda": { "host": "http://rabbitmq:15672", "secret": { "name": "rabbitmq" } },
        "workers": { "start-worker": worker, "verify-worker": worker },
    })
}

/// The vhost and the queues, with spaces between, by which a worker scales.
pub(crate) fn found(objects: &[Value], kind: Kind) -> (&str, String) {
    let of_worker = |object: &&Value| {
        object["kind"] == "ScaledObject"
            && object["metadata"]["labels"]["app.kubernetes.io/component"] == kind.binary()
    };
    let scaled = objects.iter().find(of_worker).unwrap();
    let triggers = scaled["spec"]["triggers"].as_array().unwrap();
    let text = |trigger: &'_ Value, key: &str| trigger["metadata"][key].as_str().unwrap().to_owned();
    let queues: Vec<String> = triggers
        .iter()
        .map(|trigger| text(trigger, "queueName"))
        .collect();
    let vhost = triggers[0]["metadata"]["vhostName"].as_str().unwrap();
    assert!(
        triggers.iter().all(|trigger| text(trigger, "vhostName") == vhost),
        "{triggers:?}"
    );
    (vhost, queues.join(" "))
}
