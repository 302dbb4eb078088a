//! A namespace for one test: the workers' accounts with their real rights, and nobody else's pods.

use std::{fmt, path::PathBuf, time::Duration};

use anyhow::Context;
use k8s_openapi::{
    api::{
        authentication::v1::{TokenRequest, TokenRequestSpec},
        core::v1::{Event, Namespace as NamespaceObject, Pod, Secret, ServiceAccount},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Config,
    api::{ListParams, PostParams},
};

use super::{ControlPlane, rbac};
use crate::poll;

/// Longer than any test.
const TOKEN_SECONDS: i64 = 6 * 3600;

/// The controllers answer within milliseconds; a busy machine takes its time.
const SETTLED: Duration = Duration::from_secs(30);

/// The service accounts of `deploy/rbac.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// start-worker's.
    StartWorker,
    /// verify-worker's.
    VerifyWorker,
}

/// A namespace with both workers' accounts.
#[derive(Clone)]
pub struct Namespace {
    name: String,
    address: String,
    ca_file: Option<PathBuf>,
    base: Config,
    admin: Client,
    start_token: String,
    verify_token: String,
}

// === impl Account ===

impl Account {
    /// Its name in Kubernetes.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartWorker => "start-worker",
            Self::VerifyWorker => "verify-worker",
        }
    }
}

// === impl Namespace ===

impl Namespace {
    pub(super) async fn create(control_plane: &ControlPlane, name: String) -> anyhow::Result<Self> {
        let admin = control_plane.client()?;
        let object = NamespaceObject {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                ..ObjectMeta::default()
            },
            ..NamespaceObject::default()
        };
        Api::<NamespaceObject>::all(admin.clone())
            .create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("create namespace {name}"))?;
        rbac::apply(&admin, &name).await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), &name);
        poll::until("the default ServiceAccount", SETTLED, || accounts.get("default")).await?;
        rbac::wait_until_effective(&admin, &name).await?;
        Ok(Self {
            start_token: token(&accounts, Account::StartWorker).await?,
            verify_token: token(&accounts, Account::VerifyWorker).await?,
            name,
            address: control_plane.address().to_owned(),
            ca_file: control_plane.ca_file().map(PathBuf::from),
            base: control_plane.config(),
            admin,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The environment with which a worker reaches the cluster as `account`.
    pub fn environment(&self, account: Account) -> Vec<(String, String)> {
        let mut variables = vec![
            ("K8S_HOST".to_owned(), self.address.clone()),
            ("K8S_TOKEN".to_owned(), self.token(account).to_owned()),
            ("K8S_JOBS_NAMESPACE".to_owned(), self.name.clone()),
        ];
        if let Some(file) = &self.ca_file {
            variables.push(("K8S_CA_FILE".to_owned(), file.display().to_string()));
        }
        variables
    }

    /// Its pods, with the administrator's rights.
    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.admin.clone(), &self.name)
    }

    /// Its secrets, with the administrator's rights.
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.admin.clone(), &self.name)
    }

    /// Gives start-worker the rights that keeping builds' tokens in secrets takes.
    pub async fn allow_token_secrets(&self) -> anyhow::Result<()> {
        rbac::allow_token_secrets(&self.admin, &self.name).await
    }

    /// Gives start-worker the rights that work beside predecessors takes.
    pub async fn allow_legacy_consumers(&self) -> anyhow::Result<()> {
        rbac::allow_legacy_consumers(&self.admin, &self.name).await
    }

    /// The events about one pod, with the administrator's rights.
    pub async fn events(&self, pod: &str) -> anyhow::Result<Vec<Event>> {
        let events: Api<Event> = Api::namespaced(self.admin.clone(), &self.name);
        let about = ListParams::default().fields(&format!("involvedObject.name={pod}"));
        Ok(events.list(&about).await?.items)
    }

    /// A client with the rights of `account` and no more.
    pub fn client_as(&self, account: Account) -> anyhow::Result<Client> {
        let mut config = self.base.clone();
        config.auth_info = kube::config::AuthInfo {
            token: Some(self.token(account).to_owned().into()),
            ..kube::config::AuthInfo::default()
        };
        config.default_namespace.clone_from(&self.name);
        Client::try_from(config).context("make a worker's Kubernetes client")
    }

    fn token(&self, account: Account) -> &str {
        match account {
            Account::StartWorker => &self.start_token,
            Account::VerifyWorker => &self.verify_token,
        }
    }
}

/// Without the tokens.
impl fmt::Debug for Namespace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

async fn token(accounts: &Api<ServiceAccount>, account: Account) -> anyhow::Result<String> {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(account.name(), &PostParams::default(), &request)
        .await
        .with_context(|| format!("create a token for {}", account.name()))?;
    answer
        .status
        .map(|status| status.token)
        .context("the API server answered without a token")
}
