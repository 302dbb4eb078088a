//! What a build reads of its start: what it waits for, why it failed, where its pod is. Pure.

use common::{
    clock,
    cluster::{Class, ClusterError},
    facts::{Facts, Schedule},
    job::StartState,
    verdict::{self, WAITING_FOR_RESOURCES, quoted},
};
use jiff::Timestamp;
use screwdriver_api_client::{BuildUpdate, Stats};

use super::Circumstances;

/// A FAILURE's text: the cause, who acts, and the server's own words.
pub(super) fn failure_text(error: &ClusterError) -> String {
    let (cause, action) = match error.class() {
        Class::Permanent => (
            "The cluster refuses this build's pod.",
            "Check the job's settings, or ask your cluster admin.",
        ),
        Class::Quota => (
            "The quota of the build namespace stayed used up.",
            "Restart the build later, or ask your cluster admin for more quota.",
        ),
        Class::Environment | Class::Transient | Class::Busy => (
            "No pod could be created.",
            "Please reach out to your cluster admin for help, then restart the build.",
        ),
    };
    format!(
        "Build failed to start. {cause} {action} Cause: {}",
        quoted(&error.to_string())
    )
}

/// What a build waits for; from the init timeout on it hears first that it takes long.
pub(super) fn in_its_time(text: String, state: &StartState, at: &Circumstances) -> String {
    verdict::in_its_time(text, clock::elapsed(state.since, at.now) >= at.init_timeout)
}

pub(super) fn waiting_text(error: &ClusterError) -> String {
    match error.class() {
        Class::Quota => format!("Waiting for quota: {}", quoted(&error.to_string())),
        Class::Environment | Class::Transient | Class::Busy | Class::Permanent => {
            format!(
                "Waiting for the cluster; the cluster admin must act: {}",
                quoted(&error.to_string())
            )
        }
    }
}

/// What a build with a pod is told; `created` is the time, if the pod was made just now.
///
/// Nothing about a pod that was found running: its launcher speaks already, and a report without a text would clear
/// what it says. The chain that was armed before the pod was made tells once that it runs, and hears whether the
/// build is finished.
pub fn told(facts: &Facts, created: Option<Timestamp>) -> Option<BuildUpdate> {
    if created.is_none() && facts.build_ran() {
        return None;
    }
    if let Some(node) = &facts.node {
        // Whoever tells of the same pod again tells the same time.
        let pulled = created.or_else(|| facts.scheduled_at()).map(Into::into);
        return Some(BuildUpdate::stats(Stats::new(Some(node.clone()), pulled)));
    }
    Some(BuildUpdate::message(match &facts.schedule {
        Schedule::Refused {
            message: Some(text), ..
        } => format!("{WAITING_FOR_RESOURCES} {}", quoted(text)),
        _ => WAITING_FOR_RESOURCES.to_owned(),
    }))
}
