//! Why a build is failed of which no pod was ever seen, as metrics tell it beside the reasons of pods.

use super::Actor;

/// What stood between a start and its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPod {
    /// No pod can be made of the start: an executor that there is not, or settings that give no pod.
    Impossible,
    /// The API server finds the pod of this job invalid.
    Invalid,
    /// A policy of the cluster refuses the pod.
    Refused,
    /// Another pod held its name to the end.
    NameTaken,
    /// The namespace's quota stayed used up.
    Quota,
    /// The cluster could not be asked to make it: no right, no namespace, a webhook or a server that fails.
    Unavailable,
}

// === impl NoPod ===

impl NoPod {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Impossible,
        Self::Invalid,
        Self::Refused,
        Self::NameTaken,
        Self::Quota,
        Self::Unavailable,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impossible => "start_impossible",
            Self::Invalid => "pod_invalid",
            Self::Refused => "pod_refused",
            Self::NameTaken => "pod_name_taken",
            Self::Quota => "namespace_quota",
            Self::Unavailable => "cluster_unavailable",
        }
    }

    /// Who can mend it.
    pub fn actor(self) -> Actor {
        match self {
            Self::Impossible | Self::Invalid => Actor::You,
            Self::Refused | Self::NameTaken | Self::Quota | Self::Unavailable => Actor::ClusterAdmin,
        }
    }
}
