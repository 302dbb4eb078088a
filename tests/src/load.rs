//! The meter: bursts of builds through both workers on real peers, and what they used for them by the
//! kernel's account. In every round the [`mod@reference`] does the same wire work, so that a busy machine
//! can be told from a slow worker: it slows both.

pub mod api_server;
pub mod reference;
mod telemetry;
mod usage;

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::api::{DeleteParams, ListParams};

use self::{
    reference::{Duty, NAME, Orders, READY},
    usage::{Cost, Usage},
};
use crate::{
    builds_api::Asked,
    kubelet::{Life, Role, Step},
    poll,
    process::{self, Process},
    worker::{Kind, Worker},
    world::World,
};

/// How long a burst may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
/// Builds before anything is measured: connections are made, code and tables are touched.
const WARM_UP: u32 = 40;
/// Publishes under way at once: the queue must never be empty while a burst lasts.
const PUBLISHING: usize = 64;
const IMAGE: &str = "tools:load";

/// How much is measured.
#[derive(Debug, Clone, Copy, Args)]
pub struct Plan {
    /// Builds in each burst.
    #[arg(long, default_value_t = 500)]
    builds: u32,
    /// Bursts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Export traces to the testbed's collector, as production with a collector does.
    #[arg(long)]
    traces: bool,
    /// Instead of the reference: the same workers with and without traces, in turns.
    #[arg(long, conflicts_with = "traces")]
    telemetry_cost: bool,
}

/// A process under the meter.
struct Measured {
    name: &'static str,
    pid: u32,
    last: Usage,
}

/// The workers in one corner, the reference in another.
struct Bench {
    workers: World,
    bare: World,
    start: Worker,
    verify: Worker,
}

/// Measures and prints.
///
/// # Errors
/// A peer or worker cannot be started, or a burst does not end.
pub async fn run(plan: Plan) -> anyhow::Result<()> {
    if plan.telemetry_cost {
        return telemetry::compare(plan.builds, plan.rounds).await;
    }
    let bench = Box::pin(Bench::open(plan.traces)).await?;
    let mut start = Measured::new("start-worker", bench.start.pid())?;
    let mut verify = Measured::new("verify-worker", bench.verify.pid())?;
    for idle in [&start, &verify] {
        println!("{} idle: {}", idle.name, idle.last.memory);
    }
    bench.burst(WARM_UP).await?;
    let orders = bench.orders().await?;
    let starts = bench.reference(&orders, Duty::Start).await?;
    let checks = bench.reference(&orders, Duty::Check).await?;
    bench.bare_burst(WARM_UP).await?;
    let mut bare_start = Measured::new("reference start", starts.pid())?;
    let mut bare_check = Measured::new("reference check", checks.pid())?;
    start.cost(1)?;
    verify.cost(1)?;
    for round in 1..=plan.rounds {
        bench.clear().await?;
        let begin = Instant::now();
        let checks = bench.burst(plan.builds).await?;
        let took = begin.elapsed();
        bench.bare_burst(plan.builds).await?;
        let builds = u64::from(plan.builds);
        println!("round {round}: {builds} builds and {checks} checks in {took:.1?}; CPU-ms");
        println!(
            "  a start: {}",
            beside(start.cost(builds)?, bare_start.cost(builds)?)
        );
        println!(
            "  a check: {}",
            beside(verify.cost(checks)?, bare_check.cost(builds)?)
        );
    }
    for end in [&start, &verify, &bare_start, &bare_check] {
        println!("{}: {}", end.name, end.last.memory);
    }
    Ok(())
}

// === impl Bench ===

impl Bench {
    async fn open(traces: bool) -> anyhow::Result<Self> {
        let (workers, bare) = (World::new("load").await?, World::new("reference").await?);
        bare.script(IMAGE, Life::new([Step::Running(Role::Build)]));
        let begin = Instant::now();
        let start = worker(&workers, Kind::Start, traces).await?;
        println!("start-worker ready after {:.2?}", begin.elapsed());
        let verify = worker(&workers, Kind::Verify, traces).await?;
        Ok(Self {
            workers,
            bare,
            start,
            verify,
        })
    }

    /// Builds through both workers; how many checks they took.
    async fn burst(&self, builds: u32) -> anyhow::Result<u64> {
        burst(&self.workers, [&self.start, &self.verify], builds).await
    }

    /// The same number of builds through the references.
    async fn bare_burst(&self, builds: u32) -> anyhow::Result<()> {
        let bodies = new_builds(&self.bare, builds);
        for duty in [Duty::Start, Duty::Check] {
            let all_told = nodes_told(&self.bare) + builds as usize;
            publish(&self.bare, &bodies, &self.queue(duty)).await?;
            told(&self.bare, all_told).await?;
        }
        Ok(())
    }

    /// Makes room: a node takes so many pods.
    async fn clear(&self) -> anyhow::Result<()> {
        let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
        for world in [&self.workers, &self.bare] {
            world.namespace.pods().delete_collection(&now, &all).await?;
        }
        Ok(())
    }

    /// What the references are told, with a pod as start-worker has made it in the warm-up.
    async fn orders(&self) -> anyhow::Result<Orders> {
        let one = ListParams::default().limit(1);
        let made = self.workers.namespace.pods().list(&one).await?;
        let made = made.items.into_iter().next().context("a pod of the warm-up")?;
        let (labels, annotations) = (made.metadata.labels, made.metadata.annotations);
        let mut pod = Pod {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                labels,
                annotations,
                ..ObjectMeta::default()
            },
            spec: made.spec,
            status: None,
        };
        if let Some(spec) = &mut pod.spec {
            // The scheduler's and the admission's part.
            spec.node_name = None;
            spec.tolerations = None;
        }
        let environment = self.bare.environment(Kind::Start, &[]);
        let value = |name: &str| {
            let found = environment.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).context(name.to_owned())
        };
        let authorities = [value("K8S_CA_FILE")?, value("API_CA_FILE")?];
        let authorities = authorities.iter().map(std::fs::read_to_string);
        Ok(Orders {
            broker: self.bare.vhost.uri(),
            pods: format!(
                "https://{}/api/v1/namespaces/{}/pods",
                value("K8S_HOST")?,
                self.bare.namespace.name()
            ),
            cluster_token: value("K8S_TOKEN")?,
            authorities: authorities.collect::<Result<_, _>>()?,
            pod: serde_json::to_string(&pod)?,
        })
    }

    /// Starts the reference for one duty, with a queue of its own, and waits until it takes messages.
    async fn reference(&self, orders: &Orders, duty: Duty) -> anyhow::Result<Process> {
        let file = self.bare.directory().join(format!("{duty}.json"));
        std::fs::write(&file, serde_json::to_vec(orders)?)?;
        let mut command = process::guarded(&std::env::current_exe()?);
        command
            .arg("reference")
            .arg(duty.to_string())
            .arg(self.queue(duty))
            .arg(&file);
        let log = self.bare.directory().join(format!("{duty}.log"));
        let started = Process::start("reference", &mut command, &log)?;
        poll::until("the reference to take messages", PATIENCE, || async {
            let said = process::tail(&log, 5);
            anyhow::ensure!(said.contains(READY), "it says {said}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        Ok(started)
    }

    fn queue(&self, duty: Duty) -> String {
        match duty {
            Duty::Start => self.bare.vhost.queue().to_owned(),
            Duty::Check => self.bare.vhost.retry_queue(),
        }
    }
}

/// A worker as in production, with or without a collector; its builds run at once.
async fn worker(world: &World, kind: Kind, traces: bool) -> anyhow::Result<Worker> {
    world.script(IMAGE, Life::new([Step::Running(Role::Build)]));
    let endpoint = if traces {
        world.collector.endpoint()
    } else {
        String::new()
    };
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("LOG_LEVEL", "info"),
        ("LOG_FORMAT", "json"),
    ];
    world.worker(kind, &settings).await
}

/// Builds through both workers of a corner; how many checks they took.
async fn burst(world: &World, [start, verify]: [&Worker; 2], builds: u32) -> anyhow::Result<u64> {
    let (started, checked) = (settled(start, "start").await?, settled(verify, "check").await?);
    let all_told = nodes_told(world) + builds as usize;
    publish(world, &new_builds(world, builds), world.vhost.queue()).await?;
    world.queue_empties(world.vhost.queue(), PATIENCE).await?;
    told(world, all_told).await?;
    // The node is told by starts and checks alike: only the workers know when all of both are settled.
    let builds = u64::from(builds);
    poll::until("every start and check to be settled", PATIENCE, || async {
        let started = settled(start, "start").await? - started;
        let checked = settled(verify, "check").await? - checked;
        anyhow::ensure!(
            started >= builds && checked >= builds,
            "{started} starts and {checked} checks of {builds}"
        );
        Ok::<_, anyhow::Error>(())
    })
    .await?;
    Ok(settled(verify, "check").await? - checked)
}

/// Publishes the starts of `builds` new builds, as fast as the broker takes them.
async fn publish(world: &World, bodies: &[String], queue: &str) -> anyhow::Result<()> {
    stream::iter(bodies)
        .map(|body| world.vhost.publish(queue, body))
        .buffer_unordered(PUBLISHING)
        .try_collect()
        .await
}

fn new_builds(world: &World, builds: u32) -> Vec<String> {
    (0..builds).map(|_| world.build(IMAGE).1.start()).collect()
}

/// Waits until so many builds more than before were told their node.
async fn told(world: &World, builds: usize) -> anyhow::Result<()> {
    poll::until("every build to be told its node", PATIENCE, || async {
        let told = nodes_told(world);
        anyhow::ensure!(told >= builds, "{told} of {builds}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

fn nodes_told(world: &World) -> usize {
    let names_a_node = |asked: &Asked| asked.body.pointer("/stats/hostname").is_some();
    world.api.count(names_a_node)
}

/// How many deliveries of this kind of job a worker has settled.
async fn settled(worker: &Worker, job: &str) -> anyhow::Result<u64> {
    let (text, label) = (worker.metrics().await?, format!("job=\"{job}\""));
    let series = text
        .lines()
        .filter(|line| line.starts_with("sd_worker_deliveries_total{") && line.contains(&label));
    series
        .map(|line| -> anyhow::Result<u64> {
            let value = line.rsplit(' ').next().context("a value")?;
            Ok(value.parse()?)
        })
        .sum()
}

// === impl Measured ===

impl Measured {
    fn new(name: &'static str, pid: u32) -> anyhow::Result<Self> {
        let last = Usage::of(pid)?;
        Ok(Self { name, pid, last })
    }

    /// What each of `count` has cost since this was asked last.
    fn cost(&mut self, count: u64) -> anyhow::Result<Cost> {
        let now = Usage::of(self.pid)?;
        let cost = now.cost_since(&self.last, count);
        self.last = now;
        Ok(cost)
    }
}

/// A worker's cost beside the reference's.
fn beside(worker: Cost, reference: Cost) -> String {
    format!(
        "{worker}, reference {reference}: {:.2} times",
        worker.total() / reference.total()
    )
}
