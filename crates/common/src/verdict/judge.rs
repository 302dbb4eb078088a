//! From what a pod's facts mean to the verdict at this time.
//!
//! This is where time, earlier looks and the count of new pods come in: how long something may stand, which of
//! two looks confirms it, and whether a pod that is over leaves its build another chance.

use std::time::Duration;

use super::{
    Failure, Judgement, LastLook, Moment, Phase, SECOND_LOOK, Sight, Verdict,
    catalogue::Fate,
    diagnosis::{Diagnosis, Finding, diagnose, wants_pull_event},
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

fn judge_pod(facts: &Facts, last: &LastLook, at: &Moment, clocks: &Clocks) -> Judgement {
    let look = |phase| last.follow(phase, facts.build_ran(), at.now);
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
        Diagnosis::Standing(phase, finding) => standing(facts, phase, &finding, look(phase), at, clocks),
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

/// The pod is over or gone: a new one for a build that never ran and was not at fault, else failure.
fn over(finding: &Finding<'_>, facts: Option<&Facts>, look: LastLook, at: &Moment) -> Judgement {
    let new_pods = at.recreated.max(facts.map_or(0, |facts| facts.recreated));
    match finding.row.fate {
        Fate::Anew(most) if !look.ran && new_pods < most => Judgement {
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
    let age = look
        .phase_since
        .map_or(Duration::ZERO, |since| elapsed(since, at.now));
    let clock = |limit: u16| Duration::from_secs(limit.into());
    let time_is_up = match (finding.row.fate, phase.clock(clocks)) {
        (Fate::Fails | Fate::Anew(_), _) => true,
        (Fate::Grace(limit), _) => age >= clock(limit),
        (Fate::Clock(limit), _) => look.confirms_overdue(age >= clock(limit), at.now),
        (Fate::Phase, Some(limit)) => look.confirms_overdue(age >= limit, at.now),
        (Fate::Phase, None) => at.deadline_passed(),
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
