//! What a start tells its build once it is decided, and what comes of that. Nobody insists on it but a failure.

use common::{
    facts::Facts,
    job::{BuildConfig, CheckState, StartState, message},
    outcome::{Again, Outcome, Room},
    telemetry::{phases::record_stages, spans},
    verdict::{Labels, Moment, Sight, Verdict, judge},
};
use screwdriver_api_client::BuildUpdate;

use super::StartHandler;
use crate::{
    act::REPORT_BUDGET,
    outcome::{Circumstances, Decision, Failing, come_back, told, undelivered},
    plan::{Place, StartPlan},
};

// === impl StartHandler ===

impl StartHandler {
    pub(super) async fn conclude(
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
            Decision::Fail(failing) => {
                let places = std::slice::from_ref(&plan.place);
                self.fail((places, &plan.state), config, failing, at).await
            }
        }
    }

    pub(super) async fn back(
        &self,
        config: &BuildConfig<'_>,
        outcome: Outcome,
        text: Option<String>,
    ) -> Outcome {
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
            Ok(()) => {
                record_stages(facts);
                Outcome::Finished
            }
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
    pub(super) async fn fail(
        &self,
        (places, state): (&[Place], &StartState),
        config: &BuildConfig<'_>,
        Failing { why, text, again }: Failing,
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
            self.world.metrics.verdict(Labels::no_pod(why));
            spans::record_failure(&tracing::Span::current(), &text);
        }
        outcome
    }
}
