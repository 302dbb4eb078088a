//! P9 in bad weather: a stop that cannot do its work comes back until it can, and never fails a build.

use std::{net::TcpListener, time::Duration};

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    core::v1::ResourceQuota,
    rbac::v1::RoleBinding,
};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use testbed::{builds_api::Status, poll, worker::Kind, world::World};

use crate::{
    corner::{SOON, all_pods, counted, handled, holds, lives, no_living_pod, ours, play},
    p9_stop::beside_another,
};

/// The promise, and some seconds for a machine that builds something else.
const PROMISED: Duration = Duration::from_secs(20 + 10);
/// What waits for a person comes back once a minute.
const A_MINUTE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_may_not_delete_comes_back_until_it_may_and_fails_nothing() -> anyhow::Result<()> {
    play("p9-rights", async |world| {
        let client = world.peers.control_plane.client()?;
        let bindings: Api<RoleBinding> = Api::namespaced(client, world.namespace.name());
        let start = world.worker(Kind::Start, &[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        let mut binding = bindings.get("start-worker").await?;
        bindings.delete("start-worker", &DeleteParams::default()).await?;
        may_delete(&world, false).await?;
        world.publish(config.stop()).await?;
        handled(&start, "again", 1).await?;
        let pods = world.pods(id).await?;
        anyhow::ensure!(matches!(pods.as_slice(), [pod] if lives(pod)), "the pod is gone");
        binding.metadata.resource_version = None;
        bindings.create(&PostParams::default(), &binding).await?;
        no_living_pod(&world, id, PROMISED).await?;
        // Both passes.
        handled(&start, "stopped", 2).await?;
        told_nothing_final(&world, id)
    })
    .await
}

/// The start waits its minute out while the stop comes and goes: it must not make a pod then.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_start_waits_for_quota_leaves_no_pod_and_fails_nothing() -> anyhow::Result<()> {
    play("p9-quota", async |world| {
        let client = world.peers.control_plane.client()?;
        let quotas: Api<ResourceQuota> = Api::namespaced(client, world.namespace.name());
        let none = json!({ "metadata": { "name": "builds" }, "spec": { "hard": { "pods": "0" } } });
        quotas
            .create(&PostParams::default(), &serde_json::from_value(none)?)
            .await?;
        poll::until("the quota to be counted", SOON, || async {
            let counted = quotas.get("builds").await?.status.and_then(|status| status.hard);
            anyhow::ensure!(counted.is_some(), "not yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let (start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        holds(&world, &ours(&world, "starts.v1.delay.60000"), 1, SOON).await?;
        // As the API does: the stop first.
        world.publish(config.stop()).await?;
        world.api.set_status(id, Status::Aborted).await?;
        handled(&start, "stopped", 2).await?;
        quotas.delete("builds", &DeleteParams::default()).await?;
        // The start comes back when its minute is over.
        world
            .queue_empties(&ours(&world, "starts.v1.delay.60000"), A_MINUTE)
            .await?;
        handled(&start, "finished", 1).await?;
        let made = counted(&start, &["sd_worker_pods", "action=\"created\""]).await?;
        anyhow::ensure!(made < 0.5 && all_pods(&world).await? == 0, "a pod was made");
        told_nothing_final(&world, id)
    })
    .await
}

/// The pods elsewhere do not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_never_answers_delays_no_stop_elsewhere() -> anyhow::Result<()> {
    play("p9-silent", async |world| {
        // Connections are taken, and nothing is ever said.
        let silent = TcpListener::bind("127.0.0.1:0")?;
        let start = beside_another(&world, &silent.local_addr()?.to_string()).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        world.publish(config.stop()).await?;
        no_living_pod(&world, id, PROMISED).await?;
        // The silent one is asked again later, without a try spent.
        handled(&start, "held", 1).await?;
        let held = holds(&world, &ours(&world, "starts.v1.delay.60000"), 1, SOON).await?;
        let waits = held
            .iter()
            .all(|seen| seen.body["job"] == "stop" && seen.body["stop"]["attempt"] == 0);
        anyhow::ensure!(waits, "{held:?}");
        told_nothing_final(&world, id)
    })
    .await
}

/// A stop is about pods: what becomes of the build is not its to say.
fn told_nothing_final(world: &World, id: u64) -> anyhow::Result<()> {
    let told = world.api.accepted(id);
    anyhow::ensure!(told.iter().all(|asked| asked.status().is_none()), "{told:?}");
    Ok(())
}

/// Waits until the API server sees the worker's rights so.
async fn may_delete(world: &World, wanted: bool) -> anyhow::Result<()> {
    let namespace = world.namespace.name();
    let reviews: Api<SubjectAccessReview> = Api::all(world.peers.control_plane.client()?);
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{namespace}:start-worker")),
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                verb: Some("deletecollection".to_owned()),
                resource: Some("pods".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    poll::until("the worker's rights", SOON, || async {
        let answer = reviews.create(&PostParams::default(), &review).await?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        anyhow::ensure!(allowed == wanted, "allowed: {allowed}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
