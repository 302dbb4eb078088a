//! P6: nobody's secrets. No token and no password in logs, traces, metrics or readiness, in good times and bad.

use http::Response;
use serde_json::Value;
use testbed::{
    broker::message::BuildConfig,
    builds_api::{CANARY, Fault, Status},
    control_plane::Account,
    kubelet::Life,
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, counted, has_node, holds, ours, play};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_told_in_a_run_with_failure_refusal_and_garbage() -> anyhow::Result<()> {
    play("p6", async |world| {
        world.script("sd/bare:1", Life::start_error());
        let (start, verify) = world.workers(&[("LOG_LEVEL", "trace")]).await?;
        let mut secrets = passwords(&world);
        let (healthy, config) = world.build("node:22");
        secrets.extend(parts_of_the_token(&config));
        world.publish(config.start()).await?;
        let (failing, config) = world.build("sd/bare:1");
        secrets.extend(parts_of_the_token(&config));
        echoed(&world, failing, &config)?;
        world.publish(config.start()).await?;
        // Whole, it would be a start: cut short, it is garbage that holds a token.
        let (_, config) = world.build("node:22");
        secrets.extend(parts_of_the_token(&config));
        let whole = config.start();
        world.publish(&whole[..whole.len() - 1]).await?;
        world.publish(config.with("buildId", "none").start()).await?;
        world.build_is(healthy, "on a node", SOON, has_node).await?;
        let failed = |build: &testbed::builds_api::Build| build.status == Status::Failure;
        world.build_is(failing, "FAILURE", SOON, failed).await?;
        holds(&world, &ours(&world, "parked"), 2, SOON).await?;
        for (worker, name) in [(&start, "start-worker"), (&verify, "verify-worker")] {
            let exported = |span: &testbed::collector::Span| span.service == name;
            world.collector.wait_for(name, SOON, exported).await?;
            keeps(worker, name, &secrets).await?;
        }
        let spans = format!("{:?}", world.collector.spans());
        told_nothing("the spans", &spans, &secrets)?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_not_told() -> anyhow::Result<()> {
    play("p6-password", async |world| {
        let wrong = "canary-of-a-password";
        let settings = [("LOG_LEVEL", "trace"), ("RABBITMQ_PASSWORD", wrong)];
        let environment = world.environment(Kind::Verify, &settings);
        let worker = Worker::launch(Kind::Verify, environment, world.directory())?;
        poll::until("the refusal", SOON, || async {
            let answer = worker.get("/readyz").await?;
            anyhow::ensure!(answer.text().contains("RABBITMQ_PASSWORD"), "{}", answer.text());
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        keeps(&worker, "verify-worker", &[wrong.to_owned()]).await
    })
    .await
}

/// The client of the broker would print what comes back, token and all.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_returns_is_not_told() -> anyhow::Result<()> {
    play("p6-returned", async |world| {
        let start = world.worker(Kind::Start, &[]).await?;
        world.vhost.delete(&ours(&world, "checks.v1.delay.1000")).await?;
        let (_, config) = world.build("node:22");
        world.publish(config.start()).await?;
        poll::until("a return", SOON, || async {
            let returned = counted(&start, &["sd_worker_publishes", "result=\"returned\""]).await?;
            anyhow::ensure!(returned > 0.0, "nothing has come back");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        told_nothing("the log", &start.log(), &parts_of_the_token(&config))
    })
    .await
}

/// The worker has said something in each of these ways, and nothing of the secrets.
async fn keeps(worker: &Worker, name: &str, secrets: &[String]) -> anyhow::Result<()> {
    let log = worker.log();
    anyhow::ensure!(log.contains("TRACE"), "{name} logs nothing at trace:\n{log}");
    told_nothing(&format!("{name}'s log"), &log, secrets)?;
    told_nothing(&format!("{name}'s metrics"), &worker.metrics().await?, secrets)?;
    let readiness = worker.get("/readyz").await?.text();
    told_nothing(&format!("{name}'s readiness"), &readiness, secrets)
}

fn told_nothing(what: &str, text: &str, secrets: &[String]) -> anyhow::Result<()> {
    for (number, secret) in secrets.iter().enumerate() {
        anyhow::ensure!(
            !secret.is_empty(),
            "secret {number} is empty and would be everywhere"
        );
        // As text, or as the numbers that bytes are printed as.
        let numbers = format!("{:?}", secret.as_bytes());
        let found = text
            .find(secret.as_str())
            .or_else(|| text.find(numbers.trim_matches(['[', ']'])));
        if let Some(at) = found {
            let before: String = text[..at].chars().rev().take(200).collect();
            let before: String = before.chars().rev().collect();
            anyhow::bail!("{what} tell secret {number} after: {before}");
        }
    }
    Ok(())
}

/// The workers' passwords and tokens for their peers, and the canary of all builds' tokens.
fn passwords(world: &World) -> Vec<String> {
    let mut secrets = vec![CANARY.to_owned()];
    let mut environment = world.vhost.worker_env();
    environment.extend(world.namespace.environment(Account::StartWorker));
    environment.extend(world.namespace.environment(Account::VerifyWorker));
    let secret = |name: &str| ["RABBITMQ_PASSWORD", "K8S_TOKEN"].contains(&name);
    secrets.extend(
        environment
            .into_iter()
            .filter(|(name, _)| secret(name))
            .map(|(_, value)| value),
    );
    secrets
}

/// Its claims and its signature; the header is the same in all tokens of the world.
fn parts_of_the_token(config: &BuildConfig) -> Vec<String> {
    let token = token(config);
    token.split('.').skip(1).map(ToOwned::to_owned).collect()
}

fn token(config: &BuildConfig) -> String {
    let message: Value = serde_json::from_str(&config.start()).unwrap_or_default();
    message["buildConfig"]["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A proxy that repeats the request's credential in its refusal of the build's first update.
fn echoed(world: &World, id: u64, config: &BuildConfig) -> anyhow::Result<()> {
    let page = format!("no way for Bearer {}", token(config));
    let answer = Response::builder().status(502).body(page)?;
    let path = format!("/v4/builds/{id}");
    let about = move |method: &str, asked: &str| method == "PUT" && asked == path;
    world.api.fail_next(1, about, Fault::Answer(answer));
    Ok(())
}
