//! The real peers of one run: started by the first who asks, shared by all, ended with the last.

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Mutex;

use crate::{
    broker::Broker,
    control_plane::{ControlPlane, Extras},
    kubelet::{Kubelet, NodeSpec},
    pki::Pki,
};

/// Shared by whoever runs at the same time; the last one stops it.
static PEERS: Mutex<Weak<Peers>> = Mutex::const_new(Weak::new());

/// The peers of a run.
#[derive(Debug)]
pub struct Peers {
    /// RabbitMQ.
    pub broker: Broker,
    /// Kubernetes.
    pub control_plane: ControlPlane,
    /// The nodes.
    pub kubelet: Kubelet,
    pub(super) pki: Pki,
    pub(super) directory: tempfile::TempDir,
}

/// Hears of a peer that is started: its name, and whether it is ready.
pub type Progress<'a> = &'a (dyn Fn(&'static str, bool) + Send + Sync);

// === impl Peers ===

impl Peers {
    /// The peers of this run, started if nobody has yet.
    pub async fn shared() -> anyhow::Result<Arc<Self>> {
        let started = AtomicBool::new(false);
        let peers = Self::shared_with(&|_, _| started.store(true, Ordering::Relaxed)).await?;
        if started.into_inner() {
            // Past the test harness, which keeps what passing tests print to itself.
            writeln!(std::io::stderr(), "peers: {}", peers.describe())?;
        }
        Ok(peers)
    }

    /// The same; `progress` hears of each peer twice if it has to be started: by name, then that it is ready.
    pub async fn shared_with(progress: Progress<'_>) -> anyhow::Result<Arc<Self>> {
        let mut running = PEERS.lock().await;
        if let Some(peers) = running.upgrade() {
            return Ok(peers);
        }
        let peers = Arc::new(Self::start(Extras::default(), progress).await?);
        *running = Arc::downgrade(&peers);
        Ok(peers)
    }

    /// Peers of the caller's own on which something scales by the lengths of queues: the broker has its
    /// management API, Kubernetes its autoscaler.
    pub async fn autoscaling() -> anyhow::Result<Arc<Self>> {
        let extras = Extras { autoscaling: true };
        Ok(Arc::new(Self::start(extras, &|_, _| {}).await?))
    }

    async fn start(extras: Extras, progress: Progress<'_>) -> anyhow::Result<Self> {
        // reqwest, kube and lapin in this process need a provider as the workers do.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::Builder::new().prefix("sd-testbed-").tempdir()?;
        let at = |name: &str| -> anyhow::Result<PathBuf> {
            let path = directory.path().join(name);
            std::fs::create_dir_all(&path)?;
            Ok(path)
        };
        let pki = Pki::create(&at("pki")?)?;
        let (broker_at, cluster_at) = (at("broker")?, at("control-plane")?);
        let broker = async {
            if extras.autoscaling {
                Broker::with_management(&broker_at).await
            } else {
                Broker::start(&broker_at).await
            }
        };
        let control_plane = ControlPlane::start_with(extras, &cluster_at, &pki);
        let (broker, control_plane) = tokio::try_join!(
            told("RabbitMQ", progress, broker),
            told("Kubernetes control plane", progress, control_plane)
        )?;
        let nodes = Kubelet::start(&control_plane, vec![NodeSpec::default()]);
        let kubelet = told("scripted kubelet", progress, nodes).await?;
        let peers = Self {
            broker,
            control_plane,
            kubelet,
            pki,
            directory,
        };
        Ok(peers)
    }

    /// The authority that everything here trusts.
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// Which peers these are, for people.
    pub fn describe(&self) -> String {
        let origin = |owned: bool| if owned { "private" } else { "yours" };
        format!(
            "RabbitMQ ({}), Kubernetes control plane ({}), scripted kubelet, builds API stand-in",
            origin(self.broker.owned()),
            origin(self.control_plane.owned())
        )
    }
}

async fn told<T>(
    name: &'static str,
    progress: Progress<'_>,
    starting: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    progress(name, false);
    let peer = starting.await?;
    progress(name, true);
    Ok(peer)
}
