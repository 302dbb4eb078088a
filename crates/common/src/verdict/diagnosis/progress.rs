//! When a pod last got on, by its own timestamps.
//!
//! A clock that was started by a look goes on from the pod's last step, and where no look came before, it starts
//! there. Only steps count that cannot be repeated for ever: a container that crashes gets nowhere.

use jiff::Timestamp;

use crate::{
    facts::{Container, Facts, Role, State},
    verdict::Phase,
};

/// The last step of a pod in this phase, if the phase is one in which steps are made.
pub(in crate::verdict) fn last_step(
    facts: &Facts,
    phase: Phase,
    container: Option<&Container>,
) -> Option<Timestamp> {
    let told: &[&str] = match phase {
        Phase::Initialising => &[],
        Phase::Pulling => &["Pulling"],
        Phase::Starting => &["Pulled", "Created"],
        Phase::Gated
        | Phase::Scheduling
        | Phase::PullFailing
        | Phase::StartFailing
        | Phase::Running
        | Phase::Ended
        | Phase::Terminating => return None,
    };
    let name = container.map(|it| it.name.as_str());
    let events = told
        .iter()
        .filter_map(|reason| facts.last_event(reason, name)?.at);
    set_up(facts).into_iter().chain(events).max()
}

/// Since when the pod is in this phase, as far as it tells.
pub(in crate::verdict) fn begin(
    facts: &Facts,
    phase: Phase,
    container: Option<&Container>,
) -> Option<Timestamp> {
    let begin = match phase {
        Phase::Scheduling => first_refusal(facts),
        Phase::Initialising | Phase::Pulling | Phase::Starting => last_step(facts, phase, container),
        Phase::PullFailing => set_up(facts),
        Phase::StartFailing => container.and_then(only_crash).or_else(|| set_up(facts)),
        Phase::Gated | Phase::Running | Phase::Ended | Phase::Terminating => None,
    };
    begin.or(facts.created_at)
}

/// A gate holds a pod back without a word of the scheduler, so its first word tells when the clock began.
fn first_refusal(facts: &Facts) -> Option<Timestamp> {
    let refusals = facts
        .events
        .iter()
        .flatten()
        .filter(|event| event.reason == "FailedScheduling");
    let condition = facts.conditions.iter().find(|it| it.kind == "PodScheduled");
    refusals
        .filter_map(|event| event.first_at)
        .min()
        .or_else(|| condition?.since)
}

/// When a node took the pod, its sandbox stood, or something that has to run before the build began or was done.
fn set_up(facts: &Facts) -> Option<Timestamp> {
    let conditions = ["PodScheduled", "PodReadyToStartContainers"]
        .into_iter()
        .filter_map(|kind| facts.condition(kind)?.since);
    let containers = facts
        .before_build()
        .filter_map(|container| match &container.state {
            State::Running { since } if container.restarts == 0 => *since,
            State::Ended(ended) if container.role == Role::Init && ended.exit_code == 0 => ended.finished_at,
            State::Absent | State::Waiting { .. } | State::Running { .. } | State::Ended(_) => None,
        });
    conditions.chain(containers).chain(facts.taken_on_at).max()
}

/// The end of a container's only run so far: after several the first is forgotten, and it was long ago.
fn only_crash(container: &Container) -> Option<Timestamp> {
    container
        .failure()
        .filter(|_| container.restarts < 2)?
        .finished_at
}
