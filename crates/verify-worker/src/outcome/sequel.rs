//! What the next check carries, and when it falls due. Pure.

use common::{
    facts::Facts,
    job::{BuildConfig, CheckState, Recreate, StartState, message},
    ladder::{LATER, SOON},
    outcome::Outcome,
    verdict::{LastLook, Phase},
};

use super::{Circumstances, Next, Then};

/// What the next check carries. A look that has to be confirmed, or that waits for the end of a pod that is being
/// deleted, comes soon and is no step of the ladder.
pub(super) fn next(seen: &CheckState, at: &Circumstances<'_>) -> Next {
    let confirm = seen.look.overdue_since.is_some() || seen.look.missing_since.is_some();
    // The first check is a step all the same, since it is the one that always reports.
    let ending = seen.look.phase == Some(Phase::Terminating) && seen.number > 0;
    let step = seen.number.saturating_add(1);
    let (number, delay) = match (confirm, ending) {
        (true, _) => (seen.number, SOON),
        (false, true) => (seen.number, at.ladder.delay(step).min(LATER)),
        (false, false) => (step, at.ladder.delay(step)),
    };
    Next {
        delay,
        check: CheckState {
            number,
            attempt: 0,
            report_due: false,
            trace_context: at.trace.clone(),
            ..seen.clone()
        },
    }
}

/// A build that runs is watched if that is asked for; of one that has ended its launcher has told.
pub(super) fn of_healthy(ended: bool, next: Next, at: &Circumstances<'_>) -> Then {
    match at.ladder.watch().filter(|_| !ended) {
        Some(delay) => Then::Watch(Next { delay, ..next }),
        None => Then::End(Outcome::Healthy),
    }
}

/// The order for a new pod, and the chain that goes on without knowing its UID.
pub(super) fn recreate(
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
        deletion: None,
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

/// A look beside the chain ends with itself. It does not recreate either: the chain sees the same, and two
/// would race.
pub(super) fn only_once(check: &CheckState, then: Then) -> Then {
    match then {
        Then::Watch(_) if check.once => Then::End(Outcome::Healthy),
        Then::Rearm(_) | Then::Recreate(..) if check.once => Then::End(Outcome::Nothing),
        then => then,
    }
}
