//! How much waits in the queues, told when somebody asks: of a queue that is out of sight nothing is told, so that
//! no alert acts on a number from before an outage.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use opentelemetry::metrics::Meter;

use super::{
    families::{QUEUE_AGE, QUEUE_DEPTH},
    labels::{Held, Label as _},
};

/// What was last seen of the queues that are in sight. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues(Arc<Mutex<HashMap<Held, Seen>>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    depth: u32,
    /// `None`: nobody here can tell.
    age: Option<Duration>,
}

// === impl Queues ===

impl Queues {
    /// Registers the families.
    pub(super) fn observed(meter: &Meter) -> Self {
        let queues = Self::default();
        let seen = queues.clone();
        let _registered = meter
            .u64_observable_gauge(QUEUE_DEPTH.name)
            .with_description(QUEUE_DEPTH.text)
            .with_callback(move |observer| {
                for (queue, seen) in &*seen.lock() {
                    observer.observe(u64::from(seen.depth), &[queue.pair()]);
                }
            })
            .build();
        let seen = queues.clone();
        let _registered = meter
            .f64_observable_gauge(QUEUE_AGE.name)
            .with_description(QUEUE_AGE.text)
            .with_callback(move |observer| {
                for (queue, seen) in &*seen.lock() {
                    if let Some(age) = seen.age {
                        observer.observe(age.as_secs_f64(), &[queue.pair()]);
                    }
                }
            })
            .build();
        queues
    }

    pub(super) fn saw(&self, queue: Held, depth: u32, age: Option<Duration>) {
        self.lock().insert(queue, Seen { depth, age });
    }

    pub(super) fn lost_sight_of(&self, queue: Held) {
        self.lock().remove(&queue);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Held, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
