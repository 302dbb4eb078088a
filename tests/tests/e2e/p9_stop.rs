//! P9: stop wins. Whatever order start and stop arrive in, a stopped build ends without a living pod.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use testbed::{
    builds_api::Status,
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, counted, has_node, no_living_pod, play};

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
        handled(&start, "stopped").await?;
        world.publish(config.start()).await?;
        handled(&start, "finished").await?;
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
                handled(&worker, "stopped").await.expect("handle the stop");
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

/// An executor that is down keeps nobody's pod alive elsewhere, and its own deletion comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_deletes_wherever_it_can() -> anyhow::Result<()> {
    play("p9-places", async |world| {
        let environment = world.environment(Kind::Start, &[]);
        let value = |wanted: &str| {
            let found = environment.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        let alive = json!({ "executor": { "alive": { "pluginName": "k8s", "options": { "kubernetes": {
            "host": value("K8S_HOST"), "token": value("K8S_TOKEN"), "caFile": value("K8S_CA_FILE"),
            "jobsNamespace": value("K8S_JOBS_NAMESPACE"),
        }}}}});
        // The executors out of the box, which come first, are somewhere else, and down.
        let settings = [
            ("NODE_CONFIG", alive.to_string()),
            ("K8S_HOST", "127.0.0.1:1".to_owned()),
            ("EXECUTOR_PLUGIN", "alive".to_owned()),
            ("OUTAGE_HOLD", "1s".to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let start = world.worker(Kind::Start, &settings).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        world.publish(config.stop()).await?;
        no_living_pod(&world, id, SOON).await?;
        handled(&start, "held").await?;
        Ok(())
    })
    .await
}

/// Waits until the worker has counted an outcome of this name.
async fn handled(worker: &Worker, outcome: &str) -> anyhow::Result<()> {
    let label = format!("outcome=\"{outcome}\"");
    poll::until(&format!("the outcome {outcome}"), SOON, || async {
        let times = counted(worker, &["sd_worker_deliveries", &label]).await?;
        anyhow::ensure!(times > 0.0, "not counted yet");
        Ok::<_, anyhow::Error>(())
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
