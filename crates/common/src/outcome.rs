//! What came of a delivery, and what that means for the message. Pure.
//!
//! Every handling ends in one [`Outcome`]; [`Outcome::into_settlement`] is the only place where an
//! outcome becomes a broker action, and [`Outcome::as_str`] the only source of its name in spans, logs
//! and metrics.

mod park_reason;

use std::{error::Error, time::Duration};

pub use park_reason::ParkReason;

/// What came of a delivery. Every arm that is not plain success says why.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// The pod was created.
    Created,
    /// The build's pod existed already.
    Adopted,
    /// The build's pods are deleted, or there were none.
    Stopped,
    /// The cache is cleared, or there was none.
    Cleared,
    /// A probe of ours arrived.
    Probed,
    /// The build container runs or ran; its chain of checks ends.
    Healthy,
    /// The build container runs, and running builds are watched: the next check is armed.
    Watching,
    /// The build waits or progresses; the next check is armed.
    Rearmed,
    /// The pod never ran by the cluster's fault; its replacement is on its way and the chain goes on.
    Recreating,
    /// FAILURE is reported.
    Failed,
    /// The builds API says that the build is finished: nothing is left to do.
    Finished,
    /// There is nothing that the job could be about, and that is as it should be.
    Nothing,
    /// The message's own try failed; a later one may succeed.
    Again(Again),
    /// A peer is down; no attempt is spent.
    Held(Again),
    /// The message cannot be handled, now or later.
    Parked(ParkReason),
    /// The broker took neither the retry nor the next check: the message stays where it is.
    Unsettled(Cause),
}

/// A message to publish before the ack, so that the work comes back.
#[derive(Debug)]
pub struct Again {
    /// The room it comes back to.
    pub to: Room,
    /// After how long; must be one of the room's delays.
    pub delay: Duration,
    /// The message.
    pub body: Vec<u8>,
    /// Why.
    pub cause: Cause,
}

/// Which of our queues something comes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Consumed by verify-worker.
    Checks,
    /// Consumed by start-worker.
    Starts,
}

/// Why something did not succeed, with its sources.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What happens to the message.
#[derive(Debug)]
#[must_use]
pub enum Settlement {
    /// Done with it.
    Ack,
    /// Publish it anew to come back later, await the confirm, then ack.
    Retry(Again),
    /// Hand it back to the broker as it is.
    Requeue,
    /// Publish it to the parking queue with the reason, await the confirm, then ack.
    Park(ParkReason),
}

// === impl Outcome ===

impl Outcome {
    /// The only place where an outcome becomes a broker action.
    pub fn into_settlement(self) -> Settlement {
        match self {
            Self::Created
            | Self::Adopted
            | Self::Stopped
            | Self::Cleared
            | Self::Probed
            | Self::Healthy
            | Self::Watching
            | Self::Rearmed
            | Self::Recreating
            | Self::Failed
            | Self::Finished
            | Self::Nothing => Settlement::Ack,
            Self::Again(again) | Self::Held(again) => Settlement::Retry(again),
            Self::Parked(reason) => Settlement::Park(reason),
            Self::Unsettled(_) => Settlement::Requeue,
        }
    }

    /// Every name of an outcome.
    pub const NAMES: [&'static str; 16] = [
        "created",
        "adopted",
        "stopped",
        "cleared",
        "probed",
        "healthy",
        "watching",
        "rearmed",
        "recreating",
        "failed",
        "finished",
        "nothing",
        "again",
        "held",
        "parked",
        "unsettled",
    ];

    /// The outcome's name in spans, logs and metrics: one of [`NAMES`](Self::NAMES).
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
            Self::Stopped => "stopped",
            Self::Cleared => "cleared",
            Self::Probed => "probed",
            Self::Healthy => "healthy",
            Self::Watching => "watching",
            Self::Rearmed => "rearmed",
            Self::Recreating => "recreating",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Nothing => "nothing",
            Self::Again(_) => "again",
            Self::Held(_) => "held",
            Self::Parked(_) => "parked",
            Self::Unsettled(_) => "unsettled",
        }
    }

    /// What went wrong, if something did.
    pub fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Again(again) | Self::Held(again) => Some(again.cause.as_ref()),
            Self::Parked(reason) => Some(reason),
            Self::Unsettled(cause) => Some(cause.as_ref()),
            Self::Created
            | Self::Adopted
            | Self::Stopped
            | Self::Cleared
            | Self::Probed
            | Self::Healthy
            | Self::Watching
            | Self::Rearmed
            | Self::Recreating
            | Self::Failed
            | Self::Finished
            | Self::Nothing => None,
        }
    }
}

// === impl Settlement ===

impl Settlement {
    /// The settlement's name in spans, logs and docs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Retry(_) => "retry",
            Self::Requeue => "requeue",
            Self::Park(_) => "park",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn again() -> Again {
        Again {
            to: Room::Starts,
            delay: crate::ladder::SOON,
            body: Vec::new(),
            cause: "why".into(),
        }
    }

    /// The outcome after `outcome`, in the order of the table. A new one has to be given its place here, or
    /// this does not compile.
    fn after(outcome: &Outcome) -> Option<Outcome> {
        let next = match outcome {
            Outcome::Created => Outcome::Adopted,
            Outcome::Adopted => Outcome::Stopped,
            Outcome::Stopped => Outcome::Cleared,
            Outcome::Cleared => Outcome::Probed,
            Outcome::Probed => Outcome::Healthy,
            Outcome::Healthy => Outcome::Watching,
            Outcome::Watching => Outcome::Rearmed,
            Outcome::Rearmed => Outcome::Recreating,
            Outcome::Recreating => Outcome::Failed,
            Outcome::Failed => Outcome::Finished,
            Outcome::Finished => Outcome::Nothing,
            Outcome::Nothing => Outcome::Again(again()),
            Outcome::Again(_) => Outcome::Held(again()),
            Outcome::Held(_) => Outcome::Parked(ParkReason::TokenExpired),
            Outcome::Parked(_) => Outcome::Unsettled("why".into()),
            Outcome::Unsettled(_) => return None,
        };
        Some(next)
    }

    /// Every outcome once.
    fn all() -> Vec<Outcome> {
        let mut all = vec![Outcome::Created];
        while let Some(next) = all.last().and_then(after) {
            all.push(next);
        }
        all
    }

    /// The same table stands in docs/ARCHITECTURE.md; both change together.
    #[test]
    fn the_table_of_outcomes_and_settlements_is_the_one_in_the_docs() {
        let mut table = String::from("| outcome | settlement |\n|---|---|\n");
        for outcome in all() {
            let name = outcome.as_str();
            let settlement = outcome.into_settlement();
            writeln!(table, "| {name} | {} |", settlement.as_str()).unwrap();
        }
        // The empty line: the docs have no row more.
        table.push('\n');
        let docs = include_str!("../../../docs/ARCHITECTURE.md");
        assert!(
            docs.contains(&table),
            "docs/ARCHITECTURE.md lacks this table:\n{table}"
        );
    }

    #[test]
    fn the_names_are_all_there_are() {
        let names: Vec<&str> = all().iter().map(Outcome::as_str).collect();
        assert_eq!(names, Outcome::NAMES);
    }

    #[test]
    fn everything_but_plain_success_has_a_cause() {
        for outcome in all() {
            let plain = matches!(outcome.as_str(), "again" | "held" | "parked" | "unsettled");
            assert_eq!(outcome.cause().is_some(), plain, "{}", outcome.as_str());
        }
    }
}
