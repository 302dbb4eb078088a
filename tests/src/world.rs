//! One test's or demo's own corner of the [`Peers`] of a run: a vhost, a namespace, a builds API, and the workers
//! that it starts. Everything ends with the values.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;

use crate::{
    broker::{Broker, Permissions, Vhost, message::BuildConfig},
    builds_api::{Build, BuildsApi, Scope, Status, token_for},
    collector::Collector,
    control_plane::{Account, Namespace},
    kubelet::Life,
    worker::{Kind, Worker},
};

mod peers;
mod proxies;

pub use self::peers::{Peers, Progress};

/// Ids are unique in a run, so that no log line, span or pod can be mistaken for another test's.
static NEXT_BUILD: AtomicU64 = AtomicU64::new(8_600);

/// One corner of the peers.
#[derive(Debug)]
pub struct World {
    /// The peers behind it.
    pub peers: Arc<Peers>,
    /// Its vhost.
    pub vhost: Vhost,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its builds API.
    pub api: Arc<BuildsApi>,
    /// Its trace collector.
    pub collector: Collector,
    directory: PathBuf,
}

/// Clocks short enough for tests: checks at 1 s, 2 s, 6 s and then every 6 s.
const SHORT_CLOCKS: [(&str, &str); 4] = [
    ("CHECK_LADDER", "1s,2s"),
    ("RABBITMQ_BUILD_INIT_TIMEOUT", "0.1"),
    ("EXECUTOR_PLUGIN", "k8s"),
    ("LOG_FORMAT", "text"),
];

// === impl World ===

impl World {
    /// A new corner; `name` shows in the namespace and in folders.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        let peers = Peers::shared().await?;
        let vhost = peers.broker.vhost(name, Permissions::All).await?;
        Self::furnish(name, peers, vhost).await
    }

    /// A new corner on a broker of the caller's own, which may therefore be killed; the other peers are the
    /// shared ones.
    pub async fn with_broker(name: &str, broker: &Broker) -> anyhow::Result<Self> {
        let peers = Peers::shared().await?;
        let vhost = broker.vhost(name, Permissions::All).await?;
        Self::furnish(name, peers, vhost).await
    }

    /// A new corner of peers that are not the shared ones.
    pub async fn of(name: &str, peers: &Arc<Peers>) -> anyhow::Result<Self> {
        let vhost = peers.broker.vhost(name, Permissions::All).await?;
        Self::furnish(name, Arc::clone(peers), vhost).await
    }

    async fn furnish(name: &str, peers: Arc<Peers>, vhost: Vhost) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(peers.directory.path())?
            .keep();
        let namespace = peers.control_plane.namespace(name).await?;
        let identity = proxies::identity(&peers.pki.server(&format!("builds-api-{name}"))?)?;
        let api = Arc::new(BuildsApi::start(Some(&identity))?);
        let collector = Collector::start()?;
        Ok(Self {
            peers,
            vhost,
            namespace,
            api,
            collector,
            directory,
        })
    }

    /// The folder for this corner's logs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts a worker on this corner and waits until it is ready. `settings` come last and win.
    pub async fn worker(&self, kind: Kind, settings: &[(&str, &str)]) -> anyhow::Result<Worker> {
        Worker::start(kind, self.environment(kind, settings), &self.directory).await
    }

    /// Both workers, with the same settings.
    pub async fn workers(&self, settings: &[(&str, &str)]) -> anyhow::Result<(Worker, Worker)> {
        let (start, verify) = (
            self.worker(Kind::Start, settings),
            self.worker(Kind::Verify, settings),
        );
        Box::pin(async { tokio::try_join!(start, verify) }).await
    }

    /// The environment that points a worker at this corner.
    pub fn environment(&self, kind: Kind, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let account = match kind {
            Kind::Start => Account::StartWorker,
            Kind::Verify => Account::VerifyWorker,
        };
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let mut env = self.vhost.worker_env();
        env.extend(self.namespace.environment(account));
        env.extend(owned(&SHORT_CLOCKS));
        env.push((
            "API_CA_FILE".to_owned(),
            self.peers.pki.ca_file().display().to_string(),
        ));
        env.push((
            "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
            self.collector.endpoint(),
        ));
        env.extend(owned(settings));
        env
    }

    /// A new build that waits in the API, and its configuration as the producer would send it.
    pub fn build(&self, image: &str) -> (u64, BuildConfig) {
        let id = NEXT_BUILD.fetch_add(1, Ordering::Relaxed);
        self.api.create_build(id, Status::Queued);
        #[expect(
            clippy::disallowed_methods,
            reason = "plays the producer, who reads the clock"
        )]
        let now = Timestamp::now();
        let expires = now + SignedDuration::from_hours(12);
        let token = token_for(id, Scope::Temporal, now, expires);
        (id, BuildConfig::new(id, &self.api.uri(), &token).container(image))
    }

    /// Builds with this image live so.
    pub fn script(&self, image: &str, life: Life) {
        self.peers.kubelet.script(self.namespace.name(), image, life);
    }

    /// Publishes as the producer does.
    pub async fn publish(&self, body: impl AsRef<[u8]>) -> anyhow::Result<()> {
        self.vhost.publish(self.vhost.queue(), body).await
    }

    /// The build's pods, terminating ones too.
    pub async fn pods(&self, build: u64) -> anyhow::Result<Vec<Pod>> {
        let selector = ListParams::default().labels(&format!("sdbuild={build}"));
        Ok(self.namespace.pods().list(&selector).await?.items)
    }

    /// Waits until the build's pod is there and alone, and says its name.
    pub async fn one_pod(&self, build: u64, deadline: Duration) -> anyhow::Result<Pod> {
        crate::poll::until(&format!("the pod of build {build}"), deadline, || async {
            let mut pods = self.pods(build).await?;
            anyhow::ensure!(pods.len() == 1, "there are {} pods", pods.len());
            pods.pop().context("one pod")
        })
        .await
    }

    /// Waits until the build in the API is as `wanted` says.
    pub async fn build_is(
        &self,
        id: u64,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&Build) -> bool,
    ) -> anyhow::Result<Build> {
        crate::poll::until(&format!("build {id} to be {what}"), deadline, || async {
            let build = self.api.build(id).context("the API does not know the build")?;
            anyhow::ensure!(
                wanted(&build),
                "it is {:?} with {:?}",
                build.status,
                build.status_message
            );
            Ok::<_, anyhow::Error>(build)
        })
        .await
    }

    /// Waits until the queue holds nothing.
    pub async fn queue_empties(&self, queue: &str, deadline: Duration) -> anyhow::Result<()> {
        crate::poll::until(&format!("queue {queue} to empty"), deadline, || async {
            let depth = self.vhost.depth(queue).await?;
            anyhow::ensure!(depth == Some(0), "it holds {depth:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await
    }

    /// Everything that explains a failed test: pods, queues, builds, the ends of the workers' logs.
    pub async fn explain(&self) -> String {
        use std::fmt::Write as _;
        let mut text = self.peers.control_plane.dump(self.namespace.name()).await;
        let main = self.vhost.queue();
        for queue in ["", ".checks.v1", ".starts.v1", ".parked"] {
            let name = format!("{main}{queue}");
            let depth = self.vhost.depth(&name).await.ok().flatten();
            let _ = writeln!(text, "queue {name}: {depth:?}");
        }
        for asked in self.api.history() {
            let _ = writeln!(
                text,
                "api {} {} {:?} {}",
                asked.method, asked.path, asked.answered, asked.body
            );
        }
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let _ = writeln!(
                text,
                "== {}\n{}",
                entry.path().display(),
                crate::process::tail(&entry.path(), 60)
            );
        }
        text
    }
}
