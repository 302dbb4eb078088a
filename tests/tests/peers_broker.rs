//! The broker of the testbed against a real RabbitMQ. One node serves the whole file, so the promises are
//! steps of one test: the last ones kill it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicNackOptions, QueueBindOptions, QueueDeclareOptions},
};
use serde_json::json;
use testbed::{
    broker::{AMQPValue, Broker, FieldTable, Permissions, Vhost, message::BuildConfig},
    builds_api::CANARY,
    poll,
};

const SOON: Duration = Duration::from_secs(20);
const QUORUM: &str = "kept.v1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_broker_from_its_boot_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::private(dir.path()).await.unwrap();
    assert!(broker.owned());
    let lasting = broker.vhost("lasting", Permissions::All).await.unwrap();
    declare_quorum(&lasting).await;
    let declared = Instant::now();

    messages_are_published_as_the_producer_does(&broker).await;
    the_reference_topology_delays_what_is_rejected(&broker).await;
    permissions_are_the_users(&broker).await;
    a_given_broker_is_shared_by_names(&broker).await;
    vhosts_beyond_the_pool_are_made_on_demand(&broker).await;
    a_vhost_outlives_the_runtime_that_used_it_first(&broker).await;

    poll::until("the quorum queue to be old enough", SOON, || async {
        if declared.elapsed() > Duration::from_secs(2) {
            Ok(())
        } else {
            Err("too young")
        }
    })
    .await
    .unwrap();
    a_crash_keeps_a_persistent_quorum_message(&broker, &lasting).await;
    an_orderly_stop_keeps_classic_messages(&broker, &lasting).await;

    assert!(!processes_of(dir.path()).is_empty());
    drop(broker);
    nothing_runs_in(
        dir.path(),
        &["epmd", "beam.smp", "erl_child_setup", "inet_gethost"],
    )
    .await;
}

async fn worker(vhost: &Vhost) -> Channel {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&vhost.uri(), properties).await.unwrap();
    // The channel keeps the connection open.
    connection.create_channel().await.unwrap()
}

fn config() -> BuildConfig {
    BuildConfig::new(8609, "https://api.sd.example", &format!("eyJhbGciOi.{CANARY}"))
}

async fn declare_quorum(vhost: &Vhost) {
    let channel = worker(vhost).await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel
        .queue_declare(QUORUM.into(), QueueDeclareOptions::durable(), arguments)
        .await
        .unwrap();
    let (exchange, options) = (vhost.exchange().into(), QueueBindOptions::default());
    channel
        .queue_bind(
            QUORUM.into(),
            exchange,
            QUORUM.into(),
            options,
            FieldTable::default(),
        )
        .await
        .unwrap();
}

async fn messages_are_published_as_the_producer_does(broker: &Broker) {
    let vhost = broker.vhost("publish", Permissions::Reference).await.unwrap();
    let other = broker.vhost("other", Permissions::Reference).await.unwrap();
    vhost.publish(vhost.queue(), config().start()).await.unwrap();
    vhost
        .publish("nowhere", "{}")
        .await
        .expect("an unroutable message is confirmed and lost");
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString("00-x".into()));
    vhost
        .publish_with_headers(vhost.queue(), b"\xffgarbage", headers)
        .await
        .unwrap();
    assert_eq!(vhost.depth(vhost.queue()).await.unwrap(), Some(2));
    assert_eq!(
        other.depth(other.queue()).await.unwrap(),
        Some(0),
        "vhosts share nothing"
    );
    assert_eq!(vhost.depth("nowhere").await.unwrap(), None);

    what_is_seen_of_a_message(&vhost).await;
}

async fn what_is_seen_of_a_message(vhost: &Vhost) {
    let peeked = vhost.peek(vhost.queue(), 10).await.unwrap();
    let taken = vhost.take(vhost.queue(), 1).await.unwrap();
    assert_eq!((peeked.len(), taken.len()), (2, 1));
    assert_eq!((peeked[0].build(), taken[0].build()), (Some(8609), Some(8609)));
    assert_eq!((peeked[0].redelivered, taken[0].redelivered), (false, true));
    assert_eq!(
        (taken[0].exchange.as_str(), taken[0].routing_key.as_str()),
        ("build", "ClusterA")
    );
    assert_eq!(
        (taken[0].persistent, taken[0].content_type.as_deref()),
        (true, Some("application/json"))
    );
    assert_eq!(
        (&taken[0].headers, &taken[0].message_id),
        (&json!({}), &None),
        "an empty table, and no id"
    );
    assert!(!format!("{peeked:?}{vhost:?}").contains(CANARY));
    assert_eq!(peeked[1].headers, json!({ "traceparent": "00-x" }));
    assert_eq!(
        vhost.depth(vhost.queue()).await.unwrap(),
        Some(1),
        "taken, not peeked"
    );
}

async fn the_reference_topology_delays_what_is_rejected(broker: &Broker) {
    let vhost = broker.vhost("rejected", Permissions::Reference).await.unwrap();
    let channel = worker(&vhost).await;
    for queue in [vhost.queue().to_owned(), vhost.retry_queue()] {
        vhost.publish(&queue, config().start()).await.unwrap();
        let got = channel
            .basic_get(queue.as_str().into(), BasicGetOptions::default())
            .await
            .unwrap()
            .unwrap();
        got.nack(BasicNackOptions::default()).await.unwrap();
        let delay = format!("{queue}dlr");
        poll::until("the dead letter", SOON, || async {
            let depth = vhost.depth(&delay).await.map_err(|error| error.to_string())?;
            if depth == Some(1) {
                Ok(())
            } else {
                Err(format!("{delay}: {depth:?}"))
            }
        })
        .await
        .unwrap();
    }
    poll::until("the message to come back after 5 seconds", SOON, || async {
        let back = vhost
            .peek(vhost.queue(), 1)
            .await
            .map_err(|error| error.to_string())?;
        back.first()
            .map(|seen| seen.headers["x-death"][1]["reason"].clone())
            .ok_or("not yet".to_owned())
    })
    .await
    .map(|reason| assert_eq!(reason, "rejected"))
    .unwrap();
}

async fn permissions_are_the_users(broker: &Broker) {
    let declare = |channel: Channel, queue: &'static str| async move {
        channel
            .queue_declare(
                queue.into(),
                QueueDeclareOptions::durable(),
                FieldTable::default(),
            )
            .await
    };
    let reference = broker.vhost("reference", Permissions::Reference).await.unwrap();
    let refused = declare(worker(&reference).await, "ClusterA.checks.v1")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("ACCESS_REFUSED"), "{refused}");
    let all = broker.vhost("all", Permissions::All).await.unwrap();
    assert!(declare(worker(&all).await, "ClusterA.checks.v1").await.is_ok());
    let environment: std::collections::BTreeMap<_, _> = all.worker_env().into_iter().collect();
    assert_eq!(environment["RABBITMQ_VIRTUAL_HOST"], format!("/{}", all.name()));
    assert_eq!(
        (environment["RABBITMQ_USERNAME"].as_str(), environment.len()),
        ("worker", 9)
    );
}

async fn a_given_broker_is_shared_by_names(broker: &Broker) {
    let vhost = broker.empty_vhost("given", Permissions::All).await.unwrap();
    let given = Broker::given(&vhost.uri()).unwrap();
    assert!(!given.owned() && given.kill().await.is_err());
    let one = given.vhost("same", Permissions::All).await.unwrap();
    let two = given.vhost("same", Permissions::All).await.unwrap();
    assert_eq!(one.name(), two.name());
    assert_ne!(one.queue(), two.queue());
    one.publish(one.queue(), config().start()).await.unwrap();
    assert_eq!(
        (
            one.depth(one.queue()).await.unwrap(),
            two.depth(two.queue()).await.unwrap()
        ),
        (Some(1), Some(0))
    );
    one.remove(&["never-declared"]).await.unwrap();
    assert_eq!(one.depth(one.queue()).await.unwrap(), None);
    let secret = "amqp://user:secret-word@ho st/";
    assert!(!format!("{:?}", Broker::given(secret).unwrap_err()).contains("secret-word"));
}

async fn vhosts_beyond_the_pool_are_made_on_demand(broker: &Broker) {
    let mut last = broker.empty_vhost("first", Permissions::All).await.unwrap();
    while last.name() != "screwdriver32" {
        last = broker.empty_vhost("next", Permissions::All).await.unwrap();
    }
    last.declare().await.unwrap();
    worker(&last).await;
}

async fn a_vhost_outlives_the_runtime_that_used_it_first(broker: &Broker) {
    let vhost = broker.empty_vhost("runtimes", Permissions::All).await.unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(vhost.declare()).unwrap();
        });
        first.join().unwrap();
    });
    assert_eq!(vhost.depth(vhost.queue()).await.unwrap(), Some(0));
}

async fn a_crash_keeps_a_persistent_quorum_message(broker: &Broker, vhost: &Vhost) {
    vhost.publish(QUORUM, config().start()).await.unwrap();
    broker.kill().await.unwrap();
    assert!(vhost.publish(QUORUM, config().start()).await.is_err());
    broker.restart().await.unwrap();
    let taken = poll::until("the message", SOON, || vhost.take(QUORUM, 9))
        .await
        .unwrap();
    assert_eq!(
        taken.iter().map(testbed::broker::Seen::build).collect::<Vec<_>>(),
        [Some(8609)]
    );
}

async fn an_orderly_stop_keeps_classic_messages(broker: &Broker, vhost: &Vhost) {
    vhost.publish(vhost.queue(), config().stop()).await.unwrap();
    broker.stop().await.unwrap();
    assert!(vhost.depth(vhost.queue()).await.is_err());
    broker.restart().await.unwrap();
    let depth = poll::until("the queue", SOON, || vhost.depth(vhost.queue()))
        .await
        .unwrap();
    assert_eq!(depth, Some(1));
}

/// The names of the processes whose HOME is `dir`.
fn processes_of(dir: &Path) -> Vec<String> {
    let home = format!("HOME={}", dir.display());
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    processes
        .filter(|process| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == home.as_bytes())
        })
        .map(|process| {
            std::fs::read_to_string(process.join("comm"))
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}

async fn nothing_runs_in(dir: &Path, which: &[&str]) {
    poll::until("the end of all processes", SOON, || async {
        let running = processes_of(dir);
        let left: Vec<_> = running
            .iter()
            .filter(|name| which.iter().any(|which| name.starts_with(which)))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await
    .unwrap();
}
