//! What is measured: a real scrape after builds of many fates holds what docs/METRICS.md says, nothing else, and all
//! that the chart's alerts and dashboard ask for. The same goes to a collector.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::json;
use testbed::{
    builds_api::{Build, Status},
    helm::repository,
    kubelet::Life,
    metrics::{documented, served, undocumented},
    poll,
    promql::expressions,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, counted, has_node, holds, no_living_pod, ours, play};

#[tokio::test(flavor = "multi_thread")]
async fn a_real_scrape_is_what_the_document_the_alerts_and_the_dashboard_say() -> anyhow::Result<()> {
    play("metrics", async |world| {
        let (start, verify) = world
            .workers(&[
                ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
                ("RABBITMQ_RETRYQUEUE_ENABLED", "true"),
            ])
            .await?;
        builds_of_many_fates(&world).await?;
        let (scraped, services) = poll::until("all metrics", SOON, || everything(&start, &verify)).await?;
        let repository = repository();
        let documented = documented(&fs::read_to_string(repository.join("docs/METRICS.md"))?);
        let all = served(&scraped);
        let wrong: BTreeSet<String> = all
            .iter()
            .filter_map(|series| undocumented(series, &documented))
            .collect();
        anyhow::ensure!(wrong.is_empty(), "{wrong:#?}");
        let families: BTreeSet<&String> = all.iter().map(|series| &series.family).collect();
        let unseen: Vec<_> = documented
            .keys()
            .filter(|name| !families.contains(name))
            .collect();
        anyhow::ensure!(unseen.is_empty(), "no series of {unseen:?} in\n{scraped}");
        for expression in expressions(&repository.join("deploy/chart/files"))? {
            let missing = expression.reads().missing(&documented, &all);
            anyhow::ensure!(missing.is_empty(), "{}: {missing:?}", expression.place);
        }
        // No series for each build, pod or name from outside.
        let most = services.values().max();
        anyhow::ensure!(most.is_some_and(|&series| series < 500), "{services:?}");
        pushed(&world, &documented).await
    })
    .await
}

/// Without a verify-worker nobody else can.
#[tokio::test(flavor = "multi_thread")]
async fn start_worker_tells_of_checks_that_nobody_takes() -> anyhow::Result<()> {
    play("metrics-checks", async |world| {
        let start = world.worker(Kind::Start, &[]).await?;
        let (_id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let wait = ["sd_worker_queue_wait_seconds", "queue=\"checks\""];
        // Two looks, a quarter of a minute apart, see the check when it is due.
        poll::until("a check that waits", 3 * SOON, || async {
            let (depth, waits) = (
                counted(&start, &["sd_worker_queue_depth", wait[1]]).await?,
                counted(&start, &wait).await?,
            );
            anyhow::ensure!(depth > 0.0 && waits > 0.0, "{depth} checks, {waits} s");
            Ok::<_, anyhow::Error>(())
        })
        .await
    })
    .await
}

/// One that runs, one that cannot, one that gets no pod, one that is stopped, one that asks for nonsense, and garbage.
async fn builds_of_many_fates(world: &World) -> anyhow::Result<()> {
    world.script("sd/bare:1", Life::start_error());
    let (healthy, config) = world.build("node:22");
    let annotations = json!({ "screwdriver.cd/cpu": "plenty-of-it" });
    world
        .publish(config.with("annotations", annotations).start())
        .await?;
    let (failing, config) = world.build("sd/bare:1");
    world.publish(config.start()).await?;
    let (impossible, config) = world.build("node:22");
    let nowhere = json!({ "screwdriver.cd/executor": "nowhere" });
    world.publish(config.with("annotations", nowhere).start()).await?;
    let (stopped, config) = world.build("node:22");
    world.publish(config.clone().start()).await?;
    world.build_is(stopped, "on a node", SOON, has_node).await?;
    world.publish(config.stop()).await?;
    no_living_pod(world, stopped, SOON).await?;
    world.publish("not JSON").await?;
    world.build_is(healthy, "on a node", SOON, has_node).await?;
    let failed = |build: &Build| build.status == Status::Failure;
    for build in [failing, impossible] {
        world.build_is(build, "FAILURE", SOON, failed).await?;
    }
    holds(world, &ours(world, "parked"), 1, SOON).await?;
    Ok(())
}

/// Both expositions, once all that takes its time is in them, and how many series each worker has.
async fn everything(
    start: &Worker,
    verify: &Worker,
) -> anyhow::Result<(String, BTreeMap<&'static str, usize>)> {
    let parked = counted(start, &["sd_worker_parked_total"]).await?;
    anyhow::ensure!(parked > 0.0, "nothing is parked yet");
    let refused = [
        "sd_worker_verdicts_total",
        "reason=\"start_impossible\",verdict=\"failed\"",
    ];
    let refused = counted(start, &refused).await?;
    anyhow::ensure!(refused > 0.0, "the start that failed is not counted");
    let late = counted(
        verify,
        &["sd_worker_delivery_lag_seconds_count", "queue=\"checks\""],
    )
    .await?;
    anyhow::ensure!(late > 0.0, "no check has come yet");
    let depth = counted(verify, &["sd_worker_queue_wait_seconds", "queue=\"checks\""]).await?;
    anyhow::ensure!(depth >= 0.0);
    let started = counted(verify, &["sd_worker_pod_startup_seconds_count"]).await?;
    anyhow::ensure!(started > 0.0, "no build has started yet");
    let (first, second) = (start.metrics().await?, verify.metrics().await?);
    let series = |text: &str| served(text).len();
    let services = BTreeMap::from([
        ("start-worker", series(&first)),
        ("verify-worker", series(&second)),
    ]);
    Ok((format!("{first}{second}"), services))
}

/// What is served is pushed as well.
async fn pushed(world: &World, documented: &testbed::metrics::Documented) -> anyhow::Result<()> {
    poll::until("pushed metrics", SOON, || async {
        let services = ["start-worker", "verify-worker"];
        let pushed: BTreeSet<String> = services
            .iter()
            .flat_map(|service| world.collector.metrics_of(service))
            .map(|name| name.replace('.', "_"))
            .collect();
        let unpushed: Vec<&String> = documented
            .keys()
            .filter(|name| {
                let bare = name.trim_end_matches("_total").trim_end_matches("_seconds");
                !pushed.contains(bare) && !pushed.contains(name.trim_end_matches("_total"))
            })
            .collect();
        anyhow::ensure!(unpushed.is_empty(), "{unpushed:?} are not among {pushed:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
