//! Writes to one pod, repeated while the API server is away and given up when the pod is gone.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{layout::Layout, script::Script};

/// Between two tries.
const RETRY: Duration = Duration::from_millis(200);

/// There is nothing to write to any more.
pub(super) struct Gone;

/// The kubelet's hand on one pod, and on no other of the same name.
pub(super) struct Writer {
    pods: Api<Pod>,
    name: String,
    uid: String,
    namespace: String,
    script: Arc<Script>,
    changes: watch::Receiver<Arc<Pod>>,
}

// === impl Writer ===

impl Writer {
    /// For the pod of `layout`; when `changes` ends, so do the tries.
    pub(super) fn new(
        client: Client,
        layout: &Layout,
        script: Arc<Script>,
        changes: watch::Receiver<Arc<Pod>>,
    ) -> Self {
        Self {
            pods: Api::namespaced(client, &layout.namespace),
            name: layout.pod.clone(),
            uid: layout.uid.clone(),
            namespace: layout.namespace.clone(),
            script,
            changes,
        }
    }

    /// Writes a status and returns what it is then. None if the API server refuses it: the script is wrong,
    /// which is noted.
    ///
    /// A strategic merge patch, as the kubelet's: it leaves the conditions of others alone.
    pub(super) async fn status(&self, status: &Value) -> Result<Option<PodStatus>, Gone> {
        let patch = Patch::Strategic(json!({"metadata": {"uid": self.uid}, "status": status}));
        let params = PatchParams::default();
        let pod = self
            .insist(|| self.pods.patch_status(&self.name, &params, &patch))
            .await?;
        Ok(pod.and_then(|pod| pod.status))
    }

    /// Deletes the pod. Without grace the object is gone at once.
    pub(super) async fn delete(&self, grace_seconds: u32) -> Result<(), Gone> {
        let params = DeleteParams {
            grace_period_seconds: Some(grace_seconds),
            preconditions: Some(Preconditions {
                uid: Some(self.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        self.insist(|| self.pods.delete(&self.name, &params)).await?;
        Ok(())
    }

    async fn insist<T, F, Fut>(&self, write: F) -> Result<Option<T>, Gone>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = kube::Result<T>>,
    {
        loop {
            let error = match write().await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => error,
            };
            // The watch has seen the object go, or the node is gone.
            if self.changes.has_changed().is_err() {
                return Err(Gone);
            }
            match error {
                kube::Error::Api(answer) if answer.code == 404 => return Err(Gone),
                // The name belongs to another pod by now: what is written carries the UID of the one that is gone.
                kube::Error::Api(answer) if answer.code == 422 && answer.message.contains("metadata.uid") => {
                    return Err(Gone);
                }
                // 409 is another's write at the same moment, or a new pod of this name: the watch will tell.
                kube::Error::Api(answer)
                    if (400..500).contains(&answer.code) && !matches!(answer.code, 409 | 429) =>
                {
                    let text = format!("pod {}: {}", self.name, answer.message);
                    self.script.fault(Some(&self.namespace), text);
                    return Ok(None);
                }
                _ => tokio::time::sleep(RETRY).await,
            }
        }
    }
}
