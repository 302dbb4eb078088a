//! What a look knows of the looks before it, and what it leaves to the next. Pure.

use common::{
    facts::Facts,
    job::CheckState,
    verdict::{LastLook, Phase, Verdict, quoted},
};
use k8s_openapi::api::core::v1::Event;

/// Events that tell who took a pod away. They outlive it by an hour.
const FAREWELLS: &[&str] = &[
    "TaintManagerEviction",
    "Evicted",
    "Preempted",
    "Preempting",
    "NodeShutdown",
    "Shutdown",
    "NodeNotReady",
    "DeletingNode",
];

/// The last that the cluster said about a pod that is gone: one bounded line without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

/// What the look before this one left. What it saw of another pod is not this pod's past; but a build that ran
/// once has run, in whichever pod.
pub fn last_look(check: &CheckState, facts: Option<&Facts>) -> LastLook {
    let another = facts.is_some_and(|facts| check.uid.is_some() && check.uid != facts.uid);
    if another {
        LastLook {
            ran: check.look.ran,
            ..LastLook::default()
        }
    } else {
        check.look.clone()
    }
}

/// The check with what this look saw.
pub(super) fn seen(
    check: &CheckState,
    verdict: &Verdict,
    look: LastLook,
    facts: Option<&Facts>,
) -> CheckState {
    let uid = facts.and_then(|facts| facts.uid.clone());
    CheckState {
        pod: facts.map_or_else(|| check.pod.clone(), |facts| facts.name.clone()),
        uid: uid.or_else(|| check.uid.clone()),
        recreated: facts.map_or(0, |facts| facts.recreated).max(check.recreated),
        deletion: match verdict {
            Verdict::Terminating { cause } => Some(cause.clone()),
            _ if facts.is_some() => None,
            _ => check.deletion.clone(),
        },
        look,
        ..check.clone()
    }
}

/// Whether the build has heard already that this very pod runs.
pub fn knows_running(check: &CheckState, facts: Option<&Facts>) -> bool {
    let same = facts.is_some_and(|facts| facts.uid == check.uid);
    same && !check.report_due && check.look.phase == Some(Phase::Running)
}

// === impl Words ===

impl Words {
    /// The newest event that tells who took the pod away.
    pub fn of(events: &[Event]) -> Option<Self> {
        let time = |event: &&Event| {
            let last = event.last_timestamp.as_ref().map(|time| time.0);
            last.or_else(|| event.event_time.as_ref().map(|time| time.0))
        };
        let tells = |event: &&Event| {
            event
                .reason
                .as_deref()
                .is_some_and(|reason| FAREWELLS.contains(&reason))
        };
        let event = events.iter().filter(tells).max_by_key(time)?;
        let part = |part: &Option<String>| part.as_deref().unwrap_or_default().to_owned();
        let (reason, text) = (part(&event.reason), part(&event.message));
        Some(Self(quoted(&format!("{reason}: {text}"))))
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
