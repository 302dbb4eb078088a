//! "Finished" has one meaning: the builds API's own words. Whoever hears them deletes the build's pod; whatever
//! else looks alike, another build's credential or a proxy's page, deletes nothing.

use http::{Response, StatusCode};
use testbed::{
    builds_api::{Fault, Status},
    kubelet::Life,
    poll,
    worker::Kind,
    world::World,
};

use crate::corner::{CHECKS, SOON, counted, holds, lives, messages, no_living_pod, ours, play};

#[tokio::test(flavor = "multi_thread")]
async fn a_build_aborted_before_its_start_is_handled_keeps_no_pod() -> anyhow::Result<()> {
    play("finished-start", async |world| {
        let (id, config) = world.build("node:22");
        world.api.set_status(id, Status::Aborted).await?;
        // Alone: nobody else could have deleted the pod.
        let start = world.worker(Kind::Start, &[]).await?;
        world.publish(config.start()).await?;
        refused(&world, id, 1).await?;
        no_living_pod(&world, id, SOON).await?;
        // There was one: no worker deletes what was never made.
        poll::until("the deletion to be counted", SOON, || async {
            let deleted = counted(&start, &["sd_worker_pods", "action=\"zombie\""]).await?;
            anyhow::ensure!(deleted > 0.0, "none was deleted");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_hears_finished_deletes_the_pod_and_ends_its_chain() -> anyhow::Result<()> {
    play("finished-check", async |world| {
        world.script("sd/held:1", Life::held());
        let (_start, mut verify) = world.workers(&[]).await?;
        let (id, config) = world.build("sd/held:1");
        world.publish(config.start()).await?;
        let pod = world.one_pod(id, SOON).await?;
        let name = pod.metadata.name.unwrap_or_default();
        world
            .build_is(id, "told what it waits for", SOON, |build| {
                build.status_message.is_some()
            })
            .await?;
        world.api.set_status(id, Status::Aborted).await?;
        world.peers.kubelet.release(world.namespace.name(), &name);
        no_living_pod(&world, id, SOON).await?;
        // What the worker has in hand would come back to the queue at its death.
        verify.terminate(SOON).await?;
        for queue in CHECKS.into_iter().chain(["checks.v1.delay.60000", "parked"]) {
            let held = messages(&world, &ours(&world, queue)).await?;
            anyhow::ensure!(held.is_empty(), "{queue} holds {held:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_refusal_deletes_no_pod() -> anyhow::Result<()> {
    let answers = [
        (
            403,
            "text/html",
            "<html><body>Can only update builds from the office network</body></html>",
        ),
        (
            403,
            "application/json",
            r#"{"statusCode":403,"error":"Forbidden","message":"Credential only valid for 7"}"#,
        ),
        (
            403,
            "application/json",
            r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope"}"#,
        ),
        (404, "text/plain", "404 page not found"),
        (
            404,
            "application/json",
            r#"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#,
        ),
        (
            404,
            "application/json",
            r#"{"statusCode":404,"error":"Not Found","message":"Build 7 does not exist"}"#,
        ),
    ];
    play("finished-foreign", async |world| {
        let (_start, _verify) = world.workers(&[]).await?;
        let mut builds = Vec::new();
        for (status, kind, body) in answers {
            let (id, config) = world.build("node:22");
            let answer = Response::builder()
                .status(StatusCode::from_u16(status)?)
                .header("content-type", kind)
                .body(body.to_owned())?;
            let path = format!("/v4/builds/{id}");
            let about = move |method: &str, asked: &str| method == "PUT" && asked == path;
            world.api.fail_next(u32::MAX, about, Fault::Answer(answer));
            world.publish(config.start()).await?;
            builds.push((id, body));
        }
        // Both workers have heard it, start-worker first; the checks that must be told come back later.
        for (id, _) in &builds {
            refused(&world, *id, 2).await?;
        }
        holds(&world, &ours(&world, "checks.v1.delay.60000"), builds.len(), SOON).await?;
        for (id, body) in builds {
            let pods = world.pods(id).await?;
            let kept = matches!(pods.as_slice(), [pod] if lives(pod));
            anyhow::ensure!(kept, "{} pods after {body}", pods.len());
        }
        Ok(())
    })
    .await
}

/// Waits until that many updates of the build were answered with 403 or 404.
async fn refused(world: &World, id: u64, times: usize) -> anyhow::Result<()> {
    poll::until(&format!("build {id} to be refused"), SOON, || async {
        let mut history = world.api.history();
        history.retain(|asked| asked.updates(id) && matches!(asked.answered, Some(403 | 404)));
        anyhow::ensure!(history.len() >= times, "{} refusals", history.len());
        Ok::<_, anyhow::Error>(())
    })
    .await
}
