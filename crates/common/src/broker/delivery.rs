//! A message and the right to settle it.
//!
//! lapin's delivery, which anyone could ack, is private in here; ours is settled by value, once.

use std::time::Duration;

use jiff::Timestamp;
use lapin::{
    Acker,
    options::{BasicAckOptions, BasicNackOptions},
    types::{FieldTable, ShortString},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{error::PublishError, headers, names::Queue, publisher::Publisher};
use crate::{
    attempt::{Attempt, Death},
    outcome::{Again, ParkReason, Settlement},
    telemetry::{propagation::TraceContext, spans::Address},
};

/// How long a message that is handed back is kept first; twice as long each time it has come again.
const BEFORE_REQUEUE: Duration = Duration::from_secs(2);
/// Longest that it is kept.
const LONGEST_BEFORE_REQUEUE: Duration = Duration::from_mins(1);

/// A message in hand. Dropped unsettled it stays with the broker, which delivers it again.
pub struct Delivery {
    payload: Vec<u8>,
    queue: Queue,
    queue_name: String,
    redelivered: bool,
    deaths: Vec<Death>,
    headers: FieldTable,
    exchange: ShortString,
    routing_key: ShortString,
    message_id: Option<ShortString>,
    tag: u64,
    acker: Acker,
    settling: Settling,
}

/// What a settlement needs beside the message.
#[derive(Debug, Clone)]
pub(super) struct Settling {
    pub(super) publisher: Publisher,
    /// Cancelled when nothing should be kept any longer than it must.
    pub(super) draining: CancellationToken,
}

/// How a settlement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The broker has dropped the message.
    Acked,
    /// The broker keeps the message and delivers it again.
    Requeued,
}

/// The settlement did not reach the broker: the message will come again.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The channel that delivered the message is gone.
    #[error("the channel of the delivery is gone")]
    Stale,
    /// The channel broke while settling.
    #[error("the channel broke while settling")]
    Channel(#[source] lapin::Error),
}

// === impl Delivery ===

impl Delivery {
    pub(super) fn new(
        delivery: lapin::message::Delivery,
        queue: Queue,
        queue_name: String,
        settling: Settling,
    ) -> Self {
        let headers = delivery.properties.headers().clone().unwrap_or_default();
        Self {
            payload: delivery.data,
            queue,
            queue_name,
            redelivered: delivery.redelivered,
            deaths: headers::deaths(&headers),
            headers,
            exchange: delivery.exchange,
            routing_key: delivery.routing_key,
            message_id: delivery.properties.message_id().clone(),
            tag: delivery.delivery_tag,
            acker: delivery.acker,
            settling,
        }
    }

    /// The message's body.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Which of our queues it came from.
    pub fn queue(&self) -> Queue {
        self.queue
    }

    /// The name of that queue.
    pub fn queue_name(&self) -> &str {
        &self.queue_name
    }

    /// The exchange that it was published to, or that dead letters came through; empty: the default one.
    pub fn exchange(&self) -> &str {
        self.exchange.as_str()
    }

    /// The routing key that it was published with.
    pub fn routing_key(&self) -> &str {
        self.routing_key.as_str()
    }

    /// The property `message_id`, if whoever published it set one.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_ref().map(ShortString::as_str)
    }

    /// The broker that it came from.
    pub fn broker(&self) -> &Address {
        self.settling.publisher.broker()
    }

    /// The broker's number of the delivery on its channel.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Which try this is; `counted` is what the body says, for messages of ours.
    pub fn attempt(&self, counted: Option<u32>) -> Attempt {
        match counted {
            Some(failed) => Attempt::counted(failed),
            None => Attempt::of_delivery(&self.queue_name, self.redelivered, &self.deaths),
        }
    }

    /// The trace that the headers carry.
    pub fn trace_context(&self) -> Option<TraceContext> {
        headers::trace_context(&self.headers)
    }

    /// When it was due, if it was to come after a delay.
    pub fn due(&self) -> Option<Timestamp> {
        headers::due(&self.headers)
    }

    /// Whether settling can still reach the broker; work on a stale delivery is done again anyway.
    pub fn is_usable(&self) -> bool {
        self.acker.usable()
    }

    /// Settles the message. The only place where anything is acked or handed back.
    ///
    /// A retry or parking that the broker does not take hands the message back instead: nothing is
    /// acked before its successor is safe.
    pub async fn settle(self, settlement: Settlement) -> Result<Settled, SettleError> {
        let published = match settlement {
            Settlement::Ack => Ok(()),
            Settlement::Retry(again) => self.retry(&again).await,
            Settlement::Park(reason) => self.park(&reason).await,
            Settlement::Requeue => return self.requeue().await,
        };
        match published {
            Ok(()) => self.ack().await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    queue = self.queue_name,
                    "handed back"
                );
                self.requeue().await
            }
        }
    }

    async fn retry(&self, again: &Again) -> Result<(), PublishError> {
        self.settling
            .publisher
            .publish_after(again.to, again.delay, &again.body)
            .await
    }

    async fn park(&self, reason: &ParkReason) -> Result<(), PublishError> {
        self.settling
            .publisher
            .park(&self.payload, &self.headers, reason.as_str())
            .await
    }

    async fn ack(self) -> Result<Settled, SettleError> {
        // Never `multiple`: it would ack lower tags that are still in work.
        let reached = self.acker.ack(BasicAckOptions { multiple: false }).await;
        reached_broker(reached, Settled::Acked)
    }

    async fn requeue(self) -> Result<Settled, SettleError> {
        // It comes back at once: without a pause, a broker that refuses publishes would be asked in a loop,
        // and every turn counts against the delivery limit.
        let kept = before_requeue(headers::deliveries(&self.headers));
        let _draining = timeout(kept, self.settling.draining.cancelled()).await;
        let options = BasicNackOptions {
            multiple: false,
            requeue: true,
        };
        reached_broker(self.acker.nack(options).await, Settled::Requeued)
    }
}

/// How long a message that the broker has delivered so often before is kept.
fn before_requeue(deliveries: u32) -> Duration {
    let doubled = BEFORE_REQUEUE.saturating_mul(1 << deliveries.min(10));
    doubled.min(LONGEST_BEFORE_REQUEUE)
}

/// `Ok(false)` is a loss as well: the tag belongs to a channel that is gone.
fn reached_broker(reached: lapin::Result<bool>, settled: Settled) -> Result<Settled, SettleError> {
    match reached {
        Ok(true) => Ok(settled),
        Ok(false) => Err(SettleError::Stale),
        Err(error) => Err(SettleError::Channel(error)),
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("queue", &self.queue_name)
            .field("bytes", &self.payload.len())
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a delivery limit of 100 a broker that refuses publishes is waited for more than an hour.
    #[test]
    fn what_is_handed_back_again_and_again_is_kept_longer() {
        let kept: Vec<u64> = (0..8).map(|count| before_requeue(count).as_secs()).collect();
        assert_eq!(kept, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(before_requeue(u32::MAX), LONGEST_BEFORE_REQUEUE);
        let all: Duration = (0..100).map(before_requeue).sum();
        assert!(all > Duration::from_hours(1));
    }
}
