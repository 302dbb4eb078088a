//! P2: no build is lost. Every start ends in a build that runs, a FAILURE that says why, or a parked message.

use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use testbed::{
    builds_api::{Build, Fault, Status},
    kubelet::Life,
    poll,
    worker::Kind,
    world::World,
};

use crate::corner::{SOON, chains_end, counted, holds, messages, ours, play};

/// A missing image is given 30 seconds to appear.
const PATIENT: Duration = Duration::from_secs(75);

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_image_is_missing_fails_its_build_in_the_kubelets_words() -> anyhow::Result<()> {
    play("p2-image", async |world| {
        world.script("sd/missing:1", Life::image_missing());
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("sd/missing:1");
        world.publish(config.start()).await?;
        let text = failure(&world, id, PATIENT).await?;
        let seeds = "Build failed to start. Please check if your image is valid.";
        anyhow::ensure!(text.starts_with(seeds), "{text}");
        anyhow::ensure!(
            text.contains("failed to resolve image: sd/missing:1: not found"),
            "{text}"
        );
        chains_end(&world).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_cannot_start_fails_its_build_in_the_kubelets_words() -> anyhow::Result<()> {
    play("p2-start-error", async |world| {
        world.script("sd/bare:1", Life::start_error());
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("sd/bare:1");
        world.publish(config.start()).await?;
        let text = failure(&world, id, SOON).await?;
        anyhow::ensure!(
            text.starts_with("Failed to create pod. Pod status is: failed."),
            "{text}"
        );
        anyhow::ensure!(
            text.contains("exec: \"/opt/sd/launcher_entrypoint.sh\""),
            "{text}"
        );
        chains_end(&world).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_the_api_server_calls_invalid_fails_its_build_at_once() -> anyhow::Result<()> {
    play("p2-invalid", async |world| {
        let start = world.worker(Kind::Start, &[]).await?;
        let (id, config) = world.build(" node:22");
        world.publish(config.start()).await?;
        let text = failure(&world, id, SOON).await?;
        anyhow::ensure!(text.starts_with("Build failed to start."), "{text}");
        anyhow::ensure!(
            text.contains("must not have leading or trailing whitespace"),
            "{text}"
        );
        poll::until("the one line of the start, with the text", SOON, || async {
            let log = start.log();
            let told = |line: &&str| line.contains("must not have leading or trailing whitespace");
            let lines: Vec<&str> = log.lines().filter(told).collect();
            anyhow::ensure!(lines.len() == 1 && lines[0].contains("failed"), "{lines:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        at_once(&world, id).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_a_policy_forbids_fails_its_build_at_once() -> anyhow::Result<()> {
    play("p2-policy", async |world| {
        let namespaces: Api<Namespace> = Api::all(world.peers.control_plane.client()?);
        let strict =
            json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
        let name = world.namespace.name();
        namespaces
            .patch(name, &PatchParams::default(), &Patch::Merge(strict))
            .await?;
        until_pods_are_refused(&world, "violates PodSecurity").await?;
        let _start = world.worker(Kind::Start, &[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let text = failure(&world, id, SOON).await?;
        anyhow::ensure!(text.starts_with("Build failed to start."), "{text}");
        anyhow::ensure!(
            text.contains("violates PodSecurity \"restricted:latest\""),
            "{text}"
        );
        at_once(&world, id).await
    })
    .await
}

/// What was seen of the pod must outlive a report that the API does not take: a build that ran and lost its
/// pod has failed, and one that is started again would run twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_ran_and_lost_its_pod_fails_although_nobody_could_be_told_that_it_ran()
-> anyhow::Result<()> {
    play("p2-vanished", async |world| {
        world
            .api
            .fail_next(1_000, |method, _| method == "PUT", Fault::Status(500));
        let (start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let due = holds(&world, &ours(&world, "checks.v1.delay.15000"), 1, SOON).await?;
        let check = &due.first().context("one check")?.body["check"];
        anyhow::ensure!(
            check["ran"] == true && check["uid"].is_string() && check["reportDue"] == true,
            "{check}"
        );
        let pod = world.one_pod(id, SOON).await?.metadata.name.unwrap_or_default();
        world
            .namespace
            .pods()
            .delete(&pod, &DeleteParams::default())
            .await?;
        world.api.heal();
        let text = failure(&world, id, PATIENT).await?;
        anyhow::ensure!(text.contains("disappeared"), "{text}");
        let made = counted(&start, &["sd_worker_pods", "action=\"recreated\""]).await?;
        anyhow::ensure!(made < 0.5, "the build was started again");
        chains_end(&world).await
    })
    .await
}

/// Waits for the build's FAILURE and gives its text.
async fn failure(world: &World, id: u64, deadline: Duration) -> anyhow::Result<String> {
    let failed = |build: &Build| build.status == Status::Failure;
    let build = world.build_is(id, "FAILURE", deadline, failed).await?;
    Ok(build.status_message.unwrap_or_default())
}

/// The FAILURE was the first that the build heard, nothing was tried again, and there is no pod.
async fn at_once(world: &World, id: u64) -> anyhow::Result<()> {
    let told = world.api.accepted(id);
    anyhow::ensure!(told.len() == 1, "the build heard {} things", told.len());
    for delay in [
        "starts.v1.delay.5000",
        "starts.v1.delay.15000",
        "starts.v1.delay.60000",
        "parked",
    ] {
        let held = messages(world, &ours(world, delay)).await?;
        anyhow::ensure!(held.is_empty(), "{delay} holds {held:?}");
    }
    anyhow::ensure!(world.pods(id).await?.is_empty(), "there is a pod");
    Ok(())
}

/// The API server's caches follow within milliseconds: asks with a pod that is not kept.
async fn until_pods_are_refused(world: &World, words: &str) -> anyhow::Result<()> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "asking" },
        "spec": { "containers": [{ "name": "asking", "image": "asking" }] },
    }))?;
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    poll::until(&format!("pods to be refused: {words}"), SOON, || async {
        match world.namespace.pods().create(&dry, &pod).await {
            Ok(_) => anyhow::bail!("a pod was taken"),
            Err(error) => {
                anyhow::ensure!(error.to_string().contains(words), "{error}");
                Ok(())
            }
        }
    })
    .await
}

/// No pod fits into the namespace as long as the quota `builds` stands.
pub(crate) async fn no_room(world: &World) -> anyhow::Result<Api<ResourceQuota>> {
    let client = world.peers.control_plane.client()?;
    let quotas: Api<ResourceQuota> = Api::namespaced(client, world.namespace.name());
    let none = json!({ "metadata": { "name": "builds" }, "spec": { "hard": { "pods": "0" } } });
    quotas
        .create(&PostParams::default(), &serde_json::from_value(none)?)
        .await?;
    until_pods_are_refused(world, "exceeded quota").await?;
    Ok(quotas)
}

#[expect(clippy::disallowed_methods, reason = "tokens are about the real time")]
pub(crate) fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}
