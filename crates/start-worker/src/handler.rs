//! The start-worker's part of the road: plan, act, decide, report. Settling is not its business.

use std::time::Duration;

use common::{
    builds::{ReportError, Undelivered},
    clock,
    cluster::ClusterError,
    facts::Facts,
    handler::{Handler, Taken},
    job::{BuildConfig, CheckState, Job, StartJob, StartState, StopState, message},
    ladder::{LATER, SOON, retry_delay, start_retry_delay},
    outage::Trouble,
    outcome::{Again, Cause, Outcome, ParkReason, Room},
    policy::Policy,
    telemetry::propagation::TraceContext,
    verdict::{Moment, Sight, Verdict, judge, quoted},
};
use screwdriver_api_client::BuildUpdate;

use crate::{
    act::{Seen, World},
    outcome::{Circumstances, Decision, of_start, told},
    plan::{Plan, Refusal, StartPlan, StopPlan, plan},
};

/// How long a report that nobody insists on may keep a delivery: a slow builds API never delays builds.
const REPORT_BUDGET: Duration = Duration::from_secs(2);
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
            (Plan::Clear(folder), _) => match self.world.clear(&folder).await {
                Ok(()) => Outcome::Cleared,
                // As the predecessor: a cache that cannot be cleared is logged, and no reason to try for ever.
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the cache folder was not cleared"
                    );
                    Outcome::Nothing
                }
            },
            (Plan::Nothing, Job::Probe) => Outcome::Probed,
            (Plan::Nothing, _) => Outcome::Nothing,
            (Plan::Park(reason), _) => Outcome::Parked(reason),
            // `plan` gives these for these jobs only.
            (Plan::Start(_) | Plan::Refuse(_) | Plan::Stop(_), _) => Outcome::Parked(ParkReason::WrongQueue),
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
                let first = StopState {
                    pass: 1,
                    attempt: 0,
                    trace_context,
                };
                let state = job.state.clone().unwrap_or(first);
                message::stop(&job.config, &StopState { attempt, ..state })
            }
            Job::Clear(_) | Job::Check(_) | Job::Probe => return Outcome::Parked(ParkReason::AttemptsSpent),
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
        let at = self.circumstances(taken, begin.elapsed());
        let decision = of_start(plan, &job.config, seen, &at);
        self.conclude(plan, &job.config, decision, &at).await
    }

    fn circumstances(&self, taken: Taken<'_>, took: Duration) -> Circumstances {
        Circumstances {
            attempt: taken.attempt,
            limit: self.policy.settings.broker.message_reprocess_limit,
            now: clock::now(),
            took,
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
            Decision::End(outcome) | Decision::Tell { outcome, facts: None } => outcome,
            Decision::Tell {
                outcome,
                facts: Some(facts),
            } => self.tell(plan, config, outcome, &facts, at).await,
            Decision::Back { outcome, text } => {
                if let Some(text) = text {
                    self.say(config, &BuildUpdate::message(text)).await;
                }
                outcome
            }
            Decision::Fail { text, again } => self.fail(plan, config, text, again, at).await,
        }
    }

    /// The look after the pod exists: a pod that fails already is checked at once, any other is told of.
    async fn tell(
        &self,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        outcome: Outcome,
        facts: &Facts,
        at: &Circumstances,
    ) -> Outcome {
        if let Some(body) = self.check_now(plan, config, facts, at) {
            // Beside the chain that is armed: if this publish fails, the chain sees the same a little later.
            if let Err(error) = self.world.publisher.publish_now(Room::Checks, &body).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the early check was not published"
                );
            }
            return outcome;
        }
        let finished = self.say(config, &told(facts, at.now)).await;
        let uid = facts.uid.as_deref().filter(|_| finished);
        let Some(uid) = uid else { return outcome };
        // Stop wins: whoever is told that the build is finished deletes the pod.
        match self.world.delete_finished(&plan.executor, &plan.name, uid).await {
            Ok(()) => Outcome::Finished,
            Err(trouble) => come_back(plan, config, trouble, at),
        }
    }

    fn check_now(
        &self,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        facts: &Facts,
        at: &Circumstances,
    ) -> Option<Vec<u8>> {
        let check = CheckState {
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
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        text: String,
        again: Again,
        at: &Circumstances,
    ) -> Outcome {
        match self.world.pod_lives(plan).await {
            Ok(true) => return Outcome::Adopted,
            Ok(false) => {}
            // Its pod may live: nothing is failed before that is known.
            Err(trouble) => {
                let cause = trouble.into_inner().into();
                return Outcome::Again(Again { cause, ..again });
            }
        }
        let report = self
            .world
            .builds
            .update(config, &BuildUpdate::failure(text))
            .await;
        undelivered(config, report, again, at)
    }

    /// No pod can be made of the message at all.
    async fn refuse(&self, refusal: &Refusal, job: &StartJob<'_>, taken: Taken<'_>) -> Outcome {
        let text = format!(
            "Build failed to start. {} Check the job's settings, or ask your cluster admin.",
            quoted(&refusal.to_string())
        );
        let at = self.circumstances(taken, Duration::ZERO);
        let state = job
            .state
            .clone()
            .unwrap_or_else(|| StartState::new(at.now, taken.trace.cloned()));
        let body = message::start(&job.config, &state);
        let again = Again {
            to: Room::Starts,
            delay: SOON,
            body,
            cause: refusal.to_string().into(),
        };
        let report = self
            .world
            .builds
            .update(&job.config, &BuildUpdate::failure(text))
            .await;
        undelivered(&job.config, report, again, &at)
    }

    async fn stop(&self, plan: &StopPlan, config: &BuildConfig<'_>) -> Outcome {
        let state = &plan.state;
        let return_later = |state: StopState, delay, cause: Cause| Again {
            to: Room::Starts,
            delay,
            body: message::stop(config, &state),
            cause,
        };
        match self.world.stop(plan).await {
            // The start may still be on its way: look once more.
            Ok(()) if state.pass < 2 => {
                let second = StopState {
                    pass: 2,
                    attempt: 0,
                    ..state.clone()
                };
                self.publish_second_look(&message::stop(config, &second)).await
            }
            Ok(()) => Outcome::Stopped,
            Err(trouble) => {
                if config.token_expired(clock::now()) {
                    return Outcome::Parked(ParkReason::TokenExpired);
                }
                // Nothing else ends a stop that carries no token.
                let limit = self.policy.settings.broker.message_reprocess_limit;
                if config.token.is_none() && state.attempt >= limit {
                    return Outcome::Parked(ParkReason::AttemptsSpent);
                }
                match trouble {
                    Trouble::Down(error) => Outcome::Held(return_later(state.clone(), LATER, error.into())),
                    Trouble::Own(error) => {
                        let (delay, attempt) = (retry_delay(state.attempt), state.attempt.saturating_add(1));
                        let state = StopState {
                            attempt,
                            ..state.clone()
                        };
                        Outcome::Again(return_later(state, delay, error.into()))
                    }
                }
            }
        }
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

/// The start comes back without spending an attempt: its pod may live, so nothing is failed.
fn come_back(
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
        Decision::Fail { again, .. } => Outcome::Again(again),
        Decision::Back { outcome, .. } | Decision::End(outcome) | Decision::Tell { outcome, .. } => outcome,
    }
}

/// What a FAILURE's way to the API means for the message.
fn undelivered(
    config: &BuildConfig<'_>,
    report: Result<(), Trouble<ReportError>>,
    again: Again,
    at: &Circumstances,
) -> Outcome {
    let trouble = match report {
        Ok(()) => return Outcome::Failed,
        Err(trouble) => trouble,
    };
    match Undelivered::of(&trouble, config.token_expired(at.now)) {
        Undelivered::Finished => Outcome::Finished,
        Undelivered::Park(reason) => Outcome::Parked(reason),
        Undelivered::Later => Outcome::Again(Again {
            delay: LATER,
            cause: trouble.into_inner().into(),
            ..again
        }),
        Undelivered::Soon => Outcome::Again(Again {
            delay: SOON,
            cause: trouble.into_inner().into(),
            ..again
        }),
    }
}
