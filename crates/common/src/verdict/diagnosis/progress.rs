//! When a pod last got on, by its own timestamps.
//!
//! A clock that was started by a look goes on from the pod's last step, and where no look came before, it starts
//! there. Only steps count that cannot be repeated for ever: a container that crashes gets nowhere.

use jiff::Timestamp;

use super::pending::is_failed_pull;
use crate::{
    facts::{Container, EventFacts, Facts, Role, State},
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
        Phase::Starting => return start_step(facts, container),
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
        Phase::PullFailing => container
            .and_then(|it| first(facts, |event| is_failed_pull(event, it)))
            .or_else(|| set_up(facts)),
        Phase::StartFailing => container
            .and_then(only_crash)
            .or_else(|| start_step(facts, container)),
        Phase::Gated | Phase::Running | Phase::Ended | Phase::Terminating => None,
    };
    begin.or(facts.created_at)
}

/// When the container was ready to start, or first failed to: what is repeated at each try counts once.
fn start_step(facts: &Facts, container: Option<&Container>) -> Option<Timestamp> {
    let steps = container.into_iter().flat_map(|it| {
        ["Pulled", "Created", "Failed"].into_iter().filter_map(|reason| {
            first(facts, |event| {
                event.reason == reason
                    && event.container.as_ref() == Some(&it.name)
                    && !is_failed_pull(event, it)
            })
        })
    });
    set_up(facts).into_iter().chain(steps).max()
}

fn first(facts: &Facts, is: impl Fn(&EventFacts) -> bool) -> Option<Timestamp> {
    let found = facts.events.iter().flatten().filter(|event| is(event));
    found.filter_map(|event| event.first_at).min()
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
