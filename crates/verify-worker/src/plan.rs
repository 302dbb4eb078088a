//! From a check to which pod to look at, as data. Pure: no client, no clock, no environment.

use common::{
    job::{CheckJob, CheckState, Job},
    outcome::ParkReason,
    pod_identity::{LABEL_BUILD, build_label},
    policy::Policy,
    settings::ExecutorSettings,
    verdict::{LastLook, Phase},
};
use jiff::Timestamp;

/// What to do.
#[derive(Debug)]
pub enum Plan {
    /// Look at the build's pod.
    Look(Box<Look>),
    /// Nothing: a probe.
    Probe,
    /// Nothing any more: the build runs, has heard so, and nobody can tell it anything else.
    Leave,
    /// Nobody can act on this message.
    Park(ParkReason),
}

/// Which pod to look at.
#[derive(Debug)]
pub struct Look {
    /// What earlier looks left.
    pub check: CheckState,
    /// How the pod is found.
    pub by: By,
    /// Where it may be: one place where its name is known, else each that there is.
    pub places: Vec<Place>,
}

/// An executor, and the build's pods in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The executor's name.
    pub executor: String,
    /// The selector of the build's pods.
    pub selector: String,
}

/// How a pod is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By its name: cheap, however many pods there are.
    Name,
    /// By its label: the predecessor's messages do not carry a name, and its pods have random ones.
    Label,
}

// === plan ===

/// What to do about `job`.
pub fn plan(job: &Job<'_>, now: Timestamp, policy: &Policy) -> Plan {
    match job {
        Job::Check(job) => look(job, now, policy),
        Job::Probe => Plan::Probe,
        Job::Start(_) | Job::Stop(_) | Job::Clear(_) => Plan::Park(ParkReason::WrongQueue),
    }
}

fn look(job: &CheckJob<'_>, now: Timestamp, policy: &Policy) -> Plan {
    if job.config.token_expired(now) {
        let watched = |state: &CheckState| state.look.phase == Some(Phase::Running) && !state.report_due;
        return if job.state.as_ref().is_some_and(watched) {
            Plan::Leave
        } else {
            Plan::Park(ParkReason::TokenExpired)
        };
    }
    let executors = &policy.settings.executors;
    let (check, by) = match &job.state {
        // A chain that began with a predecessor's message has no name before a look has seen the pod.
        Some(state) if state.pod.is_empty() => (state.clone(), By::Label),
        Some(state) => (state.clone(), By::Name),
        None => (predecessors(executors.default.clone(), now), By::Label),
    };
    let place = |executor: &ExecutorSettings| Place {
        executor: executor.name.clone(),
        selector: format!(
            "{LABEL_BUILD}={}",
            build_label(&executor.prefix, &job.config.build_id)
        ),
    };
    let places = match by {
        // An executor that is no longer configured is no place to look at: the check waits for the settings
        // to be mended. Another executor has no such pod, and the build would be failed or get a second one.
        By::Name => executors.get(&check.executor).map(place).into_iter().collect(),
        // The predecessor's message does not say which executor it drew.
        By::Label => executors.places().into_iter().map(place).collect(),
    };
    Plan::Look(Box::new(Look { check, by, places }))
}

/// The predecessor's verify message says nothing but which build it is about. It is sent after the pod was
/// made, so a pod that is not there is one that is gone, and whether it ran nobody knows: it counts as ran,
/// or a build might run twice.
fn predecessors(executor: String, now: Timestamp) -> CheckState {
    CheckState {
        executor,
        pod: String::new(),
        uid: None,
        started_at: now,
        number: 0,
        attempt: 0,
        look: LastLook {
            ran: true,
            ..LastLook::default()
        },
        recreated: 0,
        deletion: None,
        message: None,
        report_due: false,
        held: 0,
        once: false,
        trace_context: None,
    }
}

#[cfg(test)]
mod tests;
