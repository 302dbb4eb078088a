//! What stands under a build's name: its pod, somebody else's, or nothing. Reads; changes nothing.

use common::{
    cluster::ClusterError, facts::Facts, job::Recreate, outage::Trouble, pod_identity::LABEL_BUILD,
    site::Site,
};
use k8s_openapi::api::core::v1::Pod;

use crate::{manifest::TokenOwner, plan::Place};

/// What stands under a build's name.
pub(super) enum Found {
    /// The build's pod.
    Ours(Ours),
    /// A pod that is going away, or one that is not the build's.
    Occupied,
    /// No pod.
    Nothing,
}

/// The build's pod.
pub(super) struct Ours {
    pub(super) facts: Box<Facts>,
    /// It waits for the secret with its build's token.
    pub(super) waiting: Option<TokenOwner>,
}

/// Looks at a build's name in one place.
pub(super) async fn find(site: &Site, place: &Place) -> Result<Found, Trouble<ClusterError>> {
    let pod = site.call(|| site.cluster.get(&place.name)).await?;
    Ok(Found::of(pod, &place.label))
}

/// A pod of the build under any name.
pub(super) async fn find_by_label(site: &Site, label: &str) -> Result<Option<Ours>, Trouble<ClusterError>> {
    let selector = format!("{LABEL_BUILD}={label}");
    let pods = site.call(|| site.cluster.list(&selector)).await?;
    let mut living = pods.into_iter().map(|pod| Found::of(Some(pod), label));
    Ok(living.find_map(|found| match found {
        Found::Ours(ours) => Some(ours),
        Found::Occupied | Found::Nothing => None,
    }))
}

// === impl Found ===

impl Found {
    pub(super) fn of(pod: Option<Pod>, label: &str) -> Self {
        match pod {
            None => Self::Nothing,
            Some(pod) if pod.metadata.deletion_timestamp.is_some() || !is_ours(&pod, label) => Self::Occupied,
            Some(pod) => Self::Ours(Ours {
                facts: Box::new(Facts::read(&pod)),
                waiting: TokenOwner::of(&pod),
            }),
        }
    }

    /// Whether this is the build's pod. The dead one that is to be replaced is not.
    pub(super) fn lives(&self, recreate: Option<&Recreate>) -> bool {
        let dead = recreate.and_then(|recreate| recreate.uid.as_deref());
        match self {
            Self::Ours(ours) => dead.is_none() || ours.facts.uid.as_deref() != dead,
            Self::Occupied | Self::Nothing => false,
        }
    }
}

fn is_ours(pod: &Pod, label: &str) -> bool {
    let labels = pod.metadata.labels.as_ref();
    labels
        .and_then(|labels| labels.get(LABEL_BUILD))
        .is_some_and(|value| value == label)
}

#[cfg(test)]
mod tests;
