//! A real Kubernetes control plane: etcd, API server, scheduler and controller manager for one run, or the
//! cluster that the developer names.
//!
//! A test takes a [`Namespace`] of its own and shares the rest. Nodes are the [`crate::kubelet`]'s.

mod assets;
mod components;
mod dump;
mod namespace;
mod rbac;

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, ServiceAccount};
use kube::{
    Api, Client, Config,
    api::DeleteParams,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{pki::Pki, poll};
use assets::{Environment, Source};
use components::{Components, Starter};

pub use namespace::{Account, Namespace};

/// A start takes about 4 s on an idle machine.
const READY: Duration = Duration::from_mins(1);

/// How long a foreign cluster may take to delete our namespaces, which then end on their own.
const FAREWELL: Duration = Duration::from_secs(10);

/// What a control plane of our own has beyond what the workers can notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras {
    /// Foreign APIs are served through the API server (the aggregation layer), and replicas follow
    /// `HorizontalPodAutoscaler`s, every 2 s instead of every 15 s.
    pub autoscaling: bool,
}

/// A cluster to create build pods in. What it started ends with it.
pub struct ControlPlane {
    config: Config,
    address: String,
    ca_file: Option<PathBuf>,
    components: Option<Components>,
    /// The namespaces made in a cluster that goes on after us.
    namespaces: Mutex<Vec<String>>,
}

// === impl ControlPlane ===

impl ControlPlane {
    /// Starts a control plane whose data and logs are in `directory`, or connects to the cluster that the
    /// environment names, and waits until it is ready. The error says how to get one if there is none.
    pub async fn start(directory: &Path, pki: &Pki) -> anyhow::Result<Self> {
        Self::start_with(Extras::default(), directory, pki).await
    }

    /// The same with more than the workers need; a cluster of the environment has what it has.
    pub async fn start_with(extras: Extras, directory: &Path, pki: &Pki) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).context("create the directory of the control plane")?;
        match Environment::read().choose()? {
            Source::Programs(programs) => Self::own(&programs, extras, directory, pki).await,
            Source::Cluster(files) => Self::foreign(&files, directory).await,
        }
    }

    async fn own(programs: &Path, extras: Extras, directory: &Path, pki: &Pki) -> anyhow::Result<Self> {
        let starter = Starter {
            programs,
            extras,
            directory,
            pki,
        };
        let components = Components::start(&starter)?;
        let mut control_plane = Self {
            config: configuration(Kubeconfig::read_from(&components.kubeconfig)?).await?,
            address: components.address.clone(),
            ca_file: Some(pki.ca_file()),
            components: Some(components),
            namespaces: Mutex::default(),
        };
        control_plane.wait_for_the_api_server().await?;
        if let Some(components) = &mut control_plane.components {
            components.start_controllers(&starter)?;
        }
        control_plane.wait_for_the_controllers().await?;
        Ok(control_plane)
    }

    async fn foreign(files: &OsStr, directory: &Path) -> anyhow::Result<Self> {
        let mut merged = Kubeconfig::default();
        for file in std::env::split_paths(files) {
            merged = merged.merge(Kubeconfig::read_from(file)?)?;
        }
        let config = configuration(merged).await?;
        let host = config
            .cluster_url
            .host()
            .context("the kubeconfig names no server")?;
        let address = format!("{host}:{}", config.cluster_url.port_u16().unwrap_or(443));
        let ca_file = config
            .root_cert
            .as_ref()
            .map(|_| directory.join("cluster-ca.crt"));
        if let (Some(file), Some(certificates)) = (&ca_file, &config.root_cert) {
            std::fs::write(file, certificates.iter().map(|der| pem(der)).collect::<String>())?;
        }
        let mut control_plane = Self {
            config,
            address,
            ca_file,
            components: None,
            namespaces: Mutex::default(),
        };
        control_plane.wait_for_the_api_server().await?;
        control_plane.wait_for_the_controllers().await?;
        Ok(control_plane)
    }

    async fn wait_for_the_api_server(&mut self) -> anyhow::Result<()> {
        let client = self.client()?;
        self.wait("the API server", || async {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            client.request_text(request).await?;
            Ok(())
        })
        .await
    }

    /// They work once the default `ServiceAccount` exists, without which no pod is admitted.
    async fn wait_for_the_controllers(&mut self) -> anyhow::Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client()?, "default");
        self.wait("the controllers", || async {
            accounts.get("default").await?;
            Ok(())
        })
        .await
    }

    /// Asks until it is so; a process that has ended ends the waiting too.
    async fn wait<F, Fut>(&mut self, what: &str, question: F) -> anyhow::Result<()>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let components = &mut self.components;
        let answer = poll::until(what, READY, || {
            let alive = components.as_mut().map_or(Ok(()), Components::check);
            let answer = question();
            async move {
                if alive.is_err() {
                    Ok(alive)
                } else {
                    answer.await.map(Ok)
                }
            }
        });
        answer.await?
    }

    /// An administrator's client. It belongs to the runtime in which it is made: one for each test.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::try_from(self.config.clone()).context("make a Kubernetes client")
    }

    /// An administrator's connection settings, for a client in another runtime.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// `HOST:PORT` of the API server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The certificate authority of the API server; none if the system's authorities vouch for it.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The administrator's kubeconfig, for programs; none for a cluster that is not ours.
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.components
            .as_ref()
            .map(|components| components.kubeconfig.as_path())
    }

    /// Whether it was started here and may be stopped, filled and broken at will.
    pub fn owned(&self) -> bool {
        self.components.is_some()
    }

    /// A fresh namespace, called `prefix` and five random characters, in which pods can be created and the
    /// workers have exactly the rights of `deploy/rbac.yaml`.
    pub async fn namespace(&self, prefix: &str) -> anyhow::Result<Namespace> {
        let name = format!("{prefix}-{}", random_name());
        if !self.owned() {
            self.namespaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(name.clone());
        }
        Namespace::create(self, name).await
    }

    /// The pods of a namespace with their containers' states, and its events: why a test failed.
    pub async fn dump(&self, namespace: &str) -> String {
        match self.client() {
            Ok(client) => dump::namespace(client, namespace).await,
            Err(error) => format!("cannot look at namespace {namespace}: {error:#}"),
        }
    }
}

/// Without credentials.
impl fmt::Debug for ControlPlane {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ControlPlane")
            .field("address", &self.address)
            .field("owned", &self.owned())
            .finish_non_exhaustive()
    }
}

/// Leaves a foreign cluster as it was, as far as it answers.
impl Drop for ControlPlane {
    fn drop(&mut self) {
        let names = std::mem::take(&mut *self.namespaces.lock().unwrap_or_else(PoisonError::into_inner));
        if names.is_empty() {
            return;
        }
        let config = self.config.clone();
        // A destructor may run inside a runtime, which cannot wait for another one on its own thread.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async { tokio::time::timeout(FAREWELL, delete(config, names)).await? })
        });
        match cleaner.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("namespaces of the test run are left over: {error:#}"),
            Err(_) => tracing::warn!("namespaces of the test run are left over: the cleaner panicked"),
        }
    }
}

async fn delete(config: Config, names: Vec<String>) -> anyhow::Result<()> {
    let namespaces: Api<NamespaceObject> = Api::all(Client::try_from(config)?);
    for name in names {
        namespaces.delete(&name, &DeleteParams::default()).await?;
    }
    Ok(())
}

async fn configuration(kubeconfig: Kubeconfig) -> anyhow::Result<Config> {
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // A proxy of the developer's environment has no way to 127.0.0.1.
    config.proxy_url = None;
    Ok(config)
}

/// Five characters that keep names of parallel and repeated runs apart.
pub(crate) fn random_name() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5)
        .map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]))
        .collect()
}

/// A certificate in the form that files have.
fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
