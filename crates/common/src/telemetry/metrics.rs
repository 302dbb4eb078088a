//! What the workers count, as one method for each thing that can happen.
//!
//! Labels are closed sets: enums of [`labels`] or words of the code (`&'static str`), never an id, a name
//! from outside or an error's text. Read as Prometheus text from [`Metrics::render`].

pub mod families;
mod instruments;
pub mod labels;
mod process;
pub(super) mod push;
mod queues;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, metrics::MeterProvider as _};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{MeterProviderBuilder, SdkMeterProvider},
};
use prometheus::{Registry, TextEncoder};

use self::{
    instruments::Instruments,
    labels::{
        AnswerClass, CacheEntry, Held, Label, NewSession, Peer, PodAction, PublishResult, Queue, SpanResult,
        Verb,
    },
    queues::Queues,
};
use super::TelemetryError;
use crate::verdict::Labels;

/// All instruments of the process. A clone is one reference count.
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    instruments: Instruments,
    queues: Queues,
    /// Collects only while it lives.
    provider: SdkMeterProvider,
}

/// A delivery in work: counted as in flight until dropped, timed until settled.
#[derive(Debug)]
#[must_use = "dropping it says that the delivery is no longer in work"]
pub struct InFlight {
    metrics: Metrics,
    queue: Queue,
    since: Instant,
}

/// A peer that is down, until dropped.
#[derive(Debug)]
#[must_use = "dropping it says that the peer is back"]
pub struct PeerDown {
    metrics: Metrics,
    peer: Peer,
}

// === impl Metrics ===

impl Metrics {
    /// The media type of what [`render`](Self::render) returns.
    pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

    /// Registers all instruments. Tests make as many as they like; they share nothing.
    ///
    /// # Errors
    /// [`TelemetryError::Metrics`].
    pub fn new(service: &'static str, version: &'static str) -> Result<Self, TelemetryError> {
        Self::with(service, version, |provider| provider)
    }

    /// The same, with readers beside the one of [`render`](Self::render).
    pub(super) fn with(
        service: &'static str,
        version: &'static str,
        more: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
    ) -> Result<Self, TelemetryError> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()
            .map_err(TelemetryError::Metrics)?;
        let provider = more(SdkMeterProvider::builder().with_reader(reader)).build();
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        let instruments = Instruments::new(&meter);
        process::observe(&meter);
        let queues = Queues::observed(&meter);
        let build = [
            KeyValue::new("service", service),
            KeyValue::new("version", version),
        ];
        instruments.build_info.record(1, &build);
        Ok(Self {
            inner: Arc::new(Inner {
                registry,
                instruments,
                queues,
                provider,
            }),
        })
    }

    /// Everything in Prometheus text format.
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.inner.registry.gather())
            .unwrap_or_else(|error| {
                tracing::error!(%error, "metrics cannot be written");
                String::new()
            })
    }

    /// Pushes what is counted and ends the readers, which takes as long as the collector lets it.
    pub(super) fn shutdown(&self) -> OTelSdkResult {
        self.inner.provider.shutdown()
    }

    /// A delivery came in and is worked on from now on.
    pub fn delivery_begins(&self, queue: Queue) -> InFlight {
        self.instruments().in_flight.add(1, &[queue.pair()]);
        InFlight {
            metrics: self.clone(),
            queue,
            since: Instant::now(),
        }
    }

    /// An acknowledgement that the broker never got: the delivery will come again.
    pub fn settlement_lost(&self, queue: Queue) {
        self.instruments().settlements_lost.add(1, &[queue.pair()]);
    }

    /// A message went to the parking queue.
    pub fn parked(&self, reason: &'static str) {
        self.instruments()
            .parked
            .add(1, &[KeyValue::new("reason", reason)]);
    }

    /// What the broker said to a publish.
    pub fn published(&self, result: PublishResult) {
        self.instruments().publishes.add(1, &[result.pair()]);
    }

    /// A session with the broker has to be built anew.
    pub fn reconnects(&self, after: NewSession) {
        self.instruments().reconnects.add(1, &[after.pair()]);
    }

    /// Whether a queue is being consumed.
    pub fn consumer_up(&self, queue: Queue, up: bool) {
        self.instruments()
            .consumer_up
            .record(u64::from(up), &[queue.pair()]);
    }

    /// A message that was to come after a delay came so long after it was due.
    pub fn late(&self, queue: Queue, lag: Duration) {
        self.instruments().lag.record(lag.as_secs_f64(), &[queue.pair()]);
    }

    /// How many messages wait in a queue, and for how long at least it has had some without one coming here; `None` where
    /// they come to somebody else.
    pub fn waits(&self, queue: Held, depth: u32, age: Option<Duration>) {
        self.inner.queues.saw(queue, depth, age);
    }

    /// What waits in a queue is not known any more: nothing is said of it until it is seen again.
    pub fn lost_sight_of(&self, queue: Held) {
        self.inner.queues.lost_sight_of(queue);
    }

    /// A build that Screwdriver queued so long ago has its pod now.
    pub fn pod_after(&self, queued: Duration) {
        self.instruments()
            .publish_to_pod
            .record(queued.as_secs_f64(), &[]);
    }

    /// A pod's build container started so long after the pod was made.
    pub fn running_after(&self, made: Duration) {
        self.instruments().pod_to_running.record(made.as_secs_f64(), &[]);
    }

    /// Verdicts with these labels are counted here: from now on each is shown, 0 before the first.
    pub fn verdicts_begin(&self, all: impl IntoIterator<Item = Labels>) {
        for labels in all {
            self.add_verdicts(0, labels);
        }
    }

    /// What a look at a pod concluded, or that a start failed; of a failure why, and who can mend it.
    pub fn verdict(&self, labels: Labels) {
        self.add_verdicts(1, labels);
    }

    fn add_verdicts(&self, count: u64, labels: Labels) {
        let labels = [
            KeyValue::new("verdict", labels.verdict),
            KeyValue::new("reason", labels.reason),
            KeyValue::new("actor", labels.actor),
        ];
        self.instruments().verdicts.add(count, &labels);
    }

    /// What was done to a pod.
    pub fn pod(&self, action: PodAction) {
        self.pods(action, 1);
    }

    /// What was done to so many pods.
    pub fn pods(&self, action: PodAction, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.instruments().pods.add(count, &[action.pair()]);
    }

    /// A pod was made whose job gave this annotation, one of [`ANNOTATIONS`](crate::job::ANNOTATIONS), a value that
    /// cannot be used.
    pub fn annotation_unusable(&self, annotation: &'static str) {
        let label = KeyValue::new("annotation", annotation);
        self.instruments().unusable_annotations.add(1, &[label]);
    }

    /// So many entries were removed from a disk cache.
    pub fn cache_removed(&self, entry: CacheEntry, count: u64) {
        self.instruments().cache_entries.add(count, &[entry.pair()]);
    }

    /// One call to a peer, however it ended.
    pub fn call(&self, verb: Verb, class: AnswerClass, took: Duration) {
        let [peer, verb] = [verb.peer().pair(), verb.pair()];
        self.instruments()
            .call_duration
            .record(took.as_secs_f64(), &[peer.clone(), verb.clone()]);
        self.instruments().calls.add(1, &[peer, verb, class.pair()]);
    }

    /// What became of so many finished spans.
    pub fn spans(&self, result: SpanResult, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.instruments().spans.add(spans, &[result.pair()]);
    }

    /// One more peer of this kind is down (one executor's API server, one builds API).
    pub fn peer_down(&self, peer: Peer) -> PeerDown {
        self.instruments().peers_down.add(1, &[peer.pair()]);
        PeerDown {
            metrics: self.clone(),
            peer,
        }
    }

    fn instruments(&self) -> &Instruments {
        &self.inner.instruments
    }
}

// === impl InFlight ===

impl InFlight {
    /// The delivery was settled; `job` and `outcome` are words of the code.
    pub fn settled(self, job: &'static str, outcome: &'static str) {
        let instruments = self.metrics.instruments();
        let [queue, job] = [self.queue.pair(), KeyValue::new("job", job)];
        let took = self.since.elapsed().as_secs_f64();
        instruments
            .delivery_duration
            .record(took, &[queue.clone(), job.clone()]);
        instruments
            .deliveries
            .add(1, &[queue, job, KeyValue::new("outcome", outcome)]);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.metrics.instruments().in_flight.add(-1, &[self.queue.pair()]);
    }
}

// === impl PeerDown ===

impl Drop for PeerDown {
    fn drop(&mut self) {
        self.metrics.instruments().peers_down.add(-1, &[self.peer.pair()]);
    }
}

#[cfg(test)]
mod tests;
