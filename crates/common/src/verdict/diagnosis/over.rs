//! Why a pod is over, or is being deleted.
//!
//! The pod's own reason comes first: a container that the node killed says nothing but 137.

use jiff::SignedDuration;

use super::{Finding, row, row_of_end};
use crate::{
    facts::{Container, Ended, EventFacts, Facts, PodPhase, Role, State},
    verdict::{
        Phase,
        catalogue::{Row, Scope, find},
    },
};

/// Most time between an event and the end that it explains: a minute, and the grace period that pods have.
const NEAR: SignedDuration = SignedDuration::from_secs(90);

/// Ends whose rows say in plain words what the reason says.
const SAID: &[&str] = &["Error", "OOMKilled", "StartError", "ContainerCannotRun"];

/// Why a pod that is over ended, or its build container did.
pub(super) fn post_mortem(facts: &Facts) -> Finding<'_> {
    own_end(facts)
        .or_else(|| pod_reason(facts))
        .or_else(|| taken_away(facts))
        .or_else(|| build_end(facts))
        .or_else(|| init_end(facts))
        .or_else(|| waiting(facts))
        .unwrap_or_else(|| nothing_known(facts))
}

/// Who deletes the pod, as far as it is told.
pub(super) fn deletion(facts: &Facts) -> Finding<'_> {
    disruption(facts)
        .or_else(|| pod_reason(facts))
        .unwrap_or_else(|| Finding::phase(Phase::Terminating))
}

/// The build's own end, if it came before the end of its pod: that is no longer the build's business.
fn own_end(facts: &Facts) -> Option<Finding<'_>> {
    let (build, reason) = (facts.build()?, facts.reason.as_deref()?);
    let State::Ended(ended) = &build.state else {
        return None;
    };
    if ended.exit_code == 0 || ended.exit_code == 255 || was_killed(ended) {
        return None;
    }
    let event = facts.last_event(reason, None).and_then(|event| event.first_at);
    let condition = facts.disruption().and_then(|condition| condition.since);
    let told = event.into_iter().chain(condition).min();
    let first = match (ended.finished_at, told) {
        (Some(finished), Some(told)) => finished < told,
        // These kill: what they end says 137 or 143.
        _ => matches!(reason, "Evicted" | "DeadlineExceeded"),
    };
    first.then(|| end_of(build, ended))
}

fn end_of<'a>(container: &'a Container, ended: &'a Ended) -> Finding<'a> {
    Finding::new(row_of_end(container, ended))
        .of(container)
        .saying(ended.message.as_deref())
}

/// How a container ended that has to end well before the build.
pub(super) fn init_end_of<'a>(container: &'a Container, ended: &'a Ended) -> Finding<'a> {
    let reason = ended.reason.as_deref().filter(|reason| !SAID.contains(reason));
    end_of(container, ended).because(reason)
}

fn pod_reason(facts: &Facts) -> Option<Finding<'_>> {
    let reason = facts.reason.as_deref()?;
    let text = facts.message.as_deref();
    let row = row_of_pod(facts, reason, text.unwrap_or_default())?;
    Some(Finding::new(row).because(Some(reason)).saying(text))
}

/// The row for a pod's reason. Some mean something else as long as the build has not begun.
fn row_of_pod(facts: &Facts, reason: &str, text: &str) -> Option<&'static Row> {
    let before = (!facts.build_ran_for_certain()).then(|| find(Scope::PodBefore, reason, text));
    before.flatten().or_else(|| find(Scope::Pod, reason, text))
}

fn disruption(facts: &Facts) -> Option<Finding<'_>> {
    let condition = facts.disruption()?;
    let reason = condition.reason.as_deref();
    let row = row(Scope::Disruption, reason.unwrap_or_default(), "");
    Some(
        Finding::new(row)
            .because(reason)
            .saying(condition.message.as_deref()),
    )
}

/// Taken away by the cluster or by somebody, unless a container had failed on its own account before.
pub(super) fn taken_away(facts: &Facts) -> Option<Finding<'_>> {
    let failed_itself = facts
        .containers
        .iter()
        .filter(|container| matches!(container.role, Role::Build | Role::Init))
        .filter_map(|container| container.failure())
        .any(|ended| !was_killed(ended) && !was_told(facts, ended));
    if failed_itself {
        return None;
    }
    disruption(facts)
        .or_else(|| pod_event(facts))
        .or_else(|| facts.deletion_due.map(|_| deletion(facts)))
}

/// What becomes the pod's reason a second or two later is an event already.
fn pod_event(facts: &Facts) -> Option<Finding<'_>> {
    facts.events.iter().flatten().rev().find_map(|event| {
        let row = row_of_pod(facts, &event.reason, &event.message)?;
        Some(
            Finding::new(row)
                .because(Some(&event.reason))
                .saying(Some(&event.message)),
        )
    })
}

/// Whether somebody else may have ended the container. An OOM kill has its own reason.
fn was_killed(ended: &Ended) -> bool {
    match ended.reason.as_deref() {
        Some("ContainerStatusUnknown" | "Unknown") => true,
        Some("Error") | None => matches!(ended.exit_code, 137 | 143),
        Some(_) => false,
    }
}

/// Whether the container ended after somebody had asked for the end of its pod: however it takes that.
fn was_told(facts: &Facts, ended: &Ended) -> bool {
    let own_account = matches!(
        ended.reason.as_deref(),
        Some("OOMKilled" | "StartError" | "ContainerCannotRun")
    );
    let taken = facts.disruption().and_then(|condition| condition.since);
    let told = taken.into_iter().chain(facts.deleted_at).min();
    !own_account && told.is_some_and(|told| ended.finished_at.is_some_and(|finished| finished >= told))
}

fn build_end(facts: &Facts) -> Option<Finding<'_>> {
    let build = facts.build()?;
    let ended = build.failure()?;
    // 255 is also the code of a container that its runtime lost.
    let killed = was_killed(ended) || ended.exit_code == 255;
    let name = Some(build.name.as_str());
    let told = [
        ("FailedPostStartHook", name),
        ("Unhealthy", name),
        ("NodeNotReady", None),
        ("Killing", name),
    ]
    .into_iter()
    .filter(|_| killed)
    .find_map(|(reason, container)| {
        let event = facts.last_event(reason, container)?;
        if !may_explain(event, ended) {
            return None;
        }
        let row = find(Scope::Event, reason, &event.message)?;
        Some(
            Finding::new(row)
                .of(build)
                .because(Some(&event.reason))
                .saying(Some(&event.message)),
        )
    });
    told.or_else(|| Some(end_of(build, ended)))
}

/// Whether the event is of the time of the end. A probe that failed an hour before killed nobody.
fn may_explain(event: &EventFacts, ended: &Ended) -> bool {
    match (event.at, ended.finished_at) {
        (Some(at), Some(finished)) => finished.duration_since(at).abs() <= NEAR,
        _ => true,
    }
}

fn init_end(facts: &Facts) -> Option<Finding<'_>> {
    let mut init = facts.containers.iter().filter(|it| it.role == Role::Init);
    let (container, ended) = init.find_map(|it| Some((it, it.failure()?)))?;
    Some(init_end_of(container, ended))
}

fn waiting(facts: &Facts) -> Option<Finding<'_>> {
    let build = facts.build()?;
    let State::Waiting {
        reason: Some(reason),
        message,
    } = &build.state
    else {
        return None;
    };
    let row = find(Scope::Waiting, reason, message.as_deref().unwrap_or_default())?;
    Some(
        Finding::new(row)
            .of(build)
            .because(Some(reason))
            .saying(message.as_deref()),
    )
}

fn nothing_known(facts: &Facts) -> Finding<'_> {
    let finding = Finding::phase(if facts.phase == PodPhase::Unknown {
        Phase::Running
    } else {
        Phase::Ended
    });
    let finding = finding
        .because(facts.reason.as_deref())
        .saying(facts.message.as_deref());
    match facts.build() {
        Some(build) => finding.of(build),
        None => finding,
    }
}
