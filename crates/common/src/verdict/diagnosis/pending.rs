//! What stands between a pod and its running build.
//!
//! Containers are gone through in the order in which the kubelet starts them; the first that is not done is the
//! obstacle. `PodInitializing` and `ContainerCreating` say nothing themselves: events do, where there are any.

use super::{Diagnosis, Finding, over, row};
use crate::{
    facts::{Container, EventFacts, Facts, Role, Schedule, State},
    verdict::{
        Phase, Reason,
        catalogue::{Row, Scope, find},
    },
};

/// Reasons that say nothing.
const SILENT: &[&str] = &["PodInitializing", "ContainerCreating"];
/// Reasons that take turns while an image cannot be pulled.
const PULL: &[&str] = &["ErrImagePull", "ImagePullBackOff"];
/// Events after which earlier warnings no longer matter.
const PROGRESS: &[&str] = &["Pulling", "Pulled", "Created", "Started"];

/// Whether a waiting reason says nothing.
pub(super) fn is_silent(reason: &str) -> bool {
    SILENT.contains(&reason)
}

/// Why the build of a pod that is not over does not run.
pub(super) fn obstacle(facts: &Facts) -> Diagnosis<'_> {
    if facts.schedule != Schedule::Bound {
        return unscheduled(facts);
    }
    // A build container with a reason of its own is past everything before it.
    let spoken = facts.build().and_then(|build| match build.state {
        State::Ended(_) => Some(crashing(build)),
        _ => outspoken(facts, build),
    });
    spoken
        .or_else(|| facts.before_build().find_map(|container| gate(facts, container)))
        .unwrap_or_else(|| match facts.build() {
            Some(build) => silent(facts, build),
            None => Diagnosis::Standing(Phase::Initialising, Finding::phase(Phase::Initialising)),
        })
}

fn unscheduled(facts: &Facts) -> Diagnosis<'_> {
    match &facts.schedule {
        Schedule::Gated(text) => {
            Diagnosis::Standing(Phase::Gated, Finding::phase(Phase::Gated).saying(text.as_deref()))
        }
        Schedule::Refused { reason, message } => {
            let (reason, text) = (reason.as_deref(), message.as_deref());
            let row = row(
                Scope::Schedule,
                reason.unwrap_or_default(),
                text.unwrap_or_default(),
            );
            Diagnosis::Standing(Phase::Scheduling, Finding::new(row).saying(message.as_deref()))
        }
        Schedule::Unseen | Schedule::Bound => {
            Diagnosis::Standing(Phase::Scheduling, Finding::phase(Phase::Scheduling))
        }
    }
}

/// Whether this container, which has to be done or up before the build, is not.
fn gate<'a>(facts: &'a Facts, container: &'a Container) -> Option<Diagnosis<'a>> {
    let stays = container.role == Role::NativeSidecar;
    match &container.state {
        State::Ended(ended) if !stays && ended.exit_code == 0 => return None,
        State::Running { .. } if stays && container.started => return None,
        State::Ended(ended) if !stays && !facts.restarts => {
            let finding = over::taken_away(facts).unwrap_or_else(|| over::init_end_of(container, ended));
            return Some(Diagnosis::Over(finding));
        }
        _ => {}
    }
    if container.failure().is_some() {
        return Some(crashing(container));
    }
    outspoken(facts, container).or_else(|| Some(silent(facts, container)))
}

/// A container that is started again and again; whether it runs at this very moment says little.
fn crashing(container: &Container) -> Diagnosis<'_> {
    let scope = if container.role == Role::Build {
        Scope::Waiting
    } else {
        Scope::InitEnded
    };
    let text = container.failure().and_then(|ended| ended.message.as_deref());
    let finding = Finding::new(row(scope, "CrashLoopBackOff", text.unwrap_or_default()))
        .of(container)
        .saying(text);
    Diagnosis::Standing(Phase::StartFailing, finding)
}

/// A container that waits for a reason that says something.
fn outspoken<'a>(facts: &'a Facts, container: &'a Container) -> Option<Diagnosis<'a>> {
    let State::Waiting {
        reason: Some(reason),
        message,
    } = &container.state
    else {
        return None;
    };
    let reason = reason.as_str();
    if is_silent(reason) {
        return None;
    }
    if reason == "CrashLoopBackOff" {
        return Some(crashing(container));
    }
    let text = pull_text(facts, container).or(message.as_deref());
    let Some(row) = find(Scope::Waiting, reason, text.unwrap_or_default()) else {
        let finding = Finding::phase(Phase::Starting)
            .of(container)
            .because(Some(reason))
            .saying(text);
        return Some(Diagnosis::Standing(Phase::Starting, finding));
    };
    let phase = if is_about_image(row, reason) {
        Phase::PullFailing
    } else {
        Phase::StartFailing
    };
    let untold = wants_pull_event(container) && text == message.as_deref();
    let finding = Finding::new(row).of(container).because(Some(reason)).saying(text);
    Some(Diagnosis::Standing(phase, Finding { untold, ..finding }))
}

fn is_about_image(row: &Row, reason: &str) -> bool {
    let image = matches!(
        row.reason,
        Reason::ImageName
            | Reason::ImageNotFound
            | Reason::ImageDenied
            | Reason::ImageAbsent
            | Reason::ImageRejected
            | Reason::Registry
    );
    image || PULL.contains(&reason) || reason == "ImageInspectError"
}

/// The event's text, where an older kubelet's back-off message lacks the cause.
fn pull_text<'a>(facts: &'a Facts, container: &Container) -> Option<&'a str> {
    if !wants_pull_event(container) {
        return None;
    }
    let mut newest = facts.events.iter().flatten().rev();
    let failed = newest.find(|event| is_failed_pull(event, container))?;
    Some(&failed.message)
}

pub(super) fn is_failed_pull(event: &EventFacts, container: &Container) -> bool {
    let about = event
        .container
        .as_ref()
        .is_none_or(|name| *name == container.name);
    about && event.reason == "Failed" && event.message.starts_with("Failed to pull image")
}

/// Whether the container cannot be pulled and its status does not say why.
pub(in crate::verdict) fn wants_pull_event(container: &Container) -> bool {
    match &container.state {
        State::Waiting {
            reason: Some(reason),
            message,
        } if PULL.contains(&reason.as_str()) => {
            let text = message.as_deref().unwrap_or_default();
            text.is_empty() || (reason == "ImagePullBackOff" && !text.contains("ErrImagePull"))
        }
        _ => false,
    }
}

/// A container that waits without saying why, or runs while others wait for it.
fn silent<'a>(facts: &'a Facts, container: &'a Container) -> Diagnosis<'a> {
    if let Some(finding) = failed_pull(facts, container) {
        return Diagnosis::Standing(Phase::PullFailing, finding);
    }
    if let Some(finding) = warning(facts) {
        return Diagnosis::Standing(Phase::Initialising, finding.of(container));
    }
    let phase = silent_phase(facts, container);
    let finding = if phase == Phase::Pulling && !seen(facts, "Pulling", container) {
        Finding::new(row(Scope::Phase, "pullingOrCreating", ""))
    } else {
        Finding::phase(phase)
    };
    Diagnosis::Standing(phase, finding.of(container))
}

fn seen(facts: &Facts, reason: &str, container: &Container) -> bool {
    facts.last_event(reason, Some(&container.name)).is_some()
}

fn silent_phase(facts: &Facts, container: &Container) -> Phase {
    let seen = |reason| facts.last_event(reason, Some(&container.name));
    let (pulling, pulled) = (seen("Pulling"), seen("Pulled"));
    let is_build = container.role == Role::Build;
    if pulling.is_some_and(|pulling| pulled.is_none_or(|pulled| pulled.at < pulling.at)) {
        return Phase::Pulling;
    }
    if is_build && (pulled.is_some() || seen("Created").is_some()) {
        return Phase::Starting;
    }
    // Without events a pull cannot be told from a start; a pull takes longer, so it gets its clock. Where there are
    // events, a pull would be one of them.
    let told = facts.events.as_ref().is_some_and(|events| !events.is_empty());
    let set_up = facts.condition("PodReadyToStartContainers").is_some()
        || facts.before_build().any(|it| matches!(it.state, State::Ended(_)));
    if is_build && set_up && !told {
        Phase::Pulling
    } else {
        Phase::Initialising
    }
}

/// The pull that failed and was not tried again yet: the status tells it up to 15 seconds after the event.
fn failed_pull<'a>(facts: &'a Facts, container: &'a Container) -> Option<Finding<'a>> {
    let failed = since_progress(facts).find(|event| is_failed_pull(event, container))?;
    let reason = PULL[0];
    let row = find(Scope::Waiting, reason, &failed.message)?;
    let finding = Finding::new(row).of(container).because(Some(reason));
    Some(Finding {
        hearsay: true,
        ..finding.saying(Some(&failed.message))
    })
}

/// Events after which nothing got on, newest first.
fn since_progress(facts: &Facts) -> impl Iterator<Item = &EventFacts> {
    let newest = facts.events.iter().flatten().rev();
    newest.take_while(|event| !PROGRESS.contains(&event.reason.as_str()))
}

/// The event that says why the pod is not set up, unless something happened since.
fn warning(facts: &Facts) -> Option<Finding<'_>> {
    since_progress(facts).find_map(|event| {
        let row = find(Scope::Event, &event.reason, &event.message)?;
        let about_set_up = matches!(row.reason, Reason::Volume | Reason::NodeFault | Reason::NodeLost);
        about_set_up.then(|| {
            Finding::new(row)
                .because(Some(&event.reason))
                .saying(Some(&event.message))
        })
    })
}
