//! What to do about stops and clears. Pure.

use common::{
    handler::Taken,
    job::{ClearJob, StopJob, StopState},
    outcome::ParkReason,
    pod_identity::{LABEL_BUILD, build_label},
    policy::Policy,
    telemetry::propagation::TraceContext,
};

use super::Plan;
use crate::clear::{self, CacheFolder, ClearError};

/// Which pods to delete.
#[derive(Debug, PartialEq)]
pub struct StopPlan {
    /// Executor and label selector; once per distinct namespace and prefix.
    pub targets: Vec<(String, String)>,
    /// What the stop carries when this pass fails.
    pub state: StopState,
}

/// Which cache to clear.
#[derive(Debug, PartialEq)]
pub struct ClearPlan {
    /// Its folder.
    pub folder: CacheFolder,
    /// What the clear carries when it comes back.
    pub state: StopState,
}

// === plans ===

pub(super) fn stop_plan(job: &StopJob<'_>, trace: Option<TraceContext>, policy: &Policy) -> StopPlan {
    // Every place: weights or annotations may have changed since the start, and a pod left behind is worse
    // than a deletion that finds nothing.
    let targets = policy.settings.executors.places().into_iter().map(|executor| {
        let label = build_label(&executor.prefix, &job.config.build_id);
        (executor.name.clone(), format!("{LABEL_BUILD}={label}"))
    });
    StopPlan {
        targets: targets.collect(),
        state: stop_state(job.state.as_ref(), trace),
    }
}

fn stop_state(earlier: Option<&StopState>, trace: Option<TraceContext>) -> StopState {
    match earlier {
        None => StopState::new(trace),
        Some(earlier) => StopState {
            trace_context: trace,
            ..earlier.clone()
        },
    }
}

pub(super) fn clear_plan(
    job: &ClearJob<'_>,
    taken: Taken<'_>,
    trace: Option<TraceContext>,
    policy: &Policy,
) -> Plan {
    match clear::folder(&job.config, &policy.settings.ecosystem.cache) {
        Ok(folder) => {
            let state = StopState {
                attempt: taken.attempt.failed,
                ..stop_state(job.state.as_ref(), trace)
            };
            Plan::Clear(Box::new(ClearPlan { folder, state }))
        }
        Err(ClearError::NoDiskCache) => Plan::NoDiskCache,
        Err(ClearError::Incomplete(error)) => Plan::Park(error.into()),
        Err(ClearError::Unsafe) => Plan::Park(ParkReason::UnsafePath),
    }
}
