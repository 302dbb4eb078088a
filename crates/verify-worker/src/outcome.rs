//! From a verdict to what follows: what the build hears, whether and when it is looked at again. Pure.
//!
//! Whether a look is counted is in `effect`, what looks know of earlier ones in `memory`, what the build hears in
//! `note`, what the next check carries in `sequel`, and what follows when a peer fails in `trouble`.

mod effect;
mod memory;
mod note;
mod sequel;
mod trouble;

use std::time::Duration;

use common::{
    attempt::Attempt,
    clock,
    facts::Facts,
    job::{BuildConfig, CheckState},
    ladder::Ladder,
    outcome::Outcome,
    telemetry::propagation::TraceContext,
    verdict::{Judgement, Verdict, recreated_message, waiting_message},
};
use jiff::Timestamp;
use screwdriver_api_client::{BuildUpdate, Stats};

pub use effect::{ends_the_way, took_effect};
pub use memory::{Words, knows_running, last_look};
pub use trouble::{held, later, of_trouble, report_due, unasked};

/// A build that is finished and has no pod is still looked at while it is younger than this: its start may
/// be under way, and would leave a pod that nobody looks at.
const START_MAY_COME: Duration = Duration::from_mins(1);

/// What to do after a look.
#[derive(Debug)]
pub struct Decision {
    /// What the build hears.
    pub report: Report,
    /// What follows, unless the API says that the build is finished.
    pub then: Then,
    /// What follows if it does.
    pub if_finished: IfFinished,
    /// This check with what the look has seen: what comes back when the report does not arrive. The facts
    /// stay known, the verdict does not.
    pub seen: CheckState,
}

/// What the build hears.
#[derive(Debug)]
pub enum Report {
    /// Nothing new.
    Nothing,
    /// Nothing new to a build that start-worker may have told more: only whether it is still wanted is asked.
    /// The text is said when that has no plain answer, since the API's answer to it is one.
    Ask {
        /// The update.
        update: BuildUpdate,
        /// The text that the next check remembers when it arrived.
        text: String,
    },
    /// Something that the next check says again if it does not arrive.
    Note {
        /// The update.
        update: BuildUpdate,
        /// The text that the next check remembers when it arrived.
        text: Option<String>,
    },
    /// Something that must arrive before the check may end.
    Must(BuildUpdate),
}

/// What follows a look.
#[derive(Debug)]
pub enum Then {
    /// Nothing more: the chain of checks ends, or the same check comes back.
    End(Outcome),
    /// The next check.
    Rearm(Next),
    /// The next look at a build that runs.
    Watch(Next),
    /// A replacement for a pod that never ran, then the next check.
    Recreate(Vec<u8>, Next),
}

/// The next check of the chain.
#[derive(Debug)]
pub struct Next {
    /// After how long it falls due.
    pub delay: Duration,
    /// What it carries.
    pub check: CheckState,
}

/// What a finished build means for its chain of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfFinished {
    /// It ends; a pod that is there is deleted.
    End,
    /// It goes on: the start may still be under way.
    GoOn,
}

/// What decides beside the look.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// Which try of this check this was.
    pub attempt: Attempt,
    /// Tries that a message's own fault may cost.
    pub limit: u32,
    /// When checks fall due.
    pub ladder: &'a Ladder,
    /// When the look was made.
    pub now: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The trace that the next check goes on in.
    pub trace: Option<TraceContext>,
}

// === decisions ===

/// What follows from what was seen. `facts` is the pod's, if there is one; `words` are what the cluster said about
/// one that is gone.
pub fn of_look(
    check: &CheckState,
    config: &BuildConfig<'_>,
    judgement: Judgement,
    facts: Option<&Facts>,
    words: Option<&Words>,
    at: &Circumstances<'_>,
) -> Decision {
    let Judgement { verdict, look } = judgement;
    let seen = memory::seen(check, &verdict, look, facts);
    let next = sequel::next(&seen, at);
    let young = age(check, at.now) <= START_MAY_COME;
    let if_finished = if verdict == Verdict::NotCreated && young && !check.once {
        IfFinished::GoOn
    } else {
        IfFinished::End
    };
    let gone = |text: String| note::with_last_words(text, check, facts, words);
    // A restarted kubelet may for a moment forget the containers of a running build: that is no news.
    let runs = facts.is_some_and(Facts::build_ran);
    let (report, then) = match verdict {
        Verdict::Healthy { node, ended } => {
            let report = if memory::knows_running(check, facts) {
                Report::Nothing
            } else {
                Report::Must(BuildUpdate::stats(Stats::new(node, None)))
            };
            (report, sequel::of_healthy(ended, next, at))
        }
        Verdict::Failed(failure) => (
            Report::Must(BuildUpdate::failure(gone(failure.message))),
            Then::End(Outcome::Failed),
        ),
        Verdict::Recreate { cause, .. } => {
            let (start, next) = sequel::recreate(check, config, facts, next, at);
            let text = recreated_message(&gone(cause));
            (note::note(check, text), Then::Recreate(start, next))
        }
        Verdict::Waiting { .. } | Verdict::Progressing { .. } if runs => (Report::Nothing, Then::Rearm(next)),
        Verdict::Waiting { cause } => {
            let text = waiting_message(Some(&cause));
            (note::waiting(check, text, at), Then::Rearm(next))
        }
        Verdict::Progressing { cause } => (note::waiting(check, cause, at), Then::Rearm(next)),
        // Silent but for the first check, which asks by its report whether the build is still wanted.
        Verdict::Terminating { cause } if check.number == 0 => (note::note(check, cause), Then::Rearm(next)),
        Verdict::Terminating { .. } | Verdict::Missing => (Report::Nothing, Then::Rearm(next)),
        Verdict::NotCreated => (note::not_created(check, at), Then::Rearm(next)),
    };
    Decision {
        report,
        then: sequel::only_once(check, then),
        if_finished,
        seen,
    }
}

fn age(check: &CheckState, now: Timestamp) -> Duration {
    clock::elapsed(check.started_at, now)
}

#[cfg(test)]
mod tests;
