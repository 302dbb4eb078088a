//! The chart's scaled objects at work: the real KEDA, the real autoscaler, a real RabbitMQ, and the real workers as the
//! ones who empty the queues. `make test-deploy` runs this; `cargo test` alone does not, since KEDA takes minutes to build.
//!
//! The Deployments' pods live on the scripted node, so nothing works in them: what is shown is how many there are.

#[path = "deploy_keda/release.rs"]
mod release;

use std::sync::Arc;

use anyhow::Context;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use release::{Release, SOON};
use serde_json::json;
use testbed::{
    worker::{Kind, Worker},
    world::World,
};

async fn starts(world: &World, builds: usize) -> anyhow::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for _ in 0..builds {
        let (id, config) = world.build("sd/any:1");
        world.publish(config.start()).await?;
        ids.push(id);
    }
    Ok(ids)
}

/// Into the operators' queue, where the predecessor's checks wait.
async fn checks_of_the_predecessor(world: &World, checks: usize) -> anyhow::Result<()> {
    for _ in 0..checks {
        let (_, config) = world.build("sd/any:1");
        let queue = world.vhost.retry_queue();
        world.vhost.publish(&queue, config.verify()).await?;
    }
    Ok(())
}

/// Plays on a release, which explains itself when the test fails.
async fn play<F, Fut>(fewest: u32, test: F) -> anyhow::Result<()>
where
    F: FnOnce(Arc<Release>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let release = Arc::new(Box::pin(Release::install(fewest)).await?);
    let result = test(Arc::clone(&release)).await;
    if result.is_err() {
        eprintln!("{}", release.explain().await);
    }
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn each_worker_scales_out_and_in_by_its_own_queues() -> anyhow::Result<()> {
    Box::pin(play(1, |release| async move {
        let world = &release.world;
        release.ready().await?;
        release.scales_to("nothing to do: one of each", (1, 1)).await?;

        // Nobody takes them yet: 70 starts, 20 for each replica.
        let builds = starts(world, 70).await?;
        release.scales_to("70 starts wait, no check does", (4, 1)).await?;

        // The starts become pods, and their checks wait, 50 for each replica.
        let mut start: Worker = world.worker(Kind::Start, &[]).await?;
        release.scales_to("no start waits, 70 checks do", (1, 2)).await?;

        let mut verify: Worker = world.worker(Kind::Verify, &[]).await?;
        release.scales_to("no check waits either", (1, 1)).await?;
        for id in builds {
            let told = world.build_is(id, "told its node", SOON, |build| {
                build.stat("hostname").is_some()
            });
            told.await?;
        }

        // The predecessor's checks, in the operators' queue, count as well.
        start.terminate(SOON).await?;
        verify.terminate(SOON).await?;
        checks_of_the_predecessor(world, 60).await?;
        release
            .scales_to("60 checks of the predecessor wait", (1, 2))
            .await
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_queue_no_worker_no_broker_the_fallback_and_no_second_scaler() -> anyhow::Result<()> {
    Box::pin(play(0, |release| async move {
        let world = &release.world;
        let settings = [("RABBITMQ_RETRYQUEUE_ENABLED", "true")];
        let (_start, mut verify) = world.workers(&settings).await?;
        release.ready().await?;
        release
            .scales_to("no check waits: no verify-worker", (1, 0))
            .await?;
        refuses_a_second_scaler(&release).await?;

        world.peers.broker.kill().await?;
        release
            .scales_to("the broker is gone: the fallback", (2, 2))
            .await?;
        world.peers.broker.restart().await?;
        release.scales_to("the broker is back", (1, 0)).await?;
        without_a_permission_only_the_fallback_tells(&release).await?;

        verify.terminate(SOON).await?;
        checks_of_the_predecessor(world, 1).await?;
        release
            .scales_to("one check waits: one verify-worker", (1, 1))
            .await?;

        // As docs/OPERATIONS.md stops the taking of starts for maintenance.
        let paused = json!({ "metadata": { "annotations": { "autoscaling.keda.sh/paused-replicas": "0" } } });
        let objects = release.scaled_objects();
        objects
            .patch("sd-start-worker", &PatchParams::default(), &Patch::Merge(paused))
            .await?;
        release.scales_to("start-worker is paused", (0, 1)).await
    }))
    .await
}

/// The last command of docs/SCALING.md undone: the broker answers 401 to every question, until it is done again.
async fn without_a_permission_only_the_fallback_tells(release: &Release) -> anyhow::Result<()> {
    let broker = &release.world.peers.broker;
    let vhost = release.world.vhost.name();
    broker.ctl(&["clear_permissions", "-p", vhost, "keda"]).await?;
    release
        .scales_to("the user may not see the vhost: the fallback", (2, 2))
        .await?;
    release.said("Fallback", "both scaled objects fall back").await?;
    release.ready().await?;
    release::may_see_the_vhost(&release.world.peers, vhost).await?;
    release.scales_to("the user may see it again", (1, 0)).await
}

async fn refuses_a_second_scaler(release: &Release) -> anyhow::Result<()> {
    let at_night =
        json!({ "timezone": "UTC", "start": "0 0 * * *", "end": "0 1 * * *", "desiredReplicas": "1" });
    let second: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": { "name": "second" },
        "spec": {
            "scaleTargetRef": { "name": "sd-start-worker" },
            "triggers": [{ "type": "cron", "metadata": at_night }],
        },
    }))?;
    let answer = release
        .scaled_objects()
        .create(&PostParams::default(), &second)
        .await;
    // By the ScaledObject, or by the autoscaler that it made: whichever the webhook finds first.
    let refused = answer.err().context("a second scaler was taken")?.to_string();
    anyhow::ensure!(refused.contains("is already managed by the"), "{refused}");
    Ok(())
}
