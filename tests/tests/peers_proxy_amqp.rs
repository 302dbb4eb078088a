//! The AMQP proxy in front of a real broker: a fault meets the very frame that the plan names, and leaves the
//! broker and the client with what they then have.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::FieldTable,
};
use tempfile::TempDir;
use testbed::{
    broker::{Broker, Permissions, Vhost},
    poll,
    proxy::amqp::{Act, AmqpProxy, End, Point, Rule, Which},
};
use tokio::sync::Mutex;

const SOON: Duration = Duration::from_secs(20);

/// Shared by the tests that run at the same time; the last one stops it.
static BROKER: Mutex<Weak<(Broker, TempDir)>> = Mutex::const_new(Weak::new());

/// A vhost, and a proxy in front of its broker.
struct Corner {
    _broker: Arc<(Broker, TempDir)>,
    vhost: Vhost,
    proxy: AmqpProxy,
}

async fn broker() -> Arc<(Broker, TempDir)> {
    let mut running = BROKER.lock().await;
    if let Some(broker) = running.upgrade() {
        return broker;
    }
    let directory = tempfile::tempdir().unwrap();
    let broker = Arc::new((Broker::start(directory.path()).await.unwrap(), directory));
    *running = Arc::downgrade(&broker);
    broker
}

impl Corner {
    async fn new(name: &str) -> Self {
        let broker = broker().await;
        let vhost = broker.0.vhost(name, Permissions::All).await.unwrap();
        let proxy = AmqpProxy::start(vhost.address().unwrap()).unwrap();
        Self {
            _broker: broker,
            vhost,
            proxy,
        }
    }

    async fn connect(&self, name: &'static str) -> lapin::Result<Connection> {
        let direct = format!("@{}", self.vhost.address().unwrap());
        let through = format!("@127.0.0.1:{}", self.proxy.port());
        let uri = self.vhost.uri().replace(&direct, &through);
        assert!(uri.contains(&through));
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        tokio::time::timeout(SOON, Connection::connect(&uri, properties))
            .await
            .expect("an answer")
    }

    /// A channel in confirm mode, and the connection that it lives on.
    async fn publisher(&self, name: &'static str) -> (Connection, Channel) {
        let connection = self.connect(name).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        (connection, channel)
    }

    /// Publishes to the main queue and awaits the confirm.
    async fn publish(&self, channel: &Channel) -> lapin::Result<Confirmation> {
        let (exchange, key) = (self.vhost.exchange().into(), self.vhost.queue().into());
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default();
        let confirm = channel
            .basic_publish(exchange, key, options, b"{}", properties)
            .await?;
        confirm.await
    }

    async fn consumer(&self, name: &'static str) -> (Connection, Consumer) {
        let connection = self.connect(name).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(
            self.vhost.queue().into(),
            "".into(),
            options,
            FieldTable::default(),
        );
        (connection, consuming.await.unwrap())
    }

    async fn holds(&self, wanted: u32) {
        let what = format!("the queue to hold {wanted}");
        let depth = poll::until(&what, SOON, || async {
            let depth = self.vhost.depth(self.vhost.queue()).await?;
            anyhow::ensure!(depth == Some(wanted), "it holds {depth:?}");
            Ok::<_, anyhow::Error>(())
        });
        depth.await.unwrap();
    }

    /// Waits for the end of the n-th connection.
    async fn end(&self, number: usize) -> End {
        let ended = poll::until("the end of a connection", SOON, || async {
            let connections = self.proxy.connections();
            let end = connections.get(number - 1).and_then(|connection| connection.end);
            end.ok_or_else(|| format!("{connections:?}"))
        });
        ended.await.unwrap()
    }
}

async fn next(consumer: &mut Consumer) -> Option<lapin::Result<Delivery>> {
    tokio::time::timeout(SOON, consumer.next())
        .await
        .expect("something")
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_pass_and_a_clean_close_is_told_from_a_lost_connection() {
    let corner = Corner::new("proxy-passes").await;
    let (publishing, channel) = corner.publisher("one").await;
    let confirmed = corner.publish(&channel).await.unwrap();
    assert!(matches!(confirmed, Confirmation::Ack(None)));
    let (consuming, mut consumer) = corner.consumer("two").await;
    let delivery = next(&mut consumer).await.unwrap().unwrap();
    assert!(delivery.ack(BasicAckOptions::default()).await.unwrap());
    publishing.close(200, "OK".into()).await.unwrap();
    consuming.close(200, "OK".into()).await.unwrap();
    corner.holds(0).await;
    assert_eq!(
        [corner.end(1).await, corner.end(2).await],
        [End::ClosedByClient; 2]
    );
    let names: Vec<String> = corner
        .proxy
        .connections()
        .into_iter()
        .map(|known| known.name)
        .collect();
    assert_eq!(names, ["one", "two"]);
    let queue = corner.vhost.queue();
    for (name, point, count) in [
        ("one", Point::Publish, 1),
        ("one", Point::Confirm, 1),
        ("two", Point::Deliver, 1),
        ("two", Point::Ack, 1),
        ("two", Point::Publish, 0),
    ] {
        assert_eq!(corner.proxy.count(name, point, queue), count, "{name} {point:?}");
    }
    // A client that only says something and goes.
    drop(
        tokio::net::TcpStream::connect(("127.0.0.1", corner.proxy.port()))
            .await
            .unwrap(),
    );
    assert_eq!(corner.end(3).await, End::Dropped);
    assert_eq!(corner.proxy.fired(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_at_a_publish_keeps_it_from_the_broker_and_at_a_confirm_it_does_not() {
    let corner = Corner::new("proxy-publish").await;
    for (point, arrived) in [(Point::Publish, 1), (Point::Confirm, 3)] {
        let rule = Rule::new(Which::Named("one"), point, Act::Cut);
        corner.proxy.plan([rule.to(corner.vhost.queue()).nth(2)]);
        let (_other, untouched) = corner.publisher("two").await;
        let (_connection, channel) = corner.publisher("one").await;
        corner.publish(&channel).await.unwrap();
        assert!(corner.publish(&channel).await.is_err(), "{point:?}");
        corner.holds(arrived).await;
        assert!(untouched.status().connected());
    }
    assert_eq!((corner.end(2).await, corner.end(4).await), (End::Cut, End::Cut));
    assert_eq!(corner.proxy.fired(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_at_a_delivery_or_its_ack_has_it_delivered_again() {
    let corner = Corner::new("proxy-deliver").await;
    corner.vhost.publish(corner.vhost.queue(), "{}").await.unwrap();
    for (number, point) in [(1, Point::Deliver), (2, Point::Ack)] {
        corner
            .proxy
            .plan([Rule::new(Which::Nth(number), point, Act::Cut)]);
        let (_connection, mut consumer) = corner.consumer("one").await;
        match next(&mut consumer).await {
            Some(Ok(delivery)) if point == Point::Ack => {
                let _lost = delivery.ack(BasicAckOptions::default()).await;
            }
            Some(Ok(delivery)) => panic!("{delivery:?}"),
            Some(Err(_)) | None => assert_eq!(point, Point::Deliver),
        }
        assert_eq!(corner.end(number).await, End::Cut);
        corner.holds(1).await;
    }
    let (_connection, mut consumer) = corner.consumer("one").await;
    let delivery = next(&mut consumer).await.unwrap().unwrap();
    assert!(delivery.redelivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_confirm_never_comes_and_the_connection_stays() {
    let corner = Corner::new("proxy-stall").await;
    let (connection, channel) = corner.publisher("one").await;
    corner
        .proxy
        .plan([Rule::new(Which::Any, Point::Confirm, Act::Stall)]);
    let arrived = async {
        corner.holds(1).await;
        // Nothing that the broker says comes through: not even what another queue is asked for.
        let fired = poll::until("the stall", SOON, || async {
            (corner.proxy.fired() == 1).then_some(()).ok_or("not yet")
        });
        fired.await.unwrap();
    };
    tokio::select! {
        confirmed = corner.publish(&channel) => panic!("{confirmed:?}"),
        () = arrived => {}
    }
    assert!(connection.status().connected());
    assert_eq!(corner.proxy.connections()[0].end, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_confirm_comes_as_late_as_the_plan_says() {
    let corner = Corner::new("proxy-delay").await;
    let (_connection, channel) = corner.publisher("one").await;
    let late = Duration::from_millis(400);
    corner
        .proxy
        .plan([Rule::new(Which::Any, Point::Confirm, Act::Delay(late))]);
    let begin = Instant::now();
    corner.publish(&channel).await.unwrap();
    assert!(begin.elapsed() >= late);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_taken_away_cuts_all_and_comes_back() {
    let corner = Corner::new("proxy-down").await;
    let (_connection, channel) = corner.publisher("one").await;
    corner.proxy.set_down(true);
    assert_eq!(corner.end(1).await, End::Cut);
    assert!(corner.publish(&channel).await.is_err());
    assert!(corner.connect("two").await.is_err());
    corner.proxy.set_down(false);
    let (_connection, channel) = corner.publisher("three").await;
    corner.publish(&channel).await.unwrap();
    corner.holds(1).await;
}
