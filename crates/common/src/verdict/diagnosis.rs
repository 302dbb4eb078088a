//! What a pod's facts mean, regardless of time: it runs, it is over, or something stands in the way.
//!
//! The build container's own state decides. The pod's phase only tells whether the pod is over. What depends on
//! time, on earlier looks or on settings is next door.

mod over;
mod pending;
mod progress;

use std::borrow::Cow;

pub(super) use self::{
    pending::wants_pull_event,
    progress::{begin, last_step},
};
use super::{
    Actor, Phase,
    catalogue::{self, Fate, Row, Scope},
    look::Cause,
};
use crate::facts::{Container, Ended, Facts, PodPhase, Role, State};

/// What a pod's facts mean.
#[derive(Debug)]
pub(super) enum Diagnosis<'a> {
    /// The build container runs, or ended with 0.
    Healthy {
        /// Whether it has ended.
        ended: bool,
    },
    /// The pod is being deleted and may still run.
    Terminating(Finding<'a>),
    /// Nothing more will happen in this pod.
    Over(Finding<'a>),
    /// The build has not started, and this is why.
    Standing(Phase, Finding<'a>),
}

/// A row of the catalogue and what it was found on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding<'a> {
    pub(super) row: &'static Row,
    /// The container concerned.
    pub(super) container: Option<&'a Container>,
    /// Its exit code.
    pub(super) code: Option<i32>,
    /// The cluster's reason, where the row does not say it in plain words.
    pub(super) reason: Option<&'a str>,
    /// The cluster's text.
    pub(super) text: Option<&'a str>,
    /// Whether the cluster does not say why: a back-off without its cause.
    pub(super) untold: bool,
    /// Whether only an event says so: the status may not say it yet, or no longer.
    pub(super) hearsay: bool,
}

/// Reads the facts.
pub(super) fn diagnose(facts: &Facts) -> Diagnosis<'_> {
    let build = facts.build();
    let state = build.map_or(&State::Absent, |build| &build.state);
    let ended_well = matches!(state, State::Ended(ended) if ended.exit_code == 0);
    if ended_well || facts.phase == PodPhase::Succeeded {
        return Diagnosis::Healthy { ended: true };
    }
    let runs = matches!(state, State::Running { .. });
    // Out of sight is not over, as long as the container's own state says that it runs.
    let over = facts.phase == PodPhase::Failed || (facts.phase == PodPhase::Unknown && !runs);
    let ended = matches!(state, State::Ended(_)) && !facts.restarts;
    if over || ended {
        return Diagnosis::Over(over::post_mortem(facts));
    }
    if facts.deletion_due.is_some() {
        return Diagnosis::Terminating(over::deletion(facts));
    }
    match (build, state) {
        (Some(_), State::Running { .. }) => Diagnosis::Healthy { ended: false },
        // A pod of which we cannot tell the build container: its phase is all there is.
        (None, _) if facts.phase == PodPhase::Running => Diagnosis::Healthy { ended: false },
        // A restarted kubelet forgets for a moment what runs: no clock may fail a build that ran.
        (Some(build), _) if facts.build_ran() && is_forgotten(facts, build) => {
            Diagnosis::Healthy { ended: false }
        }
        _ => pending::obstacle(facts),
    }
}

/// Whether the pod says nothing of its build container, though it is not to be started again.
fn is_forgotten(facts: &Facts, build: &Container) -> bool {
    match &build.state {
        State::Absent => true,
        State::Waiting { reason, .. } => !facts.restarts && reason.as_deref().is_none_or(pending::is_silent),
        State::Running { .. } | State::Ended(_) => false,
    }
}

// === impl Finding ===

impl<'a> Finding<'a> {
    pub(super) fn new(row: &'static Row) -> Self {
        Self {
            row,
            container: None,
            code: None,
            reason: None,
            text: None,
            untold: false,
            hearsay: false,
        }
    }

    /// What the absence of a pod means.
    pub(super) fn absence(kind: &str) -> Self {
        Self::new(row(Scope::Absence, kind, ""))
    }

    /// What a phase means that runs out.
    fn phase(phase: Phase) -> Self {
        Self::new(row(Scope::Phase, phase.as_str(), ""))
    }

    fn of(self, container: &'a Container) -> Self {
        Self {
            container: Some(container),
            code: container.failure().map(|ended| ended.exit_code),
            ..self
        }
    }

    fn saying(self, text: Option<&'a str>) -> Self {
        Self { text, ..self }
    }

    fn because(self, reason: Option<&'a str>) -> Self {
        Self { reason, ..self }
    }

    /// What a clock of its own is kept for: the reason with its container, or no more than the phase.
    pub(super) fn cause(&self, phase: Phase) -> Cause {
        if self.row.fate == Fate::Phase {
            return Cause::Told(phase.as_str().to_owned());
        }
        if self.untold {
            return Cause::Untold;
        }
        let container = self.container.map_or("pod", |it| it.name.as_str());
        Cause::Told(format!("{container}/{}", self.row.reason.as_str()))
    }

    /// Who can mend it. Only the build's own container is its owner's business.
    pub(super) fn actor(&self) -> Actor {
        let foreign = self
            .container
            .is_some_and(|container| container.role != Role::Build);
        match self.row.actor {
            Actor::You if foreign => Actor::ClusterAdmin,
            actor => actor,
        }
    }
}

/// The row, or for what no row knows the one for a pod that failed without a known reason.
fn row(scope: Scope, reason: &str, text: &str) -> &'static Row {
    catalogue::find(scope, reason, text).unwrap_or(&catalogue::UNKNOWN)
}

/// The row for the way a container ended. Only an `Error` is told apart by its exit code.
fn row_of_end(container: &Container, ended: &Ended) -> &'static Row {
    let text = ended.message.as_deref().unwrap_or_default();
    let reason = match ended.reason.as_deref() {
        None | Some("Error") => Cow::Owned(format!("Error:{}", ended.exit_code)),
        Some(reason) => Cow::Borrowed(reason),
    };
    let own = if container.role == Role::Build {
        None
    } else {
        catalogue::find(Scope::InitEnded, &reason, text)
    };
    let row = own.unwrap_or_else(|| row(Scope::Ended, &reason, text));
    // What no row knows is the build's own end only if it is the build's own container.
    if container.role != Role::Build && row.takes_any() {
        return catalogue::find(Scope::InitEnded, "Error", text).unwrap_or(row);
    }
    row
}
