//! What a pod says about itself, read once into plain data.
//!
//! Reading is total: whatever an API server can send gives [`Facts`]. Nothing here judges; what the facts mean
//! at a given time is the business of [`crate::verdict`]. Containers are found by name, never by position,
//! because the kubelet sorts their statuses.

mod condition;
mod container;
mod event;
#[cfg(test)]
mod tests;
mod wire;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Event, Pod};
use serde::Deserialize;

pub use self::{
    condition::{Condition, Schedule},
    container::{Container, Ended, Role, State},
    event::EventFacts,
};

/// Annotation that counts how often a build's pod was made anew.
pub const RECREATED_ANNOTATION: &str = "screwdriver.cd/recreated";

/// What was read from one pod. Decodes from a pod as the API server writes it, without what it does not need.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "wire::Pod")]
pub struct Facts {
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: Option<String>,
    /// `status.phase`. No judge of a build: it lags its containers, and one sidecar can hold it back for ever.
    pub phase: PodPhase,
    /// Why the pod as a whole is where it is, e.g. `Evicted`.
    pub reason: Option<String>,
    /// The text that goes with `reason`.
    pub message: Option<String>,
    /// The node that the pod is bound to.
    pub node: Option<String>,
    /// How far the scheduler is.
    pub schedule: Schedule,
    /// The pod's conditions, in the order sent.
    pub conditions: Vec<Condition>,
    /// Init containers and containers in the order of the specification.
    pub containers: Vec<Container>,
    /// Whether containers are started again when they end (`restartPolicy` is not `Never`).
    pub restarts: bool,
    /// When the pod was created.
    pub created_at: Option<Timestamp>,
    /// When the kubelet took the pod on.
    pub taken_on_at: Option<Timestamp>,
    /// `deletionTimestamp`: when a pod that is being deleted is due to be gone.
    pub deletion_due: Option<Timestamp>,
    /// When somebody asked for the deletion, if that can be told.
    pub deleted_at: Option<Timestamp>,
    /// How often the build's pod was made anew, by the pod's annotation.
    pub recreated: u32,
    /// The pod's events; `None` if nobody asked for them.
    pub events: Option<Vec<EventFacts>>,
}

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodPhase {
    /// Accepted, not every container started.
    Pending,
    /// At least one container started.
    Running,
    /// All containers ended with 0.
    Succeeded,
    /// Ended, at least one container badly; or ended by the cluster.
    Failed,
    /// Kubernetes lost sight of it.
    Unknown,
    /// None that we know: it tells nothing.
    Unheard,
}

// === impl Facts ===

impl Facts {
    /// When the scheduler bound the pod to its node: the kubelet pulls from then on.
    pub fn scheduled_at(&self) -> Option<Timestamp> {
        let scheduled = |condition: &&Condition| condition.kind == "PodScheduled" && condition.holds;
        self.conditions.iter().find(scheduled)?.since
    }

    /// Reads a pod. Never fails: what is absent or odd becomes `None`, empty or [`PodPhase::Unheard`].
    pub fn read(pod: &Pod) -> Self {
        wire::Pod::from(pod).into()
    }

    /// The same facts with the events that are about this very pod (by UID, since names are used again), oldest
    /// first.
    #[must_use]
    pub fn with_events(&self, events: &[Event]) -> Self {
        let events: Vec<_> = events.iter().map(EventFacts::read).collect();
        self.clone().knowing(&events)
    }

    /// The same as [`Self::with_events`], of events that were read already.
    #[must_use]
    pub fn knowing(self, events: &[EventFacts]) -> Self {
        let own = events
            .iter()
            .filter(|event| self.uid.is_none() || event.about == self.uid);
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_by_key(|event| event.at);
        Self {
            events: Some(own),
            ..self
        }
    }

    /// The same facts with the container of this name as the build's, if there is one.
    #[must_use]
    pub fn with_build(mut self, name: &str) -> Self {
        let beside = |it: &&mut Container| matches!(it.role, Role::Build | Role::Sidecar);
        if self
            .containers
            .iter_mut()
            .filter(beside)
            .any(|it| it.name == name)
        {
            for container in self.containers.iter_mut().filter(beside) {
                container.role = if container.name == name {
                    Role::Build
                } else {
                    Role::Sidecar
                };
            }
        }
        self
    }

    /// The container that the build runs in, if it can be told.
    pub fn build(&self) -> Option<&Container> {
        self.containers
            .iter()
            .find(|container| container.role == Role::Build)
    }

    /// Init containers and native sidecars, in the order in which the kubelet starts them.
    pub fn before_build(&self) -> impl Iterator<Item = &Container> {
        self.containers
            .iter()
            .filter(|it| matches!(it.role, Role::Init | Role::NativeSidecar))
    }

    /// Whether the build container ran, as far as this pod shows. Errs to `true`: a build that ran once must
    /// never be started a second time.
    pub fn build_ran(&self) -> bool {
        match self.build() {
            Some(build) if build.state == State::Absent => self.phase.says_ran(),
            Some(build) => build.ran(),
            None => self.phase.says_ran(),
        }
    }

    /// Whether it is certain that the build container ran. Errs to `false`: for texts, never for a new pod.
    pub fn build_ran_for_certain(&self) -> bool {
        self.build().is_some_and(Container::ran_for_certain)
    }

    /// The condition of this type, if it holds.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind && condition.holds)
    }

    /// Why the cluster took the pod away, if it did: the condition `DisruptionTarget`.
    pub fn disruption(&self) -> Option<&Condition> {
        self.condition("DisruptionTarget")
    }

    /// The last event with this reason, of this container if one is named.
    pub fn last_event(&self, reason: &str, container: Option<&str>) -> Option<&EventFacts> {
        self.events.iter().flatten().rev().find(|event| {
            event.reason == reason && (container.is_none() || event.container.as_deref() == container)
        })
    }
}

impl From<wire::Pod> for Facts {
    fn from(pod: wire::Pod) -> Self {
        let wire::Pod {
            metadata,
            spec,
            status,
        } = pod;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let node = filled(spec.node_name);
        let conditions: Vec<_> = status
            .conditions
            .into_iter()
            .flatten()
            .map(Condition::from)
            .collect();
        let gates = spec.scheduling_gates.is_some_and(|gates| !gates.is_empty());
        let label = metadata.labels.and_then(|labels| labels.sdbuild);
        let grace = metadata.deletion_grace_period_seconds.unwrap_or_default();
        // Without a grace period the pod was force-deleted, or the kubelet is done: the time tells no beginning.
        let asked = |due: Timestamp| {
            due.checked_sub(SignedDuration::from_secs(grace))
                .ok()
                .filter(|_| grace > 0)
        };
        let recreated = metadata.annotations.and_then(|all| all.recreated);
        Self {
            name: metadata.name.unwrap_or_default(),
            uid: filled(metadata.uid),
            phase: PodPhase::read(status.phase.as_deref()),
            reason: filled(status.reason),
            message: filled(status.message),
            schedule: Schedule::read(gates, node.as_deref(), &conditions),
            node,
            conditions,
            restarts: spec.restart_policy.as_deref() != Some("Never"),
            containers: container::read_all(
                label.as_deref(),
                (spec.init_containers, spec.containers),
                (status.init_container_statuses, status.container_statuses),
            ),
            created_at: metadata.creation_timestamp,
            taken_on_at: status.start_time,
            deletion_due: metadata.deletion_timestamp,
            deleted_at: metadata.deletion_timestamp.and_then(asked),
            recreated: recreated.and_then(|count| count.trim().parse().ok()).unwrap_or(0),
            events: None,
        }
    }
}

// === impl PodPhase ===

impl PodPhase {
    fn read(phase: Option<&str>) -> Self {
        match phase {
            // A pod that was just created may have no status yet.
            None | Some("" | "Pending") => Self::Pending,
            Some("Running") => Self::Running,
            Some("Succeeded") => Self::Succeeded,
            Some("Failed") => Self::Failed,
            Some("Unknown") => Self::Unknown,
            Some(_) => Self::Unheard,
        }
    }

    /// The phase in lower case, as the predecessor's texts spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown | Self::Unheard => "unknown",
        }
    }

    /// A restarted kubelet can for a moment report a running pod without any container.
    fn says_ran(self) -> bool {
        matches!(self, Self::Running | Self::Succeeded)
    }
}

/// API servers write absent texts both as absent and as empty.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
