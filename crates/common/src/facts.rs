//! What a pod says about itself, read once into plain data.
//!
//! Reading is total: whatever an API server can send gives [`Facts`]. Nothing here judges; what the facts mean
//! at a given time is the business of [`crate::verdict`]. Containers are found by name, never by position,
//! because the kubelet sorts their statuses.

mod container;
mod event;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod, PodCondition};

pub use self::{
    container::{Container, Ended, Role, State},
    event::EventFacts,
};

/// Annotation that counts how often a build's pod was made anew.
pub const RECREATED_ANNOTATION: &str = "screwdriver.cd/recreated";

/// What was read from one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// `deletionTimestamp`: when a pod that is being deleted is due to be gone.
    pub deletion_due: Option<Timestamp>,
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
    /// Kubernetes lost sight of it, or the phase is none that we know.
    Unknown,
}

/// How far the scheduler is with a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Bound to a node.
    Bound,
    /// Held back on purpose by a scheduling gate, with the condition's text.
    Gated(Option<String>),
    /// The scheduler tried: its reason (`Unschedulable`, `SchedulerError`) and text.
    Refused {
        /// The condition's reason.
        reason: Option<String>,
        /// The condition's text.
        message: Option<String>,
    },
    /// No scheduler has spoken about it.
    Unseen,
}

/// One condition of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its type, e.g. `PodScheduled`.
    pub kind: String,
    /// Whether its status is `True`.
    pub holds: bool,
    /// Its reason.
    pub reason: Option<String>,
    /// Its text.
    pub message: Option<String>,
    /// When its status last changed.
    pub since: Option<Timestamp>,
}

// === impl Facts ===

impl Facts {
    /// When the scheduler bound the pod to its node: the kubelet pulls from then on.
    pub fn scheduled_at(&self) -> Option<Timestamp> {
        let scheduled = |condition: &&Condition| condition.kind == "PodScheduled" && condition.holds;
        self.conditions.iter().find(scheduled)?.since
    }

    /// Reads a pod. Never fails: what is absent or odd becomes `None`, empty or [`PodPhase::Unknown`].
    pub fn read(pod: &Pod) -> Self {
        let (metadata, status) = (&pod.metadata, pod.status.as_ref());
        let node = pod.spec.as_ref().and_then(|spec| filled(spec.node_name.as_ref()));
        let conditions: Vec<_> = status
            .and_then(|it| it.conditions.as_ref())
            .into_iter()
            .flatten()
            .map(Condition::read)
            .collect();
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            uid: filled(metadata.uid.as_ref()),
            phase: PodPhase::read(status.and_then(|it| it.phase.as_deref())),
            reason: status.and_then(|it| filled(it.reason.as_ref())),
            message: status.and_then(|it| filled(it.message.as_ref())),
            schedule: Schedule::read(pod, node.as_deref(), &conditions),
            node,
            conditions,
            containers: container::read_all(pod),
            restarts: pod
                .spec
                .as_ref()
                .is_none_or(|spec| spec.restart_policy.as_deref() != Some("Never")),
            created_at: metadata.creation_timestamp.as_ref().map(|time| time.0),
            deletion_due: metadata.deletion_timestamp.as_ref().map(|time| time.0),
            recreated: metadata
                .annotations
                .as_ref()
                .and_then(|all| all.get(RECREATED_ANNOTATION))
                .and_then(|count| count.trim().parse().ok())
                .unwrap_or(0),
            events: None,
        }
    }

    /// The same facts with the events that are about this very pod (by UID, since names are used again), oldest
    /// first.
    #[must_use]
    pub fn with_events(&self, events: &[Event]) -> Self {
        let mut own: Vec<_> = events
            .iter()
            .filter(|event| self.uid.is_none() || event.involved_object.uid == self.uid)
            .map(EventFacts::read)
            .collect();
        own.sort_by_key(|event| event.at);
        Self {
            events: Some(own),
            ..self.clone()
        }
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

// === impl PodPhase ===

impl PodPhase {
    fn read(phase: Option<&str>) -> Self {
        match phase {
            // A pod that was just created may have no status yet.
            None | Some("" | "Pending") => Self::Pending,
            Some("Running") => Self::Running,
            Some("Succeeded") => Self::Succeeded,
            Some("Failed") => Self::Failed,
            Some(_) => Self::Unknown,
        }
    }

    /// The phase in lower case, as the predecessor's texts spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// A restarted kubelet can for a moment report a running pod without any container.
    fn says_ran(self) -> bool {
        matches!(self, Self::Running | Self::Succeeded)
    }
}

// === impl Schedule ===

impl Schedule {
    fn read(pod: &Pod, node: Option<&str>, conditions: &[Condition]) -> Self {
        if node.is_some() {
            return Self::Bound;
        }
        let told = conditions
            .iter()
            .find(|condition| condition.kind == "PodScheduled" && !condition.holds);
        let listed = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref());
        let gated = told.is_some_and(|condition| condition.reason.as_deref() == Some("SchedulingGated"));
        match told {
            _ if gated || listed.is_some_and(|gates| !gates.is_empty()) => {
                Self::Gated(told.and_then(|condition| condition.message.clone()))
            }
            Some(condition) => Self::Refused {
                reason: condition.reason.clone(),
                message: condition.message.clone(),
            },
            None => Self::Unseen,
        }
    }
}

// === impl Condition ===

impl Condition {
    fn read(condition: &PodCondition) -> Self {
        Self {
            kind: condition.type_.clone(),
            holds: condition.status == "True",
            reason: filled(condition.reason.as_ref()),
            message: filled(condition.message.as_ref()),
            since: condition.last_transition_time.as_ref().map(|time| time.0),
        }
    }
}

/// API servers write absent texts both as absent and as empty.
fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).cloned()
}
