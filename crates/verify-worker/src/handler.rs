//! The verify-worker's part of the road: plan, act, decide, report. Settling is not its business.

use std::time::Duration;

use common::{
    builds::Undelivered,
    clock,
    facts::Facts,
    handler::{Handler, Taken},
    job::{BuildConfig, CheckState, Job, message},
    ladder::{LATER, SOON, retry_delay},
    outage::Trouble,
    outcome::{Again, Outcome, ParkReason, Room},
    policy::Policy,
    telemetry::propagation::TraceContext,
    verdict::{Judgement, Moment, Sight, Verdict, judge, wants_events},
};
use jiff::Timestamp;
use screwdriver_api_client::BuildUpdate;

use crate::{
    act::{Sighting, World},
    outcome::{
        Circumstances, Decision, IfFinished, Next, Report, Then, held, later, of_look, of_trouble, report_due,
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

/// A check whose handling panicked.
#[derive(Debug, thiserror::Error)]
#[error("handling panicked")]
struct Panicked;

/// How a report ended.
enum Told {
    Yes,
    Finished,
    NotYet(Outcome),
    Never,
}

// === impl VerifyHandler ===

impl Handler for VerifyHandler {
    async fn handle(&self, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
        match (plan(job, clock::now(), &self.policy), job) {
            (Plan::Look(look), Job::Check(job)) => self.look(*look, &job.config, taken).await,
            (Plan::Nothing, _) => Outcome::Probed,
            (Plan::Park(reason), _) => Outcome::Parked(reason),
            // `plan` gives looks for checks only.
            (Plan::Look(_), _) => Outcome::Parked(ParkReason::WrongQueue),
        }
    }

    fn after_panic(&self, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
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
            cause: Panicked.into(),
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
        match sighting {
            Err(trouble) => {
                let decision = of_trouble(&look.check, config, trouble, &at);
                self.carry_out(config, None, decision, &at).await
            }
            Ok(Sighting { executor, facts }) => {
                look.check.executor = executor;
                let (facts, judgement) = self.judge(&look, config, facts, at.now).await;
                self.world
                    .metrics
                    .verdict(judgement.verdict.as_str(), reason(&judgement.verdict));
                let decision = of_look(&look.check, config, judgement, facts.as_ref(), &at);
                self.carry_out(config, facts.as_ref(), decision, &at).await
            }
        }
    }

    /// The verdict; with the pod's events where its status alone does not tell enough.
    async fn judge(
        &self,
        look: &Look,
        config: &BuildConfig<'_>,
        facts: Option<Facts>,
        now: Timestamp,
    ) -> (Option<Facts>, Judgement) {
        let moment = self.moment(&look.check, config, facts.as_ref(), now);
        let clocks = &self.policy.settings.checks.clocks;
        let Some(facts) = facts else {
            let sight = Sight::Absent {
                ever_seen: look.check.uid.is_some() || look.by == By::Label,
            };
            return (None, judge(sight, &look.check.look, &moment, clocks));
        };
        // Another pod than the last look's: what that look saw is not this pod's past.
        let same = look.check.uid.is_none() || look.check.uid == facts.uid;
        let fresh = common::verdict::LastLook::default();
        let last = if same { &look.check.look } else { &fresh };
        let judgement = judge(Sight::Pod(&facts), last, &moment, clocks);
        if !wants_events(&facts, &judgement.verdict) {
            return (Some(facts), judgement);
        }
        let facts = self.world.with_events(look, facts).await;
        let judgement = judge(Sight::Pod(&facts), last, &moment, clocks);
        (Some(facts), judgement)
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
        let start_deadline =
            Duration::try_from(deadline.duration_since(check.started_at)).unwrap_or_default();
        Moment {
            now,
            started_at: check.started_at,
            recreated: facts.map_or(check.recreated, |facts| facts.recreated),
            start_deadline,
        }
    }

    /// Report first, then arm what follows; the settlement comes last, on the road.
    async fn carry_out(
        &self,
        config: &BuildConfig<'_>,
        facts: Option<&Facts>,
        decision: Decision,
        at: &Circumstances<'_>,
    ) -> Outcome {
        let Decision {
            report,
            then,
            if_finished,
            seen,
        } = decision;
        let (told, text) = match report {
            Report::Nothing => (Told::Never, None),
            Report::Note { update, text } => (self.note(config, &update).await, text),
            Report::Must(update) => (self.insist(&seen, config, &update, at).await, None),
        };
        match told {
            Told::NotYet(outcome) => outcome,
            Told::Finished if if_finished == IfFinished::End => self.finish(&seen, config, facts, at).await,
            Told::Yes => self.follow(config, then, text).await,
            Told::Finished | Told::Never => self.follow(config, then, None).await,
        }
    }

    /// Says something that nobody insists on.
    async fn note(&self, config: &BuildConfig<'_>, update: &BuildUpdate) -> Told {
        match self.world.builds.update_within(NOTE_BUDGET, config, update).await {
            Ok(()) => Told::Yes,
            Err(error) if error.is_finished() => Told::Finished,
            Err(error) => {
                tracing::warn!(
                    error = error.as_error(),
                    "the build was not told; the next check will tell it"
                );
                Told::Never
            }
        }
    }

    /// Says something that must arrive before the check may end.
    async fn insist(
        &self,
        seen: &CheckState,
        config: &BuildConfig<'_>,
        update: &BuildUpdate,
        at: &Circumstances<'_>,
    ) -> Told {
        let begin = tokio::time::Instant::now();
        let trouble = match self.world.builds.update(config, update).await {
            Ok(()) => return Told::Yes,
            Err(trouble) => trouble,
        };
        let delay = match Undelivered::of(&trouble, config.token_life(at.now)) {
            Undelivered::Finished => return Told::Finished,
            Undelivered::Park(reason) => return Told::NotYet(Outcome::Parked(reason)),
            Undelivered::Later => LATER,
            Undelivered::Soon => SOON,
        };
        Told::NotYet(match trouble {
            Trouble::Down(_) => {
                let took = at.took + begin.elapsed();
                let due = CheckState {
                    report_due: true,
                    ..seen.clone()
                };
                held(
                    &due,
                    config,
                    trouble.into_cause(),
                    &Circumstances { took, ..at.clone() },
                )
            }
            Trouble::Own(error) => report_due(config, seen, delay, error.into()),
        })
    }

    /// Stop wins: whoever is told that the build is finished deletes its pod, and the chain ends there.
    async fn finish(
        &self,
        seen: &CheckState,
        config: &BuildConfig<'_>,
        facts: Option<&Facts>,
        at: &Circumstances<'_>,
    ) -> Outcome {
        let Some(facts) = facts else {
            return Outcome::Finished;
        };
        match self.world.delete_finished(&seen.executor, facts).await {
            Ok(()) => Outcome::Finished,
            Err(trouble) => later(seen, config, trouble, at),
        }
    }

    async fn follow(&self, config: &BuildConfig<'_>, then: Then, text: Option<String>) -> Outcome {
        match then {
            Then::End(outcome) | Then::Back(outcome) => outcome,
            Then::Rearm(next) => self.rearm(config, next, text, Outcome::Rearmed).await,
            Then::Recreate(start, next) => {
                if let Err(error) = self.world.publisher.publish_now(Room::Starts, &start).await {
                    return Outcome::Unsettled(error.into());
                }
                self.rearm(config, next, text, Outcome::Recreating).await
            }
        }
    }

    async fn rearm(
        &self,
        config: &BuildConfig<'_>,
        next: Next,
        text: Option<String>,
        outcome: Outcome,
    ) -> Outcome {
        let message = text.or(next.check.message);
        let check = CheckState {
            message,
            ..next.check
        };
        let body = message::check(config, &check);
        match self
            .world
            .publisher
            .publish_after(Room::Checks, next.delay, &body)
            .await
        {
            Ok(()) => outcome,
            Err(error) => Outcome::Unsettled(error.into()),
        }
    }
}

/// The verdict's reason, as a label.
fn reason(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Failed(failure) => failure.reason.as_str(),
        Verdict::Recreate { reason, .. } => reason.as_str(),
        Verdict::Healthy { .. }
        | Verdict::Waiting { .. }
        | Verdict::Progressing { .. }
        | Verdict::Terminating { .. }
        | Verdict::NotCreated
        | Verdict::Missing => "none",
    }
}
