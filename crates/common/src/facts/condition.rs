//! A pod's conditions, and what one of them says about the scheduler.

use jiff::Timestamp;

use super::{filled, wire};

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

// === impl Schedule ===

impl Schedule {
    pub(super) fn read(held_back: bool, node: Option<&str>, conditions: &[Condition]) -> Self {
        if node.is_some() {
            return Self::Bound;
        }
        let told = conditions
            .iter()
            .find(|condition| condition.kind == "PodScheduled" && !condition.holds);
        let gated = told.is_some_and(|condition| condition.reason.as_deref() == Some("SchedulingGated"));
        match told {
            _ if gated || held_back => Self::Gated(told.and_then(|condition| condition.message.clone())),
            Some(condition) => Self::Refused {
                reason: condition.reason.clone(),
                message: condition.message.clone(),
            },
            None => Self::Unseen,
        }
    }
}

// === impl Condition ===

impl From<wire::Condition> for Condition {
    fn from(condition: wire::Condition) -> Self {
        Self {
            kind: condition.r#type,
            holds: condition.status == "True",
            reason: filled(condition.reason),
            message: filled(condition.message),
            since: condition.last_transition_time,
        }
    }
}
