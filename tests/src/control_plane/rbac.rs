//! The workers' rights, as `deploy/rbac.yaml` gives them: the tests run with the file that operators apply.

use std::{fmt::Debug, time::Duration};

use anyhow::Context;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
        core::v1::ServiceAccount,
        rbac::v1::{Role, RoleBinding},
    },
};
use kube::{Api, Client, Resource, api::PostParams};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::namespace::Account;
use crate::poll;

/// The file, at compile time: a test binary may run anywhere.
const DOCUMENTS: &str = include_str!("../../../deploy/rbac.yaml");

/// What start-worker needs in addition to keep builds' tokens out of their pods.
const TOKEN_DOCUMENTS: &str = include_str!("../../../deploy/rbac-build-token-secret.yaml");

/// What start-worker needs in addition beside predecessors.
const LEGACY_DOCUMENTS: &str = include_str!("../../../deploy/rbac-legacy-consumers.yaml");

/// The authorizer reads bindings from a cache that follows within milliseconds.
const EFFECTIVE: Duration = Duration::from_secs(30);

/// Creates all objects of the file in `namespace`.
pub(super) async fn apply(client: &Client, namespace: &str) -> anyhow::Result<()> {
    apply_all(client, namespace, DOCUMENTS).await
}

/// Creates all objects of the additional file for builds' tokens in `namespace`, and waits until they hold.
pub(super) async fn allow_token_secrets(client: &Client, namespace: &str) -> anyhow::Result<()> {
    apply_all(client, namespace, TOKEN_DOCUMENTS).await?;
    granted(
        client,
        &review(Account::StartWorker, namespace, "create", "secrets"),
    )
    .await
}

/// Creates all objects of the additional file for work beside predecessors in `namespace`, and waits until they hold.
pub(super) async fn allow_legacy_consumers(client: &Client, namespace: &str) -> anyhow::Result<()> {
    apply_all(client, namespace, LEGACY_DOCUMENTS).await?;
    granted(client, &review(Account::StartWorker, namespace, "list", "pods")).await
}

async fn apply_all(client: &Client, namespace: &str, documents: &str) -> anyhow::Result<()> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(documents).context("read the roles")?;
    for mut document in documents {
        match document["kind"].as_str().unwrap_or_default() {
            "ServiceAccount" => create::<ServiceAccount>(client, namespace, document).await?,
            "Role" => create::<Role>(client, namespace, document).await?,
            "RoleBinding" => {
                for subject in document["subjects"].as_array_mut().into_iter().flatten() {
                    subject["namespace"] = namespace.into();
                }
                create::<RoleBinding>(client, namespace, document).await?;
            }
            kind => anyhow::bail!("deploy/rbac.yaml has an object of kind {kind:?}"),
        }
    }
    Ok(())
}

/// Waits until the API server grants both workers their pods.
pub(super) async fn wait_until_effective(client: &Client, namespace: &str) -> anyhow::Result<()> {
    for account in [Account::StartWorker, Account::VerifyWorker] {
        granted(client, &review(account, namespace, "get", "pods")).await?;
    }
    Ok(())
}

async fn granted(client: &Client, review: &SubjectAccessReview) -> anyhow::Result<()> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let who = review.spec.user.as_deref().unwrap_or_default();
    poll::until(&format!("the rights of {who}"), EFFECTIVE, || async {
        let answer = reviews.create(&PostParams::default(), review).await?;
        anyhow::ensure!(
            answer.status.is_some_and(|status| status.allowed),
            "not granted yet"
        );
        Ok(())
    })
    .await
}

async fn create<K>(client: &Client, namespace: &str, document: Value) -> anyhow::Result<()>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize,
    K::DynamicType: Default,
{
    let object: K = serde_json::from_value(document).context("an object of deploy/rbac.yaml")?;
    Api::<K>::namespaced(client.clone(), namespace)
        .create(&PostParams::default(), &object)
        .await?;
    Ok(())
}

fn review(account: Account, namespace: &str, verb: &str, resource: &str) -> SubjectAccessReview {
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        resource: Some(resource.to_owned()),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{namespace}:{}", account.name())),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A right too many is found here, one too few by the workers' own tests.
    #[test]
    fn the_workers_may_do_exactly_this() {
        let files: [Vec<Value>; 3] = [DOCUMENTS, TOKEN_DOCUMENTS, LEGACY_DOCUMENTS]
            .map(|text| serde_saphyr::from_multiple(text).unwrap());
        let mut rights: Vec<String> = Vec::new();
        for document in files.into_iter().flatten() {
            if document["kind"] != "Role" {
                continue;
            }
            let role: Role = serde_json::from_value(document).unwrap();
            for rule in role.rules.unwrap_or_default() {
                let resources = rule.resources.unwrap_or_default().join(",");
                let name = role.metadata.name.as_deref().unwrap_or_default();
                rights.push(format!("{name}: {resources} {}", rule.verbs.join(",")));
            }
        }
        assert_eq!(
            rights,
            [
                "start-worker: pods get,create,delete,deletecollection",
                "verify-worker: pods get,list,delete",
                "verify-worker: events list",
                "start-worker-build-token: secrets create,get",
                "start-worker-legacy-consumers: pods list",
            ]
        );
    }
}
