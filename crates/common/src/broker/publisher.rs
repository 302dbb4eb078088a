//! Publishing with confirms.
//!
//! Every publish is persistent and mandatory and waits for the broker's confirm. lapin attributes a
//! returned message to the wrong publish when several are under way on one channel, so a channel carries
//! one at a time; a small pool of channels carries many.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{FieldTable, ShortString},
};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tracing::{Instrument, Span};

use super::{error::PublishError, headers, names::Names};
use crate::{
    clock,
    outcome::Room,
    telemetry::{
        metrics::{Metrics, labels::PublishResult},
        propagation::TraceContext,
        spans::{self, Address},
    },
};

/// Publishes under way at once. A confirm takes a few milliseconds, so eight channels carry more starts
/// than an API server takes, and stay far below what a broker allows.
const CHANNELS: usize = 8;
/// Longest wait for a session, and again for a publish and its confirm.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest that closing a connection may take: what it would flush comes again otherwise.
const CLOSING: Duration = Duration::from_secs(2);

/// Publishes to queues of ours through the operators' exchange. Cheap to clone; survives reconnects.
#[derive(Clone)]
pub struct Publisher {
    names: Names,
    session: watch::Receiver<Option<Arc<PublishSession>>>,
    ids: Arc<MessageIds>,
    broker: Address,
    metrics: Metrics,
}

/// What to publish.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) destination: &'a str,
    pub(super) body: &'a [u8],
    /// `Some(0)`: gone at once unless a consumer takes it; for probes of queues without consumers.
    pub(super) expiration_ms: Option<u32>,
}

/// The publishing half of a session: one connection, a pool of channels in confirm mode.
pub(super) struct PublishSession {
    connection: Connection,
    idle: Mutex<Vec<Channel>>,
    permits: Semaphore,
    blocked: watch::Receiver<bool>,
    /// The routing key for which there was no queue: the session has to be built anew.
    suspect: watch::Sender<Option<String>>,
}

struct MessageIds {
    process: u64,
    next: AtomicU64,
}

// === impl Publisher ===

impl Publisher {
    pub(super) fn new(
        names: Names,
        session: watch::Receiver<Option<Arc<PublishSession>>>,
        broker: Address,
        metrics: Metrics,
    ) -> Self {
        let ids = Arc::new(MessageIds {
            process: rand::random(),
            next: AtomicU64::new(0),
        });
        Self {
            names,
            session,
            ids,
            broker,
            metrics,
        }
    }

    /// The broker that is published to.
    pub(super) fn broker(&self) -> &Address {
        &self.broker
    }

    /// Publishes `body` so that it reaches `room` after `delay`, and awaits the confirm.
    pub async fn publish_after(&self, room: Room, delay: Duration, body: &[u8]) -> Result<(), PublishError> {
        let due = clock::now().saturating_add(delay).ok();
        self.publish_ours(&self.names.delay(room, delay), due, body).await
    }

    /// Publishes `body` to `room` without delay, and awaits the confirm.
    pub async fn publish_now(&self, room: Room, body: &[u8]) -> Result<(), PublishError> {
        self.publish_ours(&self.names.room(room), None, body).await
    }

    async fn publish_ours(
        &self,
        destination: &str,
        due: Option<Timestamp>,
        body: &[u8],
    ) -> Result<(), PublishError> {
        let headers = || headers::of_ours(TraceContext::current().as_ref(), due);
        self.publish_traced(destination, body, headers).await
    }

    /// Publishes within a span; `headers` are made within it too.
    async fn publish_traced(
        &self,
        destination: &str,
        body: &[u8],
        headers: impl FnOnce() -> FieldTable,
    ) -> Result<(), PublishError> {
        let span = spans::publish_span(self.names.exchange(), destination);
        spans::record_broker(&span, &self.broker);
        let envelope = Envelope {
            destination,
            body,
            expiration_ms: None,
        };
        let publish = async { self.publish(envelope, headers()).await };
        publish.instrument(span).await
    }

    pub(super) async fn park(
        &self,
        body: &[u8],
        original: &FieldTable,
        reason: &str,
    ) -> Result<(), PublishError> {
        let headers = || headers::of_parked(original, reason);
        self.publish_traced(&self.names.parked(), body, headers).await
    }

    pub(super) async fn publish(
        &self,
        envelope: Envelope<'_>,
        headers: FieldTable,
    ) -> Result<(), PublishError> {
        let result = self.try_publish(envelope, headers).await;
        self.metrics.published(match &result {
            Ok(()) => PublishResult::Confirmed,
            Err(error) => {
                let how = error.result();
                spans::record_error(&Span::current(), how.as_str());
                how
            }
        });
        result
    }

    async fn try_publish(&self, envelope: Envelope<'_>, headers: FieldTable) -> Result<(), PublishError> {
        let session = self.session().await?;
        let exchange = short(self.names.exchange())?;
        let key = short(envelope.destination)?;
        let id = self.ids.next();
        spans::record_message_id(&Span::current(), &id);
        let mut properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(2) // persistent: survives a restart of the broker
            .with_message_id(id.into())
            .with_headers(headers);
        if let Some(millis) = envelope.expiration_ms {
            properties = properties.with_expiration(millis.to_string().into());
        }
        let published = session.publish(exchange, key, envelope, properties).await;
        if published.as_ref().is_err_and(PublishError::is_unroutable) {
            session
                .suspect
                .send_replace(Some(envelope.destination.to_owned()));
        }
        published
    }

    async fn session(&self) -> Result<Arc<PublishSession>, PublishError> {
        let mut sessions = self.session.clone();
        let session = timeout(PATIENCE, sessions.wait_for(Option::is_some)).await;
        match session {
            Ok(Ok(session)) => session.clone().ok_or(PublishError::NotConnected),
            Ok(Err(_)) | Err(_) => Err(PublishError::NotConnected),
        }
    }
}

// === impl PublishSession ===

impl PublishSession {
    pub(super) fn new(connection: Connection, blocked: watch::Receiver<bool>) -> Self {
        Self {
            connection,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(CHANNELS),
            blocked,
            suspect: watch::channel(None).0,
        }
    }

    /// Waits until a message finds no queue; the routing key of the message.
    pub(super) async fn unroutable(&self) -> String {
        let mut suspect = self.suspect.subscribe();
        loop {
            if let Some(destination) = suspect.borrow_and_update().clone() {
                return destination;
            }
            if suspect.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) async fn close(&self) {
        let _closing = timeout(CLOSING, self.connection.close(200, "OK".into())).await;
    }

    async fn publish(
        &self,
        exchange: ShortString,
        key: ShortString,
        envelope: Envelope<'_>,
        properties: BasicProperties,
    ) -> Result<(), PublishError> {
        // A broker short of memory or disk blocks us for as long as that lasts: wait here, before the
        // clock of the publish starts. The next session begins unblocked.
        let mut blocked = self.blocked.clone();
        if blocked.wait_for(|blocked| !blocked).await.is_err() {
            return Err(PublishError::NotConnected);
        }
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(PublishError::NotConnected);
        };
        let attempt = async {
            let channel = self.channel().await?;
            // Mandatory: a message that no queue takes comes back instead of vanishing.
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let confirm = channel
                .basic_publish(exchange, key, options, envelope.body, properties)
                .await?;
            let confirmation = confirm.await?;
            Ok::<_, lapin::Error>((channel, confirmation))
        };
        match timeout(PATIENCE, attempt).await {
            Ok(Ok((channel, confirmation))) => {
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(channel);
                confirmed(&confirmation, envelope.destination)
            }
            Ok(Err(error)) => Err(PublishError::Channel(error)),
            Err(_) => Err(PublishError::Timeout {
                seconds: PATIENCE.as_secs(),
            }),
        }
    }

    async fn channel(&self) -> lapin::Result<Channel> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(channel) = idle.filter(|channel| channel.status().connected()) {
            return Ok(channel);
        }
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }
}

fn confirmed(confirmation: &Confirmation, destination: &str) -> Result<(), PublishError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(PublishError::Unroutable {
            destination: destination.to_owned(),
        }),
        // NotRequested means that the channel is not in confirm mode: nobody vouches for the message.
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(PublishError::Refused {
            destination: destination.to_owned(),
        }),
    }
}

fn short(name: &str) -> Result<ShortString, PublishError> {
    ShortString::try_new(name).map_err(|_| PublishError::Name {
        destination: name.to_owned(),
    })
}

// === impl MessageIds ===

impl MessageIds {
    fn next(&self) -> String {
        format!(
            "{:016x}-{}",
            self.process,
            self.next.fetch_add(1, Ordering::Relaxed)
        )
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
