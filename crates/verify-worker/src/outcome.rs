//! From a verdict to what follows: what the build hears, whether and when it is looked at again. Pure.
//! What follows when a peer fails is in [`trouble`].

mod trouble;

use std::time::Duration;

use common::{
    attempt::Attempt,
    facts::Facts,
    job::{BuildConfig, CheckState, Recreate, StartState, message},
    ladder::{Ladder, SOON},
    outcome::Outcome,
    telemetry::propagation::TraceContext,
    verdict::{Judgement, LastLook, Verdict, WAITING_FOR_RESOURCES, delayed_message, waiting_message},
};
use jiff::Timestamp;
use screwdriver_api_client::{BuildUpdate, Stats};

pub use trouble::{held, later, of_trouble, report_due};

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
    /// The chain of checks ends.
    End(Outcome),
    /// The next check.
    Rearm(Next),
    /// A replacement for a pod that never ran, then the next check.
    Recreate(Vec<u8>, Next),
    /// Come back without anything being said.
    Back(Outcome),
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

/// What follows from what was seen. `facts` is the pod's, if there is one.
pub fn of_look(
    check: &CheckState,
    config: &BuildConfig<'_>,
    judgement: Judgement,
    facts: Option<&Facts>,
    at: &Circumstances<'_>,
) -> Decision {
    let Judgement { verdict, look } = judgement;
    let seen = seen(check, look, facts);
    let next = next(&seen, at);
    let young = age(check, at.now) <= START_MAY_COME;
    let if_finished = if verdict == Verdict::NotCreated && young && !check.once {
        IfFinished::GoOn
    } else {
        IfFinished::End
    };
    let (report, then) = match verdict {
        Verdict::Healthy { node, .. } => (
            Report::Must(BuildUpdate::stats(Stats::new(node, None))),
            Then::End(Outcome::Healthy),
        ),
        Verdict::Failed(failure) => (
            Report::Must(BuildUpdate::failure(failure.message)),
            Then::End(Outcome::Failed),
        ),
        Verdict::Recreate { cause, .. } => {
            let (start, next) = recreate(check, config, facts, next, at);
            (
                note(
                    check,
                    format!("The cluster lost the pod before the build began; starting it anew. {cause}"),
                ),
                Then::Recreate(start, next),
            )
        }
        Verdict::Waiting { cause } => {
            let text = waiting_message(Some(&cause));
            (waiting(check, &cause, text, at), Then::Rearm(next))
        }
        Verdict::Progressing { cause } => (waiting(check, &cause, cause.clone(), at), Then::Rearm(next)),
        // Silent but for the first check, which asks by its report whether the build is still wanted.
        Verdict::Terminating { cause } if check.number == 0 => (note(check, cause), Then::Rearm(next)),
        Verdict::Terminating { .. } | Verdict::Missing => (Report::Nothing, Then::Rearm(next)),
        Verdict::NotCreated => (not_created(check, at), Then::Rearm(next)),
    };
    Decision {
        report,
        then: only_once(check, then),
        if_finished,
        seen,
    }
}

/// The check with what this look saw.
fn seen(check: &CheckState, look: LastLook, facts: Option<&Facts>) -> CheckState {
    let uid = facts.and_then(|facts| facts.uid.clone());
    CheckState {
        pod: facts.map_or_else(|| check.pod.clone(), |facts| facts.name.clone()),
        uid: uid.or_else(|| check.uid.clone()),
        recreated: facts.map_or(0, |facts| facts.recreated).max(check.recreated),
        look,
        ..check.clone()
    }
}

/// What the next check carries. A look that has to be confirmed comes soon and is no step of the ladder.
fn next(seen: &CheckState, at: &Circumstances<'_>) -> Next {
    let confirm = seen.look.overdue_since.is_some() || seen.look.missing_since.is_some();
    let number = if confirm {
        seen.number
    } else {
        seen.number.saturating_add(1)
    };
    Next {
        delay: if confirm { SOON } else { at.ladder.delay(number) },
        check: CheckState {
            number,
            attempt: 0,
            report_due: false,
            trace_context: at.trace.clone(),
            ..seen.clone()
        },
    }
}

fn recreate(
    check: &CheckState,
    config: &BuildConfig<'_>,
    facts: Option<&Facts>,
    next: Next,
    at: &Circumstances<'_>,
) -> (Vec<u8>, Next) {
    // A pod that is still there says itself how often it was replaced: the order for its replacement may be
    // on its way already, and repeating it is not another replacement.
    let replaced = facts.map_or(next.check.recreated, |facts| facts.recreated);
    let n = replaced.saturating_add(1);
    let start = StartState {
        executor: check.executor.clone(),
        attempt: 0,
        since: check.started_at,
        held: check.held,
        armed: true,
        recreate: Some(Recreate {
            uid: facts.and_then(|facts| facts.uid.clone()),
            n,
        }),
        trace_context: at.trace.clone(),
    };
    let number = check.number.saturating_add(1);
    let check = CheckState {
        uid: None,
        recreated: n,
        look: LastLook::default(),
        number,
        ..next.check
    };
    (
        message::start(config, &start),
        Next {
            delay: at.ladder.delay(number),
            check,
        },
    )
}

/// A build that waits hears `text`, or from the check of the init timeout on that it takes long.
fn waiting(check: &CheckState, cause: &str, text: String, at: &Circumstances<'_>) -> Report {
    let text = if at.ladder.tells_delay(check.number) {
        delayed_message(Some(cause))
    } else {
        text
    };
    note(check, text)
}

/// The last text again. Every such check reports: the answer tells whether the build is still wanted.
fn not_created(check: &CheckState, at: &Circumstances<'_>) -> Report {
    let last = check.message.as_deref().unwrap_or(WAITING_FOR_RESOURCES);
    let told = last.starts_with(&delayed_message(None));
    let text = if at.ladder.tells_delay(check.number) && !told {
        delayed_message(Some(last))
    } else {
        last.to_owned()
    };
    Report::Note {
        update: BuildUpdate::message(text.clone()),
        text: Some(text),
    }
}

/// The first check always reports, changed or not: its answer tells whether the build is still wanted.
fn note(check: &CheckState, text: String) -> Report {
    let known = check.message.as_deref() == Some(text.as_str());
    if known && check.number > 0 && !check.report_due {
        return Report::Nothing;
    }
    Report::Note {
        update: BuildUpdate::message(text.clone()),
        text: Some(text),
    }
}

/// A look beside the chain ends with itself. It does not recreate either: the chain sees the same, and two
/// would race.
fn only_once(check: &CheckState, then: Then) -> Then {
    match then {
        Then::Rearm(_) | Then::Recreate(..) if check.once => Then::End(Outcome::Nothing),
        then => then,
    }
}

fn age(check: &CheckState, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(check.started_at)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
