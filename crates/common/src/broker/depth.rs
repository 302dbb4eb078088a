//! Looks at how many messages wait in the queues of a worker, for the metrics.
//!
//! A passive declare tells the number and changes nothing. Nobody reads a queue only to learn the age of its first
//! message, which would spoil its order: that a queue is not empty although nothing comes out of it is told instead.

use std::{convert::Infallible, error::Error, sync::Mutex, time::Duration};

use lapin::{Channel, options::QueueDeclareOptions, types::FieldTable};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::names::{Names, Queue};
use crate::telemetry::metrics::{Metrics, labels::Held};

/// How often is looked. A scrape every half minute finds each time a new number.
const EVERY: Duration = Duration::from_secs(15);
/// Longest that a broker may take to tell a number.
const PATIENCE: Duration = Duration::from_secs(10);

/// The queues that are looked at, and since when each has been known not to move.
#[derive(Debug)]
pub(super) struct Depths {
    queues: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    held: Held,
    name: String,
    /// `None`: empty at the last look.
    waiting_since: Mutex<Option<Instant>>,
}

/// Depths that are shown, until dropped.
struct Shown<'a> {
    depths: &'a Depths,
    metrics: &'a Metrics,
}

// === impl Depths ===

impl Depths {
    /// The consumed queues and the parking queue.
    pub(super) fn new(names: &Names, consumed: &[Queue]) -> Self {
        let consumed = consumed
            .iter()
            .map(|&queue| (Held::Consumed(queue), names.queue(queue)));
        let queues = consumed.chain([(Held::Parked, names.parked())]);
        let watched = |(held, name)| Watched {
            held,
            name,
            waiting_since: Mutex::new(None),
        };
        Self {
            queues: queues.map(watched).collect(),
        }
    }

    /// A message of this queue came.
    pub(super) fn moved(&self, queue: Queue) {
        for watched in self
            .queues
            .iter()
            .filter(|watched| watched.held == Held::Consumed(queue))
        {
            let mut since = lock(&watched.waiting_since);
            *since = since.map(|_| Instant::now());
        }
    }

    /// Shows how much waits, for as long as `channel` lives. Once it does not, or this future is dropped, nothing is
    /// shown: a number that nobody looks at any more tells nothing.
    pub(super) async fn watch(&self, channel: Channel, metrics: &Metrics) -> Infallible {
        let _shown = Shown {
            depths: self,
            metrics,
        };
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for watched in &self.queues {
                let options = QueueDeclareOptions {
                    passive: true,
                    ..QueueDeclareOptions::default()
                };
                let look =
                    channel.queue_declare(watched.name.as_str().into(), options, FieldTable::default());
                match timeout(PATIENCE, look).await {
                    Ok(Ok(queue)) => {
                        let age = watched.seen(queue.message_count(), Instant::now());
                        metrics.waits(watched.held, queue.message_count(), age);
                    }
                    Ok(Err(error)) => {
                        // What is missing is said by whoever needs it; the next session looks again.
                        tracing::debug!(error = &error as &dyn Error, "no more depths of queues");
                        self.hide(metrics);
                        return std::future::pending().await;
                    }
                    Err(_slow) => metrics.lost_sight_of(watched.held),
                }
            }
        }
    }

    fn hide(&self, metrics: &Metrics) {
        for watched in &self.queues {
            metrics.lost_sight_of(watched.held);
        }
    }
}

// === impl Shown ===

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.depths.hide(self.metrics);
    }
}

// === impl Watched ===

impl Watched {
    /// For how long at least the queue has been as it is, now that it was seen with `depth` messages.
    fn seen(&self, depth: u32, now: Instant) -> Duration {
        let mut since = lock(&self.waiting_since);
        *since = (depth > 0).then(|| since.unwrap_or(now));
        since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }
}

fn lock(since: &Mutex<Option<Instant>>) -> std::sync::MutexGuard<'_, Option<Instant>> {
    since.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_queue_waits_while_it_is_not_empty_and_nothing_comes() {
        let depths = Depths::new(&Names::new("build", "Q", "R"), &[Queue::Checks]);
        let [checks, parked] = &depths.queues[..] else {
            panic!("{depths:?}");
        };
        assert_eq!(
            (checks.name.as_str(), parked.name.as_str()),
            ("Q.checks.v1", "Q.parked")
        );
        let later = async |seconds| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            Instant::now()
        };
        let waits = |watched: &Watched, depth, now| watched.seen(depth, now).as_secs();
        assert_eq!(waits(checks, 0, later(1).await), 0);
        assert_eq!(waits(checks, 3, later(15).await), 0);
        assert_eq!(waits(checks, 3, later(15).await), 15);
        depths.moved(Queue::Checks);
        assert_eq!(waits(checks, 2, later(5).await), 5);
        assert_eq!(waits(checks, 0, later(5).await), 0);
        depths.moved(Queue::Checks);
        assert_eq!(waits(checks, 1, later(60).await), 0);
        assert_eq!(waits(parked, 1, later(1).await), 0);
        assert_eq!(
            waits(parked, 1, later(60).await),
            60,
            "nobody reads what is parked"
        );
    }
}
