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
    /// What stood in the way at the last look, as container and reason; opaque.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub cause: Option<String>,
    /// Since when looks have seen that cause.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub cause_since: Option<Timestamp>,
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

/// What stands in a pod's way, as far as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// A container and a reason.
    Told(String),
    /// Something of which only the outcome is told: an image cannot be pulled, and nobody says why.
    Untold,
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
    /// The look that sees this phase after this one. In the same phase its clock goes on, but from `progress`
    /// if the pod got on since; in another it starts.
    pub(super) fn follow(
        &self,
        phase: Phase,
        progress: Option<Timestamp>,
        ran: bool,
        now: Timestamp,
    ) -> Self {
        // A time ahead of ours was written by a machine whose clock is wrong.
        let kept = |time: Option<Timestamp>| {
            time.filter(|_| self.phase == Some(phase))
                .map(|time| time.min(now))
        };
        let since = kept(self.phase_since);
        let progress = progress
            .map(|time| time.min(now))
            .filter(|time| since.is_some_and(|since| since < *time));
        Self {
            phase: Some(phase),
            phase_since: Some(progress.or(since).unwrap_or(now)),
            cause: None,
            cause_since: None,
            overdue_since: kept(self.overdue_since),
            missing_since: None,
            ran: self.ran || ran,
        }
    }

    /// The look with what stands in the way: the same cause in the same phase goes on, another one starts.
    pub(super) fn because(mut self, cause: Cause, last: &Self, now: Timestamp) -> Self {
        let same_phase = last.phase == self.phase;
        let (cause, goes_on) = match cause {
            Cause::Told(cause) => {
                let same = last.cause.as_ref().is_none_or(|known| *known == cause);
                (Some(cause), same)
            }
            // A text without a reason contradicts nothing: what was told before still stands.
            Cause::Untold => (last.cause.clone().filter(|_| same_phase), true),
        };
        let goes_on = goes_on && same_phase;
        // An earlier version of ours did not write it: its phase was its cause.
        let since = last.cause_since.or(last.phase_since).filter(|_| goes_on);
        self.cause = cause;
        self.cause_since = Some(since.map_or(now, |since| since.min(now)));
        self
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
            cause: self.cause.clone().filter(|_| confirms),
            cause_since: self.cause_since.filter(|_| confirms).map(shifted),
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
