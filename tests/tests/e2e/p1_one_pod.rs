//! P1: a build gets exactly one pod, whatever is redelivered, retried or raced.

use testbed::{kubelet::Life, worker::Kind};

use crate::corner::{SOON, play};

#[tokio::test(flavor = "multi_thread")]
async fn one_message_becomes_one_pod_and_the_build_is_told_its_node() -> anyhow::Result<()> {
    play("p1-once", async |world| {
        world.script("node:22", Life::healthy());
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        world
            .build_is(id, "on a node", SOON, |build| {
                build.stats.contains_key("hostname")
            })
            .await?;
        let checks = format!("{}.checks.v1", world.vhost.queue());
        world.queue_empties(&checks, SOON).await?;
        anyhow::ensure!(world.pods(id).await?.len() == 1);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_five_times_becomes_one_pod() -> anyhow::Result<()> {
    play("p1-five", async |world| {
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        for _ in 0..5 {
            world.publish(config.start()).await?;
        }
        world.one_pod(id, SOON).await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        world
            .build_is(id, "on a node", SOON, |build| {
                build.stats.contains_key("hostname")
            })
            .await?;
        anyhow::ensure!(world.pods(id).await?.len() == 1);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_start_workers_at_once_make_one_pod_for_each_build() -> anyhow::Result<()> {
    play("p1-three", async |world| {
        let mut workers = Vec::new();
        for _ in 0..3 {
            workers.push(world.worker(Kind::Start, &[]).await?);
        }
        let mut builds = Vec::new();
        for _ in 0..10 {
            let (id, config) = world.build("node:22");
            for _ in 0..3 {
                world.publish(config.start()).await?;
            }
            builds.push(id);
        }
        for id in &builds {
            world.one_pod(*id, SOON).await?;
        }
        world.queue_empties(world.vhost.queue(), SOON).await?;
        for id in &builds {
            anyhow::ensure!(world.pods(*id).await?.len() == 1, "build {id} has not one pod");
        }
        Ok(())
    })
    .await
}
