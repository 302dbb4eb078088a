//! What the answers to a start mean. Pure. A stop's are in `stop`, a clear's in `clear`, a report's in
//! `report`; what a build reads is in `text`.

mod clear;
mod report;
mod stop;
mod text;

use std::time::Duration;

use common::{
    attempt::Attempt,
    cluster::{Class, ClusterError},
    facts::Facts,
    job::{BuildConfig, StartState, message},
    ladder::{LATER, SOON, START_DELAYS, start_delay_of, start_retry_delay},
    outage::Trouble,
    outcome::{Again, Cause, Outcome, Room},
    verdict::{NoPod, quoted},
};
use jiff::Timestamp;

pub use clear::of_clear;
pub use report::undelivered;
pub use stop::{StopDecision, of_stop};
pub use text::told;
use text::{failure_text, in_its_time, waiting_text};

use crate::{
    act::Seen,
    plan::{Refusal, Refused, StartPlan},
};

/// What to do about the answers, before the message is settled.
#[derive(Debug)]
pub enum Decision {
    /// The pod is there: tell the build what it waits for, without insisting.
    Tell {
        /// The outcome when all is said.
        outcome: Outcome,
        /// The executor in which the pod is.
        executor: String,
        /// What the look showed; nothing could be read: nothing is told.
        facts: Option<Box<Facts>>,
    },
    /// Nothing to tell.
    End(Outcome),
    /// Come back later; the build may hear why.
    Back {
        /// The outcome.
        outcome: Outcome,
        /// What the build waits for.
        text: Option<String>,
    },
    /// The build fails, unless its pod lives after all.
    Fail(Failing),
}

/// A build that is to fail.
#[derive(Debug)]
pub struct Failing {
    /// Why it has no pod, for metrics.
    pub why: NoPod,
    /// What the build is told.
    pub text: String,
    /// What comes back when that cannot be said.
    pub again: Again,
}

/// What decides beside the answers.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Which try this was.
    pub attempt: Attempt,
    /// Tries that a message's own fault may cost.
    pub limit: u32,
    /// When the handling ended.
    pub now: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The age from which a build that waits hears that it takes long.
    pub init_timeout: Duration,
}

/// The name is held by another pod.
#[derive(Debug, thiserror::Error)]
#[error("the pod's name is held by a pod that is going away or is not ours")]
struct Occupied;

// === decisions ===

/// What the answers to a start mean.
pub fn of_start(plan: &StartPlan, config: &BuildConfig<'_>, seen: Seen, at: &Circumstances) -> Decision {
    match seen {
        Seen::Pod {
            created,
            executor,
            facts,
        } => Decision::Tell {
            outcome: if created {
                Outcome::Created
            } else {
                Outcome::Adopted
            },
            executor,
            facts,
        },
        Seen::Unwanted => Decision::End(Outcome::Finished),
        Seen::Unasked(error) => held(plan, config, error.into(), true, at),
        // The broker refuses: what the retry would need it refuses too. The message stays where it is.
        Seen::Unarmed(error) => Decision::End(Outcome::Unsettled(error.into())),
        Seen::Occupied { armed } => {
            let again = again(config, &unspent(plan, armed), SOON, Occupied.into());
            if at.now >= plan.deadline {
                let text = "Build failed to start. Another pod holds the name of this build's pod. \
                            Ask your cluster admin to delete it, then restart the build.";
                return Decision::Fail(Failing {
                    why: NoPod::NameTaken,
                    text: text.to_owned(),
                    again,
                });
            }
            Decision::Back {
                outcome: Outcome::Again(again),
                text: None,
            }
        }
        Seen::Refused {
            trouble: down @ Trouble::Down(_),
            armed,
        } => held(plan, config, down.into_cause(), armed, at),
        Seen::Refused {
            trouble: Trouble::Own(error),
            armed,
        } => refused(plan, config, error, armed, at),
    }
}

/// A peer is down: the start comes back without an attempt spent, and its deadline stands still meanwhile.
fn held(
    plan: &StartPlan,
    config: &BuildConfig<'_>,
    cause: Cause,
    armed: bool,
    at: &Circumstances,
) -> Decision {
    let length = millis(at.took.saturating_add(LATER));
    let state = StartState {
        held: plan.state.held.saturating_add(length),
        ..unspent(plan, armed)
    };
    Decision::Back {
        outcome: Outcome::Held(again(config, &state, LATER, cause)),
        text: None,
    }
}

/// What it means that no pod can be made of a start.
pub fn of_refusal(refused: &Refused, config: &BuildConfig<'_>, at: &Circumstances) -> Decision {
    let Refused { refusal, state, .. } = refused;
    let cause = quoted(&refusal.to_string());
    let again = |delay| again(config, state, delay, refusal.to_string().into());
    // It was there when the start was first handled, and so may be a pod: settings change back.
    let was_chosen = matches!(refusal, Refusal::Executor(_)) && !state.executor.is_empty();
    if was_chosen && at.now < refused.deadline {
        return Decision::Back {
            outcome: Outcome::Again(again(LATER)),
            text: Some(in_its_time(
                format!("Waiting for the cluster; the cluster admin must act: {cause}"),
                state,
                at,
            )),
        };
    }
    Decision::Fail(Failing {
        why: NoPod::Impossible,
        text: format!("Build failed to start. {cause} Check the job's settings, or ask your cluster admin."),
        again: again(SOON),
    })
}

/// The start comes back without spending an attempt, since its pod could not be deleted: nothing is failed.
pub fn come_back(
    plan: &StartPlan,
    config: &BuildConfig<'_>,
    trouble: Trouble<ClusterError>,
    at: &Circumstances,
) -> Outcome {
    let patient = Circumstances {
        limit: u32::MAX,
        ..*at
    };
    match of_start(plan, config, Seen::Refused { trouble, armed: true }, &patient) {
        Decision::Fail(Failing { again, .. }) => Outcome::Again(again),
        Decision::Back { outcome, .. } | Decision::End(outcome) | Decision::Tell { outcome, .. } => outcome,
    }
}

fn refused(
    plan: &StartPlan,
    config: &BuildConfig<'_>,
    error: ClusterError,
    armed: bool,
    at: &Circumstances,
) -> Decision {
    let class = error.class();
    let spends = class == Class::Transient;
    let last = match class {
        Class::Permanent => true,
        Class::Transient => at.attempt.is_last(at.limit),
        Class::Environment | Class::Quota | Class::Busy => false,
    };
    let fails = last || at.now >= plan.deadline;
    let text = if fails {
        failure_text(&error)
    } else {
        in_its_time(waiting_text(&error), &plan.state, at)
    };
    let mut state = unspent(plan, armed);
    let delay = match class {
        Class::Transient => start_retry_delay(at.attempt.failed),
        Class::Busy => start_delay_of(error.retry_after().unwrap_or(SOON)),
        Class::Permanent | Class::Environment | Class::Quota => LATER,
    };
    if spends && !fails {
        state.attempt += 1;
    }
    let why = match (&error, class) {
        (ClusterError::Invalid { .. }, _) => NoPod::Invalid,
        (_, Class::Permanent) => NoPod::Refused,
        (_, Class::Quota) => NoPod::Quota,
        (_, Class::Environment | Class::Transient | Class::Busy) => NoPod::Unavailable,
    };
    let again = again(config, &state, delay, error.into());
    if fails {
        Decision::Fail(Failing { why, text, again })
    } else {
        Decision::Back {
            outcome: Outcome::Again(again),
            text: matches!(class, Class::Environment | Class::Quota).then_some(text),
        }
    }
}

/// What a start that comes back carries when it spends no attempt.
fn unspent(plan: &StartPlan, armed: bool) -> StartState {
    StartState {
        armed,
        ..plan.state.clone()
    }
}

fn again(config: &BuildConfig<'_>, state: &StartState, delay: Duration, cause: Cause) -> Again {
    debug_assert!(
        START_DELAYS.contains(&delay),
        "{delay:?} is no step of the start ladder"
    );
    Again {
        to: Room::Starts,
        delay,
        body: message::start(config, state),
        cause,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
