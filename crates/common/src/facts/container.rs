//! One container of a pod: its part, its specification and its states, matched by name.
//!
//! The specification decides which containers there are; a status without one is ignored, a container without
//! a status is [`State::Absent`].

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container as ContainerSpec, ContainerState, ContainerStateTerminated, ContainerStatus, Pod,
};

use super::filled;

/// One container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its part in the build.
    pub role: Role,
    /// Its image, as the specification names it.
    pub image: String,
    /// Its memory limit, e.g. `2Gi`.
    pub memory_limit: Option<String>,
    /// What it does now.
    pub state: State,
    /// How its run before this one ended.
    pub last: Option<Ended>,
    /// How often it was started again.
    pub restarts: u32,
    /// Whether the kubelet says that it is up (for a native sidecar: what comes after it may start).
    pub started: bool,
}

/// A container's part in the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs to its end before the build (the launcher).
    Init,
    /// Starts before the build and stays (an init container with `restartPolicy: Always`).
    NativeSidecar,
    /// The build itself.
    Build,
    /// Runs beside the build.
    Sidecar,
}

/// What a container does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The pod has no status of it.
    Absent,
    /// Not running yet, or not again.
    Waiting {
        /// E.g. `ErrImagePull`.
        reason: Option<String>,
        /// The text that goes with it.
        message: Option<String>,
    },
    /// Running.
    Running {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// Ended.
    Ended(Ended),
}

/// How a run of a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// E.g. `OOMKilled`.
    pub reason: Option<String>,
    /// The text that goes with it.
    pub message: Option<String>,
    /// Its exit code.
    pub exit_code: i32,
    /// When the run began; the epoch for one that never did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// All containers of a pod in the order of its specification, init containers first.
pub(super) fn read_all(pod: &Pod) -> Vec<Container> {
    let Some(spec) = pod.spec.as_ref() else {
        return Vec::new();
    };
    let status = pod.status.as_ref();
    let init_statuses = status
        .and_then(|it| it.init_container_statuses.as_deref())
        .unwrap_or_default();
    let statuses = status
        .and_then(|it| it.container_statuses.as_deref())
        .unwrap_or_default();
    let build = build_name(pod, &spec.containers);
    let init = spec.init_containers.iter().flatten().map(|it| {
        let stays = it.restart_policy.as_deref() == Some("Always");
        Container::read(
            it,
            if stays { Role::NativeSidecar } else { Role::Init },
            init_statuses,
        )
    });
    let main = spec.containers.iter().map(|it| {
        let is_build = build.is_some_and(|name| it.name == name);
        Container::read(it, if is_build { Role::Build } else { Role::Sidecar }, statuses)
    });
    init.chain(main).collect()
}

/// Named as the label `sdbuild`, else as an executor of virtual machines names it, else `build`, else the only one.
fn build_name<'a>(pod: &'a Pod, containers: &'a [ContainerSpec]) -> Option<&'a str> {
    let label = pod
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get("sdbuild"))
        .map(String::as_str);
    let only = match containers {
        [only] => Some(only.name.as_str()),
        _ => None,
    };
    [label, Some("vm-launcher"), Some("build"), only]
        .into_iter()
        .flatten()
        .find(|name| containers.iter().any(|it| it.name == *name))
}

// === impl Container ===

impl Container {
    fn read(spec: &ContainerSpec, role: Role, statuses: &[ContainerStatus]) -> Self {
        let status = statuses.iter().find(|status| status.name == spec.name);
        Self {
            name: spec.name.clone(),
            role,
            image: spec.image.clone().unwrap_or_default(),
            memory_limit: spec
                .resources
                .as_ref()
                .and_then(|resources| resources.limits.as_ref())
                .and_then(|limits| limits.get("memory"))
                .map(|quantity| quantity.0.clone()),
            state: status.map_or(State::Absent, |status| State::read(status.state.as_ref())),
            last: status
                .and_then(|status| status.last_state.as_ref())
                .and_then(|state| state.terminated.as_ref())
                .map(Ended::read),
            restarts: status.map_or(0, |status| u32::try_from(status.restart_count).unwrap_or(0)),
            started: status.is_some_and(|status| status.started == Some(true)),
        }
    }

    /// Whether it ever ran, as far as its status shows.
    pub fn ran(&self) -> bool {
        let now = match &self.state {
            State::Running { .. } => true,
            State::Ended(ended) => !ended.never_began(),
            State::Absent | State::Waiting { .. } => false,
        };
        now || self.restarts > 0 || self.last.as_ref().is_some_and(|ended| !ended.never_began())
    }

    /// Whether its status says all there is to say: it waits for a reason with a text, runs or ended.
    pub fn speaks(&self) -> bool {
        match &self.state {
            State::Absent => false,
            State::Waiting { message, .. } => message.is_some(),
            State::Running { .. } | State::Ended(_) => true,
        }
    }

    /// How its present or last run ended, if that was bad.
    pub fn failure(&self) -> Option<&Ended> {
        match &self.state {
            State::Ended(ended) => Some(ended),
            _ => self.last.as_ref(),
        }
        .filter(|ended| ended.exit_code != 0)
    }
}

// === impl State ===

impl State {
    fn read(state: Option<&ContainerState>) -> Self {
        let Some(state) = state else {
            return Self::Waiting {
                reason: None,
                message: None,
            };
        };
        if let Some(running) = &state.running {
            return Self::Running {
                since: running.started_at.as_ref().map(|time| time.0),
            };
        }
        if let Some(terminated) = &state.terminated {
            return Self::Ended(Ended::read(terminated));
        }
        let waiting = state.waiting.as_ref();
        Self::Waiting {
            reason: waiting.and_then(|it| filled(it.reason.as_ref())),
            message: waiting.and_then(|it| filled(it.message.as_ref())),
        }
    }
}

// === impl Ended ===

impl Ended {
    fn read(terminated: &ContainerStateTerminated) -> Self {
        Self {
            reason: filled(terminated.reason.as_ref()),
            message: filled(terminated.message.as_ref()),
            exit_code: terminated.exit_code,
            started_at: terminated.started_at.as_ref().map(|time| time.0),
            finished_at: terminated.finished_at.as_ref().map(|time| time.0),
        }
    }

    /// The runtime's word for a process that could not be started: ended, yet begun at the epoch.
    /// `ContainerStatusUnknown` has no times either, but is also how a lost run ends, so it proves nothing.
    fn never_began(&self) -> bool {
        self.reason.as_deref() == Some("StartError")
            && self.started_at.is_none_or(|at| at <= Timestamp::UNIX_EPOCH)
    }
}
