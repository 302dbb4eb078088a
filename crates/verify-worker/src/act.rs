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

use crate::plan::{By, Look, Place};

/// What a look found.
#[derive(Debug)]
pub struct Sighting {
    /// The executor in which the pod is, or would be.
    pub executor: String,
    /// The pod, as it is now; `None` if there is none.
    pub facts: Option<Facts>,
}

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
    /// The build's pod, as it is now.
    pub async fn look(&self, look: &Look) -> Result<Sighting, Trouble<ClusterError>> {
        match look.by {
            By::Name => self.look_by_name(look).await,
            By::Label => self.look_everywhere(look).await,
        }
    }

    async fn look_by_name(&self, look: &Look) -> Result<Sighting, Trouble<ClusterError>> {
        let executor = look.check.executor.clone();
        let (Some(site), Some(place)) = (self.sites.get(&executor), look.places.first()) else {
            return Err(Trouble::Own(ClusterError::NotFound {
                message: format!("executor {executor}"),
            }));
        };
        let pod = match site.call(|| site.cluster.get(&look.check.pod)).await? {
            // A list costs more with every pod there is: only once, before a pod that was seen is called gone.
            None if look.check.uid.is_some() => pick(site.call(|| site.cluster.list(&place.label)).await?),
            pod => pod,
        };
        let facts = pod.as_ref().map(Facts::read);
        Ok(Sighting { executor, facts })
    }

    /// A pod that is found counts; that there is none is known only when every place has answered.
    async fn look_everywhere(&self, look: &Look) -> Result<Sighting, Trouble<ClusterError>> {
        let mut unread = None;
        for Place { executor, label } in &look.places {
            let Some(site) = self.sites.get(executor) else {
                continue;
            };
            match site.call(|| site.cluster.list(label)).await {
                Ok(pods) => {
                    if let Some(pod) = pick(pods) {
                        return Ok(Sighting {
                            executor: executor.clone(),
                            facts: Some(Facts::read(&pod)),
                        });
                    }
                }
                Err(trouble) => unread = unread.or(Some(trouble)),
            }
        }
        match unread {
            Some(trouble) => Err(trouble),
            None => Ok(Sighting {
                executor: look.check.executor.clone(),
                facts: None,
            }),
        }
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
    pub async fn delete_finished(&self, executor: &str, facts: &Facts) -> Result<(), Trouble<ClusterError>> {
        let (Some(site), Some(uid)) = (self.sites.get(executor), facts.uid.as_deref()) else {
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
