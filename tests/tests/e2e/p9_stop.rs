//! P9: stop wins. Whatever order start and stop arrive in, a stopped build ends without a living pod.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use jiff::SignedDuration;
use serde_json::json;
use testbed::{
    builds_api::{Scope, Status, token_for},
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::{
    corner::{SOON, all_pods, counted, handled, has_node, messages, no_living_pod, ours, play},
    p2_no_build_lost::hours_ago,
};

/// The promise, and some seconds for a machine that builds something else.
const PROMISED: Duration = Duration::from_secs(20 + 10);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_after_the_start_deletes_the_pod_and_a_late_one_too() -> anyhow::Result<()> {
    play("p9-usual", async |world| {
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        let first = world.one_pod(id, SOON).await?.metadata.uid;
        world.publish(config.stop()).await?;
        no_living_pod(&world, id, SOON).await?;
        gone(&world, id).await?;
        // The start again, which the API does not refuse yet: only the stop's second look can know.
        world.publish(config.start()).await?;
        let late = world.one_pod(id, SOON).await?.metadata.uid;
        anyhow::ensure!(first != late, "the pod is still the first one");
        no_living_pod(&world, id, PROMISED).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_after_the_stop_of_an_aborted_build_leaves_no_pod() -> anyhow::Result<()> {
    play("p9-late-start", async |world| {
        let (start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.api.set_status(id, Status::Aborted).await?;
        world.publish(config.stop()).await?;
        handled(&start, "stopped", 1).await?;
        world.publish(config.start()).await?;
        handled(&start, "finished", 1).await?;
        no_living_pod(&world, id, PROMISED).await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        anyhow::ensure!(
            world.api.accepted(id).is_empty(),
            "an aborted build was told something"
        );
        Ok(())
    })
    .await
}

/// The API publishes the stop before it writes the status: in between, a start looks wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_between_the_stop_and_the_new_status_leaves_no_pod() -> anyhow::Result<()> {
    play("p9-gap", async |world| {
        let (start, _verify) = world.workers(&[]).await?;
        let start = Arc::new(start);
        let (id, config) = world.build("node:22");
        let (producer, worker) = (world.clone(), start.clone());
        world.api.on_stop(move |_| {
            let (world, worker, config) = (producer.clone(), worker.clone(), config.clone());
            async move {
                world.publish(config.stop()).await.expect("publish the stop");
                handled(&worker, "stopped", 1).await.expect("handle the stop");
                world.publish(config.start()).await.expect("publish the start");
                world
                    .one_pod(id, SOON)
                    .await
                    .expect("the pod of a start that looked wanted");
                world
                    .build_is(id, "on a node", SOON, has_node)
                    .await
                    .expect("a build that looks alive");
            }
        });
        world.api.set_status(id, Status::Aborted).await?;
        // The hook holds the corner that holds the hook.
        world.api.on_stop(|_| async {});
        no_living_pod(&world, id, PROMISED).await?;
        Ok(())
    })
    .await
}

/// The stop overtakes the start by any time, and the API reads QUEUED until both have come.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_overtakes_its_start_by_any_gap_leaves_no_pod() -> anyhow::Result<()> {
    const GAPS: [u64; 6] = [0, 50, 200, 500, 1_000, 2_000];
    /// Between the start and the new status: the start is handled while the build looks alive.
    const STILL_QUEUED: Duration = Duration::from_secs(2);
    play("p9-gaps", async |world| {
        let (start, _verify) = world.workers(&[]).await?;
        let mut builds = HashMap::new();
        for gap in GAPS {
            let (id, config) = world.build("node:22");
            builds.insert(id, (Duration::from_millis(gap), config));
        }
        let (vhost, known) = (world.vhost.clone(), builds.clone());
        world.api.on_stop(move |id| {
            let (vhost, found) = (vhost.clone(), known.get(&id).cloned());
            async move {
                let (gap, config) = found.expect("a build of this test");
                vhost
                    .publish(vhost.queue(), config.stop())
                    .await
                    .expect("publish the stop");
                // The producer's time, not ours.
                tokio::time::sleep(gap).await;
                vhost
                    .publish(vhost.queue(), config.start())
                    .await
                    .expect("publish the start");
            }
        });
        world.api.set_stop_gap(STILL_QUEUED);
        try_join_all(builds.keys().map(|id| world.api.set_status(*id, Status::Aborted))).await?;
        handled(&start, "stopped", GAPS.len()).await?;
        let made = counted(&start, &["sd_worker_pods", "action=\"created\""]).await?;
        anyhow::ensure!(made > 0.5, "no start came to a pod: nothing was overtaken");
        world.queue_empties(world.vhost.queue(), SOON).await?;
        try_join_all(builds.keys().map(|id| no_living_pod(&world, *id, PROMISED))).await?;
        // Nothing is left that would make one.
        world.queue_empties(&ours(&world, "starts.v1"), SOON).await?;
        anyhow::ensure!(messages(&world, &ours(&world, "parked")).await?.is_empty());
        Ok(())
    })
    .await
}

/// A crash of the broker can bring back what was acked long ago: its token tells its age.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_comes_back_after_its_build_finished_makes_no_pod() -> anyhow::Result<()> {
    play("p9-resurrected", async |world| {
        let (start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        let issued = hours_ago(1);
        let token = token_for(
            id,
            Scope::Temporal,
            issued,
            issued + SignedDuration::from_hours(12),
        );
        let config = config.with("token", token);
        world.publish(config.start()).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        let (vhost, stop) = (world.vhost.clone(), config.stop());
        world.api.on_stop(move |_| {
            let (vhost, stop) = (vhost.clone(), stop.clone());
            async move {
                vhost
                    .publish(vhost.queue(), stop)
                    .await
                    .expect("publish the stop");
            }
        });
        world.api.set_status(id, Status::Running).await?;
        world.api.set_status(id, Status::Success).await?;
        no_living_pod(&world, id, SOON).await?;
        gone(&world, id).await?;
        world.publish(config.start()).await?;
        handled(&start, "finished", 1).await?;
        anyhow::ensure!(all_pods(&world).await? == 0, "there is a pod");
        let made = counted(&start, &["sd_worker_pods", "action=\"created\""]).await?;
        anyhow::ensure!((made - 1.0).abs() < 0.5, "{made} pods were made");
        let build = world.api.build(id).map(|build| build.status);
        anyhow::ensure!(build == Some(Status::Success), "{build:?}");
        Ok(())
    })
    .await
}

/// An executor that is down keeps nobody's pod alive elsewhere, and its own deletion comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_deletes_wherever_it_can() -> anyhow::Result<()> {
    play("p9-places", async |world| {
        let start = beside_another(&world, "127.0.0.1:1").await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        world.publish(config.stop()).await?;
        no_living_pod(&world, id, SOON).await?;
        handled(&start, "held", 1).await?;
        Ok(())
    })
    .await
}

/// Waits until the pod's object is gone, so that its name is free.
async fn gone(world: &World, id: u64) -> anyhow::Result<()> {
    poll::until("the name to be free", SOON, || async {
        let pods = world.pods(id).await?.len();
        anyhow::ensure!(pods == 0, "{pods} pods are left");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// A start-worker with the executor `alive`; those out of the box, which come first, are at `elsewhere`.
pub(crate) async fn beside_another(world: &World, elsewhere: &str) -> anyhow::Result<Worker> {
    let environment = world.environment(Kind::Start, &[]);
    let value = |wanted: &str| {
        let found = environment.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let alive = json!({ "executor": { "alive": { "pluginName": "k8s", "options": { "kubernetes": {
        "host": value("K8S_HOST"), "token": value("K8S_TOKEN"), "caFile": value("K8S_CA_FILE"),
        "jobsNamespace": value("K8S_JOBS_NAMESPACE"),
    }}}}});
    let settings = [
        ("NODE_CONFIG", alive.to_string()),
        ("K8S_HOST", elsewhere.to_owned()),
        ("EXECUTOR_PLUGIN", "alive".to_owned()),
        ("OUTAGE_HOLD", "1s".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    world.worker(Kind::Start, &settings).await
}
