//! One session with the broker: two connections, the queues made sure of, the consumers started.
//!
//! Two connections, because a broker short of memory blocks every write of a connection that publishes:
//! acks on the same connection would hang with it.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream::SelectAll};
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer, Event,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    tcp::OwnedTLSConfig,
    types::{FieldTable, ShortString},
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};
use secrecy::ExposeSecret;
use tokio::{sync::watch, time::timeout};

use super::{
    error::BrokerError,
    headers,
    names::Queue,
    objects::object,
    publisher::{Envelope, PublishSession, Publisher},
    topology::{Role, Topology},
};
use crate::{
    job::message,
    settings::{BrokerSettings, Protocol},
};

const CONNECT: Duration = Duration::from_secs(10);
/// Largest frame, in bytes. lapin keeps room for 32 of them each way on each connection: with the broker's own
/// 128 KiB that is 16 MiB of memory, most of which nothing ever needs. Larger messages travel in several frames.
const FRAME: u32 = 16 * 1024;
/// Longest that closing may take: acks that do not get through come again.
const CLOSING: Duration = Duration::from_secs(2);
pub(super) const OK: u16 = 200;

/// What one queue's consumer hands out.
pub(super) type Deliveries = SelectAll<futures_util::stream::BoxStream<'static, (Queue, Arrival)>>;
/// A delivery, or how the consumer ended.
pub(super) type Arrival = Result<lapin::message::Delivery, Option<lapin::Error>>;

/// What happens to a connection.
pub(super) type Events = std::pin::Pin<Box<dyn Stream<Item = Event> + Send>>;

/// A session that works: connected, queues there, consumers started.
pub(super) struct Session {
    pub(super) publishing: Arc<PublishSession>,
    pub(super) publish_events: Events,
    pub(super) consume_events: Events,
    pub(super) deliveries: Deliveries,
    /// For looks at how much waits: one that fails ends the channel, and the session is built anew.
    pub(super) watching: Channel,
    consuming: Connection,
    consumers: Vec<(Channel, ShortString)>,
}

/// What a session is opened with.
pub(super) struct Opening<'a> {
    pub(super) settings: &'a BrokerSettings,
    pub(super) topology: &'a Topology,
    pub(super) queues: &'a [Queue],
    pub(super) service: &'static str,
    pub(super) blocked: watch::Receiver<bool>,
}

// === impl Opening ===

impl Opening<'_> {
    /// Connects and makes sure of every object; consumers start with [`Session::consume`].
    pub(super) async fn open(&self) -> Result<Session, BrokerError> {
        let consuming = self.connect("consume").await?;
        self.ensure_operators(&consuming).await?;
        for spec in &self.topology.ours {
            self.ensure(&consuming, spec).await?;
        }
        let publishing = self.connect("publish").await?;
        Ok(Session {
            publish_events: Box::pin(publishing.events_listener()),
            consume_events: Box::pin(consuming.events_listener()),
            publishing: Arc::new(PublishSession::new(publishing, self.blocked.clone())),
            deliveries: SelectAll::new(),
            watching: channel(&consuming).await?,
            consuming,
            consumers: Vec::new(),
        })
    }

    async fn connect(&self, purpose: &str) -> Result<Connection, BrokerError> {
        let settings = self.settings;
        let tls = match &settings.ca_file {
            Some(path) => OwnedTLSConfig {
                cert_chain: Some(
                    tokio::fs::read_to_string(path)
                        .await
                        .map_err(BrokerError::CaFile)?,
                ),
                ..OwnedTLSConfig::default()
            },
            None => OwnedTLSConfig::default(),
        };
        let name = format!("{} {purpose}", self.service);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = lapin::runtime::default_runtime().map_err(BrokerError::Connection)?;
        let connecting = Connection::connect_uri_with_config(uri(settings), properties, tls, runtime);
        match timeout(CONNECT, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(BrokerError::on_connect(error, &settings.vhost)),
            Err(_) => Err(BrokerError::Timeout {
                seconds: CONNECT.as_secs(),
            }),
        }
    }
}

// === impl Session ===

impl Session {
    /// Starts the consumers, each on a channel of its own with its own prefetch.
    pub(super) async fn consume(&mut self, opening: &Opening<'_>) -> Result<(), BrokerError> {
        for &queue in opening.queues {
            let name = opening.topology.names.queue(queue);
            let refused = |error| opening.refused(&format!("queue {name}"), None, error);
            let channel = channel(&self.consuming).await?;
            // Per consumer, not global: global prefetch is deprecated in RabbitMQ.
            let prefetch = opening.settings.prefetch.get();
            channel
                .basic_qos(prefetch, BasicQosOptions { global: false })
                .await
                .map_err(refused)?;
            let options = BasicConsumeOptions::default(); // acks on, not exclusive: replicas share the queue
            let consumer = channel
                .basic_consume(
                    name.as_str().into(),
                    ShortString::default(),
                    options,
                    FieldTable::default(),
                )
                .await
                .map_err(refused)?;
            self.consumers.push((channel, consumer.tag()));
            self.deliveries.push(arrivals(queue, consumer));
        }
        Ok(())
    }

    /// Sends one message through each queue of ours: permissions and bindings are proven before work comes.
    pub(super) async fn probe(
        &mut self,
        topology: &Topology,
        publisher: &Publisher,
    ) -> Result<(), BrokerError> {
        let blocked = async |events: &mut Events| {
            while let Some(event) = events.next().await {
                if matches!(event, Event::ConnectionBlocked(_)) {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            // A broker short of memory confirms nothing, which says nothing about permissions and bindings.
            () = blocked(&mut self.publish_events) => Err(BrokerError::Blocked),
            probed = probe_all(topology, publisher) => probed,
        }
    }

    /// Stops taking: the broker keeps what it has not delivered.
    pub(super) async fn cancel(&self) {
        for (channel, tag) in &self.consumers {
            let _cancelling = timeout(
                CONNECT,
                channel.basic_cancel(tag.clone(), BasicCancelOptions::default()),
            )
            .await;
        }
    }

    /// Closes cleanly, which flushes acks that are still on their way.
    pub(super) async fn close(self) {
        let _closing = timeout(CLOSING, self.consuming.close(OK, "OK".into())).await;
        self.publishing.close().await;
    }
}

async fn probe_all(topology: &Topology, publisher: &Publisher) -> Result<(), BrokerError> {
    let body = message::probe();
    for spec in &topology.ours {
        let expiration_ms = (spec.role == Role::Parking).then_some(0);
        let envelope = Envelope {
            destination: &spec.name,
            body: &body,
            expiration_ms,
        };
        let probe = publisher.publish(envelope, headers::of_ours(None, None)).await;
        probe.map_err(|source| BrokerError::Probe {
            object: object(spec),
            source,
        })?;
    }
    Ok(())
}

/// A consumer's stream, its end made visible: lapin ends it silently when the queue is deleted.
fn arrivals(queue: Queue, consumer: Consumer) -> futures_util::stream::BoxStream<'static, (Queue, Arrival)> {
    consumer
        .map(|arrival| arrival.map_err(Some))
        .chain(futures_util::stream::once(async { Err(None) }))
        .map(move |arrival| (queue, arrival))
        .boxed()
}

pub(super) async fn channel(connection: &Connection) -> Result<Channel, BrokerError> {
    connection.create_channel().await.map_err(BrokerError::Channel)
}

/// The address as parts: nothing has to be encoded, so no character of a password can break it.
fn uri(settings: &BrokerSettings) -> AMQPUri {
    AMQPUri {
        scheme: match settings.protocol {
            Protocol::Amqp => AMQPScheme::AMQP,
            Protocol::Amqps => AMQPScheme::AMQPS,
        },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: settings.username.clone(),
                // Whoever rotates it may have written its file anew.
                password: settings.password.now().expose_secret().to_owned(),
            },
            host: settings.host.clone(),
            port: settings.port,
        },
        vhost: settings.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX)),
            frame_max: Some(FRAME),
            ..AMQPQueryString::default()
        },
    }
}
