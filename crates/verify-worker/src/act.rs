//! Looks at pods, deletes those of finished builds. Effects only: what was seen is judged in
//! [`common::verdict`], what follows from it is decided in [`crate::outcome`].

use std::collections::HashMap;

use common::{
    broker::Publisher,
    builds::BuildsApi,
    cluster::ClusterError,
    facts::Facts,
    outage::Trouble,
    site::Site,
    telemetry::metrics::{Metrics, labels::PodAction},
};
use k8s_openapi::api::core::v1::Pod;

use crate::plan::{By, Look};

/// The peers that checks look at and report to.
#[derive(Debug)]
pub struct World {
    /// One site per executor.
    pub sites: HashMap<String, Site>,
    /// The builds APIs.
    pub builds: BuildsApi,
    /// The broker.
    pub publisher: Publisher,
    /// Counters.
    pub metrics: Metrics,
}

// === impl World ===

impl World {
    /// The build's pod, as it is now; `None` if there is none.
    pub async fn look(&self, look: &Look) -> Result<Option<Facts>, Trouble<ClusterError>> {
        let executor = &look.check.executor;
        let Some(site) = self.sites.get(executor) else {
            return Err(Trouble::Own(ClusterError::NotFound {
                message: format!("executor {executor}"),
            }));
        };
        let pod = match look.by {
            By::Name => site.call(|| site.cluster.get(&look.check.pod)).await?,
            By::Label => None,
        };
        // A list costs more with every pod there is: only where the name is unknown, and once before a
        // pod that was seen is called gone.
        let pod = match pod {
            Some(pod) => Some(pod),
            None if look.by == By::Label || look.check.uid.is_some() => {
                pick(site.call(|| site.cluster.list(&look.label)).await?)
            }
            None => None,
        };
        Ok(pod.as_ref().map(Facts::read))
    }

    /// The same facts with the pod's events; without them when they cannot be had.
    pub async fn with_events(&self, look: &Look, facts: Facts) -> Facts {
        let (Some(site), Some(uid)) = (self.sites.get(&look.check.executor), facts.uid.as_deref()) else {
            return facts;
        };
        match site.cluster.events(uid).await {
            Ok(events) => facts.with_events(&events),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the pod's events cannot be read"
                );
                facts
            }
        }
    }

    /// Deletes the pod of a build that is finished: stop wins.
    pub async fn delete_finished(&self, look: &Look, facts: &Facts) -> Result<(), Trouble<ClusterError>> {
        let (Some(site), Some(uid)) = (self.sites.get(&look.check.executor), facts.uid.as_deref()) else {
            return Ok(());
        };
        site.call(|| site.cluster.delete(&facts.name, uid)).await?;
        self.metrics.pod(PodAction::Deleted);
        Ok(())
    }
}

/// Of several pods of one build, the one that is not going away.
fn pick(pods: Vec<Pod>) -> Option<Pod> {
    let going = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    pods.into_iter().min_by_key(going)
}
