//! One pod from its binding to its end: plays its life through `pods/status` and events, and stops it when
//! it is deleted.
//!
//! A write is never broken off in the middle: the API server might still carry it out, after a later one.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::Client;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::{
    events::{Occurrence, Recorder},
    layout::Layout,
    life::{Ending, Life, Role, Step},
    recording::{Recorded, What},
    script::Script,
    status,
    writer::{Gone, Writer},
};

/// Between two rounds of the steps that are repeated, whatever else they wait for.
const BREATH: Duration = Duration::from_millis(20);

/// Why the rest of a life is not played.
enum Stop {
    /// The pod has been deleted and must be stopped.
    Deleted,
    /// The object is gone, or the node is.
    Gone,
}

/// A pod on one of our nodes.
pub(super) struct PodLife {
    writer: Writer,
    events: Recorder,
    layout: Layout,
    pod: Pod,
    status: PodStatus,
    changes: watch::Receiver<Arc<Pod>>,
    released: Arc<Semaphore>,
    script: Arc<Script>,
    /// When the node saw the pod first.
    start: Timestamp,
    /// The life itself has deleted the pod; whether the pod comes to an end is the life's to say too.
    deletes_itself: bool,
}

// === impl PodLife ===

impl PodLife {
    /// For a pod that has just been bound; none if it is not one that can be played.
    pub(super) fn new(
        client: Client,
        script: Arc<Script>,
        changes: watch::Receiver<Arc<Pod>>,
    ) -> Option<Self> {
        let pod = Pod::clone(&changes.borrow());
        let layout = Layout::of(&pod)?;
        let node = pod.spec.as_ref()?.node_name.as_deref()?;
        Some(Self {
            writer: Writer::new(client.clone(), &layout, script.clone(), changes.clone()),
            events: Recorder::new(client, &layout, node),
            released: script.gate(&layout.namespace, &layout.pod),
            status: pod.status.clone().unwrap_or_default(),
            start: super::now(),
            deletes_itself: false,
            script,
            layout,
            pod,
            changes,
        })
    }

    /// Lives until the object is gone.
    pub(super) async fn live(mut self) {
        let life = self.script.life(&self.layout.namespace, self.layout.image());
        let ending = life.ending;
        let stop = match self.play(life).await {
            ControlFlow::Break(stop) => stop,
            ControlFlow::Continue(()) => self.wait_for_deletion().await,
        };
        if let (Stop::Deleted, Ending::After(duration), false) = (stop, ending, self.deletes_itself) {
            let _ = self.end(duration).await;
        }
    }

    async fn play(&mut self, life: Life) -> ControlFlow<Stop> {
        for step in life.steps {
            self.step(step).await?;
        }
        while !life.forever.is_empty() {
            for step in life.forever.clone() {
                self.step(step).await?;
            }
            self.pause(tokio::time::sleep(BREATH)).await?;
        }
        ControlFlow::Continue(())
    }

    async fn step(&mut self, step: Step) -> ControlFlow<Stop> {
        self.pause(std::future::ready(())).await?;
        match step {
            Step::Wait(duration) => self.pause(tokio::time::sleep(duration)).await,
            Step::Hold => {
                let released = self.released.clone();
                self.pause(async move {
                    if let Ok(permit) = released.acquire().await {
                        permit.forget();
                    }
                })
                .await
            }
            Step::Event {
                container,
                warning,
                reason,
                message,
            } => {
                self.event(container, warning, &reason, &message).await;
                ControlFlow::Continue(())
            }
            Step::Recorded(recorded) => self.replay(&recorded).await,
            step => {
                if let Step::Running(container) = &step {
                    self.event(Some(*container), false, "Created", "Container created")
                        .await;
                    self.event(Some(*container), false, "Started", "Container started")
                        .await;
                }
                let before = self.status.clone();
                let after = status::after(before, &self.pod, &self.layout, &step, super::now());
                if after != self.status {
                    self.write(&after).await?;
                }
                ControlFlow::Continue(())
            }
        }
    }

    async fn replay(&mut self, recorded: &Recorded) -> ControlFlow<Stop> {
        match &recorded.what {
            What::Status(status) => {
                let status = recorded.status(status, &self.layout, self.start);
                self.patch(&status).await
            }
            What::Event(event, count) => {
                if let Some(occurrence) = recorded.occurrence(event, *count, &self.layout) {
                    self.events.record(occurrence, super::now()).await;
                }
                ControlFlow::Continue(())
            }
            What::Delete(seconds) => {
                self.deletes_itself = true;
                self.delete(*seconds).await
            }
            What::Gone => self.delete(0).await,
        }
    }

    /// Awaits `future`, unless the pod is deleted first.
    async fn pause(&mut self, future: impl Future<Output = ()>) -> ControlFlow<Stop> {
        tokio::pin!(future);
        let deletes_itself = self.deletes_itself;
        tokio::select! {
            biased;
            seen = self.changes.wait_for(|pod| !deletes_itself && terminating(pod)) => {
                ControlFlow::Break(seen.map_or(Stop::Gone, |_| Stop::Deleted))
            }
            () = &mut future => ControlFlow::Continue(()),
        }
    }

    async fn wait_for_deletion(&mut self) -> Stop {
        match self.changes.wait_for(|pod| terminating(pod)).await {
            Ok(_) => Stop::Deleted,
            Err(_) => Stop::Gone,
        }
    }

    /// Stops the containers of a deleted pod, says so and gives the object up, as a kubelet does.
    async fn end(&mut self, duration: Duration) -> ControlFlow<Stop> {
        let grace = self
            .changes
            .borrow()
            .metadata
            .deletion_grace_period_seconds
            .unwrap_or_default();
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
        for role in [Role::Launcher, Role::Build, Role::Sidecar] {
            if self
                .layout
                .name(role)
                .is_some_and(|name| status::running(&self.status).contains(&name))
            {
                self.event(Some(role), false, "Killing", "Stopping container {container}")
                    .await;
            }
        }
        tokio::time::sleep(duration.min(grace)).await;
        let stopped = status::stopped(self.status.clone(), &self.pod, super::now());
        self.write(&stopped).await?;
        self.delete(0).await
    }

    async fn write(&mut self, status: &PodStatus) -> ControlFlow<Stop> {
        // Statuses are plain data: turning one into JSON does not fail.
        let status = serde_json::to_value(status).unwrap_or_default();
        self.patch(&status).await
    }

    async fn patch(&mut self, status: &Value) -> ControlFlow<Stop> {
        match self.writer.status(status).await {
            Ok(Some(status)) => self.status = status,
            Ok(None) => {}
            Err(Gone) => return ControlFlow::Break(Stop::Gone),
        }
        ControlFlow::Continue(())
    }

    async fn delete(&self, grace_seconds: u32) -> ControlFlow<Stop> {
        match self.writer.delete(grace_seconds).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(Gone) => ControlFlow::Break(Stop::Gone),
        }
    }

    async fn event(&mut self, container: Option<Role>, warning: bool, reason: &str, message: &str) {
        let field_path = container.and_then(|role| self.layout.field_path(role));
        if container.is_some() && field_path.is_none() {
            return;
        }
        let occurrence = Occurrence {
            field_path,
            kind: if warning { "Warning" } else { "Normal" },
            reason: reason.to_owned(),
            message: self.layout.fill(message, container),
            component: None,
            count: None,
        };
        self.events.record(occurrence, super::now()).await;
    }
}

fn terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}
