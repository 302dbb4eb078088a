//! Looks at how many messages wait in the queues of a worker, for the metrics.
//!
//! A passive declare tells the number and changes nothing. Nobody reads a queue only to learn the age of its first
//! message, which would spoil its order: that a queue is not empty although nothing comes out of it is told instead.
//! Each worker looks at the other's queues too, since one that is not there cannot tell that its messages wait.

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
    /// Who would see that its messages come out.
    taken_by: TakenBy,
    /// `None`: empty at the last look, or somebody else takes from it.
    waiting_since: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TakenBy {
    /// This worker, as far as it can know; or nobody, as what is parked.
    Us,
    /// The other worker: its messages wait while they have no consumer.
    Others,
}

/// Depths that are shown, until dropped.
struct Shown<'a> {
    depths: &'a Depths,
    metrics: &'a Metrics,
}

// === impl Depths ===

impl Depths {
    /// The consumed queues, the parking queue, and those that both workers make for one another.
    pub(super) fn new(names: &Names, consumed: &[Queue]) -> Self {
        let ours = consumed.iter().map(|&queue| (queue, TakenBy::Us));
        let others = [Queue::Starts, Queue::Checks]
            .into_iter()
            .filter(|queue| !consumed.contains(queue))
            .map(|queue| (queue, TakenBy::Others));
        let queues = ours
            .chain(others)
            .map(|(queue, taken_by)| (Held::Consumed(queue), names.queue(queue), taken_by))
            .chain([(Held::Parked, names.parked(), TakenBy::Us)]);
        let watched = |(held, name, taken_by)| Watched {
            held,
            name,
            taken_by,
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
                        let (depth, consumers) = (queue.message_count(), queue.consumer_count());
                        let age = watched.seen(depth, consumers, Instant::now());
                        metrics.waits(watched.held, depth, age);
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
    /// For how long at least the queue has not moved, now that it was seen with so many messages and consumers; `None`
    /// if whoever takes from it knows better.
    fn seen(&self, depth: u32, consumers: u32, now: Instant) -> Option<Duration> {
        let known = self.taken_by == TakenBy::Us || consumers == 0;
        let mut since = lock(&self.waiting_since);
        *since = (known && depth > 0).then(|| since.unwrap_or(now));
        known.then(|| since.map_or(Duration::ZERO, |since| now.duration_since(since)))
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
        let [checks, starts, parked] = &depths.queues[..] else {
            panic!("{depths:?}");
        };
        let names = [checks, starts, parked].map(|watched| watched.name.as_str());
        assert_eq!(names, ["Q.checks.v1", "Q.starts.v1", "Q.parked"]);
        let later = async |seconds| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            Instant::now()
        };
        let waits = |watched: &Watched, depth, now| watched.seen(depth, 1, now).unwrap().as_secs();
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

    #[tokio::test(start_paused = true)]
    async fn a_queue_of_the_other_worker_waits_while_it_has_no_consumer() {
        let depths = Depths::new(&Names::new("build", "Q", "R"), &[Queue::Main, Queue::Starts]);
        let checks = depths.queues.iter().find(|watched| watched.name == "Q.checks.v1");
        let mut waits = Vec::new();
        for (depth, consumers) in [(9, 0), (9, 0), (9, 1), (9, 1), (9, 0), (9, 0), (0, 0), (1, 0)] {
            tokio::time::advance(EVERY).await;
            let wait = checks.unwrap().seen(depth, consumers, Instant::now());
            waits.push(wait.map(|wait| wait.as_secs()));
        }
        // Beside a consumer of its own only that one can tell: zero would hide its word from whoever takes the least.
        assert_eq!(
            waits,
            [Some(0), Some(15), None, None, Some(0), Some(15), Some(0), Some(0)]
        );
    }
}
