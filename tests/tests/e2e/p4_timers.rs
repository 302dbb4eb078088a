//! P4: timers are in the broker. Kill every worker and the broker, come back later: the checks still fire.

use std::time::Duration;

use testbed::{
    broker::Broker,
    builds_api::{Down, Status},
    kubelet::Life,
    poll,
    world::{Peers, World},
};

use crate::corner::{SOON, has_node, holds, messages, ours, play, play_in};

#[tokio::test(flavor = "multi_thread")]
async fn checks_fire_though_both_workers_were_killed_before_they_were_due() -> anyhow::Result<()> {
    const CLOCKS: [(&str, &str); 1] = [("CHECK_LADDER", "3s,4s")];
    play("p4-workers", async |world| {
        world.script("sd/missing:1", Life::image_missing());
        // What start-worker says at once must not be taken for what the check says later.
        world.api.set_down(Some(Down::Unavailable));
        let (mut start, mut verify) = world.workers(&CLOCKS).await?;
        let (healthy, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let (missing, config) = world.build("sd/missing:1");
        world.publish(config.start()).await?;
        for id in [healthy, missing] {
            world.one_pod(id, SOON).await?;
        }
        holds(&world, &ours(&world, "checks.v1.delay.3000"), 2, SOON).await?;
        start.kill();
        verify.kill();
        // Nobody runs, and the checks come due all the same. (A start that was killed before its ack waits too.)
        poll::until("both checks", SOON, || async {
            let due = world.vhost.depth(&ours(&world, "checks.v1")).await?;
            anyhow::ensure!(due >= Some(2), "{due:?} are due");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        world.api.set_down(None);
        verify.restart().await?;
        world.build_is(healthy, "on a node", SOON, has_node).await?;
        let failed = |build: &testbed::builds_api::Build| build.status == Status::Failure;
        // A missing image is given 30 seconds to appear.
        let build = world
            .build_is(missing, "FAILURE", Duration::from_secs(75), failed)
            .await?;
        let text = build.status_message.unwrap_or_default();
        anyhow::ensure!(text.contains("sd/missing:1"), "{text}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_fire_though_the_broker_was_killed_while_they_waited() -> anyhow::Result<()> {
    const BUILDS: usize = 20;
    const CLOCKS: [(&str, &str); 2] = [
        ("CHECK_LADDER", "15s,20s"),
        ("RABBITMQ_BUILD_INIT_TIMEOUT", "0.5"),
    ];
    if !Peers::shared().await?.broker.owned() {
        println!("skipped: the broker of AMQP_URL is not ours to kill");
        return Ok(());
    }
    let directory = tempfile::Builder::new().prefix("sd-p4-").tempdir()?;
    let broker = Broker::private(directory.path()).await?;
    let world = World::with_broker("p4-broker", &broker).await?;
    play_in(world, async |world| {
        world.api.set_down(Some(Down::Unavailable));
        let (_start, _verify) = world.workers(&CLOCKS).await?;
        let mut builds = Vec::new();
        for _ in 0..BUILDS {
            let (id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            builds.push(id);
        }
        for id in &builds {
            world.one_pod(*id, SOON).await?;
        }
        let waiting = ours(&world, "checks.v1.delay.15000");
        holds(&world, &waiting, BUILDS, SOON).await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        poll::until_safe_from_a_kill().await?;
        // All of them, still: or the kill would prove nothing.
        let wait = messages(&world, &waiting).await?.len();
        anyhow::ensure!(wait == BUILDS, "{wait} checks wait");
        broker.kill().await?;
        broker.restart().await?;
        world.api.set_down(None);
        for id in &builds {
            world
                .build_is(*id, "on a node", Duration::from_mins(1), has_node)
                .await?;
        }
        Ok(())
    })
    .await
}
