//! What a build costs: publishes a burst of starts to real peers and reads what the workers used from /proc.
//!
//! No test: figures of a shared machine are upper bounds. Build the workers with `--release` and point
//! `SD_WORKER_BIN_DIR` at them.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;
use testbed::{
    kubelet::{Life, Role, Step},
    poll,
    worker::Worker,
    world::World,
};

const PATIENCE: Duration = Duration::from_mins(5);

/// Measures what the workers use for a burst of builds.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many builds.
    #[arg(long, default_value_t = 500)]
    builds: u32,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
struct Usage {
    cpu: Duration,
    rss_kib: u64,
    peak_kib: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { builds } = Arguments::parse();
    let world = Box::pin(World::new("load")).await?;
    world.script("tools:load", Life::new([Step::Running(Role::Build)]));
    let quiet = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        ("LOG_LEVEL", "info"),
        ("LOG_FORMAT", "json"),
    ];
    let (start, verify) = world.workers(&quiet).await?;
    let idle = (usage(&start)?, usage(&verify)?);
    println!(
        "idle: start-worker {} KiB, verify-worker {} KiB",
        idle.0.rss_kib, idle.1.rss_kib
    );

    let begin = tokio::time::Instant::now();
    let mut last = 0;
    for _ in 0..builds {
        let (id, config) = world.build("tools:load");
        world.publish(config.start()).await?;
        last = id;
    }
    let published = begin.elapsed();
    world.queue_empties(world.vhost.queue(), PATIENCE).await?;
    world.one_pod(last, PATIENCE).await?;
    let started = begin.elapsed();
    report("start-worker", builds, idle.0, usage(&start)?);
    println!("published in {published:.1?}, all taken after {started:.1?}");

    told(&world, builds).await?;
    report("verify-worker", builds, idle.1, usage(&verify)?);
    Ok(())
}

/// Waits until every build was told its node by its first check.
async fn told(world: &World, builds: u32) -> anyhow::Result<()> {
    poll::until("every build to be told its node", PATIENCE, || async {
        let told = world
            .api
            .history()
            .iter()
            .filter(|asked| asked.body.pointer("/stats/hostname").is_some())
            .count();
        anyhow::ensure!(told >= builds as usize, "{told} of {builds}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

fn report(name: &str, builds: u32, before: Usage, after: Usage) {
    let each = after.cpu.saturating_sub(before.cpu) / builds;
    println!(
        "{name}: {:.2} CPU-ms a build, peak {} KiB (now {} KiB)",
        each.as_secs_f64() * 1_000.0,
        after.peak_kib,
        after.rss_kib
    );
}

fn usage(worker: &Worker) -> anyhow::Result<Usage> {
    const TICKS_A_SECOND: u64 = 100; // USER_HZ, fixed on Linux
    let at = |file: &str| std::fs::read_to_string(PathBuf::from(format!("/proc/{}/{file}", worker.pid())));
    let stat = at("stat")?;
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .context("a stat line")?
        .1
        .split(' ')
        .collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    let status = at("status")?;
    let kib = |key: &str| -> anyhow::Result<u64> {
        let line = status
            .lines()
            .find(|line| line.starts_with(key))
            .context("a line of status")?;
        Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
    };
    Ok(Usage {
        cpu: Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND),
        rss_kib: kib("VmRSS:")?,
        peak_kib: kib("VmHWM:")?,
    })
}
