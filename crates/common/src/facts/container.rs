//! One container of a pod: its part, its specification and its states, matched by name.
//!
//! The specification decides which containers there are; a status without one is ignored, a container without
//! a status is [`State::Absent`].

use jiff::Timestamp;

use super::{filled, wire};

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

/// Of init containers and containers, in this order.
type Both<T> = (Option<Vec<T>>, Option<Vec<T>>);

/// All containers of a pod in the order of its specification, init containers first.
pub(super) fn read_all(
    label: Option<&str>,
    asked: Both<wire::Container>,
    statuses: Both<wire::ContainerStatus>,
) -> Vec<Container> {
    let (init, main) = (asked.0.unwrap_or_default(), asked.1.unwrap_or_default());
    let (mut init_statuses, mut main_statuses) =
        (statuses.0.unwrap_or_default(), statuses.1.unwrap_or_default());
    let build = build_index(label, &main);
    let mut all = Vec::with_capacity(init.len() + main.len());
    for container in init {
        let stays = container.restart_policy.as_deref() == Some("Always");
        let role = if stays { Role::NativeSidecar } else { Role::Init };
        all.push(Container::read(container, role, &mut init_statuses));
    }
    for (index, container) in main.into_iter().enumerate() {
        let role = if build == Some(index) {
            Role::Build
        } else {
            Role::Sidecar
        };
        all.push(Container::read(container, role, &mut main_statuses));
    }
    all
}

/// Named as the label `sdbuild`, else as an executor of virtual machines names it, else `build`, else the only one.
fn build_index(label: Option<&str>, containers: &[wire::Container]) -> Option<usize> {
    let only = (containers.len() == 1).then_some(0);
    [label, Some("vm-launcher"), Some("build")]
        .into_iter()
        .flatten()
        .find_map(|name| containers.iter().position(|it| it.name == name))
        .or(only)
}

// === impl Container ===

impl Container {
    fn read(asked: wire::Container, role: Role, statuses: &mut [wire::ContainerStatus]) -> Self {
        let status = statuses.iter_mut().find(|status| status.name == asked.name);
        let status = status.map(std::mem::take);
        let has_status = status.is_some();
        let status = status.unwrap_or_default();
        Self {
            name: asked.name,
            role,
            image: asked.image.unwrap_or_default(),
            memory_limit: asked.resources.and_then(|it| it.limits).and_then(|it| it.memory),
            state: if has_status {
                State::read(status.state)
            } else {
                State::Absent
            },
            last: status
                .last_state
                .and_then(|state| state.terminated)
                .map(Ended::from),
            restarts: status
                .restart_count
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0),
            started: status.started == Some(true),
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

    /// Whether it is certain that it ran: a container that was only asked for can end as
    /// `ContainerStatusUnknown` too.
    pub fn ran_for_certain(&self) -> bool {
        let ended = |ended: &Ended| ended.started_at.is_some_and(|at| at > Timestamp::UNIX_EPOCH);
        match &self.state {
            State::Running { .. } => true,
            State::Ended(now) if ended(now) => true,
            State::Ended(_) | State::Waiting { .. } | State::Absent => {
                self.restarts > 0 || self.last.as_ref().is_some_and(ended)
            }
        }
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
    fn read(state: Option<wire::ContainerState>) -> Self {
        let state = state.unwrap_or_default();
        if let Some(running) = state.running {
            return Self::Running {
                since: running.started_at,
            };
        }
        if let Some(terminated) = state.terminated {
            return Self::Ended(terminated.into());
        }
        let waiting = state.waiting.unwrap_or_default();
        Self::Waiting {
            reason: filled(waiting.reason),
            message: filled(waiting.message),
        }
    }
}

// === impl Ended ===

impl From<wire::Terminated> for Ended {
    fn from(terminated: wire::Terminated) -> Self {
        Self {
            reason: filled(terminated.reason),
            message: filled(terminated.message),
            exit_code: terminated.exit_code.unwrap_or_default(),
            started_at: terminated.started_at,
            finished_at: terminated.finished_at,
        }
    }
}

impl Ended {
    /// The runtime's word for a process that could not be started: ended, yet begun at the epoch.
    /// `ContainerStatusUnknown` has no times either, but is also how a lost run ends, so it proves nothing.
    fn never_began(&self) -> bool {
        self.reason.as_deref() == Some("StartError")
            && self.started_at.is_none_or(|at| at <= Timestamp::UNIX_EPOCH)
    }
}
