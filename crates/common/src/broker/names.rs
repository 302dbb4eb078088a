//! The names of exchange and queues. Pure; everything of ours is named after the main queue.

use std::{sync::Arc, time::Duration};

pub use crate::telemetry::metrics::labels::Queue;

use crate::outcome::Room;

/// The names that one installation uses.
#[derive(Debug, Clone)]
pub struct Names {
    exchange: Arc<str>,
    main: Arc<str>,
    retry: Arc<str>,
}

// === impl Names ===

impl Names {
    /// The names for the operators' `exchange`, main queue and retry queue.
    pub fn new(exchange: &str, main: &str, retry: &str) -> Self {
        Self {
            exchange: exchange.into(),
            main: main.into(),
            retry: retry.into(),
        }
    }

    /// The exchange that everything goes through.
    pub fn exchange(&self) -> &str {
        &self.exchange
    }

    /// The name of a queue that we consume.
    pub fn queue(&self, queue: Queue) -> String {
        match queue {
            Queue::Main => self.main.to_string(),
            Queue::Retry => self.retry.to_string(),
            Queue::Checks => format!("{}.checks.v1", self.main),
            Queue::Starts => format!("{}.starts.v1", self.main),
        }
    }

    /// The queue that consumers of `room` read.
    pub fn room(&self, room: Room) -> String {
        self.queue(match room {
            Room::Checks => Queue::Checks,
            Room::Starts => Queue::Starts,
        })
    }

    /// The queue that gives `room` its messages after `delay`; the duration is in the name, so that
    /// another setting is another queue and never a conflict.
    pub fn delay(&self, room: Room, delay: Duration) -> String {
        format!("{}.delay.{}", self.room(room), delay.as_millis())
    }

    /// The queue for messages that cannot be handled.
    pub fn parked(&self) -> String {
        format!("{}.parked", self.main)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_of_ours_is_named_after_the_main_queue() {
        let names = Names::new("build", "ClusterA", "ClusterARetry");
        assert_eq!(names.queue(Queue::Checks), "ClusterA.checks.v1");
        assert_eq!(names.queue(Queue::Starts), "ClusterA.starts.v1");
        assert_eq!(
            names.delay(Room::Checks, Duration::from_secs(15)),
            "ClusterA.checks.v1.delay.15000"
        );
        assert_eq!(
            names.delay(Room::Starts, Duration::from_millis(5)),
            "ClusterA.starts.v1.delay.5"
        );
        assert_eq!(names.parked(), "ClusterA.parked");
    }
}
