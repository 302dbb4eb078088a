//! P1: a build gets exactly one pod, whatever is redelivered, retried or raced.

use std::time::Duration;

use testbed::{
    builds_api::Fault,
    kubelet::Life,
    poll,
    proxy::{
        amqp::{Act as Frame, Point, Rule as AmqpRule, Which},
        http::{Act, Answered, On, Rule},
    },
    worker::Kind,
    world::World,
};

use crate::corner::{SOON, all_pods, counted, handled, has_node, holds_true, not_failed, ours, play, with};

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
        let (start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        for _ in 0..5 {
            world.publish(config.start()).await?;
        }
        world.one_pod(id, SOON).await?;
        handled(&start, "created", 1).await?;
        handled(&start, "adopted", 4).await?;
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
        poll::until("every message to be handled", SOON, || async {
            let mut handled = 0.0;
            for worker in &workers {
                for outcome in ["outcome=\"created\"", "outcome=\"adopted\""] {
                    handled += counted(worker, &["sd_worker_deliveries", outcome]).await?;
                }
            }
            anyhow::ensure!(handled > 29.5, "{handled} of 30");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
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

/// The API server has made the pod, and the worker does not know: cut off from the answer, or left without one.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_answer_is_lost_makes_no_second_pod() -> anyhow::Result<()> {
    play("p1-answer", async |world| {
        let proxy = world.cluster_proxy()?;
        let brief = [("CIRCUIT_TIMEOUT", "3000")];
        let start = world.worker(Kind::Start, &with(proxy.settings(), &brief)).await?;
        let mut builds = Vec::new();
        for (act, lost) in [
            (Act::CutAfter, Answered::Cut),
            (Act::StallAfter, Answered::Stalled),
        ] {
            proxy.plan([Rule::new(On::CREATE_POD, act)]);
            let (id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            holds_true("the fault", || {
                proxy.calls().iter().any(|call| call.answered == lost)
            })
            .await?;
            builds.push(id);
            // It comes back, or is repeated at once where the probe was cut off with the call.
            handled(&start, "adopted", builds.len()).await?;
        }
        world.queue_empties(world.vhost.queue(), SOON).await?;
        for id in builds {
            let pods = world.pods(id).await?.len();
            anyhow::ensure!(pods == 1, "build {id} has {pods} pods");
            not_failed(&world, id)?;
        }
        let counts = proxy.counts();
        let created = |how: fn(&Answered) -> bool| -> usize {
            let creates = counts.iter().filter(|((verb, template, answered), _)| {
                On::CREATE_POD.fits(verb, template) && how(answered)
            });
            creates.map(|(_, count)| count).sum()
        };
        let (made, lost) = (
            created(|how| matches!(how, Answered::Status(200..300))),
            created(|how| !matches!(how, Answered::Status(_))),
        );
        anyhow::ensure!((made, lost) == (0, 2), "{counts:?}");
        Ok(())
    })
    .await
}

/// The broker has the check, and the worker does not know whether.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirm_that_is_cut_off_makes_no_second_pod() -> anyhow::Result<()> {
    play("p1-confirm", async |world| {
        let proxy = world.amqp_proxy()?;
        let start = world.worker(Kind::Start, &with(&proxy.settings(), &[])).await?;
        let verify = world.worker(Kind::Verify, &[]).await?;
        let armed = ours(&world, "checks.v1.delay.1000");
        proxy.plan([
            AmqpRule::new(Which::Named("start-worker publish"), Point::Confirm, Frame::Cut).to(armed),
        ]);
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        holds_true("the cut", || proxy.fired() == 1).await?;
        handled(&start, "created", 1).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        // One check of each handling: the second finds what the first has found.
        handled(&verify, "healthy", 2).await?;
        for queue in ["checks.v1", "starts.v1", "parked"] {
            world.queue_empties(&ours(&world, queue), SOON).await?;
        }
        world.queue_empties(world.vhost.queue(), SOON).await?;
        let pods = world.pods(id).await?.len();
        anyhow::ensure!(pods == 1, "{pods} pods");
        not_failed(&world, id)
    })
    .await
}

/// The worker is done, and the broker does not know: the message comes again.
#[tokio::test(flavor = "multi_thread")]
async fn an_ack_that_is_lost_makes_no_second_pod() -> anyhow::Result<()> {
    play("p1-ack", async |world| {
        let proxy = world.amqp_proxy()?;
        let start = world.worker(Kind::Start, &with(&proxy.settings(), &[])).await?;
        let main = world.vhost.queue().to_owned();
        let consuming = Which::Named("start-worker consume");
        proxy.plan([AmqpRule::new(consuming, Point::Ack, Frame::Cut).to(&main)]);
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        holds_true("the cut", || proxy.fired() == 1).await?;
        handled(&start, "adopted", 1).await?;
        world.queue_empties(&main, SOON).await?;
        let acks = || proxy.count("start-worker consume", Point::Ack, &main);
        holds_true("the second ack", || acks() == 2).await?;
        let created = counted(&start, &["sd_worker_pods", "action=\"created\""]).await?;
        anyhow::ensure!((created - 1.0).abs() < 0.5, "{created} pods were made");
        let pods = world.pods(id).await?.len();
        anyhow::ensure!(pods == 1, "{pods} pods");
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
