//! Why a build failed or its pod is made anew, as a closed set: the labels of metrics, never free text.

/// Why a build failed or its pod is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The image's name cannot be parsed.
    ImageName,
    /// The registry does not have the image.
    ImageNotFound,
    /// The registry refuses to hand the image out.
    ImageDenied,
    /// The image does not fit the node's platform.
    ImageUnsuitable,
    /// The registry's copy of the image is damaged.
    ImageDamaged,
    /// The image is not on the node and may not be pulled.
    ImageAbsent,
    /// The node's policy rejects the image.
    ImageRejected,
    /// The image cannot be pulled, for a cause that we do not know.
    ImagePull,
    /// The registry is down, slow, limiting or not trusted.
    Registry,
    /// What the container refers to is missing or contradictory.
    ContainerConfig,
    /// The runtime could not create the container.
    ContainerCreate,
    /// The container's first process could not be started.
    StartError,
    /// A hook that follows the container's start failed.
    PostStartHook,
    /// A container keeps crashing.
    CrashLoop,
    /// A container that has to end before the build failed.
    Init,
    /// A container used more memory than it may.
    OutOfMemory,
    /// The build container exited with another code than 0.
    Exited,
    /// The build container was killed by a signal.
    Killed,
    /// The pod used more local storage than it may.
    StorageLimit,
    /// The pod ran longer than it may.
    DeadlineExceeded,
    /// The node ran low on a resource and evicted the pod.
    Evicted,
    /// A more important pod took the place.
    Preempted,
    /// The node was shut down.
    NodeShutdown,
    /// The node was drained.
    Drained,
    /// The node is gone or does not answer.
    NodeLost,
    /// The node was full by the time the pod came.
    NodeFull,
    /// The node did not admit the pod.
    NodeRefused,
    /// The node's runtime, devices or network failed.
    NodeFault,
    /// A volume could not be attached or mounted.
    Volume,
    /// No node took the pod in time.
    Unscheduled,
    /// A scheduling gate stayed closed.
    Gated,
    /// The pod was not set up in time.
    Initialising,
    /// The image was not pulled in time.
    Pulling,
    /// The container did not start in time.
    Starting,
    /// Somebody deleted the pod.
    Deleted,
    /// The pod disappeared.
    Disappeared,
    /// No pod could be created.
    NeverCreated,
    /// The pod failed, and nothing says why.
    PodFailed,
}

// === impl Reason ===

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 38] = [
        Self::ImageName,
        Self::ImageNotFound,
        Self::ImageDenied,
        Self::ImageUnsuitable,
        Self::ImageDamaged,
        Self::ImageAbsent,
        Self::ImageRejected,
        Self::ImagePull,
        Self::Registry,
        Self::ContainerConfig,
        Self::ContainerCreate,
        Self::StartError,
        Self::PostStartHook,
        Self::CrashLoop,
        Self::Init,
        Self::OutOfMemory,
        Self::Exited,
        Self::Killed,
        Self::StorageLimit,
        Self::DeadlineExceeded,
        Self::Evicted,
        Self::Preempted,
        Self::NodeShutdown,
        Self::Drained,
        Self::NodeLost,
        Self::NodeFull,
        Self::NodeRefused,
        Self::NodeFault,
        Self::Volume,
        Self::Unscheduled,
        Self::Gated,
        Self::Initialising,
        Self::Pulling,
        Self::Starting,
        Self::Deleted,
        Self::Disappeared,
        Self::NeverCreated,
        Self::PodFailed,
    ];

    /// The reason with this label.
    pub fn parse(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == label)
    }

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageName => "image_name",
            Self::ImageNotFound => "image_not_found",
            Self::ImageDenied => "image_denied",
            Self::ImageUnsuitable => "image_unsuitable",
            Self::ImageDamaged => "image_damaged",
            Self::ImageAbsent => "image_absent",
            Self::ImageRejected => "image_rejected",
            Self::ImagePull => "image_pull",
            Self::Registry => "registry",
            Self::ContainerConfig => "container_config",
            Self::ContainerCreate => "container_create",
            Self::StartError => "start_error",
            Self::PostStartHook => "post_start_hook",
            Self::CrashLoop => "crash_loop",
            Self::Init => "init",
            Self::OutOfMemory => "out_of_memory",
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::StorageLimit => "storage_limit",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Evicted => "evicted",
            Self::Preempted => "preempted",
            Self::NodeShutdown => "node_shutdown",
            Self::Drained => "drained",
            Self::NodeLost => "node_lost",
            Self::NodeFull => "node_full",
            Self::NodeRefused => "node_refused",
            Self::NodeFault => "node_fault",
            Self::Volume => "volume",
            Self::Unscheduled => "unscheduled",
            Self::Gated => "gated",
            Self::Initialising => "initialising",
            Self::Pulling => "pulling",
            Self::Starting => "starting",
            Self::Deleted => "deleted",
            Self::Disappeared => "disappeared",
            Self::NeverCreated => "never_created",
            Self::PodFailed => "pod_failed",
        }
    }
}
