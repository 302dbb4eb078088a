//! P8: drop-in. The predecessor's messages and pods are understood, where it has left some and beside it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde_json::json;
use testbed::{
    broker::{AMQPValue, FieldTable, Permissions},
    builds_api::{Build, Scope, Status, token_for},
    kubelet::Life,
    poll,
    worker::Kind,
    world::World,
};

use crate::corner::{SOON, counted, has_node, holds, ours, play};

/// Two looks, 15 seconds apart.
const TWO_LOOKS: Duration = Duration::from_secs(60);
const RETRY_QUEUE: (&str, &str) = ("RABBITMQ_RETRYQUEUE_ENABLED", "true");

#[tokio::test(flavor = "multi_thread")]
async fn a_predecessors_check_passes_the_build_whose_pod_runs() -> anyhow::Result<()> {
    play("p8-check", async |world| {
        world.script("node:22", Life::healthy());
        let _verify = world.worker(Kind::Verify, &[RETRY_QUEUE]).await?;
        let (id, config) = world.build("node:22");
        predecessors_pod(&world, id, "node:22").await?;
        world
            .vhost
            .publish(&world.vhost.retry_queue(), config.verify())
            .await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        Ok(())
    })
    .await
}

/// The predecessor called that a success. Its pod was there before its check, so it is gone, not to come.
#[tokio::test(flavor = "multi_thread")]
async fn a_predecessors_check_fails_the_build_whose_pod_is_gone_and_starts_nothing() -> anyhow::Result<()> {
    play("p8-gone", async |world| {
        let (start, _verify) = world.workers(&[RETRY_QUEUE]).await?;
        let (id, config) = world.build("node:22");
        world
            .vhost
            .publish(&world.vhost.retry_queue(), config.verify())
            .await?;
        let failed = |build: &Build| build.status == Status::Failure;
        let build = world.build_is(id, "FAILURE", TWO_LOOKS, failed).await?;
        let text = build.status_message.unwrap_or_default();
        anyhow::ensure!(text.contains("disappeared"), "{text}");
        let made = counted(&start, &["sd_worker_pods"]).await?;
        anyhow::ensure!(made < 0.5, "{made} pods were made");
        Ok(())
    })
    .await
}

/// The predecessor made a new pod at each try, and let any of them that failed fail the build (D8).
#[tokio::test(flavor = "multi_thread")]
async fn of_several_pods_of_a_predecessors_build_the_one_that_runs_decides() -> anyhow::Result<()> {
    play("p8-several", async |world| {
        let namespace = world.namespace.name();
        let lives = [Life::healthy(), Life::start_error()];
        world.peers.kubelet.script_each(namespace, "sd/twice:1", lives);
        let _verify = world.worker(Kind::Verify, &[RETRY_QUEUE]).await?;
        let (id, config) = world.build("sd/twice:1");
        predecessors_pod(&world, id, "sd/twice:1").await?;
        make_predecessors_pod(&world, id, "sd/twice:1").await?;
        poll::until("the second pod to fail", SOON, || async {
            let pods = world.pods(id).await?;
            let phases = pods
                .iter()
                .filter_map(|pod| pod.status.as_ref()?.phase.as_deref());
            let failed = phases.filter(|phase| *phase == "Failed").count();
            anyhow::ensure!((pods.len(), failed) == (2, 1), "{failed} of {}", pods.len());
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        world
            .vhost
            .publish(&world.vhost.retry_queue(), config.verify())
            .await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        let build = world.api.build(id).map(|build| build.status);
        anyhow::ensure!(build == Some(Status::Queued), "it is {build:?}");
        Ok(())
    })
    .await
}

/// Its check comes when the build has ended and its pods are gone: nothing is said, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_predecessors_check_of_a_finished_build_ends_in_silence() -> anyhow::Result<()> {
    play("p8-finished", async |world| {
        let verify = world.worker(Kind::Verify, &[RETRY_QUEUE]).await?;
        let (id, config) = world.build("node:22");
        world.api.set_status(id, Status::Success).await?;
        world
            .vhost
            .publish(&world.vhost.retry_queue(), config.verify())
            .await?;
        poll::until("the end of its chain", TWO_LOOKS, || async {
            let ended = counted(&verify, &["sd_worker_deliveries", "outcome=\"finished\""]).await?;
            anyhow::ensure!(ended > 0.0, "not yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        anyhow::ensure!(
            world.api.accepted(id).is_empty(),
            "a finished build was told something"
        );
        Ok(())
    })
    .await
}

/// Its pod still waits when the check comes: our chain goes on from there, by the pod's name.
#[tokio::test(flavor = "multi_thread")]
async fn a_predecessors_check_becomes_a_chain_of_ours_while_the_pod_waits() -> anyhow::Result<()> {
    play("p8-waits", async |world| {
        world.script("sd/held:1", Life::held());
        let _verify = world.worker(Kind::Verify, &[RETRY_QUEUE]).await?;
        let (id, config) = world.build("sd/held:1");
        let name = make_predecessors_pod(&world, id, "sd/held:1").await?;
        // As often as a predecessor had rejected it: that spends tries, not looks.
        let mut death = FieldTable::default();
        death.insert(
            "queue".into(),
            AMQPValue::LongString(world.vhost.retry_queue().into()),
        );
        death.insert("reason".into(), AMQPValue::LongString("rejected".into()));
        death.insert("count".into(), AMQPValue::LongLongInt(9));
        let mut headers = FieldTable::default();
        let deaths = vec![AMQPValue::FieldTable(death)];
        headers.insert("x-death".into(), AMQPValue::FieldArray(deaths.into()));
        world
            .vhost
            .publish_with_headers(&world.vhost.retry_queue(), config.verify(), headers)
            .await?;
        let waits = |build: &Build| build.status_message.is_some();
        world.build_is(id, "told what it waits for", SOON, waits).await?;
        world.peers.kubelet.release(world.namespace.name(), &name);
        world.build_is(id, "on a node", SOON, has_node).await?;
        Ok(())
    })
    .await
}

/// A predecessor beside us has made a pod under a random name, rejected the message and left it to us.
#[tokio::test(flavor = "multi_thread")]
async fn beside_predecessors_a_start_that_comes_again_adopts_their_pod() -> anyhow::Result<()> {
    play("p8-legacy", async |world| {
        world.namespace.allow_legacy_consumers().await?;
        world.script("node:22", Life::healthy());
        let start = world
            .worker(Kind::Start, &[("START_LEGACY_CONSUMERS", "true")])
            .await?;
        let (id, config) = world.build("node:22");
        let theirs = predecessors_pod(&world, id, "node:22").await?;
        let (issued, expires) = (from_now(-1), from_now(11));
        let old = config.with("token", token_for(id, Scope::Temporal, issued, expires));
        world.publish(old.start()).await?;
        poll::until("the adoption", SOON, || async {
            let adopted = counted(&start, &["sd_worker_deliveries", "outcome=\"adopted\""]).await?;
            anyhow::ensure!(adopted > 0.0, "not counted yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let pod = world.one_pod(id, SOON).await?;
        anyhow::ensure!(pod.metadata.uid == theirs.metadata.uid, "a second pod");
        // Who made it checks nothing any more.
        let due = holds(&world, &ours(&world, "checks.v1"), 1, SOON).await?;
        let check = due.first().map(|check| check.body["check"]["pod"].clone());
        anyhow::ensure!(check == Some(json!(theirs.metadata.name)), "{check:?}");
        Ok(())
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "tokens are about the real time")]
fn from_now(hours: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(hours)
}

/// A pod as the predecessor names and labels it, once it runs.
async fn predecessors_pod(world: &World, id: u64, image: &str) -> anyhow::Result<Pod> {
    let name = make_predecessors_pod(world, id, image).await?;
    poll::until("the predecessor's pod to run", SOON, || async {
        let pod = world.namespace.pods().get(&name).await?;
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        anyhow::ensure!(phase == Some("Running"), "it is {phase:?}");
        Ok::<_, anyhow::Error>(pod)
    })
    .await
}

/// Makes it and says its name.
async fn make_predecessors_pod(world: &World, id: u64, image: &str) -> anyhow::Result<String> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {
            "generateName": format!("{id}-"),
            "labels": { "sdbuild": id.to_string(), "app": "screwdriver", "tier": "builds" },
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "containers": [{ "name": id.to_string(), "image": image }],
        },
    }))?;
    let pod = world
        .namespace
        .pods()
        .create(&PostParams::default(), &pod)
        .await?;
    Ok(pod.metadata.name.unwrap_or_default())
}

/// What docs/MIGRATION.md tells operators to run, word for word, but for the vhost and the user.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_permissions_of_the_docs_runs_the_whole_road() -> anyhow::Result<()> {
    play("p8-permissions", async |world| {
        let broker = &world.peers.broker;
        if !broker.owned() {
            println!("skipped: nobody's permissions are changed in a broker that is not ours");
            return Ok(());
        }
        let docs = include_str!("../../../docs/MIGRATION.md");
        let command = docs.lines().find_map(|line| {
            line.trim()
                .strip_prefix("rabbitmqctl set_permissions -p screwdriver sdrw ")
        });
        let patterns: Vec<&str> = command
            .unwrap_or_default()
            .split('\'')
            .skip(1)
            .step_by(2)
            .collect();
        anyhow::ensure!(patterns.len() == 3, "{command:?}");

        let vhost = broker.vhost("p8-permissions", Permissions::Reference).await?;
        let user = vhost.user();
        let permit = [
            ["set_permissions", "-p", vhost.name(), &user].as_slice(),
            &patterns,
        ]
        .concat();
        broker.ctl(&permit).await?;

        world.script("gone:1", Life::image_missing());
        let mut settings = vhost.worker_env();
        settings.push((RETRY_QUEUE.0.to_owned(), RETRY_QUEUE.1.to_owned()));
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let (_start, _verify) = world.workers(&settings).await?;
        let (healthy, works) = world.build("node:22");
        let (missing, fails) = world.build("gone:1");
        for message in [works.start(), fails.start(), "{}".to_owned()] {
            vhost.publish(vhost.queue(), message).await?;
        }
        world.build_is(healthy, "on a node", SOON, has_node).await?;
        let failed = |build: &Build| build.status == Status::Failure;
        world.build_is(missing, "FAILURE", TWO_LOOKS, failed).await?;
        let parked = format!("{}.parked", vhost.queue());
        poll::until("the message that is no job to be parked", SOON, || async {
            let depth = vhost.depth(&parked).await?;
            anyhow::ensure!(depth == Some(1), "{depth:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await
    })
    .await
}
