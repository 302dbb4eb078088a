//! Pods that the cluster took before the build ran are made anew under the same name, and P1 holds throughout:
//! whatever is delivered again, and whichever worker dies between whichever two steps.
//!
//! What a death between two steps leaves is made by hand where it can be: the message that the broker delivers
//! again, and the pods as they were at that moment.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};
use testbed::{
    broker::message::BuildConfig,
    builds_api::{Build, Scope, Status, token_for},
    kubelet::Life,
    poll,
    scenario::PodWatch,
    worker::{Kind, Worker},
    world::World,
};

use crate::{
    corner::{SOON, chains_end, handled, has_node, holds, ours, play},
    p2_no_build_lost::hours_ago,
};

const RECREATED: &str = "screwdriver.cd/recreated";
const IMAGE: &str = "sd/refused:1";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_took_the_pod_before_the_build_ran_it_is_made_anew() -> anyhow::Result<()> {
    play("recreate-causes", async |world| {
        lives(
            &world,
            [
                Life::node_full(),
                Life::node_shuts_down(),
                Life::evicted_before_it_ran(),
                Life::healthy(),
            ],
        );
        let pods = PodWatch::start(world.namespace.pods());
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build(IMAGE);
        world.publish(config.start()).await?;
        let pod = running(&world, id).await?;
        anyhow::ensure!(pod.annotations().get(RECREATED).map(String::as_str) == Some("3"));
        let seen = pods.of(id);
        anyhow::ensure!((seen.made(), seen.names()) == (4, 1), "{seen:?}");
        for cause in ["was full by the time", "was shut down", "ran low on a resource"] {
            anyhow::ensure!(told(&world, id, cause), "it was not told that the node {cause}");
        }
        nobody_failed(&world, id)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_pod_is_the_last() -> anyhow::Result<()> {
    play("recreate-cap", async |world| {
        lives(&world, [Life::node_shuts_down(), Life::node_full()]);
        let pods = PodWatch::start(world.namespace.pods());
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build(IMAGE);
        world.publish(config.start()).await?;
        let text = failure(&world, id).await?;
        anyhow::ensure!(text.contains("was full by the time the pod came"), "{text}");
        anyhow::ensure!(text.contains("made anew 3 times"), "{text}");
        anyhow::ensure!(text.contains("Nobody has to mend anything"), "{text}");
        anyhow::ensure!(pods.of(id).made() == 4, "{:?}", pods.of(id));
        chains_end(&world).await
    })
    .await
}

/// Whoever orders it: how often a pod was made anew stands on the pod.
#[tokio::test(flavor = "multi_thread")]
async fn the_cap_is_read_from_the_pod() -> anyhow::Result<()> {
    play("recreate-counted", async |world| {
        let dead = Dead::new(&world).await?;
        let three = json!({ "metadata": { "annotations": { RECREATED: "3" } } });
        let (params, patch) = (PatchParams::default(), Patch::Merge(three));
        world.namespace.pods().patch(&dead.name, &params, &patch).await?;
        let _workers = world.workers(&[]).await?;
        let text = failure(&world, dead.id).await?;
        anyhow::ensure!(text.contains("made anew 3 times"), "{text}");
        anyhow::ensure!(dead.pods.of(dead.id).made() == 1, "there is a second pod");
        chains_end(&world).await
    })
    .await
}

/// Verify-worker died after its order and before the next check, or after that: the order comes twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_comes_twice_makes_one_pod() -> anyhow::Result<()> {
    play("recreate-twice", async |world| {
        let dead = Dead::new(&world).await?;
        let (order, _verify) = dead.ordered(&world).await?;
        dead.publish(&world, "starts.v1", &order).await?;
        dead.publish(&world, "starts.v1", &order).await?;
        let _start = world.worker(Kind::Start, &[]).await?;
        dead.is_replaced_once(&world).await
    })
    .await
}

/// Start-worker died between the deletion of the dead pod and the creation of the new one.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_pod_is_gone_makes_one_pod() -> anyhow::Result<()> {
    play("recreate-deleted", async |world| {
        let dead = Dead::new(&world).await?;
        let (_order, _verify) = dead.ordered(&world).await?;
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(dead.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        world.namespace.pods().delete(&dead.name, &params).await?;
        let _start = world.worker(Kind::Start, &[]).await?;
        dead.is_replaced_once(&world).await
    })
    .await
}

/// Start-worker died after the creation and before its ack, or the build is in full swing when the order comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_carried_out_adopts_the_new_pod() -> anyhow::Result<()> {
    play("recreate-done", async |world| {
        let dead = Dead::new(&world).await?;
        let (order, _verify) = dead.ordered(&world).await?;
        let start = world.worker(Kind::Start, &[]).await?;
        dead.is_replaced_once(&world).await?;
        dead.publish(&world, "starts.v1", &order).await?;
        handled(&start, "adopted", 1).await?;
        dead.is_replaced_once(&world).await
    })
    .await
}

/// The broker delivers the first start again while its pod is being replaced.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_that_comes_again_in_the_middle_makes_no_second_pod() -> anyhow::Result<()> {
    play("recreate-restart", async |world| {
        let dead = Dead::new(&world).await?;
        let (_order, _verify) = dead.ordered(&world).await?;
        let old = token_for(dead.id, Scope::Temporal, hours_ago(1), hours_ago(-11));
        for _ in 0..3 {
            world
                .publish(dead.config.clone().with("token", old.clone()).start())
                .await?;
        }
        let start = world.worker(Kind::Start, &[]).await?;
        dead.is_replaced_once(&world).await?;
        handled(&start, "adopted", 3).await?;
        dead.is_replaced_once(&world).await
    })
    .await
}

/// A start that was delivered twice has armed two chains of checks.
#[tokio::test(flavor = "multi_thread")]
async fn two_chains_that_ask_for_the_same_pod_get_one() -> anyhow::Result<()> {
    play("recreate-chains", async |world| {
        let dead = Dead::new(&world).await?;
        let checks = holds(&world, &ours(&world, "checks.v1"), 1, SOON).await?;
        let check = checks.first().context("one check")?.body.clone();
        dead.publish(&world, "checks.v1", &check).await?;
        let _verify = world.worker(Kind::Verify, &[]).await?;
        holds(&world, &ours(&world, "starts.v1"), 2, SOON).await?;
        let _start = world.worker(Kind::Start, &[]).await?;
        dead.is_replaced_once(&world).await
    })
    .await
}

/// It began after the last look, and ended before this one: started anew it would run twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_the_api_calls_running_is_not_started_anew() -> anyhow::Result<()> {
    play("recreate-ran", async |world| {
        let dead = Dead::new(&world).await?;
        world.api.set_status(dead.id, Status::Running).await?;
        let _workers = world.workers(&[]).await?;
        let text = failure(&world, dead.id).await?;
        anyhow::ensure!(text.contains("was full by the time the pod came"), "{text}");
        anyhow::ensure!(dead.pods.of(dead.id).made() == 1, "there is a second pod");
        chains_end(&world).await
    })
    .await
}

/// A user who aborts meanwhile has the last word.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_build_gets_no_new_pod() -> anyhow::Result<()> {
    play("recreate-finished", async |world| {
        let dead = Dead::new(&world).await?;
        let (_order, _verify) = dead.ordered(&world).await?;
        world.api.set_status(dead.id, Status::Aborted).await?;
        let start = world.worker(Kind::Start, &[]).await?;
        handled(&start, "finished", 1).await?;
        anyhow::ensure!(dead.pods.of(dead.id).made() == 1, "there is a second pod");
        chains_end(&world).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_both_workers_in_the_middle_leave_one_pod_for_each_build() -> anyhow::Result<()> {
    const BUILDS: usize = 20;
    play("recreate-kills", async |world| {
        let refused = std::iter::repeat_n(Life::node_full(), BUILDS);
        lives(&world, refused.chain([Life::healthy()]));
        let pods = PodWatch::start(world.namespace.pods());
        let (mut start, mut verify) = world.workers(&[("RABBITMQ_PREFETCH_COUNT", "2")]).await?;
        let mut builds = Vec::new();
        for _ in 0..BUILDS {
            let (id, config) = world.build(IMAGE);
            world.publish(config.start()).await?;
            builds.push(id);
        }
        let made = || builds.iter().map(|id| pods.of(*id).made()).sum::<usize>();
        for reached in [BUILDS / 2, BUILDS + BUILDS / 4, BUILDS + BUILDS / 2] {
            poll::until(&format!("{reached} pods"), SOON, || async {
                anyhow::ensure!(made() >= reached, "{} were made", made());
                Ok(())
            })
            .await?;
            start.kill();
            verify.kill();
            tokio::try_join!(Box::pin(start.restart()), Box::pin(verify.restart()))?;
        }
        for id in &builds {
            running(&world, *id).await?;
            nobody_failed(&world, *id)?;
        }
        // Each dead pod was replaced once, and no pod that lived.
        anyhow::ensure!(made() == 2 * BUILDS, "{} pods were made", made());
        chains_end(&world).await
    })
    .await
}

/// A build whose pod its node has refused; its first check is due, and no worker runs.
struct Dead {
    id: u64,
    config: BuildConfig,
    name: String,
    uid: String,
    pods: PodWatch,
}

// === impl Dead ===

impl Dead {
    /// Its next pod will be healthy.
    async fn new(world: &World) -> anyhow::Result<Self> {
        lives(world, [Life::node_full(), Life::healthy()]);
        let pods = PodWatch::start(world.namespace.pods());
        let mut start = world.worker(Kind::Start, &[]).await?;
        let (id, config) = world.build(IMAGE);
        world.publish(config.start()).await?;
        let pod = world.one_pod(id, SOON).await?;
        let dead = Self {
            id,
            config,
            name: pod.name_any(),
            uid: pod.uid().context("a UID")?,
            pods,
        };
        poll::until("the pod to be refused", SOON, || async {
            let state = dead.pods.of(id).state().to_owned();
            anyhow::ensure!(state == "OutOfcpu", "it is {state}");
            Ok(())
        })
        .await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        start.terminate(SOON).await?;
        Ok(dead)
    }

    /// Lets verify-worker order the new pod; nobody carries it out yet.
    async fn ordered(&self, world: &World) -> anyhow::Result<(Value, Worker)> {
        let verify = world.worker(Kind::Verify, &[]).await?;
        let orders = holds(world, &ours(world, "starts.v1"), 1, SOON).await?;
        let order = orders.first().context("one order")?.body.clone();
        let expected = json!({ "uid": self.uid, "n": 1 });
        anyhow::ensure!(order["start"]["recreate"] == expected, "{order}");
        anyhow::ensure!(order["start"]["armed"] == true, "{order}");
        Ok((order, verify))
    }

    /// Publishes a message again that was read from a queue, where tokens are blotted out.
    async fn publish(&self, world: &World, queue: &str, body: &Value) -> anyhow::Result<()> {
        let mut body = body.clone();
        body["buildConfig"]["token"] =
            token_for(self.id, Scope::Temporal, hours_ago(0), hours_ago(-12)).into();
        world.vhost.publish(&ours(world, queue), body.to_string()).await
    }

    /// Its second pod runs, it is the last, and the build was never failed.
    async fn is_replaced_once(&self, world: &World) -> anyhow::Result<()> {
        let pod = running(world, self.id).await?;
        anyhow::ensure!(pod.uid().as_ref() != Some(&self.uid), "it is the dead pod");
        anyhow::ensure!(pod.name_any() == self.name, "it has another name");
        for queue in [world.vhost.queue().to_owned(), ours(world, "starts.v1")] {
            world.queue_empties(&queue, SOON).await?;
        }
        anyhow::ensure!(self.pods.of(self.id).made() == 2, "{:?}", self.pods.of(self.id));
        nobody_failed(world, self.id)
    }
}

fn lives(world: &World, lives: impl IntoIterator<Item = Life>) {
    let namespace = world.namespace.name();
    world.peers.kubelet.script_each(namespace, IMAGE, lives);
}

/// Waits until the API knows the node of the build's one pod.
async fn running(world: &World, id: u64) -> anyhow::Result<Pod> {
    let pod = poll::until("one running pod", SOON, || async {
        let mut pods = world.pods(id).await?;
        anyhow::ensure!(pods.len() == 1, "there are {}", pods.len());
        let pod = pods.remove(0);
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        anyhow::ensure!(phase == Some("Running"), "it is {phase:?}");
        Ok(pod)
    })
    .await?;
    world.build_is(id, "on a node", SOON, has_node).await?;
    Ok(pod)
}

async fn failure(world: &World, id: u64) -> anyhow::Result<String> {
    let failed = |build: &Build| build.status == Status::Failure;
    let build = world
        .build_is(id, "FAILURE", Duration::from_mins(1), failed)
        .await?;
    Ok(build.status_message.unwrap_or_default())
}

fn told(world: &World, id: u64, text: &str) -> bool {
    let updates = world.api.accepted(id);
    let mut texts = updates.iter().filter_map(|update| update.message());
    texts.any(|told| told.contains(text))
}

fn nobody_failed(world: &World, id: u64) -> anyhow::Result<()> {
    let history = world.api.history();
    let failed = history
        .iter()
        .any(|asked| asked.updates(id) && asked.status() == Some("FAILURE"));
    anyhow::ensure!(!failed, "build {id} was failed");
    Ok(())
}
