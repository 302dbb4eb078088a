//! A build's token in a secret (`K8S_BUILD_TOKEN_SECRET`): nothing of it in the pod, there whatever is repeated,
//! gone with the pod.

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};
use testbed::{
    broker::message::BuildConfig,
    kubelet::Life,
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, handled, holds, ours, play};

/// Longer than any test.
const AN_HOUR: Duration = Duration::from_secs(3_600);

const IN_A_SECRET: [(&str, &str); 2] = [("K8S_BUILD_TOKEN_SECRET", "true"), ("LOG_LEVEL", "trace")];

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_secret_is_not_in_the_pod_and_goes_with_it() -> anyhow::Result<()> {
    play("token-secret", async |world| {
        world.namespace.allow_token_secrets().await?;
        world.script("node:22", Life::healthy());
        let start = world.worker(Kind::Start, &IN_A_SECRET).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let pod = world.one_pod(id, SOON).await?;
        let secret = secret_of(&world, &pod).await?;
        let token = token(&config);
        let kept = secret.data.as_ref().and_then(|data| data.get("token"));
        anyhow::ensure!(
            kept.is_some_and(|kept| kept.0 == token.as_bytes()),
            "another token"
        );
        anyhow::ensure!(owner(&secret) == pod.uid().as_deref(), "another owner");
        anyhow::ensure!(
            !serde_json::to_string(&pod)?.contains(&token),
            "the pod holds the token"
        );
        untold(&start, &token)?;

        world
            .namespace
            .pods()
            .delete(&pod.name_any(), &DeleteParams::default())
            .await?;
        let secrets = world.namespace.secrets();
        poll::until("the secret to go with its pod", SOON, || async {
            let left = secrets.get_opt(&pod.name_any()).await?;
            anyhow::ensure!(left.is_none(), "it is still there");
            Ok::<_, anyhow::Error>(())
        })
        .await
    })
    .await
}

/// As a worker that was killed between the pod and its secret leaves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_comes_again_makes_the_secret_that_is_missing() -> anyhow::Result<()> {
    play("token-again", async |world| {
        world.namespace.allow_token_secrets().await?;
        world.script("node:22", Life::slow_pull(AN_HOUR));
        let start = world.worker(Kind::Start, &IN_A_SECRET).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let pod = world.one_pod(id, SOON).await?;
        let first = secret_of(&world, &pod).await?;
        world
            .namespace
            .secrets()
            .delete(&first.name_any(), &DeleteParams::default())
            .await?;
        world.publish(config.start()).await?;
        let second = secret_of(&world, &pod).await?;
        anyhow::ensure!(owner(&second) == pod.uid().as_deref(), "another owner");
        // With nothing missing, it changes nothing.
        world.publish(config.start()).await?;
        handled(&start, "adopted", 2).await?;
        holds(&world, &ours(&world, "parked"), 0, SOON).await?;
        anyhow::ensure!(
            secret_of(&world, &pod).await?.uid() == second.uid(),
            "it was made anew"
        );
        world.one_pod(id, SOON).await.map(drop)
    })
    .await
}

/// As garbage collection has not yet removed it.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_pods_secret_is_not_taken_for_this_ones() -> anyhow::Result<()> {
    play("token-earlier", async |world| {
        world.namespace.allow_token_secrets().await?;
        world.script("node:22", Life::slow_pull(AN_HOUR));
        let (id, config) = world.build("node:22");
        let name = {
            let mut start = world.worker(Kind::Start, &[]).await?;
            world.publish(config.start()).await?;
            let pod = world.one_pod(id, SOON).await?;
            // An empty queue may have its message in hand still; a worker that has ended well has none.
            let ended = start.terminate(SOON).await?;
            anyhow::ensure!(ended.success(), "{ended}");
            let pods = world.namespace.pods();
            pods.delete(&pod.name_any(), &DeleteParams::default()).await?;
            poll::until("the end of the first pod", SOON, || async {
                let left = pods.get_opt(&pod.name_any()).await?;
                anyhow::ensure!(left.is_none(), "it is still there");
                Ok::<_, anyhow::Error>(())
            })
            .await?;
            pod.name_any()
        };
        // Without an owner nothing removes it but this test.
        let secrets = world.namespace.secrets();
        let earlier: Secret = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        secrets.create(&PostParams::default(), &earlier).await?;
        let _start = world.worker(Kind::Start, &IN_A_SECRET).await?;
        world.publish(config.start()).await?;
        let pod = world.one_pod(id, SOON).await?;
        holds(&world, &ours(&world, "starts.v1.delay.15000"), 1, SOON).await?;
        anyhow::ensure!(secret_of(&world, &pod).await?.data.is_none(), "it was taken");
        secrets.delete(&name, &DeleteParams::default()).await?;
        poll::until("a secret of this pod", SOON, || async {
            let secret = secret_of(&world, &pod).await?;
            anyhow::ensure!(owner(&secret) == pod.uid().as_deref(), "another owner");
            Ok::<_, anyhow::Error>(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_make_secrets_the_build_hears_who_must_act() -> anyhow::Result<()> {
    play("token-forbidden", async |world| {
        world.script("node:22", Life::slow_pull(AN_HOUR));
        let _start = world.worker(Kind::Start, &IN_A_SECRET).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let told = |build: &testbed::builds_api::Build| {
            let message = build.status_message.as_deref().unwrap_or_default();
            message.contains("the cluster admin must act") && message.contains("secrets")
        };
        world
            .build_is(id, "told of the missing right", SOON, told)
            .await?;
        Ok(())
    })
    .await
}

async fn secret_of(world: &World, pod: &Pod) -> anyhow::Result<Secret> {
    let secrets = world.namespace.secrets();
    poll::until("the pod's secret", SOON, || {
        secrets.get(pod.metadata.name.as_deref().unwrap_or_default())
    })
    .await
}

fn owner(secret: &Secret) -> Option<&str> {
    secret.owner_references().first().map(|owner| owner.uid.as_str())
}

fn token(config: &BuildConfig) -> String {
    let message: Value = serde_json::from_str(&config.start()).unwrap_or_default();
    message["buildConfig"]["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Neither as it is nor as the secret's data shows it.
fn untold(worker: &Worker, token: &str) -> anyhow::Result<()> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let log = worker.log();
    anyhow::ensure!(log.contains("TRACE"), "the worker logs nothing at trace");
    let signature = token.rsplit('.').next().context("a JWT")?;
    for text in [
        signature.to_owned(),
        STANDARD.encode(token),
        format!("{:?}", token.as_bytes()),
    ] {
        anyhow::ensure!(!text.is_empty() && !log.contains(&text), "the log tells {text}");
    }
    Ok(())
}
