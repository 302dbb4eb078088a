//! P1: a build gets exactly one pod, whatever is redelivered, retried or raced.

use std::time::Duration;

use testbed::{builds_api::Fault, kubelet::Life, poll, worker::Kind, world::World};

use crate::corner::{SOON, all_pods, has_node, ours, play};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_survives_two_kills_of_start_worker_with_one_pod_for_each_build() -> anyhow::Result<()> {
    const BURST: usize = 40;
    play("p1-kill", async |world| {
        // Slow enough for a kill to meet builds in every stage: four at a time, each a quarter of a second.
        let slow = Fault::Delay(Duration::from_millis(250));
        world.api.fail_next(u32::MAX, |method, _| method == "PUT", slow);
        let mut start = world
            .worker(Kind::Start, &[("RABBITMQ_PREFETCH_COUNT", "4")])
            .await?;
        let mut builds = Vec::new();
        for _ in 0..BURST {
            let (id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            builds.push(id);
        }
        for reached in [BURST / 8, BURST / 2] {
            at_least(&world, reached).await?;
            start.kill();
            let there = all_pods(&world).await?;
            anyhow::ensure!(there < BURST, "the kill came after the burst");
            start.restart().await?;
        }
        for id in &builds {
            world.one_pod(*id, SOON).await?;
        }
        world.queue_empties(world.vhost.queue(), SOON).await?;
        world.api.heal();
        // None lost: every build's check finds its pod, which the API hears.
        let _verify = world.worker(Kind::Verify, &[]).await?;
        for id in &builds {
            world.build_is(*id, "on a node", SOON, has_node).await?;
        }
        for queue in ["checks.v1", "checks.v1.delay.1000", "starts.v1", "parked"] {
            world.queue_empties(&ours(&world, queue), SOON).await?;
        }
        for id in &builds {
            anyhow::ensure!(world.pods(*id).await?.len() == 1, "build {id} has not one pod");
        }
        Ok(())
    })
    .await
}

async fn at_least(world: &World, wanted: usize) -> anyhow::Result<()> {
    poll::until(&format!("{wanted} pods"), SOON, || async {
        let there = all_pods(world).await?;
        anyhow::ensure!(there >= wanted, "there are {there}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
