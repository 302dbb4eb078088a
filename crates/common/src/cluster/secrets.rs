//! Secrets that belong to build pods. Used only where a build's token is kept out of its pod; the service
//! account needs the rights of `deploy/rbac-build-token-secret.yaml` then.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::PostParams};

use super::{Cluster, ClusterError, absence};
use crate::telemetry::metrics::labels::Verb;

// === impl Cluster ===

impl Cluster {
    /// Creates `secret`. Safe to repeat when the result is unknown, because it has a name.
    pub async fn create_secret(&self, secret: &Secret) -> Result<(), ClusterError> {
        let (secrets, params) = (self.secrets(), PostParams::default());
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        let create = secrets.create(&params, secret);
        self.call(Verb::CreateSecret, name, create).await.map(drop)
    }

    /// The secret called `name`, if there is one.
    pub async fn secret(&self, name: &str) -> Result<Option<Secret>, ClusterError> {
        let secrets = self.secrets();
        let get = async { absence(secrets.get(name).await) };
        self.call(Verb::GetSecret, name, get).await
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
