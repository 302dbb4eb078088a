//! From a job to what to do about it, as data. Pure: no client, no clock, no environment. Stops and clears are
//! in `stop`.

pub(crate) mod pod;
mod stop;

use std::time::Duration;

use common::{
    clock,
    handler::Taken,
    job::{CheckState, Job, Recreate, StartJob, StartState},
    outcome::ParkReason,
    policy::Policy,
    settings::ExecutorSettings,
    telemetry::propagation::TraceContext,
    verdict::LastLook,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use screwdriver_api_client::BuildToken;

pub use stop::{ClearPlan, StopPlan};

use crate::{
    executor::ExecutorError,
    manifest::{Fallback, ManifestError},
};

/// A token older than this may belong to a start that the broker or a person brought back.
const FRESH: i64 = 60;

/// What to do.
#[derive(Debug)]
pub enum Plan {
    /// Make sure that the build has its pod.
    Start(Box<StartPlan>),
    /// Delete the build's pods.
    Stop(StopPlan),
    /// Clear a cache.
    Clear(Box<ClearPlan>),
    /// Nothing: a probe.
    Probe,
    /// Nothing: caches are not kept on disk here.
    NoDiskCache,
    /// Nobody can act on this message.
    Park(ParkReason),
    /// No pod can be made of this; the build is told so.
    Refuse(Box<Refused>),
}

/// A start of which no pod can be made, now.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// Where an earlier handling may have made one.
    pub places: Vec<Place>,
    /// What a start that comes back carries.
    pub state: StartState,
    /// After this nobody may try any longer.
    pub deadline: Timestamp,
}

/// An executor, and what the build's pod is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The executor's name.
    pub executor: String,
    /// The pod's name, the build's for life.
    pub name: String,
    /// The value of the label `sdbuild`.
    pub label: String,
}

/// Why no pod can be made of a start.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such executor.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The configuration gives no pod.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// How to make sure that a build has its pod.
pub struct StartPlan {
    /// The executor, and the pod's name in it.
    pub place: Place,
    /// The pod to create.
    pub pod: Pod,
    /// Annotations of the job that it does not follow.
    pub fallbacks: Vec<Fallback>,
    /// Whether a pod, or an end of the build, may be there already.
    pub look_first: bool,
    /// Whether the build may have a predecessor's pod, under a name of its own.
    pub legacy: bool,
    /// The other executors.
    pub elsewhere: Vec<Place>,
    /// After how long the first check falls due; `None` when a chain of checks lives.
    pub arm: Option<Duration>,
    /// The dead pod to delete first.
    pub recreate: Option<Recreate>,
    /// What a start that comes back carries.
    pub state: StartState,
    /// After this nobody may try any longer.
    pub deadline: Timestamp,
    /// When Screwdriver queued the build, if its token tells.
    pub queued_at: Option<Timestamp>,
}

// === plan ===

/// What to do about `job`. `trace` is the trace that pod and check go on in.
pub fn plan(
    job: &Job<'_>,
    taken: Taken<'_>,
    trace: Option<TraceContext>,
    now: Timestamp,
    policy: &Policy,
) -> Plan {
    match job {
        Job::Start(start) => start_plan(start, taken, trace, now, policy),
        Job::Stop(stop) => Plan::Stop(stop::stop_plan(stop, trace, policy)),
        Job::Clear(clear) => stop::clear_plan(clear, taken, trace, policy),
        Job::Probe => Plan::Probe,
        Job::Check(_) => Plan::Park(ParkReason::WrongQueue),
    }
}

fn start_plan(
    job: &StartJob<'_>,
    taken: Taken<'_>,
    trace: Option<TraceContext>,
    now: Timestamp,
    policy: &Policy,
) -> Plan {
    let claims = job.config.token.as_ref().and_then(BuildToken::claims);
    let expires = claims
        .as_ref()
        .and_then(|claims| claims.expires)
        .map(Timestamp::from);
    if expires.is_some_and(|expires| expires <= now) {
        return Plan::Park(ParkReason::TokenExpired);
    }
    let executors = &policy.settings.executors;
    let chosen = pod::choose(job, executors);
    let state = state(job, taken, chosen.as_deref().ok(), trace, now);
    let executor = match chosen {
        Ok(executor) => executor,
        Err(error) => return refuse(job, error.into(), state, policy),
    };
    let place = pod::place(job, executor);
    let traceparent = state.trace_context.as_ref().map(TraceContext::traceparent);
    let made = pod::manifest(
        job,
        executor,
        &place.name,
        pod::token(job),
        traceparent.as_deref(),
    );
    let made = match made {
        Ok(made) => made,
        Err(error) => return refuse(job, error.into(), state, policy),
    };
    let issued = claims
        .as_ref()
        .and_then(|claims| claims.issued)
        .map(Timestamp::from);
    let fresh = issued.is_some_and(|issued| now.duration_since(issued).as_secs() <= FRESH);
    let arm = (!state.armed).then(|| policy.ladder.delay(0));
    Plan::Start(Box::new(StartPlan {
        look_first: taken.attempt.again || !fresh,
        legacy: policy.settings.start.legacy_consumers,
        elsewhere: places(job, policy, |other| other != executor.name),
        recreate: state.recreate.clone(),
        deadline: deadline(job, &state, policy),
        queued_at: issued,
        place,
        pod: made.pod,
        fallbacks: made.fallbacks,
        arm,
        state,
    }))
}

fn refuse(job: &StartJob<'_>, refusal: Refusal, state: StartState, policy: &Policy) -> Plan {
    Plan::Refuse(Box::new(Refused {
        refusal,
        places: places(job, policy, |_| true),
        deadline: deadline(job, &state, policy),
        state,
    }))
}

fn deadline(job: &StartJob<'_>, state: &StartState, policy: &Policy) -> Timestamp {
    let allowed = policy.settings.start.deadline;
    common::deadline::of_start(state.since, state.held, &job.config, allowed)
}

fn state(
    job: &StartJob<'_>,
    taken: Taken<'_>,
    chosen: Option<&ExecutorSettings>,
    trace: Option<TraceContext>,
    now: Timestamp,
) -> StartState {
    let earlier = job.state.as_ref();
    let executor = chosen
        .map(|executor| &executor.name)
        .or_else(|| earlier.map(|state| &state.executor));
    StartState {
        executor: executor.cloned().unwrap_or_default(),
        attempt: taken.attempt.failed,
        since: earlier.map_or(now, |state| state.since),
        held: earlier.map_or(0, |state| state.held),
        armed: earlier.is_some_and(|state| state.armed),
        recreate: earlier.and_then(|state| state.recreate.clone()),
        trace_context: trace,
    }
}

/// Every executor whose name is wanted, with the build's pod in it.
fn places(job: &StartJob<'_>, policy: &Policy, wanted: impl Fn(&str) -> bool) -> Vec<Place> {
    let all = policy.settings.executors.all.iter();
    all.filter(|executor| wanted(&executor.name))
        .map(|executor| pod::place(job, executor))
        .collect()
}

// === impl StartPlan ===

/// Without the pod: its arguments hold the build's token.
impl std::fmt::Debug for StartPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartPlan")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl StartPlan {
    /// The check that begins the build's chain.
    pub fn first_check(&self) -> CheckState {
        let state = &self.state;
        CheckState {
            executor: state.executor.clone(),
            pod: self.place.name.clone(),
            uid: None,
            started_at: state.since,
            number: 0,
            attempt: 0,
            look: LastLook::default(),
            recreated: state.recreate.as_ref().map_or(0, |recreate| recreate.n),
            deletion: None,
            message: None,
            report_due: false,
            held: state.held,
            once: false,
            trace_context: state.trace_context.clone(),
        }
    }

    /// How long after its first handling the start may be tried.
    pub fn allowed(&self) -> Duration {
        clock::elapsed(self.state.since, self.deadline)
    }
}

#[cfg(test)]
mod tests;
