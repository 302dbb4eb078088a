//! From what a pod's facts mean to the verdict at this time.
//!
//! This is where time, earlier looks and the count of new pods come in: how long something may stand, which of
//! two looks confirms it, and whether a pod that is over leaves its build another chance.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Actor, Explanation, Failure, Judgement, LastLook, Moment, Phase, SECOND_LOOK, Sight, Verdict,
    catalogue::{Fate, Scope},
    diagnosis::{Diagnosis, Finding, begin, diagnose, last_step, wants_pull_event},
    elapsed, message,
};
use crate::{facts::Facts, settings::Clocks};

/// Judges what a look found.
pub fn judge(sight: Sight<'_>, last: &LastLook, at: &Moment, clocks: &Clocks) -> Judgement {
    match sight {
        Sight::Pod(facts) => judge_pod(facts, last, at, clocks),
        Sight::Absent { ever_seen: false } => judge_never_seen(last, at),
        Sight::Absent { ever_seen: true } => judge_missing(last, at),
    }
}

/// Whether the pod's events would tell more than its status does: a reason without text, or a final verdict.
/// `false` once the facts have events.
pub fn wants_events(facts: &Facts, verdict: &Verdict) -> bool {
    let silent_pull = || facts.containers.iter().any(wants_pull_event);
    facts.events.is_none()
        && match verdict {
            Verdict::Failed(_) | Verdict::Recreate { .. } => true,
            Verdict::Progressing { .. } => silent_pull() || facts.build().is_none_or(|it| !it.speaks()),
            Verdict::Healthy { .. }
            | Verdict::Waiting { .. }
            | Verdict::Terminating { .. }
            | Verdict::NotCreated
            | Verdict::Missing => false,
        }
}

/// What a look at this very pod would have left when its phase began, by the pod's own timestamps. Its clock
/// counts as seen run out, so that one look decides what else takes two.
fn memory(facts: &Facts) -> LastLook {
    let Diagnosis::Standing(phase, finding) = diagnose(facts) else {
        return LastLook::default();
    };
    let since = begin(facts, phase, finding.container);
    LastLook {
        phase: Some(phase),
        phase_since: since,
        cause_since: since,
        overdue_since: since,
        ..LastLook::default()
    }
}

/// Judges a pod of which nothing is known but itself.
pub fn explain(facts: &Facts, at: &Moment, clocks: &Clocks) -> Explanation {
    let at = match diagnose(facts) {
        Diagnosis::Over(_) => at.of_the_end(),
        _ => *at,
    };
    let Judgement { verdict, .. } = judge_pod(facts, &memory(facts), &at, clocks);
    let finding = match diagnose(facts) {
        Diagnosis::Healthy { .. } => None,
        Diagnosis::Terminating(finding) | Diagnosis::Over(finding) | Diagnosis::Standing(_, finding) => {
            Some(finding)
        }
    };
    let actor = match &verdict {
        Verdict::Failed(failure) => Some(failure.actor),
        Verdict::Recreate { .. } | Verdict::Terminating { .. } => Some(Actor::Nobody),
        _ => finding.map(|finding| match finding.row.scope {
            // Nothing is wrong as long as the phase's clock runs.
            Scope::Phase => Actor::Nobody,
            _ => finding.actor(),
        }),
    };
    Explanation {
        verdict,
        reason: finding.map(|finding| finding.row.reason),
        actor,
    }
}

/// The verdict on a pod that is known to be gone, as it last was.
pub fn explain_gone(facts: &Facts, at: &Moment) -> Explanation {
    let last = LastLook {
        missing_since: Some(Timestamp::MIN),
        ran: facts.build_ran(),
        ..LastLook::default()
    };
    let at = &at.of_the_end();
    let verdict = match diagnose(facts) {
        Diagnosis::Healthy { ended: true } => {
            let node = facts.node.clone();
            Verdict::Healthy { node, ended: true }
        }
        Diagnosis::Over(finding) => over(&finding, Some(facts), last, at).verdict,
        _ => judge_missing(&last, at).verdict,
    };
    let (reason, actor) = match &verdict {
        Verdict::Failed(failure) => (Some(failure.reason), Some(failure.actor)),
        Verdict::Recreate { reason, .. } => (Some(*reason), Some(Actor::Nobody)),
        _ => (None, None),
    };
    Explanation {
        verdict,
        reason,
        actor,
    }
}

fn judge_pod(facts: &Facts, last: &LastLook, at: &Moment, clocks: &Clocks) -> Judgement {
    let look = |phase| last.follow(phase, None, facts.build_ran(), at.now);
    match diagnose(facts) {
        Diagnosis::Healthy { ended } => Judgement {
            verdict: Verdict::Healthy {
                node: facts.node.clone(),
                ended,
            },
            look: look(if ended { Phase::Ended } else { Phase::Running }),
        },
        Diagnosis::Terminating(finding) => {
            let look = look(Phase::Terminating);
            // A running build may use its grace period, however old it is.
            let due = facts.deletion_due.is_none_or(|due| due <= at.now);
            let verdict = if due && at.deadline_passed() {
                failed(&finding, Some(facts), 0)
            } else {
                Verdict::Terminating {
                    cause: message::cause(&finding, Some(facts)),
                }
            };
            Judgement { verdict, look }
        }
        Diagnosis::Over(finding) => over(&finding, Some(facts), look(Phase::Ended), at),
        Diagnosis::Standing(phase, finding) => {
            let progress = last_step(facts, phase, finding.container);
            let look = last.follow(phase, progress, facts.build_ran(), at.now).because(
                finding.cause(phase),
                last,
                at.now,
            );
            standing(facts, phase, &finding, look, at, clocks)
        }
    }
}

fn judge_never_seen(last: &LastLook, at: &Moment) -> Judgement {
    let verdict = if at.deadline_passed() {
        failed(&Finding::absence("never"), None, 0)
    } else {
        Verdict::NotCreated
    };
    Judgement {
        verdict,
        look: LastLook {
            ran: last.ran,
            ..LastLook::default()
        },
    }
}

fn judge_missing(last: &LastLook, at: &Moment) -> Judgement {
    let since = last.missing_since.map_or(at.now, |since| since.min(at.now));
    let look = LastLook {
        missing_since: Some(since),
        ran: last.ran,
        ..LastLook::default()
    };
    if elapsed(since, at.now) < SECOND_LOOK {
        return Judgement {
            verdict: Verdict::Missing,
            look,
        };
    }
    over(
        &Finding::absence(if last.ran { "ran" } else { "waited" }),
        None,
        look,
        at,
    )
}

/// The pod is over or gone: a new one for a build that never ran and was not at fault, as long as it may still
/// be started; else failure.
fn over(finding: &Finding<'_>, facts: Option<&Facts>, look: LastLook, at: &Moment) -> Judgement {
    let new_pods = at.recreated.max(facts.map_or(0, |facts| facts.recreated));
    match finding.row.fate {
        Fate::Anew(most) if !look.ran && new_pods < most && !at.deadline_passed() => Judgement {
            verdict: Verdict::Recreate {
                reason: finding.row.reason,
                cause: message::cause(finding, facts),
            },
            look: LastLook::default(),
        },
        Fate::Anew(_) if !look.ran => Judgement {
            verdict: failed(finding, facts, new_pods),
            look,
        },
        _ => Judgement {
            verdict: failed(finding, facts, 0),
            look,
        },
    }
}

/// Something stands in the way: a failure if it stood too long, else more time.
fn standing(
    facts: &Facts,
    phase: Phase,
    finding: &Finding<'_>,
    mut look: LastLook,
    at: &Moment,
    clocks: &Clocks,
) -> Judgement {
    let age = |since: Option<Timestamp>| since.map_or(Duration::ZERO, |since| elapsed(since, at.now));
    let (phase_age, cause_age) = (age(look.phase_since), age(look.cause_since));
    let set = clocks.graces.get(&finding.row.reason).copied();
    let seconds = |limit: u16| set.unwrap_or(Duration::from_secs(limit.into()));
    // Causes that take turns last no longer than their phase may.
    let drags_on = |limit: Duration| {
        phase
            .clock(clocks)
            .is_some_and(|clock| phase_age >= clock.max(limit))
    };
    let fate = if finding.hearsay {
        Fate::Phase
    } else {
        finding.row.fate
    };
    let time_is_up = match (fate, set, phase.clock(clocks)) {
        (Fate::Fails | Fate::Anew(_), None, _) => true,
        (Fate::Fails | Fate::Anew(_), Some(limit), _) => cause_age >= limit,
        (Fate::Grace(limit), ..) => {
            let drags_on = look.confirms_overdue(drags_on(seconds(limit)), at.now);
            drags_on || cause_age >= seconds(limit)
        }
        (Fate::Clock(limit), ..) => {
            look.confirms_overdue(cause_age >= seconds(limit) || drags_on(seconds(limit)), at.now)
        }
        (Fate::Phase, Some(limit), _) | (Fate::Phase, None, Some(limit)) => {
            look.confirms_overdue(phase_age >= limit, at.now)
        }
        (Fate::Phase, None, None) => at.deadline_passed(),
    };
    let verdict = match &facts.node {
        _ if time_is_up => failed(finding, Some(facts), 0),
        None => Verdict::Waiting {
            cause: message::cause(finding, Some(facts)),
        },
        Some(_) => Verdict::Progressing {
            cause: message::cause(finding, Some(facts)),
        },
    };
    Judgement { verdict, look }
}

fn failed(finding: &Finding<'_>, facts: Option<&Facts>, new_pods: u32) -> Verdict {
    Verdict::Failed(Failure {
        reason: finding.row.reason,
        actor: finding.actor(),
        message: message::failure(finding, facts, new_pods),
    })
}
