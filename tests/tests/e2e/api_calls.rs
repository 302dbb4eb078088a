//! What a build costs the API server: the budget of docs/ARCHITECTURE.md, counted call by call.

use std::collections::BTreeMap;

use testbed::{kubelet::Life, poll, scenario::SELECTIVE, worker::Worker};

use crate::corner::{SOON, counted, has_node, play};

/// Calls that were answered with success, by peer and name.
type Calls = BTreeMap<(String, String), u64>;

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_build_costs_one_post_one_get_after_it_and_one_get_for_its_check() -> anyhow::Result<()> {
    const BUILDS: u32 = 5;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_a_node_costs_one_get_for_each_check() -> anyhow::Result<()> {
    play("calls-no-node", async |world| {
        let nowhere = [("K8S_SANDBOX_NODE_SELECTORS", r#"{"sd-pool":"none"}"#)];
        let (_start, verify) = world.workers(&nowhere).await?;
        let (id, config) = world.build("node:22");
        let config = config.annotation("screwdriver.cd/executor", SELECTIVE);
        world.publish(config.start()).await?;
        checks(&verify, 3).await?;
        let counted = calls(&verify).await?;
        let looks = of(&counted, "cluster", "get pod");
        anyhow::ensure!(looks >= 3, "{counted:?}");
        // What the scheduler says stands in the pod.
        anyhow::ensure!(only(&counted, &["get pod"]), "{counted:?}");
        // A text is said when it is new, not at each check: start-worker's, the scheduler's, that it takes long.
        let texts = world.api.accepted(id).len();
        anyhow::ensure!(texts <= 3, "it was told {texts} things");
        Ok(())
    })
    .await
}

/// Only events tell what a container does that waits without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_set_up_in_silence_costs_its_events_too() -> anyhow::Result<()> {
    play("calls-silent", async |world| {
        world.script("sd/held:1", Life::held());
        let (_start, verify) = world.workers(&[]).await?;
        let (_id, config) = world.build("sd/held:1");
        world.publish(config.start()).await?;
        checks(&verify, 4).await?;
        let counted = calls(&verify).await?;
        let [looks, events] = ["get pod", "list events"].map(|name| of(&counted, "cluster", name));
        // The first look may find a pod that has no node yet.
        anyhow::ensure!(looks >= 4 && events >= 2 && events <= looks, "{counted:?}");
        anyhow::ensure!(only(&counted, &["get pod", "list events"]), "{counted:?}");
        Ok(())
    })
    .await
}

/// docs/SCALING.md counts with it: the stop at a build's end, and that stop's second look 15 s later.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_costs_two_deletions_by_label() -> anyhow::Result<()> {
    play("calls-stop", async |world| {
        let (start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        world.publish(config.stop()).await?;
        poll::until("the stop and its second look", SOON, || async {
            let settled = counted(&start, &["sd_worker_deliveries_total", "job=\"stop\""]).await?;
            anyhow::ensure!(settled.round() >= 2.0, "{settled} so far");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        // Two deletions of one pod.
        let stopped = counted(&start, &["sd_worker_pods_total", "action=\"stopped\""]).await?;
        anyhow::ensure!((stopped - 1.0).abs() < 0.5, "{stopped} pods were stopped");
        let counted = calls(&start).await?;
        anyhow::ensure!(of(&counted, "cluster", "delete pods") == 2, "{counted:?}");
        anyhow::ensure!(
            only(&counted, &["create pod", "get pod", "delete pods"]),
            "{counted:?}"
        );
        Ok(())
    })
    .await
}

/// Waits until that many checks were settled.
async fn checks(verify: &Worker, wanted: u32) -> anyhow::Result<()> {
    poll::until(&format!("{wanted} checks"), SOON, || async {
        let settled = counted(verify, &["sd_worker_deliveries_total", "job=\"check\""]).await?;
        anyhow::ensure!(settled.round() >= f64::from(wanted), "{settled} so far");
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

/// Whether the API server was called by no other names.
fn only(calls: &Calls, names: &[&str]) -> bool {
    let mut others = calls
        .keys()
        .filter(|(peer, name)| peer == "cluster" && !names.contains(&name.as_str()));
    others.next().is_none()
}

fn expected(calls: &[(&str, &str, u32)]) -> Calls {
    let entry = |(peer, name, count): &(&str, &str, u32)| {
        let key = ((*peer).to_owned(), (*name).to_owned());
        (key, u64::from(*count))
    };
    calls.iter().map(entry).collect()
}
