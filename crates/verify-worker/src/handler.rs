//! The verify-worker's part of the road: plan, act, decide, report. Settling is not its business.
//! How reports and next checks are sent is in `report`.

mod report;

use std::time::Duration;

use common::{
    clock,
    facts::Facts,
    handler::{Handler, Panicked, Taken},
    job::{BuildConfig, CheckState, Job, message},
    ladder::retry_delay,
    outcome::{Again, Outcome, ParkReason, Room},
    policy::Policy,
    telemetry::{phases::record_stages, propagation::TraceContext, spans},
    verdict::{Judgement, LastLook, Moment, Sight, Verdict, judge, wants_events},
};
use jiff::Timestamp;
use screwdriver_api_client::Wanted;

use crate::{
    act::{Sighting, World},
    outcome::{
        Circumstances, Words, ends_the_way, knows_running, last_look, of_look, of_trouble, took_effect,
        unasked,
    },
    plan::{By, Look, Plan, plan},
};

/// How long a note may keep a check.
const NOTE_BUDGET: Duration = Duration::from_secs(2);

/// Handles checks.
#[derive(Debug)]
pub struct VerifyHandler {
    /// What decides.
    pub policy: Policy,
    /// What is acted on.
    pub world: World,
}

// === impl VerifyHandler ===

impl Handler for VerifyHandler {
    async fn handle(&self, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
        match (plan(job, clock::now(), &self.policy), job) {
            (Plan::Look(look), Job::Check(job)) => self.look(*look, &job.config, taken).await,
            (Plan::Probe, _) => Outcome::Probed,
            (Plan::Leave, _) => Outcome::Nothing,
            (Plan::Park(reason), _) => Outcome::Parked(reason),
            // `plan` gives looks for checks only.
            (Plan::Look(_), _) => Outcome::Parked(ParkReason::WrongQueue),
        }
    }

    fn after_panic(&self, job: &Job<'_>, taken: Taken<'_>, panicked: Panicked) -> Outcome {
        let (Job::Check(job), false) = (
            job,
            taken
                .attempt
                .is_last(self.policy.settings.broker.message_reprocess_limit),
        ) else {
            return Outcome::Parked(ParkReason::AttemptsSpent);
        };
        // A predecessor's message has no state to count in: it is kept for a person.
        let Some(state) = &job.state else {
            return Outcome::Parked(ParkReason::AttemptsSpent);
        };
        let failed = taken.attempt.failed;
        let check = CheckState {
            attempt: failed + 1,
            ..state.clone()
        };
        let body = message::check(&job.config, &check);
        Outcome::Again(Again {
            to: Room::Checks,
            delay: retry_delay(failed),
            body,
            cause: panicked.into(),
        })
    }
}

impl VerifyHandler {
    async fn look(&self, mut look: Look, config: &BuildConfig<'_>, taken: Taken<'_>) -> Outcome {
        let begin = tokio::time::Instant::now();
        let sighting = self.world.look(&look).await;
        let at = Circumstances {
            attempt: taken.attempt,
            limit: self.policy.settings.broker.message_reprocess_limit,
            ladder: &self.policy.ladder,
            now: clock::now(),
            took: begin.elapsed(),
            trace: TraceContext::current_or(taken.trace),
        };
        let executor = sighting.as_ref().map_or(&look.check.executor, |it| &it.executor);
        spans::record_executor(&tracing::Span::current(), executor);
        match sighting {
            Err(trouble) => {
                let decision = of_trouble(&look.check, config, trouble, &at);
                self.carry_out(config, None, decision, &at).await
            }
            Ok(Sighting { executor, facts }) => {
                look.check.executor = executor;
                let (facts, judgement, asked) = self.judge(&look, config, facts, at.now).await;
                if !asked {
                    return unasked(&look.check, config, &judgement.verdict, facts.as_ref());
                }
                let words = self.last_words(&look, facts.as_ref(), &judgement.verdict).await;
                let verdict = judgement.verdict.clone();
                let decision = of_look(
                    &look.check,
                    config,
                    judgement,
                    facts.as_ref(),
                    words.as_ref(),
                    &at,
                );
                let outcome = self.carry_out(config, facts.as_ref(), decision, &at).await;
                if took_effect(&verdict, &outcome) {
                    self.count(&look.check, facts.as_ref(), &verdict);
                }
                if let Some(facts) = &facts
                    && ends_the_way(&look.check, facts, &outcome)
                {
                    record_stages(facts);
                }
                outcome
            }
        }
    }

    fn count(&self, check: &CheckState, facts: Option<&Facts>, verdict: &Verdict) {
        let is_healthy = matches!(verdict, Verdict::Healthy { .. });
        if is_healthy && knows_running(check, facts) {
            // Watched builds are looked at again and again: with each look a share of failures would seem smaller.
            return;
        }
        self.world.metrics.verdict(verdict.labels());
        let times = facts.map(|facts| (facts.created_at, facts.build_started_at()));
        if let Some((Some(made), Some(started))) = times.filter(|_| is_healthy) {
            self.world.metrics.running_after(clock::elapsed(made, started));
        }
    }

    /// What the cluster said about a pod that is gone, when that decides about its build.
    async fn last_words(&self, look: &Look, facts: Option<&Facts>, verdict: &Verdict) -> Option<Words> {
        let decides = matches!(verdict, Verdict::Failed(_) | Verdict::Recreate { .. });
        let uid = look.check.uid.as_deref().filter(|_| decides && facts.is_none())?;
        let events = self.world.events(&look.check.executor, uid).await?;
        Words::of(&events)
    }

    /// The verdict; with the pod's events where its status alone does not tell enough, and with what the builds
    /// API knows where a build might run twice: `false` as long as it does not say.
    async fn judge(
        &self,
        look: &Look,
        config: &BuildConfig<'_>,
        facts: Option<Facts>,
        now: Timestamp,
    ) -> (Option<Facts>, Judgement, bool) {
        let mut last = last_look(&look.check, facts.as_ref());
        let (facts, judgement) = self.judge_what_is_seen(look, config, facts, &last, now).await;
        let anew = matches!(judgement.verdict, Verdict::Recreate { .. }) && !look.check.once;
        if !anew {
            return (facts, judgement, true);
        }
        match self.world.wanted(NOTE_BUDGET, config).await {
            Some(Wanted::Yes) => (facts, judgement, true),
            Some(Wanted::RunningOrFinished) => {
                // It ran between two looks: started anew it would run twice.
                last.ran = true;
                let judgement = self.verdict(look, config, facts.as_ref(), &last, now);
                (facts, judgement, true)
            }
            None => (facts, judgement, false),
        }
    }

    async fn judge_what_is_seen(
        &self,
        look: &Look,
        config: &BuildConfig<'_>,
        facts: Option<Facts>,
        last: &LastLook,
        now: Timestamp,
    ) -> (Option<Facts>, Judgement) {
        let judgement = self.verdict(look, config, facts.as_ref(), last, now);
        match facts {
            Some(facts) if wants_events(&facts, &judgement.verdict) => {
                let facts = self.world.with_events(look, facts).await;
                let judgement = self.verdict(look, config, Some(&facts), last, now);
                (Some(facts), judgement)
            }
            facts => (facts, judgement),
        }
    }

    fn verdict(
        &self,
        look: &Look,
        config: &BuildConfig<'_>,
        facts: Option<&Facts>,
        last: &LastLook,
        now: Timestamp,
    ) -> Judgement {
        let moment = self.moment(&look.check, config, facts, now);
        let sight = facts.map_or(
            Sight::Absent {
                ever_seen: ever_seen(look),
            },
            Sight::Pod,
        );
        judge(sight, last, &moment, &self.policy.settings.checks.clocks)
    }

    fn moment(
        &self,
        check: &CheckState,
        config: &BuildConfig<'_>,
        facts: Option<&Facts>,
        now: Timestamp,
    ) -> Moment {
        let allowed = self.policy.settings.start.deadline;
        let deadline = common::deadline::of_start(check.started_at, check.held, config, allowed);
        let mut start_deadline = clock::elapsed(check.started_at, deadline);
        if facts.is_none() {
            // Whoever tries the start once a minute knows better why it failed, and speaks first.
            start_deadline = start_deadline.saturating_add(allowed / 40);
        }
        Moment {
            now,
            started_at: check.started_at,
            recreated: facts.map_or(check.recreated, |facts| facts.recreated),
            start_deadline,
        }
    }
}

/// A predecessor sent its check after it had made the pod.
fn ever_seen(look: &Look) -> bool {
    look.check.uid.is_some() || look.by == By::Label
}
