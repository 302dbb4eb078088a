//! The chart with the real helm: what it makes of values, and that a real API server takes it with the
//! strictest Pod Security level and gives the workers exactly their rights.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "chart/files.rs"]
mod files;
#[path = "chart/scaling.rs"]
mod scaling;

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::Context;
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::{TokenRequest, TokenRequestSpec},
    authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec},
    core::v1::{Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
    config::AuthInfo,
};
use serde_json::{Value, json};
use testbed::{
    control_plane::ControlPlane,
    helm::{Helm, printed, repository},
    pki::Pki,
    poll,
};
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(60);
/// Folders under `ci/` that hold values, each a case of the matrix.
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
async fn values_that_cannot_work_are_refused_in_words() {
    let helm = Helm::find().await.unwrap();
    let cases = [
        ("port=99999", "/port"),
        (
            "workers.start-worker.replicas=-1",
            "/workers/start-worker/replicas",
        ),
        (
            "workers.start-worker.autoscaling.mode=fast",
            "/workers/start-worker/autoscaling/mode",
        ),
        (
            "terminationGracePeriodSeconds=5",
            "/terminationGracePeriodSeconds",
        ),
        ("env.lower=1", "lower"),
        (
            "secretEnv.RABBITMQ_PASSWORD=secret",
            "/secretEnv/RABBITMQ_PASSWORD",
        ),
        ("nonsense=1", "nonsense"),
        (
            "workers.start-worker.autoscaling.mode=keda",
            "keda.secret.name is needed",
        ),
    ];
    for (value, expected) in cases {
        let output = helm
            .run(None, &["template", "a", "deploy/chart", "--set", value])
            .await
            .unwrap();
        let said = printed(&output);
        assert!(
            !output.status.success() && said.contains(expected),
            "{value}: {said}"
        );
    }
}

#[tokio::test]
async fn pods_are_made_where_the_workers_have_their_rights() {
    let helm = Helm::find().await.unwrap();
    let in_file = "config.executor.k8s.options.kubernetes.jobsNamespace=mine";
    let cases: [(&str, Option<&str>); 5] = [
        ("port=8080", Some("workers")),
        ("buildNamespaces={a}", Some("a")),
        ("buildNamespaces={a,b}", None),
        ("env.K8S_JOBS_NAMESPACE=b", Some("b")),
        (in_file, None),
    ];
    for (value, expected) in cases {
        let arguments = [
            "template",
            "a",
            "deploy/chart",
            "--namespace",
            "workers",
            "--set",
            value,
        ];
        let output = helm.run(None, &arguments).await.unwrap();
        let printed = printed(&output);
        assert!(output.status.success(), "{value}: {printed}");
        let said = printed
            .lines()
            .skip_while(|line| !line.ends_with("name: K8S_JOBS_NAMESPACE"))
            .nth(1)
            .map(|line| line.trim().trim_start_matches("value: ").trim_matches('"'));
        assert_eq!(said, expected, "{value}");
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

    for worker in ["start-worker", "verify-worker"] {
        let account = format!("a-screwdriver-build-launcher-{worker}");
        assert_eq!(
            rights(&cluster, &account, "builds-a").await?,
            expected_rights(worker)?,
            "{worker}"
        );
        assert_eq!(
            rights(&cluster, &account, "workers").await?,
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

/// Every right in the core group that `account` has in `namespace`, as `verb resource`: what
/// `kubectl auth can-i --list` shows.
async fn rights(cluster: &ControlPlane, account: &str, namespace: &str) -> anyhow::Result<BTreeSet<String>> {
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client()?, "workers");
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(3600),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await?;
    let token = answer.status.context("no token")?.token;
    let mut config = cluster.config();
    config.auth_info = AuthInfo {
        token: Some(token.into()),
        ..AuthInfo::default()
    };
    let reviews: Api<SelfSubjectRulesReview> = Api::all(Client::try_from(config)?);
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some(namespace.to_owned()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let rules = reviews
        .create(&PostParams::default(), &review)
        .await?
        .status
        .context("no rules")?
        .resource_rules;
    let core = rules
        .into_iter()
        .filter(|rule| rule.api_groups.iter().flatten().any(String::is_empty));
    Ok(core
        .flat_map(|rule| pairs(&rule.verbs, &rule.resources.unwrap_or_default()))
        .collect())
}

/// The same of the file that tests and chart share.
fn expected_rights(worker: &str) -> anyhow::Result<BTreeSet<String>> {
    let file = std::fs::read_to_string(repository().join("deploy/rbac.yaml"))?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&file)?;
    let role = objects
        .into_iter()
        .find(|object| object["kind"] == "Role" && object["metadata"]["name"] == worker);
    let role: k8s_openapi::api::rbac::v1::Role = serde_json::from_value(role.context("no role")?)?;
    let rules = role.rules.unwrap_or_default().into_iter();
    Ok(rules
        .flat_map(|rule| pairs(&rule.verbs, &rule.resources.unwrap_or_default()))
        .collect())
}

fn pairs(verbs: &[String], resources: &[String]) -> Vec<String> {
    verbs
        .iter()
        .flat_map(|verb| resources.iter().map(move |resource| format!("{verb} {resource}")))
        .collect()
}
