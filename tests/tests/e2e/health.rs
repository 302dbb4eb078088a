//! What operators and Kubernetes are told: health, readiness with its reasons, and settings that cannot work.

use testbed::{
    broker::Permissions,
    http_client::Answer,
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, counted, holds, messages, ours, play};

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_worker_answers_all_four_questions() -> anyhow::Result<()> {
    play("health-ready", async |world| {
        let (start, verify) = world.workers(&[]).await?;
        for worker in [&start, &verify] {
            for path in ["/livez", "/readyz", "/health"] {
                let answer = worker.get(path).await?;
                anyhow::ensure!(
                    answer.status == 200 && answer.text() == "ok",
                    "{path}: {answer:?}"
                );
            }
            let metrics = worker.metrics().await?;
            for name in ["sd_worker_deliveries", "sd_worker_consumer_up", "sd_worker_pods"] {
                anyhow::ensure!(metrics.contains(name), "no {name} in\n{metrics}");
            }
            anyhow::ensure!(worker.get("/other").await?.status == 404);
            // Queues that it had to declare, as on every fresh installation, are no errors.
            let log = worker.log();
            anyhow::ensure!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
        }
        Ok(())
    })
    .await
}

/// The look at how much waits finds it missing, and the session that follows declares it.
#[tokio::test(flavor = "multi_thread")]
async fn a_parking_queue_that_somebody_deletes_is_declared_anew() -> anyhow::Result<()> {
    play("health-parked", async |world| {
        let mut worker = world.worker(Kind::Start, &[]).await?;
        let parked = ours(&world, "parked");
        world.vhost.delete(&parked).await?;
        anyhow::ensure!(world.vhost.depth(&parked).await?.is_none());
        poll::until("the queue", SOON, || async {
            let depth = world.vhost.depth(&parked).await?;
            anyhow::ensure!(depth == Some(0), "{depth:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        worker.ready(SOON).await?;
        world.publish("not JSON").await?;
        holds(&world, &parked, 1, SOON).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_queue_is_named_with_the_way_out_and_waited_for() -> anyhow::Result<()> {
    play("health-queue", async |world| {
        world.vhost.delete(world.vhost.queue()).await?;
        let mut worker = launch(&world, Kind::Start, &[])?;
        let missing = format!("queue {} does not exist: create it", world.vhost.queue());
        let reason = unready(&worker, &missing).await?;
        anyhow::ensure!(reason.contains("RABBITMQ_QUEUE"), "{reason}");
        anyhow::ensure!(
            worker.get("/livez").await?.status == 200,
            "a restart mends nothing"
        );
        // An alert sees that nobody consumes, although nobody ever did.
        let metrics = worker.metrics().await?;
        anyhow::ensure!(
            metrics.contains("sd_worker_consumer_up{queue=\"main\"} 0"),
            "{metrics}"
        );
        let pid = worker.pid();
        world.vhost.declare().await?;
        worker.ready(SOON).await?;
        anyhow::ensure!(worker.pid() == pid);
        // And it works: the queue is consumed.
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_under_a_worker_makes_it_unready_until_it_is_back() -> anyhow::Result<()> {
    play("health-deleted", async |world| {
        let mut worker = world.worker(Kind::Start, &[]).await?;
        let depths = async || -> anyhow::Result<bool> {
            let metrics = worker.metrics().await?;
            Ok(["sd_worker_queue_depth{", "sd_worker_queue_wait_seconds{"]
                .iter()
                .any(|series| metrics.contains(series)))
        };
        poll::until("the depth of its queues", SOON, || async {
            anyhow::ensure!(depths().await?, "not told yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        world.vhost.delete(world.vhost.queue()).await?;
        unready(&worker, &format!("queue {}", world.vhost.queue())).await?;
        // No alert acts on what was seen before.
        anyhow::ensure!(!depths().await?, "depths are told without a session");
        let lost = counted(&worker, &["sd_worker_reconnects_total", "after=\"lost\""]).await?;
        anyhow::ensure!((lost - 1.0).abs() < 0.5, "{lost} sessions were lost");
        world.vhost.declare().await?;
        worker.ready(SOON).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        Ok(())
    })
    .await
}

/// Nothing consumes a delay queue, so nothing but the publish that finds it gone can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_delay_queue_that_is_deleted_is_declared_anew_and_no_start_is_lost() -> anyhow::Result<()> {
    play("health-delay", async |world| {
        let (_start, verify) = world.workers(&[]).await?;
        world.vhost.delete(&ours(&world, "checks.v1.delay.1000")).await?;
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        // The check came through the queue that was declared anew.
        poll::until("the check", SOON, || async {
            let healthy = counted(&verify, &["sd_worker_deliveries", "outcome=\"healthy\""]).await?;
            anyhow::ensure!(healthy > 0.0, "not counted yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        anyhow::ensure!(messages(&world, &ours(&world, "parked")).await?.is_empty());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_makes_unready_and_ends_nothing() -> anyhow::Result<()> {
    play("health-password", async |world| {
        let worker = launch(&world, Kind::Start, &[("RABBITMQ_PASSWORD", "wrong")])?;
        let reason = unready(&worker, "RABBITMQ_PASSWORD").await?;
        anyhow::ensure!(reason.contains("refuses the credentials"), "{reason}");
        // Tried again, by the same process.
        poll::until("a second try", SOON, || async {
            let tries = worker.log().matches("no session with the broker").count();
            anyhow::ensure!(tries >= 2, "{tries} tries");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        anyhow::ensure!(worker.get("/livez").await?.status == 200);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permissions_are_told_with_the_command_that_mends_them() -> anyhow::Result<()> {
    play("health-permissions", async |world| {
        // The operators' reference permissions cover their own queues and none of ours.
        let vhost = world
            .peers
            .broker
            .vhost("health-permissions", Permissions::Reference)
            .await?;
        let mut environment = world.environment(Kind::Start, &[]);
        environment.extend(vhost.worker_env());
        let mut worker = Worker::launch(Kind::Start, environment, world.directory())?;
        let reason = unready(&worker, "no permission for queue").await?;
        let parked = format!("{}.parked", vhost.queue());
        for part in ["rabbitmqctl set_permissions -p", parked.as_str(), "declare queue"] {
            anyhow::ensure!(reason.contains(part), "no {part} in {reason}");
        }
        let broker = &world.peers.broker;
        if broker.owned() {
            let user = vhost.user();
            broker
                .ctl(&["set_permissions", "-p", vhost.name(), &user, ".*", ".*", ".*"])
                .await?;
            worker.ready(SOON).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_settings_are_all_named_and_end_with_64() -> anyhow::Result<()> {
    play("health-settings", async |world| {
        for kind in [Kind::Start, Kind::Verify] {
            let bad = [("RABBITMQ_PREFETCH_COUNT", "0"), ("RABBITMQ_PORT", "x")];
            let mut worker = launch(&world, kind, &bad)?;
            let status = worker.exit(SOON).await?;
            anyhow::ensure!(status.code() == Some(64), "{status}");
            let said = worker.log();
            for (name, _) in bad {
                anyhow::ensure!(said.contains(name), "{name} is not named in:\n{said}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_ends_the_worker_with_1_and_names_it() -> anyhow::Result<()> {
    play("health-port", async |world| {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let address = taken.local_addr()?;
        for kind in [Kind::Start, Kind::Verify] {
            let mut worker = launch(&world, kind, &[("PORT", &address.port().to_string())])?;
            let status = worker.exit(SOON).await?;
            anyhow::ensure!(status.code() == Some(1), "{status}");
            let said = worker.log();
            let named = format!("cannot listen on {address} for health and metrics");
            anyhow::ensure!(said.contains(&named), "{said}");
        }
        Ok(())
    })
    .await
}

fn launch(world: &World, kind: Kind, settings: &[(&str, &str)]) -> anyhow::Result<Worker> {
    Worker::launch(kind, world.environment(kind, settings), world.directory())
}

/// Waits until the worker is unready for this reason, and gives all that it says.
async fn unready(worker: &Worker, reason: &str) -> anyhow::Result<String> {
    poll::until(&format!("unreadiness: {reason}"), SOON, || async {
        let answer: Answer = worker.get("/readyz").await?;
        let text = answer.text();
        anyhow::ensure!(
            answer.status == 503 && text.contains(reason),
            "{} {text}",
            answer.status
        );
        Ok::<_, anyhow::Error>(text)
    })
    .await
}
