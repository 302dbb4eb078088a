//! What the tests of the cluster share: the peers, a namespace for each test, and pods to put into it.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::Context;
use futures_util::FutureExt as _;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::api::PostParams;
use serde_json::json;
use testbed::{
    control_plane::{ControlPlane, Namespace},
    kubelet::{Kubelet, Life, NodeSpec},
    pki::Pki,
    poll,
};
use tokio::sync::Mutex;

/// Generous: the machine may be building something else.
const SOON: Duration = Duration::from_secs(30);

/// Shared by the tests that run at the same time; the last one stops it.
static PEERS: Mutex<Weak<Peers>> = Mutex::const_new(Weak::new());

pub(crate) struct Peers {
    pub(crate) kubelet: Kubelet,
    pub(crate) control_plane: ControlPlane,
    _directory: tempfile::TempDir,
}

/// What a test works with.
pub(crate) struct Scene {
    pub(crate) peers: Arc<Peers>,
    pub(crate) namespace: Namespace,
}

impl Peers {
    async fn shared() -> anyhow::Result<Arc<Self>> {
        let mut running = PEERS.lock().await;
        if let Some(peers) = running.upgrade() {
            return Ok(peers);
        }
        let directory = tempfile::tempdir()?;
        let pki = Pki::create(&directory.path().join("pki"))?;
        let control_plane = ControlPlane::start(&directory.path().join("control-plane"), &pki).await?;
        let kubelet = Kubelet::start(&control_plane, vec![NodeSpec::default()]).await?;
        let peers = Arc::new(Self {
            kubelet,
            control_plane,
            _directory: directory,
        });
        *running = Arc::downgrade(&peers);
        Ok(peers)
    }
}

impl Scene {
    /// Runs `test` in a namespace of its own and shows that namespace if it fails.
    pub(crate) async fn play<F, Fut>(name: &str, test: F) -> anyhow::Result<()>
    where
        F: FnOnce(Arc<Self>) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let peers = Peers::shared().await?;
        let namespace = peers.control_plane.namespace(name).await?;
        let scene = Arc::new(Self { peers, namespace });
        let result = AssertUnwindSafe(test(scene.clone())).catch_unwind().await;
        if !matches!(result, Ok(Ok(()))) {
            eprintln!("{}", scene.peers.control_plane.dump(scene.namespace.name()).await);
        }
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        assert_eq!(
            scene.peers.kubelet.faults(scene.namespace.name()),
            Vec::<String>::new()
        );
        Ok(())
    }

    pub(crate) fn script(&self, image: &str, life: Life) {
        self.peers.kubelet.script(self.namespace.name(), image, life);
    }

    pub(crate) async fn create(&self, pod: &Pod) -> anyhow::Result<Pod> {
        Ok(self.namespace.pods().create(&PostParams::default(), pod).await?)
    }

    /// Waits until the pod is as `like` wants it.
    pub(crate) async fn until(
        &self,
        pod: &str,
        what: &str,
        like: impl Fn(&Pod) -> bool,
    ) -> anyhow::Result<Pod> {
        let pods = self.namespace.pods();
        poll::until(&format!("{pod}: {what}"), SOON, || async {
            let seen = pods.get(pod).await.map_err(|error| error.to_string())?;
            if like(&seen) {
                Ok(seen)
            } else {
                Err(format!("{:?}", seen.status))
            }
        })
        .await
    }

    pub(crate) async fn until_gone(&self, pod: &str) -> anyhow::Result<()> {
        let pods = self.namespace.pods();
        poll::until(&format!("{pod} to vanish"), SOON, || async {
            match pods.get_opt(pod).await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err("it is still there".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    pub(crate) async fn reasons(&self, pod: &str) -> anyhow::Result<Vec<String>> {
        Ok(self
            .namespace
            .events(pod)
            .await?
            .into_iter()
            .filter_map(|event| event.reason)
            .collect())
    }
}

/// A pod in the shape of a build's: named by the build, with a launcher.
pub(crate) fn build_pod(name: &str, image: &str) -> anyhow::Result<Pod> {
    pod(json!({
        "metadata": {"name": name, "labels": {"sdbuild": "7"}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "initContainers": [{"name": "launcher-7", "image": "launcher:1"}],
            "containers": [{"name": "7", "image": image}],
        },
    }))
}

pub(crate) fn pod(manifest: serde_json::Value) -> anyhow::Result<Pod> {
    serde_json::from_value(manifest).context("a pod")
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

pub(crate) fn build_state(pod: &Pod) -> ContainerState {
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let mut build = statuses.filter(|container| container.name == "7");
    build
        .next()
        .and_then(|container| container.state.clone())
        .unwrap_or_default()
}

pub(crate) fn waits_for(pod: &Pod, reason: &str) -> bool {
    build_state(pod)
        .waiting
        .is_some_and(|waiting| waiting.reason.as_deref() == Some(reason))
}

pub(crate) fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/recordings")
        .join(name)
        .with_extension("json")
}
