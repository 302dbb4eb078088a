//! P3: no healthy build is failed. Waiting is not failing until the clock of its phase runs out, and outages of
//! Kubernetes, the broker or the builds API cost time, not builds.

use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams};
use serde_json::json;
use testbed::{
    builds_api::{Build, Status},
    kubelet::{Life, NodeSpec},
    poll,
    proxy::http::{Act, On, Rule},
    worker::{Kind, Worker},
    world::World,
};

use crate::{
    corner::{SOON, handled, has_node, holds, logged, not_failed, ours, play, with},
    p2_no_build_lost::no_room,
};

/// Outages here are shorter than deliveries wait in place.
const HOLD: (&str, &str) = ("OUTAGE_HOLD", "25s");
/// From a peer's return to the work that waited for it: a probe's pace and a trial call, on a busy machine.
const SECONDS: Duration = Duration::from_secs(10);
/// A start that waits for quota comes back once a minute.
const A_MINUTE: Duration = Duration::from_secs(90);
/// Checks at 1 s, 2 s, 6 s and 12 s: two of them at the init timeout or after it.
const BEYOND_THE_INIT_TIMEOUT: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_waits_or_initialises_longer_than_the_init_timeout_is_no_failure() -> anyhow::Result<()> {
    const POOL: &str = "sd-p3";
    play("p3-patience", async |world| {
        world.script("sd/held:1", Life::held());
        let selector = json!({ POOL: world.namespace.name() }).to_string();
        let settings = [("K8S_SANDBOX_NODE_SELECTORS", selector.as_str())];
        let (_start, verify) = world.workers(&settings).await?;
        let (unschedulable, config) = world.build("node:22");
        let nowhere = config.annotation("screwdriver.cd/executor", "k8s-sandbox");
        world.publish(nowhere.start()).await?;
        let (initialising, config) = world.build("sd/held:1");
        world.publish(config.start()).await?;
        handled(&verify, "rearmed", 2 * BEYOND_THE_INIT_TIMEOUT).await?;
        for (id, cause) in [(unschedulable, "No node fits the pod"), (initialising, "")] {
            not_failed(&world, id)?;
            let told = |build: &Build| {
                let text = build.status_message.as_deref().unwrap_or_default();
                text.starts_with("Build initialization delayed") && text.contains(cause)
            };
            world.build_is(id, "told that it takes long", SOON, told).await?;
        }
        let node = NodeSpec::default().label(POOL, world.namespace.name());
        world.peers.kubelet.add_node(node).await?;
        let pod = world
            .one_pod(initialising, SOON)
            .await?
            .metadata
            .name
            .unwrap_or_default();
        world.peers.kubelet.release(world.namespace.name(), &pod);
        for id in [unschedulable, initialising] {
            world.build_is(id, "on a node", SOON, has_node).await?;
        }
        handled(&verify, "healthy", 2).await?;
        none_failed(&world, &[unschedulable, initialising])
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_quota_holds_back_while_its_checks_fire_is_no_failure() -> anyhow::Result<()> {
    play("p3-quota", async |world| {
        let quotas = no_room(&world).await?;
        let (_start, verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        poll::until("the build to hear of the quota", SOON, || async {
            let told = world.api.accepted(id);
            let heard = told.iter().filter_map(|asked| asked.message());
            let waits = heard
                .into_iter()
                .any(|text| text.starts_with("Waiting for quota") && text.contains("exceeded quota: builds"));
            anyhow::ensure!(waits, "it was told {told:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let held = holds(&world, &ours(&world, "starts.v1.delay.60000"), 1, SOON).await?;
        let attempts: Vec<_> = held
            .iter()
            .map(|seen| seen.body["start"]["attempt"].clone())
            .collect();
        anyhow::ensure!(attempts == [json!(0)], "attempts spent: {attempts:?}");
        handled(&verify, "rearmed", BEYOND_THE_INIT_TIMEOUT).await?;
        none_failed(&world, &[id])?;
        let raised = Patch::Merge(json!({ "spec": { "hard": { "pods": "10" } } }));
        quotas.patch("builds", &PatchParams::default(), &raised).await?;
        world.one_pod(id, A_MINUTE).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        none_failed(&world, &[id])
    })
    .await
}

/// start-worker alone is cut off, so that the checks go on and find no pod.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_an_outage_holds_back_while_its_checks_fire_is_no_failure() -> anyhow::Result<()> {
    play("p3-held", async |world| {
        let proxy = world.cluster_proxy()?;
        let start = world
            .worker(Kind::Start, &with(proxy.settings(), &[HOLD]))
            .await?;
        let verify = world.worker(Kind::Verify, &[]).await?;
        proxy.plan([Rule::new(On::ANY, Act::Cut).always()]);
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        logged(&start, "a peer is down").await?;
        handled(&verify, "rearmed", 3).await?;
        anyhow::ensure!(world.pods(id).await?.is_empty(), "the create was not held back");
        none_failed(&world, &[id])?;
        proxy.heal();
        world.one_pod(id, SECONDS).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        handled(&verify, "healthy", 1).await?;
        none_failed(&world, &[id])
    })
    .await
}

/// Probes are cut too, so that it is an outage and nobody's own error.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_kubernetes_during_starts_and_checks_costs_seconds_and_no_build() -> anyhow::Result<()> {
    const CHECK: (&str, &str) = ("CHECK_LADDER", "3s,4s");
    play("p3-cluster", async |world| {
        let proxy = world.cluster_proxy()?;
        let (start, verify) = world.workers(&with(proxy.settings(), &[HOLD, CHECK])).await?;
        let (checked, config) = world.build("node:22");
        world.publish(config.start()).await?;
        handled(&start, "created", 1).await?;
        proxy.plan([Rule::new(On::ANY, Act::Cut).always()]);
        let (started, config) = world.build("node:22");
        world.publish(config.start()).await?;
        for worker in [&start, &verify] {
            logged(worker, "a peer is down").await?;
            still_ready(worker).await?;
        }
        anyhow::ensure!(world.pods(started).await?.is_empty(), "there was no outage");
        none_failed(&world, &[checked, started])?;
        proxy.heal();
        let healed = Instant::now();
        world.one_pod(started, SECONDS).await?;
        handled(&verify, "healthy", 1).await?;
        anyhow::ensure!(
            healed.elapsed() < SECONDS,
            "recovered after {:?}",
            healed.elapsed()
        );
        for id in [checked, started] {
            world.build_is(id, "on a node", SOON, has_node).await?;
        }
        handled(&verify, "healthy", 2).await?;
        none_failed(&world, &[checked, started])
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_builds_api_during_starts_and_checks_costs_seconds_and_no_build()
-> anyhow::Result<()> {
    play("p3-api", async |world| {
        let proxy = world.api_proxy()?;
        let (_start, verify) = world.workers(&[HOLD]).await?;
        proxy.plan([Rule::new(On::ANY, Act::answer(503, "Service Unavailable")).always()]);
        let mut builds = Vec::new();
        for _ in 0..3 {
            let (id, config) = world.build("node:22");
            world.publish(config.with("apiUri", proxy.uri()).start()).await?;
            builds.push(id);
        }
        // The pods do not wait for the API, and the starts are done.
        for id in &builds {
            world.one_pod(*id, SECONDS).await?;
        }
        logged(&verify, "a peer is down").await?;
        still_ready(&verify).await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        anyhow::ensure!(proxy.count(On::new("GET", "/v4/status")) > 0, "nobody has probed");
        proxy.heal();
        for id in &builds {
            world.build_is(*id, "on a node", SECONDS, has_node).await?;
        }
        handled(&verify, "healthy", builds.len()).await?;
        none_failed(&world, &builds)
    })
    .await
}

/// What is in hand when the broker goes comes again, finds its pod, and is no second build.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_broker_during_starts_and_checks_costs_seconds_and_no_build() -> anyhow::Result<()> {
    play("p3-broker", async |world| {
        let (broker, cluster) = (world.amqp_proxy()?, world.cluster_proxy()?);
        let led = [broker.settings(), cluster.settings().to_vec()].concat();
        let (mut start, mut verify) = world.workers(&with(&led, &[])).await?;
        // In hand for as long as the broker needs to go.
        cluster.plan([Rule::new(On::CREATE_POD, Act::Delay(Duration::from_secs(2)))]);
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        poll::until("the create", SOON, || async {
            (cluster.count(On::CREATE_POD) > 0).then_some(()).ok_or("not yet")
        })
        .await?;
        broker.set_down(true);
        for worker in [&start, &verify] {
            poll::until("unreadiness", SOON, || async {
                let answer = worker.get("/readyz").await?;
                anyhow::ensure!(answer.status == 503, "{answer:?}");
                Ok::<_, anyhow::Error>(())
            })
            .await?;
        }
        world.one_pod(id, SOON).await?;
        broker.set_down(false);
        start.ready(SOON).await?;
        verify.ready(SOON).await?;
        handled(&start, "adopted", 1).await?;
        handled(&verify, "healthy", 1).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        anyhow::ensure!(cluster.count(On::CREATE_POD) == 1, "{:?}", cluster.counts());
        none_failed(&world, &[id])
    })
    .await
}

/// Nobody has failed these builds.
fn none_failed(world: &World, builds: &[u64]) -> anyhow::Result<()> {
    for id in builds {
        not_failed(world, *id)?;
        let status = world.api.build(*id).map(|build| build.status);
        anyhow::ensure!(status == Some(Status::Queued), "build {id} is {status:?}");
    }
    Ok(())
}

/// A peer's outage is no unreadiness: that would block rolling out the fix.
async fn still_ready(worker: &Worker) -> anyhow::Result<()> {
    let answer = worker.get("/readyz").await?;
    anyhow::ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}
