//! What a decision comes to: the report, then what follows. Effects only; settling is not its business.

use common::{
    builds::Undelivered,
    facts::Facts,
    job::{BuildConfig, CheckState, message},
    ladder::{LATER, SOON},
    outage::Trouble,
    outcome::{Outcome, Room},
    telemetry::spans,
};
use screwdriver_api_client::{BuildStatus, BuildUpdate, Wanted};

use super::{NOTE_BUDGET, VerifyHandler};
use crate::outcome::{Circumstances, Decision, IfFinished, Next, Report, Then, held, later, report_due};

/// How a report ended.
enum Told {
    Yes,
    Finished,
    NotYet(Outcome),
    Never,
}

impl VerifyHandler {
    /// Report first, then arm what follows; the settlement comes last, on the road.
    pub(super) async fn carry_out(
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
            Report::Ask { update, text } => (self.ask(config, &update).await, Some(text)),
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

    /// Asks whether the build is still wanted, and says the update only if that has no plain answer.
    async fn ask(&self, config: &BuildConfig<'_>, update: &BuildUpdate) -> Told {
        match self.world.wanted(NOTE_BUDGET, config).await {
            Some(Wanted::Yes) => Told::Never,
            // A build that runs, one that is finished, and an API that does not know: its words tell.
            Some(Wanted::RunningOrFinished) | None => self.note(config, update).await,
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
            Ok(()) => {
                if let (Some(BuildStatus::Failure), Some(text)) = (update.status(), update.status_message()) {
                    spans::record_failure(&tracing::Span::current(), text);
                }
                return Told::Yes;
            }
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
            Then::End(outcome) => outcome,
            Then::Rearm(next) => self.rearm(config, next, text, Outcome::Rearmed).await,
            Then::Watch(next) => self.rearm(config, next, text, Outcome::Watching).await,
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
