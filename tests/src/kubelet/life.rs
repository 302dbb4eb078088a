//! A pod's life as data: small steps, in order, and what its end is like. Pure; [`super::pod`] plays it.

use std::{path::Path, time::Duration};

use super::recording::{self, Recorded};

/// What a container is for. Names differ (the build's is the build's id), so steps name roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The init container that brings the launcher: the first one that ends.
    Launcher,
    /// The container of the build: named as the label `sdbuild`, else `vm-launcher`, else `build`, else the
    /// first.
    Build,
    /// Another container, or an init container that goes on (a native sidecar).
    Sidecar,
}

/// One thing that happens to a pod. A step for a role that the pod does not have is skipped.
///
/// Texts may contain `{container}` and `{image}` (of the container that they are about, else of the build's),
/// `{pod}`, `{namespace}` and `{uid}`.
#[derive(Debug, Clone)]
pub enum Step {
    /// Time passes.
    Wait(Duration),
    /// Time stands still until [`super::Kubelet::release`].
    Hold,
    /// The node has accepted the pod: every container waits, nothing has been said about why.
    Admitted,
    /// A container waits for a reason.
    Waiting {
        /// Which one.
        container: Role,
        /// Kubernetes' word, such as `ErrImagePull`.
        reason: String,
        /// The kubelet's text; `ContainerCreating` and `PodInitializing` never have one.
        message: Option<String>,
    },
    /// A container runs (with the events `Created` and `Started`).
    Running(Role),
    /// A container has ended.
    Terminated {
        /// Which one.
        container: Role,
        /// Its exit code.
        exit_code: i32,
        /// Kubernetes' word, such as `Completed` or `OOMKilled`.
        reason: String,
        /// The runtime's text or the container's last words.
        message: Option<String>,
    },
    /// A container that restarts has ended again and waits for its next start (`CrashLoopBackOff`). The API
    /// server takes it only for native sidecars and pods that restart.
    CrashLoop {
        /// Which one.
        container: Role,
        /// The exit code of the start that failed.
        exit_code: i32,
    },
    /// The kubelet gives the whole pod up; what runs is killed. As the first step: the pod is not admitted.
    PhaseFailed {
        /// Such as `Evicted` or `OutOfcpu`.
        reason: String,
        /// The kubelet's text.
        message: String,
    },
    /// An event about the pod or one of its containers. The same event again counts up.
    Event {
        /// The container, or the pod as a whole.
        container: Option<Role>,
        /// `Warning` instead of `Normal`.
        warning: bool,
        /// Such as `Pulling` or `FailedMount`.
        reason: String,
        /// Its text.
        message: String,
    },
    /// Something from a recording.
    Recorded(Recorded),
}

/// How a pod that is deleted comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The containers end that long after the deletion, or after the grace period if that is shorter.
    After(Duration),
    /// They never end: the node is lost or the runtime stuck.
    Never,
}

/// All that happens to a pod from its binding on. After the last step it stays as it is until it is deleted.
#[derive(Debug, Clone)]
pub struct Life {
    pub(super) steps: Vec<Step>,
    pub(super) forever: Vec<Step>,
    pub(super) ending: Ending,
}

// === impl Step ===

impl Step {
    /// [`Step::Waiting`], with a text.
    pub fn waiting(container: Role, reason: &str, message: &str) -> Self {
        Self::Waiting {
            container,
            reason: reason.to_owned(),
            message: Some(message.to_owned()),
        }
    }

    /// [`Step::Terminated`], without a text.
    pub fn terminated(container: Role, exit_code: i32, reason: &str) -> Self {
        Self::Terminated {
            container,
            exit_code,
            reason: reason.to_owned(),
            message: None,
        }
    }

    /// A normal event about a container.
    pub fn normal(container: Role, reason: &str, message: &str) -> Self {
        Self::event(Some(container), false, reason, message)
    }

    /// A warning about a container, or about the pod if there is none.
    pub fn warning(container: Option<Role>, reason: &str, message: &str) -> Self {
        Self::event(container, true, reason, message)
    }

    fn event(container: Option<Role>, warning: bool, reason: &str, message: &str) -> Self {
        Self::Event {
            container,
            warning,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }
}

// === impl Life ===

impl Life {
    /// A life of these steps, whose end comes 200 ms after the deletion.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            forever: Vec::new(),
            ending: Ending::After(Duration::from_millis(200)),
        }
    }

    /// The changes that a recording of a real kubelet saw, `speed` times as fast, on another pod: names,
    /// image and node are the new pod's, times are shifted, addresses left out.
    ///
    /// A recording of a pod that never had a node cannot be played, and is an error.
    pub fn recording(path: &Path, speed: f64) -> anyhow::Result<Self> {
        Ok(Self::new(recording::steps(path, speed)?))
    }

    /// With more steps.
    #[must_use]
    pub fn then(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// With steps that are repeated from then on.
    #[must_use]
    pub fn then_forever(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.forever.extend(steps);
        self
    }

    /// Whose containers take that long to end once the pod is deleted, at most its grace period.
    #[must_use]
    pub fn dying(mut self, duration: Duration) -> Self {
        self.ending = Ending::After(duration);
        self
    }

    /// Whose pod stays terminating for ever.
    #[must_use]
    pub fn undying(mut self) -> Self {
        self.ending = Ending::Never;
        self
    }
}
