//! P7: SIGTERM means: stop taking, finish what is in hand, exit 0 inside the grace period. Nothing is lost.

use std::time::Duration;

use testbed::{builds_api::Fault, http_client, poll, worker::Kind};

use crate::corner::{SOON, all_pods, play};

/// The grace period of the chart, less a little.
const GRACE: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_with_twenty_builds_in_flight_loses_none() -> anyhow::Result<()> {
    const IN_FLIGHT: usize = 20;
    const ALL: usize = 2 * IN_FLIGHT;
    play("p7", async |world| {
        // Long enough that the signal finds them all unfinished.
        let slow = Fault::Delay(Duration::from_millis(1_500));
        world.api.fail_next(u32::MAX, |method, _| method == "PUT", slow);
        let mut start = world
            .worker(Kind::Start, &[("RABBITMQ_PREFETCH_COUNT", "20")])
            .await?;
        let mut builds = Vec::new();
        for _ in 0..ALL {
            let (id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            builds.push(id);
        }
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
