//! The start-worker's part of the road: plan, act, decide, report. Settling is not its business.
//! What builds are told is in `report`.

mod report;

use std::time::Duration;

use common::{
    clock,
    handler::{Handler, Panicked, Taken},
    job::{BuildConfig, CacheConfig, Job, StartJob, StartState, StopState, message},
    ladder::{SOON, start_retry_delay},
    outcome::{Again, Outcome, ParkReason, Room},
    policy::Policy,
    telemetry::{metrics::labels::PodAction, propagation::TraceContext, spans},
};

use crate::{
    act::{Seen, World},
    manifest::Fallback,
    outcome::{Circumstances, Decision, StopDecision, of_clear, of_refusal, of_start, of_stop},
    plan::{ClearPlan, Plan, Refused, StartPlan, StopPlan, plan},
};

/// The second look of a stop comes after this.
const SECOND_LOOK: Duration = SOON;

/// Handles starts, stops and clears.
#[derive(Debug)]
pub struct StartHandler {
    /// What decides.
    pub policy: Policy,
    /// What is acted on.
    pub world: World,
}

// === impl StartHandler ===

impl Handler for StartHandler {
    async fn handle(&self, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
        let now = clock::now();
        let trace = TraceContext::current_or(taken.trace);
        let plan = plan(job, taken, trace, now, &self.policy);
        match (plan, job) {
            (Plan::Start(plan), Job::Start(job)) => self.start(&plan, job, taken).await,
            (Plan::Refuse(refusal), Job::Start(job)) => self.refuse(&refusal, job, taken).await,
            (Plan::Stop(plan), Job::Stop(job)) => self.stop(&plan, &job.config).await,
            (Plan::Clear(plan), Job::Clear(job)) => self.clear(&plan, &job.config).await,
            (Plan::Probe, _) => Outcome::Probed,
            (Plan::NoDiskCache, _) => {
                tracing::info!("caches are not kept on disk here: there is none to clear");
                Outcome::Nothing
            }
            (Plan::Park(reason), _) => Outcome::Parked(reason),
            // `plan` gives these for these jobs only.
            (Plan::Start(_) | Plan::Refuse(_) | Plan::Stop(_) | Plan::Clear(_), _) => {
                Outcome::Parked(ParkReason::WrongQueue)
            }
        }
    }

    fn after_panic(&self, job: &Job<'_>, taken: Taken<'_>, panicked: Panicked) -> Outcome {
        if taken
            .attempt
            .is_last(self.policy.settings.broker.message_reprocess_limit)
        {
            return Outcome::Parked(ParkReason::AttemptsSpent);
        }
        let attempt = taken.attempt.failed + 1;
        let trace_context = taken.trace.cloned();
        let body = match job {
            Job::Start(job) => {
                let state = job
                    .state
                    .clone()
                    .unwrap_or_else(|| StartState::new(clock::now(), trace_context));
                message::start(&job.config, &StartState { attempt, ..state })
            }
            Job::Stop(job) => {
                let state = job.state.clone();
                let state = state.unwrap_or_else(|| StopState::new(trace_context));
                message::stop(&job.config, &StopState { attempt, ..state })
            }
            Job::Clear(job) => {
                let state = job.state.clone();
                let state = state.unwrap_or_else(|| StopState::new(trace_context));
                message::clear(&job.config, &StopState { attempt, ..state })
            }
            Job::Check(_) | Job::Probe => return Outcome::Parked(ParkReason::AttemptsSpent),
        };
        let delay = start_retry_delay(taken.attempt.failed);
        Outcome::Again(Again {
            to: Room::Starts,
            delay,
            body,
            cause: panicked.into(),
        })
    }
}

impl StartHandler {
    async fn start(&self, plan: &StartPlan, job: &StartJob<'_>, taken: Taken<'_>) -> Outcome {
        let begin = tokio::time::Instant::now();
        let seen = self.world.start(plan, &job.config).await;
        self.count(plan, &seen);
        let at = self.circumstances(taken, begin.elapsed());
        let decision = of_start(plan, &job.config, seen, &at);
        self.conclude(plan, &job.config, decision, &at).await
    }

    fn count(&self, plan: &StartPlan, seen: &Seen) {
        let executor = match seen {
            Seen::Pod { executor, .. } => executor,
            _ => &plan.place.executor,
        };
        spans::record_executor(&tracing::Span::current(), executor);
        match seen {
            Seen::Pod { created: true, .. } => {
                self.tell_fallbacks(&plan.fallbacks);
                // A replacement says nothing about how long Screwdriver's message took.
                if let (Some(queued), None) = (plan.queued_at, &plan.recreate) {
                    let waited = clock::elapsed(queued, clock::now());
                    self.world.metrics.pod_after(waited);
                }
            }
            Seen::Pod { created: false, .. } => self.world.metrics.pod(PodAction::Adopted),
            _ => {}
        }
    }

    /// Once for each pod, however often its message comes.
    fn tell_fallbacks(&self, fallbacks: &[Fallback]) {
        if fallbacks.is_empty() {
            return;
        }
        for fallback in fallbacks {
            self.world.metrics.annotation_unusable(fallback.annotation);
        }
        let all: Vec<String> = fallbacks.iter().map(ToString::to_string).collect();
        tracing::warn!(
            annotations = all.join("; "),
            "the pod does not follow all of its job's annotations"
        );
    }

    fn circumstances(&self, taken: Taken<'_>, took: Duration) -> Circumstances {
        Circumstances {
            attempt: taken.attempt,
            limit: self.policy.settings.broker.message_reprocess_limit,
            now: clock::now(),
            took,
            init_timeout: self.policy.settings.checks.init_timeout,
        }
    }

    /// No pod can be made of the message.
    async fn refuse(&self, refused: &Refused, job: &StartJob<'_>, taken: Taken<'_>) -> Outcome {
        let at = self.circumstances(taken, Duration::ZERO);
        match of_refusal(refused, &job.config, &at) {
            Decision::Fail(failing) => {
                let sought = (refused.places.as_slice(), &refused.state);
                self.fail(sought, &job.config, failing, &at).await
            }
            Decision::Back { outcome, text } => self.back(&job.config, outcome, text).await,
            Decision::Tell { outcome, .. } | Decision::End(outcome) => outcome,
        }
    }

    async fn stop(&self, plan: &StopPlan, config: &BuildConfig<'_>) -> Outcome {
        let deleted = self.world.stop(plan).await;
        let limit = self.policy.settings.broker.message_reprocess_limit;
        match of_stop(&plan.state, config, deleted, limit, clock::now()) {
            StopDecision::End(outcome) => outcome,
            StopDecision::SecondLook(body) => self.publish_second_look(&body).await,
        }
    }

    async fn clear(&self, plan: &ClearPlan, config: &CacheConfig<'_>) -> Outcome {
        let cleared = self.world.caches.clear(&plan.folder).await;
        let limit = self.policy.settings.broker.message_reprocess_limit;
        of_clear(&plan.state, config, cleared, limit)
    }

    async fn publish_second_look(&self, body: &[u8]) -> Outcome {
        match self
            .world
            .publisher
            .publish_after(Room::Starts, SECOND_LOOK, body)
            .await
        {
            Ok(()) => Outcome::Stopped,
            Err(error) => Outcome::Unsettled(error.into()),
        }
    }
}
