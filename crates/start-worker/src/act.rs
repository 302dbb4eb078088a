//! Carries out a plan. Effects only: what the answers mean is decided in [`crate::outcome`].

mod found;
mod token;

use std::{collections::HashMap, time::Duration};

use common::{
    broker::{PublishError, Publisher},
    builds::{BuildsApi, ReportError},
    cluster::ClusterError,
    facts::Facts,
    job::{BuildConfig, Recreate, message},
    outage::Trouble,
    outcome::Room,
    site::Site,
    telemetry::{
        metrics::{Metrics, labels::PodAction},
        phases::record_stages,
    },
};
use futures_util::future::join_all;
use screwdriver_api_client::Wanted;

use self::{
    found::{Found, Ours, find, find_by_label},
    token::give_token,
};
use crate::{
    cache::Caches,
    manifest::TokenOwner,
    plan::{Place, StartPlan, StopPlan},
};

/// Longest that the executors beside the chosen one may keep a start waiting.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// How long a word with a builds API on which nothing depends may keep a delivery: a slow one never delays builds.
pub const REPORT_BUDGET: Duration = Duration::from_secs(2);

/// The peers that plans act on.
#[derive(Debug)]
pub struct World {
    /// One site per executor.
    pub sites: HashMap<String, Site>,
    /// The builds APIs.
    pub builds: BuildsApi,
    /// The broker.
    pub publisher: Publisher,
    /// The disk caches.
    pub caches: Caches,
    /// Counters.
    pub metrics: Metrics,
}

/// What the world answered to a start.
#[derive(Debug)]
pub enum Seen {
    /// The pod is there: made now, or found.
    Pod {
        /// Whether this handling created it.
        created: bool,
        /// The executor in which it is.
        executor: String,
        /// What a look at it showed, if it could be read.
        facts: Option<Box<Facts>>,
    },
    /// There is no pod, and the build runs already or is finished.
    Unwanted,
    /// There is no pod, and the builds API does not say whether one is wanted any more. A chain of checks was armed,
    /// and may have ended.
    Unasked(ReportError),
    /// The name is held by a pod that is going away, or by one that is not ours.
    Occupied {
        /// Whether a chain of checks lives.
        armed: bool,
    },
    /// The first check could not be published: nothing was created.
    Unarmed(PublishError),
    /// The cluster failed a step.
    Refused {
        /// Why.
        trouble: Trouble<ClusterError>,
        /// Whether a chain of checks lives.
        armed: bool,
    },
}

// === impl World ===

impl World {
    /// Makes sure that the build has its pod: look, arm, create, look.
    pub async fn start(&self, plan: &StartPlan, config: &BuildConfig<'_>) -> Seen {
        let mut armed = plan.state.armed;
        match self.try_start(plan, config, &mut armed).await {
            Ok(seen) => seen,
            Err(trouble) => Seen::Refused { trouble, armed },
        }
    }

    async fn try_start(
        &self,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        armed: &mut bool,
    ) -> Result<Seen, Trouble<ClusterError>> {
        let Some(site) = self.sites.get(&plan.place.executor) else {
            return Err(Trouble::Own(ClusterError::NotFound {
                message: format!("executor {}", plan.place.executor),
            }));
        };
        if plan.look_first
            && let Some(seen) = self.look_first(site, plan, config, *armed).await?
        {
            return Ok(seen);
        }
        // Before the pod exists: a pod without a check could hang for ever, a check without a pod cannot.
        if let Some(delay) = plan.arm {
            let body = message::check(config, &plan.first_check());
            if let Err(error) = self.publisher.publish_after(Room::Checks, delay, &body).await {
                return Ok(Seen::Unarmed(error));
            }
            *armed = true;
        }
        if let Some(uid) = plan
            .recreate
            .as_ref()
            .and_then(|recreate| recreate.uid.as_deref())
        {
            site.call(|| site.cluster.delete(&plan.place.name, uid)).await?;
            self.metrics.pod(PodAction::Replaced);
        }
        let created = site.call(|| site.cluster.create(&plan.pod)).await;
        let (created, waiting) = match created {
            Ok(uid) => (true, TokenOwner::made(&plan.pod, &uid)),
            Err(Trouble::Own(ClusterError::AlreadyExists)) => (false, None),
            Err(trouble) => return Err(trouble),
        };
        if created {
            self.metrics.pod(match &plan.recreate {
                None => PodAction::Created,
                Some(_) => PodAction::Recreated,
            });
        }
        if !give_token(site, waiting.as_ref(), config).await? {
            return Ok(Seen::Occupied { armed: *armed });
        }
        // The pod exists: failing to read it is no reason to do anything again.
        let seen = |facts| Seen::Pod {
            created,
            executor: plan.place.executor.clone(),
            facts,
        };
        match find(site, &plan.place).await {
            Ok(Found::Ours(ours)) if created => Ok(seen(Some(ours.facts))),
            Ok(Found::Ours(ours)) => adopt(site, &plan.place.executor, ours, config, *armed).await,
            Err(_) | Ok(Found::Nothing) if created => Ok(seen(None)),
            Ok(Found::Occupied | Found::Nothing) => Ok(Seen::Occupied { armed: *armed }),
            Err(trouble) => Err(trouble),
        }
    }

    /// For a start that was seen before: its pod, or its end, may be there already.
    async fn look_first(
        &self,
        site: &Site,
        plan: &StartPlan,
        config: &BuildConfig<'_>,
        armed: bool,
    ) -> Result<Option<Seen>, Trouble<ClusterError>> {
        let executor = &plan.place.executor;
        match find(site, &plan.place).await? {
            // The dead pod that is to be replaced is not the build's pod.
            found @ Found::Ours(_) if !found.lives(plan.recreate.as_ref()) => {}
            Found::Ours(ours) => return adopt(site, executor, ours, config, armed).await.map(Some),
            Found::Occupied => return Ok(Some(Seen::Occupied { armed })),
            Found::Nothing => {
                if let Some((site, executor, ours)) = self.find_elsewhere(plan).await {
                    return adopt(site, executor, ours, config, armed).await.map(Some);
                }
                if plan.legacy
                    && let Some(ours) = find_by_label(site, &plan.place.label).await?
                {
                    return Ok(Some(self.adopt_legacy(plan, config, ours.facts).await));
                }
            }
        }
        Ok(match self.builds.wanted_within(REPORT_BUDGET, config).await {
            Ok(Wanted::RunningOrFinished) => Some(Seen::Unwanted),
            Ok(Wanted::Yes) => None,
            // Its chain was armed by an earlier handling, and may have heard since that the build is finished:
            // nobody would look at a pod that is made now.
            Err(error) if plan.arm.is_none() => Some(Seen::Unasked(error)),
            Err(error) => {
                // No answer is no reason against the build: the first check will tell.
                tracing::debug!(error = error.as_error(), "whether the build is wanted is unknown");
                None
            }
        })
    }

    /// A predecessor's pod: its maker gave the message back and checks nothing any more, so a chain of ours does.
    async fn adopt_legacy(&self, plan: &StartPlan, config: &BuildConfig<'_>, facts: Box<Facts>) -> Seen {
        if let Some(delay) = plan.arm {
            let mut check = plan.first_check();
            check.pod.clone_from(&facts.name);
            // Whether it ran nobody knows: it is not started anew.
            check.look.ran = true;
            let body = message::check(config, &check);
            if let Err(error) = self.publisher.publish_after(Room::Checks, delay, &body).await {
                return Seen::Unarmed(error);
            }
        }
        Seen::Pod {
            created: false,
            executor: plan.place.executor.clone(),
            facts: Some(facts),
        }
    }

    /// A pod that another executor made for this build, as far as they answer in time.
    async fn find_elsewhere<'p>(&'p self, plan: &'p StartPlan) -> Option<(&'p Site, &'p str, Ours)> {
        for place in &plan.elsewhere {
            let Some(site) = self.sites.get(&place.executor) else {
                continue;
            };
            let pod = tokio::time::timeout(ELSEWHERE, site.cluster.get(&place.name)).await;
            if let Ok(Ok(pod)) = pod
                && let Found::Ours(ours) = Found::of(pod, &place.label)
            {
                return Some((site, &place.executor, ours));
            }
        }
        None
    }

    /// Whether a pod of the build lives in one of these places: asked before a build is failed for having none.
    /// Every place must answer before there is none. `recreate` names the dead pod that was to be replaced.
    pub async fn pod_lives(
        &self,
        places: &[Place],
        recreate: Option<&Recreate>,
    ) -> Result<bool, Trouble<ClusterError>> {
        for place in places {
            if let Some(site) = self.sites.get(&place.executor)
                && find(site, place).await?.lives(recreate)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes the pod of a build that is finished: stop wins.
    pub async fn delete_finished(
        &self,
        executor: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), Trouble<ClusterError>> {
        if let Some(site) = self.sites.get(executor) {
            site.call(|| site.cluster.delete(name, uid)).await?;
            self.metrics.pod(PodAction::Zombie);
        }
        Ok(())
    }

    /// Deletes a build's pods everywhere, each place whatever came of the others; the first trouble is told.
    pub async fn stop(&self, plan: &StopPlan) -> Result<(), Trouble<ClusterError>> {
        let deletions = plan.targets.iter().map(async |(executor, label)| {
            let Some(site) = self.sites.get(executor) else {
                return Ok(());
            };
            let deleted = site.call(|| site.cluster.delete_all(label)).await?;
            self.metrics.pods(PodAction::Stopped, deleted.len());
            // A check tells the way of a pod whose build ran.
            let waited = deleted.iter().map(Facts::read).filter(|facts| !facts.build_ran());
            waited.for_each(|facts| record_stages(&facts));
            Ok(())
        });
        join_all(deletions).await.into_iter().collect()
    }
}

/// The build's pod was there already.
async fn adopt(
    site: &Site,
    executor: &str,
    ours: Ours,
    config: &BuildConfig<'_>,
    armed: bool,
) -> Result<Seen, Trouble<ClusterError>> {
    if !give_token(site, ours.waiting.as_ref(), config).await? {
        return Ok(Seen::Occupied { armed });
    }
    Ok(Seen::Pod {
        created: false,
        executor: executor.to_owned(),
        facts: Some(ours.facts),
    })
}
