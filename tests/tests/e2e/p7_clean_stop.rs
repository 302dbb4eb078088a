//! P7: SIGTERM means: stop taking, finish what is in hand, exit 0 inside the grace period. Nothing is lost.

use std::time::Duration;

use testbed::{
    builds_api::Fault,
    http_client, poll,
    proxy::{
        amqp::{AmqpProxy, End},
        http::{Act, On, Rule},
    },
    worker::Kind,
    world::World,
};

use crate::corner::{SOON, all_pods, handled, holds_true, logged, messages, ours, play, with};

/// The grace period of the chart, less a little.
const GRACE: Duration = Duration::from_secs(25);
const IN_FLIGHT: usize = 20;
const PREFETCH: (&str, &str) = ("RABBITMQ_PREFETCH_COUNT", "20");

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_with_twenty_builds_in_flight_loses_none() -> anyhow::Result<()> {
    const ALL: usize = 2 * IN_FLIGHT;
    play("p7", async |world| {
        // Long enough that the signal finds them all unfinished.
        let slow = Fault::Delay(Duration::from_millis(1_500));
        world.api.fail_next(u32::MAX, |method, _| method == "PUT", slow);
        let proxy = world.amqp_proxy()?;
        let mut start = world
            .worker(Kind::Start, &with(&proxy.settings(), &[PREFETCH]))
            .await?;
        let builds = publish(&world, ALL).await?;
        poll::until("builds in flight", SOON, || async {
            let pods = all_pods(&world).await?;
            anyhow::ensure!(pods >= IN_FLIGHT / 2, "{pods} pods");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let left = world.vhost.depth(world.vhost.queue()).await?;
        anyhow::ensure!(left > Some(0), "the burst was over before the signal");
        let readiness = start.uri("/readyz");
        let unready = poll::until("unreadiness", GRACE, || async {
            let answer = http_client::get(&readiness).await?;
            anyhow::ensure!(answer.status == 503, "{}", answer.status);
            Ok::<_, anyhow::Error>(())
        });
        let (ended, unready) = tokio::join!(start.terminate(GRACE), unready);
        // Answered with 503 means: by the process that had not ended yet.
        unready?;
        anyhow::ensure!(ended?.code() == Some(0), "it has not ended well");
        closed_cleanly(&proxy).await?;
        // What was in hand was finished, what was not begun is still there.
        let pods = all_pods(&world).await?;
        poll::until("the rest to be back in the queue", SOON, || async {
            let left = world.vhost.depth(world.vhost.queue()).await?.unwrap_or_default();
            anyhow::ensure!(pods + left as usize == ALL, "{pods} pods, {left} messages");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        world.api.heal();
        start.restart().await?;
        for id in &builds {
            world.one_pod(*id, SOON).await?;
        }
        world.queue_empties(world.vhost.queue(), SOON).await?;
        let all = all_pods(&world).await?;
        anyhow::ensure!(all == ALL, "{all} pods for {ALL} builds");
        Ok(())
    })
    .await
}

/// The builds in hand would take long: their pods are made, and the API server never says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_the_drain_and_loses_and_doubles_nothing() -> anyhow::Result<()> {
    /// A drain would take three times as long, as long as it may: each create is waited for two minutes.
    const AT_ONCE: Duration = Duration::from_secs(8);
    play("p7-twice", async |world| {
        let (broker, cluster) = (world.amqp_proxy()?, world.cluster_proxy()?);
        let led = [broker.settings(), cluster.settings().to_vec()].concat();
        let settings = with(&led, &[PREFETCH, ("CIRCUIT_TIMEOUT", "120000")]);
        let mut start = world.worker(Kind::Start, &settings).await?;
        cluster.plan([Rule::new(On::CREATE_POD, Act::StallAfter).always()]);
        let builds = publish(&world, IN_FLIGHT).await?;
        for id in &builds {
            world.one_pod(*id, SOON).await?;
        }
        start.sigterm()?;
        logged(&start, "draining; a second signal ends it at once").await?;
        let ended = start.terminate(AT_ONCE).await?;
        anyhow::ensure!(ended.code() == Some(0), "{ended}");
        closed_cleanly(&broker).await?;
        // Nothing was acked: all of them are the broker's again.
        poll::until("the builds in hand to be back", SOON, || async {
            let left = world.vhost.depth(world.vhost.queue()).await?;
            anyhow::ensure!(left == Some(20), "{left:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        cluster.heal();
        start.restart().await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        handled(&start, "adopted", IN_FLIGHT).await?;
        let all = all_pods(&world).await?;
        anyhow::ensure!(all == IN_FLIGHT, "{all} pods for {IN_FLIGHT} builds");
        Ok(())
    })
    .await
}

/// Whoever waits for a peer gives its message back at once, without an attempt spent.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_during_an_outage_of_kubernetes_ends_well_and_keeps_every_start() -> anyhow::Result<()> {
    play("p7-cluster", async |world| {
        let (broker, cluster) = (world.amqp_proxy()?, world.cluster_proxy()?);
        let led = [broker.settings(), cluster.settings().to_vec()].concat();
        // Longer than the grace period: waiting it out would be noticed.
        let settings = with(&led, &[PREFETCH, ("OUTAGE_HOLD", "60s")]);
        let mut start = world.worker(Kind::Start, &settings).await?;
        cluster.plan([Rule::new(On::ANY, Act::Cut).always()]);
        let builds = publish(&world, IN_FLIGHT).await?;
        logged(&start, "a peer is down").await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        let ended = start.terminate(GRACE).await?;
        anyhow::ensure!(ended.code() == Some(0), "{ended}");
        closed_cleanly(&broker).await?;
        anyhow::ensure!(all_pods(&world).await? == 0, "there was no outage");
        // What was not settled goes back when its connection has ended, a moment later.
        let held = ours(&world, "starts.v1.delay.60000");
        poll::until("every start to be there", SOON, || async {
            let mut all = Vec::new();
            for queue in [held.as_str(), world.vhost.queue()] {
                for seen in messages(&world, queue)
                    .await?
                    .iter()
                    .filter(|seen| seen.build().is_some())
                {
                    let unspent = queue != held || seen.body["start"]["attempt"] == 0;
                    anyhow::ensure!(unspent, "{seen:?}");
                    all.extend(seen.build());
                }
            }
            all.sort_unstable();
            anyhow::ensure!(all == builds, "{all:?} are left of {builds:?}");
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_during_an_outage_of_the_broker_ends_well() -> anyhow::Result<()> {
    play("p7-broker", async |world| {
        let proxy = world.amqp_proxy()?;
        let (mut start, mut verify) = world.workers(&with(&proxy.settings(), &[])).await?;
        proxy.set_down(true);
        for worker in [&mut start, &mut verify] {
            logged(worker, "no session with the broker").await?;
            let ended = worker.terminate(GRACE).await?;
            anyhow::ensure!(ended.code() == Some(0), "{ended}");
        }
        Ok(())
    })
    .await
}

async fn publish(world: &World, count: usize) -> anyhow::Result<Vec<u64>> {
    let mut builds = Vec::new();
    for _ in 0..count {
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        builds.push(id);
    }
    Ok(builds)
}

/// The worker has closed both of its connections, and the broker has agreed: what it said before has arrived.
async fn closed_cleanly(proxy: &AmqpProxy) -> anyhow::Result<()> {
    holds_true("the end of the connections", || {
        proxy
            .connections()
            .iter()
            .all(|connection| connection.end.is_some())
    })
    .await?;
    let connections = proxy.connections();
    let mut names: Vec<&str> = connections
        .iter()
        .map(|connection| connection.name.as_str())
        .collect();
    names.sort_unstable();
    anyhow::ensure!(
        names == ["start-worker consume", "start-worker publish"],
        "{names:?}"
    );
    let clean = connections
        .iter()
        .all(|connection| connection.end == Some(End::ClosedByClient));
    anyhow::ensure!(clean, "{connections:?}");
    Ok(())
}
