//! What follows when a pod cannot be read, a peer is down or a report does not arrive. Pure.
//!
//! In every case the same check comes back: nobody is failed for a peer's trouble, except at the limit of a
//! message's own tries.

use std::time::Duration;

use common::{
    cluster::{Class, ClusterError},
    facts::Facts,
    job::{BuildConfig, CheckState, message},
    ladder::{LATER, SOON, retry_delay},
    outage::Trouble,
    outcome::{Again, Cause, Outcome, ParkReason, Room},
    verdict::{Verdict, quoted},
};
use screwdriver_api_client::BuildUpdate;

use super::{Circumstances, Decision, IfFinished, Report, Then, last_look, memory};

/// Whether a build may get a new pod is for the builds API to say.
#[derive(Debug, thiserror::Error)]
#[error("the builds API does not say whether the build has begun: it gets no new pod yet")]
struct Unasked;

/// What follows from a pod that could not be read.
pub fn of_trouble(
    check: &CheckState,
    config: &BuildConfig<'_>,
    trouble: Trouble<ClusterError>,
    at: &Circumstances<'_>,
) -> Decision {
    match trouble {
        Trouble::Own(error) if spends(&error) && at.attempt.is_last(at.limit) => {
            let text = format!(
                "Build failed to start. Whether its pod runs could not be verified. Please reach out to your cluster \
                 admin for help, then restart the build. Cause: {}",
                quoted(&error.to_string())
            );
            Decision {
                report: Report::Must(BuildUpdate::failure(text)),
                then: Then::End(Outcome::Failed),
                if_finished: IfFinished::End,
                seen: check.clone(),
            }
        }
        trouble => Decision {
            report: Report::Nothing,
            then: Then::End(later(check, config, trouble, at)),
            if_finished: IfFinished::End,
            seen: check.clone(),
        },
    }
}

/// The same check later, whatever the trouble was: nobody is failed for it.
pub fn later(
    check: &CheckState,
    config: &BuildConfig<'_>,
    trouble: Trouble<ClusterError>,
    at: &Circumstances<'_>,
) -> Outcome {
    let error = match trouble {
        Trouble::Down(_) => return held(check, config, trouble.into_cause(), at),
        Trouble::Own(error) => error,
    };
    if config.token_expired(at.now) {
        return Outcome::Parked(ParkReason::TokenExpired);
    }
    let failed = at.attempt.failed;
    let (attempt, delay) = match error.class() {
        // What a person must mend, or the peer is too busy for, costs the check nothing.
        Class::Environment => (failed, LATER),
        Class::Busy if error.retry_after().is_some_and(|asked| asked > SOON) => (failed, LATER),
        Class::Busy => (failed, SOON),
        Class::Transient | Class::Permanent | Class::Quota => (failed.saturating_add(1), retry_delay(failed)),
    };
    let check = CheckState {
        attempt,
        ..check.clone()
    };
    Outcome::Again(again(config, &check, delay, error.into()))
}

/// Whether the error is the message's own. What a person must mend costs it nothing.
fn spends(error: &ClusterError) -> bool {
    !matches!(error.class(), Class::Environment | Class::Busy)
}

/// A peer is down: the same check later, its clocks stopped meanwhile.
pub fn held(check: &CheckState, config: &BuildConfig<'_>, cause: Cause, at: &Circumstances<'_>) -> Outcome {
    let length = at.took + LATER;
    let check = CheckState {
        held: check
            .held
            .saturating_add(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
        look: check.look.after_outage(length),
        ..check.clone()
    };
    Outcome::Held(again(config, &check, LATER, cause))
}

/// A build that needs a new pod, and a builds API that does not say whether it has begun: the same check later, which
/// remembers the pod and asks again. Its clocks run on, so that the start deadline ends this with a failure.
pub fn unasked(
    check: &CheckState,
    config: &BuildConfig<'_>,
    verdict: &Verdict,
    facts: Option<&Facts>,
) -> Outcome {
    let check = memory::seen(check, verdict, last_look(check, facts), facts);
    Outcome::Again(again(config, &check, LATER, Unasked.into()))
}

/// The same check, which reads the pod anew: what is kept is that a report is due, never the verdict.
pub fn report_due(config: &BuildConfig<'_>, check: &CheckState, delay: Duration, cause: Cause) -> Outcome {
    let check = CheckState {
        report_due: true,
        ..check.clone()
    };
    Outcome::Again(again(config, &check, delay, cause))
}

fn again(config: &BuildConfig<'_>, check: &CheckState, delay: Duration, cause: Cause) -> Again {
    Again {
        to: Room::Checks,
        delay,
        body: message::check(config, check),
        cause,
    }
}
