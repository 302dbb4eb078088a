//! The rights that the chart gives: those that an account has by the API server's own word, and those of the files that
//! tests and chart share.

use std::collections::BTreeSet;

use anyhow::Context;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams, config::AuthInfo};
use serde_json::{Value, json};
use testbed::{
    control_plane::ControlPlane,
    helm::{Helm, repository},
};

use crate::objects;

#[tokio::test]
async fn beside_predecessors_start_worker_may_list_pods() -> anyhow::Result<()> {
    let helm = Helm::find().await?;
    for (values, expected) in [
        (json!({}), ["start-worker", "verify-worker"].as_slice()),
        (
            json!({ "env": { "START_LEGACY_CONSUMERS": true } }),
            &["start-worker", "start-worker-legacy-consumers", "verify-worker"],
        ),
        (
            json!({ "config": { "start": { "legacyConsumers": "on" } }, "buildTokenSecret": true }),
            &[
                "start-worker",
                "start-worker-build-token",
                "start-worker-legacy-consumers",
                "verify-worker",
            ],
        ),
    ] {
        let objects = objects(&helm, "a", &values).await.map_err(anyhow::Error::msg)?;
        let mut roles: Vec<&str> = objects
            .iter()
            .filter(|object| object["kind"] == "Role")
            .filter_map(|role| {
                role["metadata"]["name"]
                    .as_str()?
                    .strip_prefix("a-screwdriver-build-launcher-")
            })
            .collect();
        roles.sort_unstable();
        assert_eq!(roles, expected, "{values}");
    }
    Ok(())
}

/// Every right that `account` has in `namespace` and that not every account has.
pub(crate) async fn of_its_own(
    cluster: &ControlPlane,
    account: &str,
    namespace: &str,
) -> anyhow::Result<BTreeSet<String>> {
    let everybodys = held(cluster, "default", namespace).await?;
    anyhow::ensure!(!everybodys.is_empty(), "accounts may at least ask what they may");
    Ok(&held(cluster, account, namespace).await? - &everybodys)
}

/// What `kubectl auth can-i --list` shows with the account's token, as `verb resource` and `verb path`.
async fn held(cluster: &ControlPlane, account: &str, namespace: &str) -> anyhow::Result<BTreeSet<String>> {
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
    let answer = reviews.create(&PostParams::default(), &review).await?;
    let rules = answer.status.context("no rules")?;
    let resources = rules.resource_rules.into_iter().flat_map(|rule| {
        let groups = rule.api_groups.unwrap_or_default();
        pairs(&rule.verbs, &groups, &rule.resources.unwrap_or_default())
    });
    let paths = rules.non_resource_rules.into_iter().flat_map(|rule| {
        let paths = rule.non_resource_urls.unwrap_or_default();
        pairs(&rule.verbs, &[String::new()], &paths)
    });
    Ok(resources.chain(paths).collect())
}

/// The same of the file that tests and chart share.
pub(crate) fn expected(worker: &str) -> anyhow::Result<BTreeSet<String>> {
    let file = std::fs::read_to_string(repository().join("deploy/rbac.yaml"))?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&file)?;
    let role = objects
        .into_iter()
        .find(|object| object["kind"] == "Role" && object["metadata"]["name"] == worker);
    let role: k8s_openapi::api::rbac::v1::Role = serde_json::from_value(role.context("no role")?)?;
    let rules = role.rules.unwrap_or_default().into_iter();
    Ok(rules
        .flat_map(|rule| {
            let groups = rule.api_groups.unwrap_or_default();
            pairs(&rule.verbs, &groups, &rule.resources.unwrap_or_default())
        })
        .collect())
}

/// The core group has no name.
fn pairs(verbs: &[String], groups: &[String], resources: &[String]) -> Vec<String> {
    let mut pairs = Vec::new();
    for verb in verbs {
        for resource in resources {
            pairs.extend(groups.iter().map(|group| {
                let resource = format!("{resource}.{group}");
                format!("{verb} {}", resource.trim_end_matches('.'))
            }));
        }
    }
    pairs
}

/// An executor of a shape that the chart does not know gets no rights in its namespace.
#[test]
fn the_chart_knows_every_shape_of_pod() {
    let template = repository().join("deploy/chart/templates/_namespaces.tpl");
    let template = std::fs::read_to_string(template).unwrap();
    let names = common::settings::Plugin::ALL.map(|plugin| format!("{:?}", plugin.as_str()));
    let known = format!("has $plugin (list {})", names.join(" "));
    assert!(template.contains(&known), "no {known}");
}
