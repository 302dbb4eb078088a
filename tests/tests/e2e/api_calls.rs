//! What a build costs the API server: the budget of docs/ARCHITECTURE.md, counted call by call.

use std::collections::BTreeMap;

use testbed::{
    kubelet::Life,
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, counted, has_node, play};

/// Calls that were answered with success, by peer and name.
type Calls = BTreeMap<(String, String), u64>;

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_build_costs_one_post_one_get_after_it_and_one_get_for_its_check() -> anyhow::Result<()> {
    const BUILDS: u64 = 5;
    play("calls-healthy", async |world| {
        // Late enough for every build to run by then, however busy the machine is.
        let settings = [("CHECK_LADDER", "8s"), ("RABBITMQ_BUILD_INIT_TIMEOUT", "1")];
        let (start, verify) = world.workers(&settings).await?;
        let mut builds = Vec::new();
        for _ in 0..BUILDS {
            let (id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            builds.push(id);
        }
        checks(&verify, BUILDS).await?;
        for id in builds {
            world.build_is(id, "on a node", SOON, has_node).await?;
        }
        let of_start = [
            ("cluster", "create pod", BUILDS),
            ("cluster", "get pod", BUILDS),
            ("builds_api", "update build", BUILDS),
        ];
        anyhow::ensure!(
            calls(&start).await? == expected(&of_start),
            "{:?}",
            calls(&start).await?
        );
        let of_verify = [
            ("cluster", "get pod", BUILDS),
            ("builds_api", "update build", BUILDS),
        ];
        anyhow::ensure!(
            calls(&verify).await? == expected(&of_verify),
            "{:?}",
            calls(&verify).await?
        );
        Ok(())
    })
    .await
}

/// The scheduler's words are in the pod; a pull that says nothing takes its events too.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_waits_costs_one_get_for_each_check_and_events_only_without_words() -> anyhow::Result<()>
{
    play("calls-waiting", async |world| {
        world.script("sd/held:1", Life::held());
        let nowhere = [("K8S_SANDBOX_NODE_SELECTORS", r#"{"sd-pool":"none"}"#)];
        let verify = world.worker(Kind::Verify, &nowhere).await?;
        let start = world.worker(Kind::Start, &nowhere).await?;
        let (id, config) = world.build("node:22");
        let config = config.annotation("screwdriver.cd/executor", testbed::scenario::SELECTIVE);
        world.publish(config.start()).await?;
        checks(&verify, 3).await?;
        let counted = calls(&verify).await?;
        let looks = of(&counted, "cluster", "get pod");
        anyhow::ensure!(looks >= 3, "{counted:?}");
        let others = counted
            .keys()
            .filter(|(peer, name)| peer == "cluster" && name != "get pod");
        anyhow::ensure!(others.count() == 0, "{counted:?}");
        // The text is said when it is new, not at each check.
        let texts = world.api.accepted(id).len();
        anyhow::ensure!(texts <= 3, "it was told {texts} things");
        world.publish(config.stop()).await?;
        drop(start);
        silent_pull(&world).await
    })
    .await
}

/// In a corner of its own workers: a container that waits without a word.
async fn silent_pull(world: &World) -> anyhow::Result<()> {
    let verify = world.worker(Kind::Verify, &[]).await?;
    let _start = world.worker(Kind::Start, &[]).await?;
    let (_id, config) = world.build("sd/held:1");
    world.publish(config.start()).await?;
    poll::until("two looks with events", SOON, || async {
        let counted = calls(&verify).await?;
        let events = of(&counted, "cluster", "list events");
        anyhow::ensure!(events >= 2, "{counted:?}");
        anyhow::ensure!(events <= of(&counted, "cluster", "get pod"), "{counted:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await?;
    let counted = calls(&verify).await?;
    let others = counted
        .keys()
        .filter(|(peer, name)| peer == "cluster" && !["get pod", "list events"].contains(&name.as_str()));
    anyhow::ensure!(others.count() == 0, "{counted:?}");
    Ok(())
}

/// Waits until that many checks were settled.
async fn checks(verify: &Worker, wanted: u64) -> anyhow::Result<()> {
    poll::until(&format!("{wanted} checks"), SOON, || async {
        let settled = counted(verify, &["sd_worker_deliveries_total", "job=\"check\""]).await?;
        anyhow::ensure!(settled.round() >= wanted as f64, "{settled} so far");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// The worker's calls so far; failed ones would be named with their class.
async fn calls(worker: &Worker) -> anyhow::Result<Calls> {
    let metrics = worker.metrics().await?;
    let lines = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("sd_worker_calls_total{"));
    let mut calls = Calls::new();
    for line in lines {
        let label = |key: &str| {
            let (_, rest) = line.split_once(&format!("{key}=\""))?;
            rest.split('"').next().map(str::to_owned)
        };
        let count = line
            .rsplit(' ')
            .next()
            .and_then(|count| count.parse::<f64>().ok());
        let (Some(peer), Some(verb), Some(class), Some(count)) =
            (label("peer"), label("verb"), label("class"), count)
        else {
            anyhow::bail!("no call: {line}")
        };
        anyhow::ensure!(class == "2xx" || count < 0.5, "a call failed: {line}");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        let count = count.round() as u64;
        if count > 0 {
            *calls.entry((peer, verb)).or_default() += count;
        }
    }
    Ok(calls)
}

fn of(calls: &Calls, peer: &str, name: &str) -> u64 {
    let key = (peer.to_owned(), name.to_owned());
    calls.get(&key).copied().unwrap_or_default()
}

fn expected(calls: &[(&str, &str, u64)]) -> Calls {
    let entry = |(peer, name, count): &(&str, &str, u64)| (((*peer).to_owned(), (*name).to_owned()), *count);
    calls.iter().map(entry).collect()
}
