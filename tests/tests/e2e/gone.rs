//! Pods that are deleted, are gone, or never were: who did it is told, and nothing is started that may have run.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, EvictParams, Patch, PatchParams},
};
use serde_json::json;
use testbed::{
    builds_api::{Build, Status},
    kubelet::{Life, NodeSpec},
    poll,
    scenario::{PodWatch, SELECTIVE},
    world::World,
};

use crate::{
    corner::{SOON, counted, play},
    p2_no_build_lost::no_room,
};

/// A check in six seconds, two looks 15 seconds apart, and a machine that does other things too.
const PATIENT: Duration = Duration::from_secs(75);
const POOL: &str = "sd-pool";

/// By a user, by a drain, by a taint of its node: each is told apart, also when nobody looked in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_deleted_before_the_build_ran_is_made_anew() -> anyhow::Result<()> {
    play("gone-anew", async |world| {
        // Long enough in its death for a check to see it, except for the one that a user kills at once.
        let slow_death = || Life::held().dying(Duration::from_secs(8));
        for image in ["sd/deleted:1", "sd/drained:1", "sd/tainted:1"] {
            let lives = [slow_death(), Life::healthy()];
            world
                .peers
                .kubelet
                .script_each(world.namespace.name(), image, lives);
        }
        let namespace = world.namespace.name().to_owned();
        // Small, so that the scheduler sends nobody else's pods there.
        let pool = || {
            NodeSpec::default()
                .capacity("13", "26Gi", 2)
                .label(POOL, &namespace)
        };
        let doomed = world.peers.kubelet.add_node(pool()).await?;
        let selector = json!({ POOL: namespace }).to_string();
        let watch = PodWatch::start(world.namespace.pods());
        let settings = [("K8S_SANDBOX_NODE_SELECTORS", selector.as_str())];
        let (_start, _verify) = world.workers(&settings).await?;
        let deleted = seen_waiting(&world, "sd/deleted:1", None).await?;
        let drained = seen_waiting(&world, "sd/drained:1", None).await?;
        let tainted = seen_waiting(&world, "sd/tainted:1", Some(SELECTIVE)).await?;
        let pods = world.namespace.pods();
        let name = |id| {
            let pod = world.one_pod(id, SOON);
            async { Ok::<_, anyhow::Error>(pod.await?.name_any()) }
        };
        pods.delete(&name(deleted).await?, &DeleteParams::default().grace_period(0))
            .await?;
        pods.evict(&name(drained).await?, &EvictParams::default()).await?;
        world.peers.kubelet.add_node(pool()).await?;
        taint(&world, &doomed).await?;
        for id in [deleted, drained, tainted] {
            poll::until("its second pod to run", PATIENT, || async {
                let seen = watch.of(id);
                anyhow::ensure!((seen.made(), seen.state()) == (2, "Running"), "{seen:?}");
                anyhow::ensure!(seen.names() == 1, "{seen:?}");
                Ok(())
            })
            .await?;
        }
        for (id, cause) in [
            (deleted, "The pod disappeared before the build ran"),
            (drained, "was drained"),
            (tainted, "became unusable"),
        ] {
            anyhow::ensure!(told(&world, id, cause), "build {id} was not told: {cause}");
        }
        Ok(())
    })
    .await
}

/// Its build may still run: nothing is forced, and nothing is started beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_stays_terminating_fails_its_build_at_the_start_deadline() -> anyhow::Result<()> {
    play("gone-never", async |world| {
        for image in ["sd/deleted:1", "sd/drained:1"] {
            world.script(image, Life::held().undying());
        }
        let watch = PodWatch::start(world.namespace.pods());
        let settings = [
            ("START_DEADLINE", "10s"),
            ("TERMINATION_GRACE_PERIOD_SECONDS", "1"),
        ];
        let (_start, _verify) = world.workers(&settings).await?;
        let deleted = seen_waiting(&world, "sd/deleted:1", None).await?;
        let drained = seen_waiting(&world, "sd/drained:1", None).await?;
        let pods = world.namespace.pods();
        let name = world.one_pod(deleted, SOON).await?.name_any();
        pods.delete(&name, &DeleteParams::default()).await?;
        let name = world.one_pod(drained, SOON).await?.name_any();
        pods.evict(&name, &EvictParams::default()).await?;
        for (id, text) in [(deleted, "The pod was deleted"), (drained, "was drained")] {
            let message = failure(&world, id).await?;
            anyhow::ensure!(message.contains(text), "{message}");
            let seen = watch.of(id);
            anyhow::ensure!((seen.made(), seen.state()) == (1, "Terminating"), "{seen:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_never_gets_a_pod_fails_though_nobody_tries_any_more() -> anyhow::Result<()> {
    play("gone-uncreated", async |world| {
        no_room(&world).await?;
        let (mut start, _verify) = world.workers(&[("START_DEADLINE", "8s")]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world
            .build_is(id, "waiting for quota", SOON, waits_for_quota)
            .await?;
        start.kill();
        let message = failure(&world, id).await?;
        anyhow::ensure!(message.contains("No pod could be created"), "{message}");
        Ok(())
    })
    .await
}

/// Verify-worker knows only that there is no pod; start-worker knows why, and has said it.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_waits_for_quota_keeps_reading_why() -> anyhow::Result<()> {
    const CLOCKS: [(&str, &str); 2] = [
        ("CHECK_LADDER", "1s,2s,3s,4s"),
        ("RABBITMQ_BUILD_INIT_TIMEOUT", "1"),
    ];
    play("gone-quota", async |world| {
        no_room(&world).await?;
        let (_start, verify) = world.workers(&CLOCKS).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        poll::until("four checks", SOON, || async {
            let checks = counted(&verify, &["sd_worker_deliveries", "outcome=\"rearmed\""]).await?;
            anyhow::ensure!(checks >= 4.0, "{checks}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let build = world.api.build(id);
        anyhow::ensure!(build.as_ref().is_some_and(waits_for_quota), "{build:?}");
        // Each check asked all the same whether the build is still wanted.
        world.api.set_status(id, Status::Aborted).await?;
        Ok(())
    })
    .await
}

/// A build that waits in its pod, and whose waiting a check has seen and told.
async fn seen_waiting(world: &World, image: &str, executor: Option<&str>) -> anyhow::Result<u64> {
    let (id, config) = world.build(image);
    let config = match executor {
        Some(executor) => config.annotation("screwdriver.cd/executor", executor),
        None => config,
    };
    world.publish(config.start()).await?;
    let waits = |build: &Build| {
        let text = build.status_message.as_deref().unwrap_or_default();
        text.contains("is setting up the pod")
    };
    world.build_is(id, "seen waiting", SOON, waits).await?;
    Ok(id)
}

async fn failure(world: &World, id: u64) -> anyhow::Result<String> {
    let failed = |build: &Build| build.status == Status::Failure;
    let build = world.build_is(id, "FAILURE", PATIENT, failed).await?;
    Ok(build.status_message.unwrap_or_default())
}

fn told(world: &World, id: u64, text: &str) -> bool {
    let updates = world.api.accepted(id);
    let mut texts = updates.iter().filter_map(|update| update.message());
    texts.any(|told| told.contains(text))
}

fn waits_for_quota(build: &Build) -> bool {
    let text = build.status_message.as_deref().unwrap_or_default();
    text.starts_with("Waiting for quota") && text.contains("exceeded quota: builds")
}

/// Drives the pods off a node, as an operator or the node controller does.
async fn taint(world: &World, node: &str) -> anyhow::Result<()> {
    let nodes: Api<Node> = Api::all(world.peers.control_plane.client()?);
    let taint = json!({ "spec": { "taints": [{ "key": "sd-test", "effect": "NoExecute" }] } });
    nodes
        .patch(node, &PatchParams::default(), &Patch::Merge(taint))
        .await?;
    Ok(())
}
