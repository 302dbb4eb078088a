//! Looks at pods, deletes those of finished builds. Effects only: what was seen is judged in
//! [`common::verdict`], what follows from it is decided in [`crate::outcome`].

use std::{collections::HashMap, time::Duration};

use common::{
    broker::Publisher,
    builds::BuildsApi,
    cluster::ClusterError,
    facts::Facts,
    job::BuildConfig,
    outage::Trouble,
    pod_identity::LABEL_BUILD,
    site::Site,
    telemetry::metrics::{Metrics, labels::PodAction},
};
use k8s_openapi::api::core::v1::{Event, Pod};
use screwdriver_api_client::Wanted;

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
        let pod = site.call(|| site.cluster.get(&look.check.pod)).await?;
        let pod = match pod.filter(|pod| place.holds(pod)) {
            // A list costs more with every pod there is: only once, before a pod that was seen is called gone.
            None if look.check.uid.is_some() => pick(site.call(|| site.cluster.list(&place.selector)).await?),
            pod => pod,
        };
        let facts = pod.as_ref().map(Facts::read);
        Ok(Sighting { executor, facts })
    }

    /// A pod that is found counts; that there is none is known only when every place has answered.
    async fn look_everywhere(&self, look: &Look) -> Result<Sighting, Trouble<ClusterError>> {
        let mut unread = None;
        for Place { executor, selector } in &look.places {
            let Some(site) = self.sites.get(executor) else {
                continue;
            };
            match site.call(|| site.cluster.list(selector)).await {
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
        let events = match facts.uid.as_deref() {
            Some(uid) => self.events(&look.check.executor, uid).await,
            None => None,
        };
        match events {
            Some(events) => facts.with_events(&events),
            None => facts,
        }
    }

    /// The events of the pod that has, or had, this UID; `None` when they cannot be had.
    pub async fn events(&self, executor: &str, uid: &str) -> Option<Vec<Event>> {
        match self.sites.get(executor)?.cluster.events(uid).await {
            Ok(events) => Some(events),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the pod's events cannot be read"
                );
                None
            }
        }
    }

    /// Whether the build still wants a pod; `None` when the API does not say so in time.
    pub async fn wanted(&self, budget: Duration, config: &BuildConfig<'_>) -> Option<Wanted> {
        match self.builds.wanted_within(budget, config).await {
            Ok(wanted) => Some(wanted),
            Err(error) => {
                tracing::debug!(error = error.as_error(), "whether the build is wanted is unknown");
                None
            }
        }
    }

    /// Deletes the pod of a build that is finished: stop wins.
    pub async fn delete_finished(&self, executor: &str, facts: &Facts) -> Result<(), Trouble<ClusterError>> {
        let (Some(site), Some(uid)) = (self.sites.get(executor), facts.uid.as_deref()) else {
            return Ok(());
        };
        site.call(|| site.cluster.delete(&facts.name, uid)).await?;
        self.metrics.pod(PodAction::Zombie);
        Ok(())
    }
}

/// Of several pods of one build (a predecessor made one at each try), the one that decides: one that runs or ran
/// well before one that still may, that before one that failed; one that is going away only if there is no
/// other; of equals the youngest.
fn pick(pods: Vec<Pod>) -> Option<Pod> {
    let rank = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let promise = match phase {
            _ if pod.metadata.deletion_timestamp.is_some() => 0,
            Some("Running" | "Succeeded") => 3,
            Some("Pending" | "") | None => 2,
            Some(_) => 1,
        };
        let made = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (promise, made)
    };
    pods.into_iter().max_by_key(rank)
}

// === impl Place ===

impl Place {
    /// Whether the pod is one of the build's: under its name there might be a stranger's.
    fn holds(&self, pod: &Pod) -> bool {
        let value = pod
            .metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(LABEL_BUILD));
        value.is_some_and(|value| self.selector == format!("{LABEL_BUILD}={value}"))
    }
}

#[cfg(test)]
mod tests;
