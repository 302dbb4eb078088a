//! What a pod's facts mean for its build at a given time.
//!
//! Pure: facts, what earlier looks saw, the time and the settings go in; a verdict and what the next look must
//! know come out. No client, no clock, no environment. What pods report and what it means is a table, in
//! `catalogue`; what users read is made in `message`. What to do about a verdict is the worker's business.

mod catalogue;
mod diagnosis;
mod judge;
mod labels;
mod look;
mod message;
mod no_pod;
mod reason;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

pub use self::{
    catalogue::Actor,
    judge::{explain, explain_gone, judge, wants_events},
    labels::{Labels, labels, labels_of_starts},
    look::{LastLook, Phase},
    message::{
        WAITING_FOR_RESOURCES, delayed_message, in_its_time, quoted, recreated_message, waiting_message,
    },
    no_pod::NoPod,
    reason::Reason,
};
use crate::{clock::elapsed, facts::Facts};

/// Least time between two looks of which the second confirms the first.
pub const SECOND_LOOK: Duration = Duration::from_secs(15);

/// What a look found.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// A pod, as these facts say.
    Pod(&'a Facts),
    /// No pod: Kubernetes answered, and there is none.
    Absent {
        /// Whether any look ever saw one.
        ever_seen: bool,
    },
}

/// The time of a look, and what the check says about the build's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time of the look.
    pub now: Timestamp,
    /// When the build's start was first handled.
    pub started_at: Timestamp,
    /// How long after that a build may be without a pod, gated or terminating; time held by outages included.
    pub start_deadline: Duration,
    /// How often the build's pod was made anew, by the check.
    pub recreated: u32,
}

/// The verdict and what the next look must know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Judgement {
    /// What is the case.
    pub verdict: Verdict,
    /// What the next check has to carry.
    pub look: LastLook,
}

/// The verdict on a pod of which nothing is known but itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Explanation {
    /// What is the case.
    pub verdict: Verdict,
    /// What it rests on; `None`: nothing is wrong.
    pub reason: Option<Reason>,
    /// Whose turn it is; `None`: nothing is wrong.
    pub actor: Option<Actor>,
}

/// What is the case with a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The build container runs, or ended with 0.
    Healthy {
        /// The node that it runs on.
        node: Option<String>,
        /// Whether it has ended.
        ended: bool,
    },
    /// No node yet, and still time to wait for one.
    Waiting {
        /// Why, in one bounded line: the scheduler's words where it has spoken.
        cause: String,
    },
    /// On its way, or in a trouble that may still mend itself.
    Progressing {
        /// Where it is, in one bounded line.
        cause: String,
    },
    /// Being deleted; it may still run, so nothing is done.
    Terminating {
        /// Who deletes it, in one bounded line.
        cause: String,
    },
    /// The build failed.
    Failed(Failure),
    /// The build container never ran, and the cluster took the pod or its place: it needs a new pod.
    Recreate {
        /// Why.
        reason: Reason,
        /// Why, in one bounded line.
        cause: String,
    },
    /// No pod, and none was ever seen: whoever starts it owns the outcome.
    NotCreated,
    /// No pod at the first of two looks. The second has to come [`SECOND_LOOK`] later or after that.
    Missing,
}

/// Why a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, as a label.
    pub reason: Reason,
    /// Who can mend it.
    pub actor: Actor,
    /// What the user reads: one line, bounded, without secrets.
    pub message: String,
}

// === impl Moment ===

impl Moment {
    /// A pod that is over and read long afterwards was judged in time.
    fn of_the_end(self) -> Self {
        Self {
            start_deadline: Duration::MAX,
            ..self
        }
    }

    fn deadline_passed(&self) -> bool {
        elapsed(self.started_at, self.now) >= self.start_deadline
    }
}

// === impl Verdict ===

impl Verdict {
    /// The label.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Healthy { .. } => "healthy",
            Self::Waiting { .. } => "waiting",
            Self::Progressing { .. } => "progressing",
            Self::Terminating { .. } => "terminating",
            Self::Failed(_) => "failed",
            Self::Recreate { .. } => "recreate",
            Self::NotCreated => "not_created",
            Self::Missing => "missing",
        }
    }
}
