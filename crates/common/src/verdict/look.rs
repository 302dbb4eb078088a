//! What one look leaves for the next: the state of the clocks, carried in the check itself.
//!
//! Reading it back never fails: a newer or older worker may have written it, and a check that cannot be read
//! would be a build that nobody watches.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use super::{SECOND_LOOK, elapsed};
use crate::settings::Clocks;

/// What earlier looks at the same pod left in its check.
///
/// Flattened into the check on the wire. The caller starts afresh (`default`) when the pod's UID changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastLook {
    /// What the last look saw.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub phase: Option<Phase>,
    /// Since when looks have seen that phase.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub phase_since: Option<Timestamp>,
    /// When a look first found the phase's clock run out.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub overdue_since: Option<Timestamp>,
    /// Since when looks have found no pod, after one was seen.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub missing_since: Option<Timestamp>,
    /// Whether any look saw that the build container had run.
    #[serde(default, deserialize_with = "unless_denied")]
    pub ran: bool,
}

/// Where a pod is on its way to a running build, as far as clocks are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Held back by a scheduling gate; no clock runs.
    Gated,
    /// Waiting for a node.
    Scheduling,
    /// Sandbox, volumes, init containers and native sidecars.
    Initialising,
    /// An image is being pulled, without an error so far.
    Pulling,
    /// An image cannot be pulled: `ErrImagePull` and `ImagePullBackOff` take turns and are one phase.
    PullFailing,
    /// The build container is about to start.
    Starting,
    /// A container cannot be configured, created or started, or keeps crashing.
    StartFailing,
    /// The build container runs.
    Running,
    /// The build container, or the pod, has ended.
    Ended,
    /// The pod is being deleted.
    Terminating,
}

// === impl LastLook ===

impl LastLook {
    /// The look that sees this phase after this one: the clock goes on in the same phase, else it starts.
    pub(super) fn follow(&self, phase: Phase, ran: bool, now: Timestamp) -> Self {
        // A time ahead of ours was written by a machine whose clock is wrong.
        let kept = |time: Option<Timestamp>| {
            time.filter(|_| self.phase == Some(phase))
                .map(|time| time.min(now))
        };
        Self {
            phase: Some(phase),
            phase_since: Some(kept(self.phase_since).unwrap_or(now)),
            overdue_since: kept(self.overdue_since),
            missing_since: None,
            ran: self.ran || ran,
        }
    }

    /// Whether this look finds a clock run out that an earlier look had found run out already.
    pub(super) fn confirms_overdue(&mut self, overdue: bool, now: Timestamp) -> bool {
        let first = self.overdue_since.filter(|_| overdue);
        self.overdue_since = overdue.then(|| first.unwrap_or(now));
        first.is_some_and(|first| elapsed(first, now) >= SECOND_LOOK)
    }

    /// The look with an outage of this length between it and the next one: the clock did not run meanwhile, and
    /// what was seen before the outage confirms nothing that is seen after it.
    #[must_use]
    pub fn after_outage(&self, length: Duration) -> Self {
        let shifted = |time: Timestamp| time.saturating_add(length).unwrap_or(time);
        let confirms = self.phase.is_some_and(|phase| !phase.is_failing());
        Self {
            phase: self.phase.filter(|_| confirms),
            phase_since: self.phase_since.filter(|_| confirms).map(shifted),
            overdue_since: None,
            missing_since: None,
            ran: self.ran,
        }
    }
}

// === impl Phase ===

impl Phase {
    /// The phase's name, as on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gated => "gated",
            Self::Scheduling => "scheduling",
            Self::Initialising => "initialising",
            Self::Pulling => "pulling",
            Self::PullFailing => "pullFailing",
            Self::Starting => "starting",
            Self::StartFailing => "startFailing",
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Terminating => "terminating",
        }
    }

    /// How long it may last; `None` where no clock of its own runs.
    pub(super) fn clock(self, clocks: &Clocks) -> Option<Duration> {
        match self {
            Self::Scheduling => Some(clocks.scheduling),
            Self::Initialising => Some(clocks.initialising),
            Self::Pulling | Self::PullFailing => Some(clocks.pulling),
            Self::Starting | Self::StartFailing => Some(clocks.starting),
            Self::Gated | Self::Running | Self::Ended | Self::Terminating => None,
        }
    }

    /// Whether something went wrong in it that may still mend itself.
    pub fn is_failing(self) -> bool {
        matches!(self, Self::PullFailing | Self::StartFailing)
    }
}

/// The value, or `None` if it is not one that we know.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// `ran` errs to `true`: only an absent, null or plain false one lets a build be started again.
fn unless_denied<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(!matches!(
        value,
        serde_json::Value::Null | serde_json::Value::Bool(false)
    ))
}
