//! What is wrong around the workers: certificates, tokens, rights, names. One clear error with the setting and
//! the way out, no build failed, no restart, and the work goes on once it is mended.

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use testbed::{
    broker::Broker,
    control_plane::Account,
    kubelet::Life,
    pki::Pki,
    poll,
    worker::{Kind, Worker},
    world::{Peers, World},
};

use crate::corner::{SOON, has_node, holds, logged, not_failed, ours, play, play_in};

/// What waits for a person comes back once a minute.
const A_MINUTE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_not_trusted_holds_starts_and_names_the_setting() -> anyhow::Result<()> {
    play("env-cluster-ca", async |world| {
        let foreign = foreign_authority(&world)?;
        let settings = [("K8S_CA_FILE", foreign.as_str()), ("OUTAGE_HOLD", "1s")];
        let start = world.worker(Kind::Start, &settings).await?;
        let (_, config) = world.build("node:22");
        world.publish(config.start()).await?;
        waits_unspent(&world).await?;
        logged(&start, "check K8S_HOST and K8S_CA_FILE").await?;
        still_ready(&start).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_api_server_does_not_know_holds_starts_and_says_so() -> anyhow::Result<()> {
    play("env-token", async |world| {
        let start = world.worker(Kind::Start, &[("K8S_TOKEN", "unknown")]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        waits_for_a_token(&world, &start).await?;
        hears(&world, id, "the API server refuses the worker's token").await?;
        still_ready(&start).await
    })
    .await
}

/// Whoever rotates a token writes its file anew; no worker is started again for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_file_is_written_anew_is_taken_up() -> anyhow::Result<()> {
    play("env-token-file", async |world| {
        let file = world.directory().join("token");
        std::fs::write(&file, "unknown\n")?;
        let path = file.display().to_string();
        let start = world
            .worker(Kind::Start, &[("K8S_TOKEN_FILE", path.as_str())])
            .await?;
        let (_, config) = world.build("node:22");
        world.publish(config.start()).await?;
        waits_for_a_token(&world, &start).await?;
        let known = world.namespace.environment(Account::StartWorker);
        let token = known.iter().find(|(name, _)| name == "K8S_TOKEN");
        let (_, token) = token.context("the account has no token")?;
        std::fs::write(&file, format!("{token}\n"))?;
        // The first of these may still meet the old one.
        poll::until("a pod with the new token", SOON, || async {
            let (id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            world.one_pod(id, Duration::from_secs(2)).await
        })
        .await?;
        still_ready(&start).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_holds_starts_until_it_is_given() -> anyhow::Result<()> {
    play("env-rbac", async |world| {
        let client = world.peers.control_plane.client()?;
        let bindings: Api<RoleBinding> = Api::namespaced(client, world.namespace.name());
        let mut binding = bindings.get("start-worker").await?;
        bindings.delete("start-worker", &DeleteParams::default()).await?;
        let start = world.worker(Kind::Start, &[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        waits_unspent(&world).await?;
        hears(&world, id, "the worker's service account may not do this").await?;
        binding.metadata.resource_version = None;
        bindings.create(&PostParams::default(), &binding).await?;
        world.one_pod(id, A_MINUTE).await?;
        still_ready(&start).await
    })
    .await
}

/// Whether the pod runs cannot be read: that is nothing against the build.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_to_read_pods_holds_checks_and_fails_nothing() -> anyhow::Result<()> {
    play("env-rbac-verify", async |world| {
        let client = world.peers.control_plane.client()?;
        let bindings: Api<RoleBinding> = Api::namespaced(client, world.namespace.name());
        bindings.delete("verify-worker", &DeleteParams::default()).await?;
        let (_start, verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        let held = holds(&world, &ours(&world, "checks.v1.delay.60000"), 1, SOON).await?;
        anyhow::ensure!(
            held.iter().all(|seen| seen.body["check"]["attempt"] == 0),
            "{held:?}"
        );
        logged(&verify, "the worker's service account may not do this").await?;
        not_failed(&world, id)?;
        still_ready(&verify).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_builds_api_that_is_not_trusted_holds_reports_and_names_the_setting() -> anyhow::Result<()> {
    play("env-api-ca", async |world| {
        let foreign = foreign_authority(&world)?;
        let settings = [("API_CA_FILE", foreign.as_str()), ("OUTAGE_HOLD", "1s")];
        let (_start, mut verify) = world.workers(&settings).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        // The pod does not wait for the API.
        world.one_pod(id, SOON).await?;
        let held = holds(&world, &ours(&world, "checks.v1.delay.60000"), 1, SOON).await?;
        let due = held
            .iter()
            .all(|seen| seen.body["check"]["reportDue"] == true && seen.body["check"]["attempt"] == 0);
        anyhow::ensure!(due, "{held:?}");
        logged(&verify, "check API_CA_FILE").await?;
        still_ready(&verify).await?;
        // With the right file the report arrives, by a worker that knows nothing of the one before.
        verify.terminate(SOON).await?;
        let _mended = world.worker(Kind::Verify, &[]).await?;
        world.build_is(id, "on a node", A_MINUTE, has_node).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vhost_that_is_not_there_makes_unready_until_it_is_made() -> anyhow::Result<()> {
    play("env-vhost", async |world| {
        let late = format!("late-{}", world.namespace.name());
        let path = format!("/{late}");
        let settings = [
            ("RABBITMQ_VIRTUAL_HOST", path.as_str()),
            ("RABBITMQ_TOPOLOGY", "declare"),
        ];
        let environment = world.environment(Kind::Start, &settings);
        let mut worker = Worker::launch(Kind::Start, environment, world.directory())?;
        unready(&worker, &["RABBITMQ_VIRTUAL_HOST", &late]).await?;
        let (broker, user) = (&world.peers.broker, world.vhost.user());
        if broker.owned() {
            broker.ctl(&["add_vhost", &late]).await?;
            broker
                .ctl(&["set_permissions", "-p", &late, &user, ".*", ".*", ".*"])
                .await?;
            worker.ready(SOON).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_password_whose_file_is_written_anew_is_taken_up() -> anyhow::Result<()> {
    play("env-password-file", async |world| {
        let file = world.directory().join("password");
        std::fs::write(&file, "unknown\n")?;
        let path = file.display().to_string();
        let environment = world.environment(Kind::Start, &[("RABBITMQ_PASSWORD_FILE", path.as_str())]);
        let known = environment.iter().find(|(name, _)| name == "RABBITMQ_PASSWORD");
        let password = known.context("the vhost has no password")?.1.clone();
        let mut worker = Worker::launch(Kind::Start, environment, world.directory())?;
        unready(&worker, &["RABBITMQ_PASSWORD"]).await?;
        std::fs::write(&file, format!("{password}\n"))?;
        worker.ready(A_MINUTE).await
    })
    .await
}

/// Nobody's queue is altered: the worker waits, and takes the name once it is free.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_is_told_with_both_and_left_alone() -> anyhow::Result<()> {
    play("env-arguments", async |world| {
        let checks = ours(&world, "checks.v1");
        world.vhost.declare_classic(&checks).await?;
        let environment = world.environment(Kind::Verify, &[]);
        let mut worker = Worker::launch(Kind::Verify, environment, world.directory())?;
        unready(
            &worker,
            &[checks.as_str(), "x-dead-letter-strategy", "x-queue-type"],
        )
        .await?;
        let pid = worker.pid();
        world.vhost.delete(&checks).await?;
        worker.ready(A_MINUTE).await?;
        anyhow::ensure!(worker.pid() == pid, "another process");
        Ok(())
    })
    .await
}

/// Everything that would be published waits in place: a rebuilt session would only have it delivered again.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_pauses_the_worker_and_loses_nothing() -> anyhow::Result<()> {
    const CLOCKS: [(&str, &str); 1] = [("CHECK_LADDER", "5s")];
    if !Peers::shared().await?.broker.owned() {
        println!("skipped: the memory of AMQP_URL's broker is not ours to limit");
        return Ok(());
    }
    let directory = tempfile::Builder::new().prefix("sd-alarm-").tempdir()?;
    let broker = Broker::private(directory.path()).await?;
    let world = World::with_broker("env-alarm", &broker).await?;
    play_in(world, async |world| {
        world.script("sd/held:1", Life::held());
        let (_start, mut verify) = world.workers(&CLOCKS).await?;
        let (id, config) = world.build("sd/held:1");
        world.publish(config.start()).await?;
        let pod = world.one_pod(id, SOON).await?.metadata.name.unwrap_or_default();
        broker.ctl(&["set_vm_memory_high_watermark", "0.0001"]).await?;
        // The first check falls due and cannot arm the next one.
        unready(&verify, &["memory or disk alarm"]).await?;
        broker.ctl(&["set_vm_memory_high_watermark", "0.6"]).await?;
        verify.ready(SOON).await?;
        world.peers.kubelet.release(world.namespace.name(), &pod);
        world.build_is(id, "on a node", A_MINUTE, has_node).await?;
        anyhow::ensure!(
            !verify.log().contains("no session with the broker"),
            "the session was rebuilt"
        );
        Ok(())
    })
    .await
}

/// The file of an authority that has signed nothing here.
fn foreign_authority(world: &World) -> anyhow::Result<String> {
    let pki = Pki::create(&world.directory().join("foreign"))?;
    Ok(pki.ca_file().display().to_string())
}

/// The start waits in its slowest delay, and no attempt is spent.
async fn waits_unspent(world: &World) -> anyhow::Result<()> {
    waits_with(world, 0).await
}

/// The same. An API server ends the connections of clients that it does not know: a call that this cuts off is lost
/// without an answer, which is a try.
async fn waits_for_a_token(world: &World, start: &Worker) -> anyhow::Result<()> {
    logged(start, "the API server refuses the worker's token").await?;
    let cut_off = start.log().matches("no connection to the API server").count();
    waits_with(world, cut_off).await
}

async fn waits_with(world: &World, spent: usize) -> anyhow::Result<()> {
    let held = holds(world, &ours(world, "starts.v1.delay.60000"), 1, SOON).await?;
    let attempts: Vec<_> = held
        .iter()
        .map(|seen| seen.body["start"]["attempt"].clone())
        .collect();
    anyhow::ensure!(attempts == [json!(spent)], "attempts spent: {attempts:?}");
    Ok(())
}

/// The build was told this, and not failed.
async fn hears(world: &World, id: u64, words: &str) -> anyhow::Result<()> {
    poll::until(&format!("the build to hear: {words}"), SOON, || async {
        let told = world.api.accepted(id);
        let heard = told.iter().filter_map(|asked| asked.message());
        anyhow::ensure!(
            heard.into_iter().any(|text| text.contains(words)),
            "it was told {told:?}"
        );
        anyhow::ensure!(told.iter().all(|asked| asked.status().is_none()), "it was failed");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// A peer that is down, or does not let us, is no unreadiness: that would block rolling out the fix.
async fn still_ready(worker: &Worker) -> anyhow::Result<()> {
    let answer = worker.get("/readyz").await?;
    anyhow::ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

async fn unready(worker: &Worker, words: &[&str]) -> anyhow::Result<()> {
    poll::until(&format!("unreadiness: {words:?}"), SOON, || async {
        let answer = worker.get("/readyz").await?;
        let text = answer.text();
        anyhow::ensure!(answer.status == 503, "{} {text}", answer.status);
        anyhow::ensure!(words.iter().all(|word| text.contains(word)), "{text}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
