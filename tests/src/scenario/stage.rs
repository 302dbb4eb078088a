//! Where scenarios are played: one corner of the peers, both workers, and all that is seen of them. Any number
//! of scenarios can be played at the same time.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex as AsyncMutex;

use super::{Act, Message, Scenario, Sight, Story, journal::Journal, pod_watch::PodWatch};
use crate::{
    broker::message::BuildConfig,
    builds_api::{Scope, token_for},
    kubelet::NodeSpec,
    poll,
    worker::Worker,
    world::World,
};

/// The longest road is the grace of a missing image: 30 s between two looks, which come every 6 s. The rest is
/// for a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(100);

/// The age of a start at its first check, by the clocks of [`World`]. Other builds' checks wait beside it.
const FIRST_CHECK: SignedDuration = SignedDuration::from_secs(1);

/// The label that pods of [`super::SELECTIVE`] ask for. Its value is the namespace, so that the node of one stage is
/// none of another's.
const POOL: &str = "sd-pool";

/// What the world does to a build.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The build's id.
    pub build: u64,
    /// The scenario's name.
    pub scenario: &'static str,
    /// A few words.
    pub what: &'static str,
}

/// The configurations of the builds, for the stops that the API has published.
type Configs = Arc<Mutex<BTreeMap<u64, BuildConfig>>>;

/// A corner of the peers with both workers.
pub struct Stage {
    world: Arc<World>,
    workers: AsyncMutex<[Worker; 2]>,
    configs: Configs,
    pods: PodWatch,
    journal: Journal,
    tell: Box<dyn Fn(Told) + Send + Sync>,
}

// === impl Stage ===

impl Stage {
    /// Starts both workers in this corner. `tell` hears of what the world does to builds.
    pub async fn open(
        world: Arc<World>,
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        Self::open_with(world, &[], tell).await
    }

    /// The same with more settings for the workers.
    pub async fn open_with(
        world: Arc<World>,
        more: &[(&str, &str)],
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let selector = serde_json::json!({ POOL: world.namespace.name() }).to_string();
        let mut settings = vec![
            ("LOG_FORMAT", "json"),
            ("K8S_SANDBOX_NODE_SELECTORS", selector.as_str()),
        ];
        settings.extend(more);
        let (start, verify) = world.workers(&settings).await?;
        let logs = [&start, &verify].map(|worker| worker.log_file().to_owned());
        let configs = Configs::default();
        publish_stops(&world, &configs);
        Ok(Self {
            workers: AsyncMutex::new([start, verify]),
            pods: PodWatch::start(world.namespace.pods()),
            journal: Journal::follow(logs),
            tell: Box::new(tell),
            configs,
            world,
        })
    }

    /// The corner.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Creates the scenario's build and publishes its message; the answer is the build's id.
    pub async fn publish(&self, scenario: &Scenario) -> anyhow::Result<u64> {
        let namespace = self.world.namespace.name();
        let lives = scenario.lives.clone();
        self.world
            .peers
            .kubelet
            .script_each(namespace, scenario.image, lives);
        let (id, config) = self.world.build(scenario.image);
        let config = adapt(config, id, &scenario.message);
        self.world.api.create_build(id, scenario.message.status);
        self.configs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, config.clone());
        for _ in 0..scenario.message.copies {
            self.world.publish(config.start()).await?;
        }
        Ok(id)
    }

    /// Does what the world does, then waits for the expected end. The error says what was waited for, and what
    /// was there instead.
    pub async fn play(&self, scenario: &Scenario, id: u64) -> anyhow::Result<()> {
        for act in &scenario.acts {
            self.act(*act, scenario, id).await?;
        }
        let what = format!("the end of {} (build {id})", scenario.name);
        poll::until(&what, PATIENCE, || async {
            let unmet = scenario.expected.unmet(&self.story(id)?);
            anyhow::ensure!(unmet.is_empty(), unmet.join("; "));
            Ok(())
        })
        .await
    }

    /// What was seen of a build so far.
    pub fn story(&self, id: u64) -> anyhow::Result<Story> {
        Ok(Story {
            build: self
                .world
                .api
                .build(id)
                .context("the API does not know the build")?,
            updates: self.world.api.accepted(id),
            pods: self.pods.of(id),
            lines: self.journal.of(id),
        })
    }

    /// The trace of a build's start: where its whole story belongs.
    pub fn trace_id(&self, id: u64) -> Option<String> {
        let spans = self.world.collector.with_attribute("build.id", &id.to_string());
        let chosen = spans
            .iter()
            .find(|span| span.attribute("job.kind").as_deref() == Some("start"))
            .or(spans.first());
        chosen.map(|span| span.trace_id.clone())
    }

    /// Waits until the build's trace holds the expected spans; workers send them in batches.
    pub async fn trace_is_complete(&self, scenario: &Scenario, id: u64) -> anyhow::Result<String> {
        let what = format!("the trace of {} (build {id})", scenario.name);
        poll::until(&what, PATIENCE, || async {
            let trace = self.trace_id(id).context("there is no trace")?;
            let missing = scenario
                .expected
                .missing_spans(&self.world.collector.trace(&trace));
            anyhow::ensure!(missing.is_empty(), "it lacks {missing:?}");
            Ok(trace)
        })
        .await
    }

    async fn act(&self, act: Act, scenario: &Scenario, id: u64) -> anyhow::Result<()> {
        let tell = |what| {
            (self.tell)(Told {
                build: id,
                scenario: scenario.name,
                what,
            });
        };
        match act {
            Act::Await(sight) => self.wait_for(sight, id).await,
            Act::Release => {
                let story = self.story(id)?;
                let pod = story.pods.name().context("there is no pod to let go on")?;
                self.world.peers.kubelet.release(self.world.namespace.name(), pod);
                Ok(())
            }
            Act::AddNode => {
                tell("a node comes that takes its pod");
                let node = NodeSpec::default().label(POOL, self.world.namespace.name());
                Box::pin(self.world.peers.kubelet.add_node(node)).await?;
                Ok(())
            }
            Act::Launcher(status) => self.world.api.set_status(id, status).await,
            Act::Abort => {
                tell("a user aborts it");
                self.world
                    .api
                    .set_status(id, crate::builds_api::Status::Aborted)
                    .await
            }
            Act::KillWorkers => {
                tell("SIGKILL to both workers");
                self.workers.lock().await.iter_mut().for_each(Worker::kill);
                Ok(())
            }
            Act::StartWorkers => {
                tell("its check has fallen due in the broker; both workers are started again");
                let mut workers = self.workers.lock().await;
                let [start, verify] = &mut *workers;
                tokio::try_join!(Box::pin(start.restart()), Box::pin(verify.restart()))?;
                Ok(())
            }
        }
    }

    async fn wait_for(&self, sight: Sight, id: u64) -> anyhow::Result<()> {
        let checks = format!("{}.checks.v1", self.world.vhost.queue());
        poll::until(&format!("{sight:?} of build {id}"), PATIENCE, || async {
            let story = self.story(id)?;
            let seen = match sight {
                Sight::Pod(state) => story.pods.state() == state,
                Sight::Told(beginning) => story.texts().iter().any(|text| text.starts_with(beginning)),
                Sight::Outcome(wanted) => story.outcomes().contains(&wanted),
                Sight::Checks(count) => story.checks() >= count,
                Sight::CheckDue => {
                    let age = now().duration_since(story.build.create_time);
                    age > FIRST_CHECK && self.world.vhost.depth(&checks).await? > Some(0)
                }
            };
            anyhow::ensure!(
                seen,
                "the pod is {:?}, the user was told {:?}, the outcomes are {:?}",
                story.pods.state(),
                story.texts(),
                story.outcomes()
            );
            Ok(())
        })
        .await
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Stage")
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

/// The message as the scenario wants it.
fn adapt(config: BuildConfig, id: u64, message: &Message) -> BuildConfig {
    let config = match message.executor {
        Some(executor) => config.annotation("screwdriver.cd/executor", executor),
        None => config,
    };
    let issued = now() - SignedDuration::try_from(message.age).unwrap_or_default();
    let expires = issued + SignedDuration::from_hours(12);
    config.with("token", token_for(id, Scope::Temporal, issued, expires))
}

/// What the API does about a build that has ended: it has it stopped.
fn publish_stops(world: &World, configs: &Configs) {
    let (vhost, configs) = (world.vhost.clone(), Arc::clone(configs));
    world.api.on_stop(move |id| {
        let config = configs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        let vhost = vhost.clone();
        async move {
            if let Some(config) = config
                && let Err(error) = vhost.publish(vhost.queue(), config.stop()).await
            {
                tracing::error!(build = id, "the stop was not published: {error:#}");
            }
        }
    });
}

/// The producer's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "tokens are issued by the world under test"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
