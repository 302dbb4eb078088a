//! The start-worker's part of the road: plan, act, decide, report. Settling is not its business.

use std::time::Duration;

use common::{
    clock,
    facts::Facts,
    handler::{Handler, Taken},
    job::{BuildConfig, CacheConfig, CheckState, Job, StartJob, StartState, StopState, message},
    ladder::{SOON, start_retry_delay},
    outcome::{Again, Outcome, ParkReason, Room},
    policy::Policy,
    telemetry::{metrics::labels::PodAction, propagation::TraceContext, spans},
    verdict::{Moment, Sight, Verdict, judge},
};
use screwdriver_api_client::BuildUpdate;

use crate::{
    act::{REPORT_BUDGET, Seen, World},
    manifest::Fallback,
    outcome::{
        Circumstances, Decision, StopDecision, come_back, of_clear, of_refusal, of_start, of_stop, told,
        undelivered,
    },
    plan::{ClearPlan, Place, Plan, Refused, StartPlan, StopPlan, plan},
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

/// A job whose handling panicked.
#[derive(Debug, thiserror::Error)]
#[error("handling panicked")]
struct Panicked;

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
            (Plan::Nothing, Job::Probe) => Outcome::Probed,
            (Plan::Nothing, _) => {
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

    fn after_panic(&self, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
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
            cause: Panicked.into(),
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

    async fn conclude(
        &self,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        decision: Decision,
        at: &Circumstances,
    ) -> Outcome {
        match decision {
            Decision::End(outcome)
            | Decision::Tell {
                outcome, facts: None, ..
            } => outcome,
            Decision::Tell {
                outcome,
                executor,
                facts: Some(facts),
            } => self.tell(plan, config, outcome, (&executor, &facts), at).await,
            Decision::Back { outcome, text } => self.back(config, outcome, text).await,
            Decision::Fail { text, again } => {
                let places = std::slice::from_ref(&plan.place);
                self.fail((places, &plan.state), config, text, again, at).await
            }
        }
    }

    async fn back(&self, config: &BuildConfig<'_>, outcome: Outcome, text: Option<String>) -> Outcome {
        if let Some(text) = text {
            self.say(config, &BuildUpdate::message(text)).await;
        }
        outcome
    }

    /// The look after the pod exists: a pod that fails already is checked at once, any other is told of.
    async fn tell(
        &self,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        outcome: Outcome,
        (executor, facts): (&str, &Facts),
        at: &Circumstances,
    ) -> Outcome {
        if let Some(body) = self.check_now(plan, config, (executor, facts), at) {
            // Beside the chain that is armed: if this publish fails, the chain sees the same a little later.
            if let Err(error) = self.world.publisher.publish_now(Room::Checks, &body).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the early check was not published"
                );
            }
            return outcome;
        }
        let created = matches!(outcome, Outcome::Created).then_some(at.now);
        let Some(update) = told(facts, created) else {
            return outcome;
        };
        let finished = self.say(config, &update).await;
        let uid = facts.uid.as_deref().filter(|_| finished);
        let Some(uid) = uid else { return outcome };
        // Stop wins: whoever is told that the build is finished deletes the pod.
        match self.world.delete_finished(executor, &facts.name, uid).await {
            Ok(()) => Outcome::Finished,
            Err(trouble) => come_back(plan, config, trouble, at),
        }
    }

    fn check_now(
        &self,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        (executor, facts): (&str, &Facts),
        at: &Circumstances,
    ) -> Option<Vec<u8>> {
        let check = CheckState {
            executor: executor.to_owned(),
            pod: facts.name.clone(),
            once: true,
            ..plan.first_check()
        };
        let moment = Moment {
            now: at.now,
            started_at: plan.state.since,
            recreated: check.recreated,
            start_deadline: plan.allowed(),
        };
        let judgement = judge(
            Sight::Pod(facts),
            &check.look,
            &moment,
            &self.policy.settings.checks.clocks,
        );
        // A recreate is for the chain alone: two would race.
        matches!(judgement.verdict, Verdict::Failed(_)).then(|| message::check(config, &check))
    }

    /// Tells the build something that nobody insists on. True if the build is finished.
    async fn say(&self, config: &BuildConfig<'_>, update: &BuildUpdate) -> bool {
        match self
            .world
            .builds
            .update_within(REPORT_BUDGET, config, update)
            .await
        {
            Ok(()) => false,
            Err(error) if error.is_finished() => true,
            Err(error) => {
                tracing::warn!(
                    error = error.as_error(),
                    "the build was not told; its check will tell it"
                );
                false
            }
        }
    }

    /// Fails the build, unless its pod lives or cannot be read.
    async fn fail(
        &self,
        (places, state): (&[Place], &StartState),
        config: &BuildConfig<'_>,
        text: String,
        again: Again,
        at: &Circumstances,
    ) -> Outcome {
        match self.world.pod_lives(places, state.recreate.as_ref()).await {
            Ok(true) => return Outcome::Adopted,
            Ok(false) => {}
            // Its pod may live: nothing is failed before that is known.
            Err(trouble) => {
                let cause = trouble.into_cause();
                return Outcome::Again(Again { cause, ..again });
            }
        }
        let update = BuildUpdate::failure(text.clone());
        let report = self.world.builds.update(config, &update).await;
        let outcome = undelivered(config, report, again, at);
        if matches!(outcome, Outcome::Failed) {
            spans::record_failure(&tracing::Span::current(), &text);
        }
        outcome
    }

    /// No pod can be made of the message.
    async fn refuse(&self, refused: &Refused, job: &StartJob<'_>, taken: Taken<'_>) -> Outcome {
        let at = self.circumstances(taken, Duration::ZERO);
        match of_refusal(refused, &job.config, &at) {
            Decision::Fail { text, again } => {
                let sought = (refused.places.as_slice(), &refused.state);
                self.fail(sought, &job.config, text, again, &at).await
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
