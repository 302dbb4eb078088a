//! The chart with the real helm: what it makes of values, and that a real API server takes it with the
//! strictest Pod Security level and gives the workers exactly their rights.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "chart/files.rs"]
mod files;
#[path = "chart/found.rs"]
mod found;
#[path = "chart/odd.rs"]
mod odd;
#[path = "chart/refusals.rs"]
mod refusals;
#[path = "chart/rights.rs"]
mod rights;
#[path = "chart/scaling.rs"]
mod scaling;
#[path = "chart/settings.rs"]
mod settings;

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::Context;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};
use testbed::{
    control_plane::ControlPlane,
    helm::{Helm, printed, repository},
    pki::Pki,
    poll,
    worker::Kind,
};
use tokio::process::Command;

const KINDS: [Kind; 2] = [Kind::Start, Kind::Verify];
const SOON: Duration = Duration::from_secs(60);
/// The files of values under `ci/`, each a case of the matrix.
const CASES: [&str; 3] = ["minimal", "keda", "everything"];

/// What the chart makes of one case's values.
async fn template(helm: &Helm, case: &str) -> String {
    let values = values(case);
    let arguments = [
        "template",
        "a",
        "deploy/chart",
        "--namespace",
        "workers",
        "--values",
        &values,
    ];
    helm.succeed(None, &arguments).await.unwrap()
}

/// What the chart makes of these values, or helm's words.
async fn objects(helm: &Helm, release: &str, values: &Value) -> Result<Vec<Value>, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values.to_string()).unwrap();
    let values = file.path().display().to_string();
    let arguments = [
        "template",
        release,
        "deploy/chart",
        "--namespace",
        "workers",
        "--values",
        &values,
    ];
    let output = helm.run(None, &arguments).await.unwrap();
    if !output.status.success() {
        return Err(printed(&output));
    }
    let printed = String::from_utf8(output.stdout).unwrap();
    Ok(serde_saphyr::from_multiple(&printed).unwrap())
}

fn values(case: &str) -> String {
    format!("deploy/chart/ci/{case}-values.yaml")
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    let helm = Helm::find().await.unwrap();
    for case in CASES {
        let output = helm
            .run(
                None,
                &["lint", "--strict", "deploy/chart", "--values", &values(case)],
            )
            .await
            .unwrap();
        assert!(output.status.success(), "{case}: {}", printed(&output));
    }
}

#[tokio::test]
async fn values_make_these_objects() {
    let helm = Helm::find().await.unwrap();
    for case in CASES {
        insta::assert_snapshot!(case, template(&helm, case).await);
    }
}

#[tokio::test]
async fn the_table_of_values_is_the_values() {
    let readme = std::fs::read_to_string(repository().join("deploy/chart/README.md")).unwrap();
    let table = Command::new("awk")
        .args(["-f", "deploy/chart/values.awk", "deploy/chart/values.yaml"])
        .current_dir(repository())
        .output()
        .await
        .unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.lines().count() > 50, "{table}");
    assert!(readme.ends_with(&table), "run `make chart-docs`");
    // A value that is shown as nothing is one whose keys were not understood.
    assert!(!table.contains("| `` |"), "{table}");
}

/// What is cut off is told apart by a hash: two releases in one namespace have no object in common.
#[tokio::test]
async fn long_names_that_differ_at_their_end_stay_apart() {
    let helm = Helm::find().await.unwrap();
    let of = async |release: &str| {
        let objects = objects(&helm, release, &json!({})).await.unwrap();
        let names = objects
            .iter()
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned());
        names.collect::<BTreeSet<_>>()
    };
    let a = of("screwdriver-build-launcher-cluster-production-a").await;
    let b = of("screwdriver-build-launcher-cluster-production-b").await;
    assert!(a.is_disjoint(&b), "{a:?}, {b:?}");
    let fits = |name: &String| name.len() <= "-verify-worker".len() + 40;
    assert!(a.iter().all(fits), "{a:?}");
    // What fits is left as it is.
    assert!(
        of("builds")
            .await
            .contains("builds-screwdriver-build-launcher-start-worker")
    );
}

#[tokio::test]
async fn an_image_may_be_named_by_its_digest() {
    let helm = Helm::find().await.unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    let values = json!({
        "image": { "tag": "1.2.3" }, "workers": { "verify-worker": { "digest": digest } },
        "serviceMonitor": { "enabled": true, "interval": "1m30s" },
    });
    let objects = objects(&helm, "a", &values).await.unwrap();
    let deployments = objects.iter().filter(|object| object["kind"] == "Deployment");
    let images: Vec<&Value> = deployments
        .map(|deployment| &deployment["spec"]["template"]["spec"]["containers"][0]["image"])
        .collect();
    let expected = [
        "screwdrivercd/start-worker:1.2.3".to_owned(),
        format!("screwdrivercd/verify-worker@{digest}"),
    ];
    assert_eq!(images, expected.iter().collect::<Vec<_>>());
    let monitor = objects.iter().find(|object| object["kind"] == "ServiceMonitor");
    assert_eq!(monitor.unwrap()["spec"]["endpoints"][0]["interval"], "1m30s");
}

#[tokio::test]
async fn an_installed_chart_has_pods_under_the_strictest_level_and_exactly_its_rights() -> anyhow::Result<()>
{
    let directory = tempfile::tempdir()?;
    let pki = Pki::create(&directory.path().join("pki"))?;
    let cluster = ControlPlane::start(&directory.path().join("cluster"), &pki).await?;
    let Some(kubeconfig) = cluster.kubeconfig() else {
        println!("skipped: nothing is installed into a cluster that is not ours");
        return Ok(());
    };
    let client = cluster.client()?;
    let strict = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
    namespace(&client, "workers", strict).await?;
    namespace(&client, "builds-a", json!({})).await?;
    let helm = Helm::find().await.unwrap();
    let minimal = values("minimal");
    let arguments = [
        "install",
        "a",
        "deploy/chart",
        "--namespace",
        "workers",
        "--values",
        &minimal,
        "--set",
        "buildNamespaces={builds-a}",
    ];
    helm.succeed(Some(kubeconfig), &arguments).await?;

    let pods: Api<Pod> = Api::namespaced(client.clone(), "workers");
    poll::until("two pods of each worker", SOON, || async {
        let names: Vec<String> = pods
            .list(&ListParams::default())
            .await?
            .items
            .into_iter()
            .filter_map(|pod| pod.metadata.name)
            .collect();
        let count = |worker: &str| names.iter().filter(|name| name.contains(worker)).count();
        anyhow::ensure!(
            count("start-worker") == 2 && count("verify-worker") == 2,
            "{names:?}"
        );
        Ok(())
    })
    .await?;

    an_upgrade_can_be_rolled_back(&helm, &client, kubeconfig).await?;
    scaling::what_scales_is_taken(&helm, &client, kubeconfig).await?;
    odd::values_are_taken(&helm, &client).await?;

    for worker in ["start-worker", "verify-worker"] {
        let account = format!("a-screwdriver-build-launcher-{worker}");
        assert_eq!(
            rights::of_its_own(&cluster, &account, "builds-a").await?,
            rights::expected(worker)?,
            "{worker}"
        );
        assert_eq!(
            rights::of_its_own(&cluster, &account, "workers").await?,
            BTreeSet::new(),
            "{worker}"
        );
    }
    Ok(())
}

/// Other values, then those of before; the Deployment follows both ways.
async fn an_upgrade_can_be_rolled_back(
    helm: &Helm,
    client: &Client,
    kubeconfig: &Path,
) -> anyhow::Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "workers");
    let said = async || {
        let deployment = deployments
            .get("a-screwdriver-build-launcher-start-worker")
            .await?;
        let spec = deployment.spec.context("no spec")?;
        let container = spec.template.spec.context("no pod")?.containers.remove(0);
        anyhow::Ok((spec.replicas, container.image))
    };
    let before = said().await?;
    let changed = "image.tag=2.0.0,workers.start-worker.replicas=3";
    let upgrade = [
        "upgrade",
        "a",
        "deploy/chart",
        "--namespace",
        "workers",
        "--reuse-values",
        "--set",
        changed,
    ];
    helm.succeed(Some(kubeconfig), &upgrade).await?;
    let image = "screwdrivercd/start-worker:2.0.0".to_owned();
    anyhow::ensure!(said().await? == (Some(3), Some(image)), "{:?}", said().await?);
    let rollback = ["rollback", "a", "1", "--namespace", "workers"];
    helm.succeed(Some(kubeconfig), &rollback).await?;
    anyhow::ensure!(said().await? == before, "{:?}, not {before:?}", said().await?);
    Ok(())
}

async fn namespace(client: &Client, name: &str, labels: Value) -> anyhow::Result<()> {
    let object = serde_json::from_value(json!({ "metadata": { "name": name, "labels": labels } }))?;
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &object)
        .await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), name);
    poll::until("the default ServiceAccount", SOON, || accounts.get("default")).await?;
    Ok(())
}
