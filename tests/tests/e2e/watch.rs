//! Running builds, if the operator wants them watched: what happens to their pods is noticed and told, and they
//! are left alone otherwise.

use std::time::Duration;

use kube::{ResourceExt as _, api::DeleteParams};
use testbed::{
    builds_api::{Build, Status},
    kubelet::Life,
    poll,
    world::World,
};

use crate::corner::{SOON, counted, messages, no_living_pod, ours, play};

const WATCH: (&str, &str) = ("CHECK_WATCH_RUNNING", "2s");
/// Two looks, 15 seconds apart.
const TWO_LOOKS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_running_build_that_is_evicted_or_killed_or_vanishes_fails_truthfully() -> anyhow::Result<()> {
    play("watch-fails", async |world| {
        world.script("sd/evicted:1", Life::evicted(Duration::from_secs(5)));
        world.script("sd/hungry:1", Life::oom(Duration::from_secs(5)));
        world.script("sd/vanishes:1", Life::healthy());
        let (start, _verify) = world.workers(&[WATCH]).await?;
        let fates = [
            ("sd/evicted:1", "more local storage than it may"),
            ("sd/hungry:1", "ran out of memory"),
            ("sd/vanishes:1", "disappeared, and its build may have run"),
        ];
        let mut builds = Vec::new();
        for (image, _) in fates {
            builds.push(runs(&world, image).await?);
        }
        let pod = world.one_pod(builds[2], SOON).await?;
        let at_once = DeleteParams::default().grace_period(0);
        world.namespace.pods().delete(&pod.name_any(), &at_once).await?;
        for (id, (image, text)) in builds.iter().zip(fates) {
            let failed = |build: &Build| build.status == Status::Failure;
            let build = world.build_is(*id, "FAILURE", TWO_LOOKS, failed).await?;
            let message = build.status_message.unwrap_or_default();
            anyhow::ensure!(message.contains(text), "{image}: {message}");
        }
        // What ran once is not started again.
        let made = counted(&start, &["sd_worker_pods", "action=\"recreated\""]).await?;
        anyhow::ensure!(made < 0.5, "{made} pods were made anew");
        watches_nobody(&world).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_build_that_ends_by_itself_is_not_failed() -> anyhow::Result<()> {
    play("watch-ends", async |world| {
        let (_start, verify) = world.workers(&[WATCH]).await?;
        let id = runs(&world, "node:22").await?;
        let more = counted(&verify, &["sd_worker_deliveries", "outcome=\"watching\""]).await? + 2.0;
        poll::until("two more looks", SOON, || async {
            let looks = counted(&verify, &["sd_worker_deliveries", "outcome=\"watching\""]).await?;
            anyhow::ensure!(looks >= more, "{looks}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let verdicts = ["sd_worker_verdicts_total", "verdict=\"healthy\""];
        let verdicts = counted(&verify, &verdicts).await?;
        anyhow::ensure!((verdicts - 1.0).abs() < 0.5, "{verdicts} pods run");
        // It heard once that it runs: another report would clear what its launcher says.
        let updates = world.api.accepted(id);
        let heard = updates.iter().filter(|update| {
            update.body["stats"]["hostname"].is_string()
                && update.body["stats"]["imagePullStartTime"].is_null()
        });
        anyhow::ensure!(heard.count() == 1, "{updates:?}");
        let pod = world.one_pod(id, SOON).await?;
        world.api.set_status(id, Status::Success).await?;
        world
            .namespace
            .pods()
            .delete(&pod.name_any(), &DeleteParams::default())
            .await?;
        no_living_pod(&world, id, SOON).await?;
        watches_nobody(&world).await?;
        let build = world.api.build(id).map(|build| build.status);
        anyhow::ensure!(build == Some(Status::Success), "it is {build:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_watched_unless_asked_for() -> anyhow::Result<()> {
    play("watch-off", async |world| {
        let (_start, verify) = world.workers(&[]).await?;
        runs(&world, "node:22").await?;
        poll::until("the end of the chain", SOON, || async {
            let healthy = counted(&verify, &["sd_worker_deliveries", "outcome=\"healthy\""]).await?;
            anyhow::ensure!(healthy > 0.0, "not yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        watches_nobody(&world).await
    })
    .await
}

/// A build whose launcher and whose worker have said that it runs.
async fn runs(world: &World, image: &str) -> anyhow::Result<u64> {
    let (id, config) = world.build(image);
    world.publish(config.start()).await?;
    poll::until(&format!("{image} to run"), SOON, || async {
        let pods = world.pods(id).await?;
        let phase = pods.first().and_then(|pod| pod.status.as_ref()?.phase.clone());
        anyhow::ensure!(phase.as_deref() == Some("Running"), "it is {phase:?}");
        Ok(())
    })
    .await?;
    world.api.set_status(id, Status::Running).await?;
    poll::until(&format!("{image} to be seen running"), SOON, || async {
        let seen = world.api.accepted(id).iter().any(|update| {
            update.body["stats"]["hostname"].is_string()
                && update.body["stats"]["imagePullStartTime"].is_null()
        });
        anyhow::ensure!(seen, "not yet");
        Ok(())
    })
    .await?;
    Ok(id)
}

/// No check waits, at whatever pace.
async fn watches_nobody(world: &World) -> anyhow::Result<()> {
    poll::until("the end of all chains", TWO_LOOKS, || async {
        for queue in [
            "checks.v1",
            "checks.v1.delay.1000",
            "checks.v1.delay.2000",
            "checks.v1.delay.4000",
            "checks.v1.delay.6000",
            "checks.v1.delay.15000",
            "checks.v1.delay.60000",
            "parked",
        ] {
            if world.vhost.depth(&ours(world, queue)).await?.is_some() {
                let held = messages(world, &ours(world, queue)).await?.len();
                anyhow::ensure!(held == 0, "{queue} holds {held}");
            }
        }
        Ok::<_, anyhow::Error>(())
    })
    .await
}
