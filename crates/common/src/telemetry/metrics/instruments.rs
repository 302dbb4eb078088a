//! The instruments with their names and buckets. In Prometheus dots become underscores, counters end in
//! `_total` and times in `_seconds`.

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

use super::labels::{CacheEntry, Connection, Label, Peer, PodAction, PublishResult, Queue, SpanResult};

/// From an answer out of a cache to a delivery that waited for a peer, in seconds.
const SECONDS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) deliveries: Counter<u64>,
    pub(super) delivery_duration: Histogram<f64>,
    pub(super) in_flight: UpDownCounter<i64>,
    pub(super) settlements_lost: Counter<u64>,
    pub(super) parked: Counter<u64>,
    pub(super) publishes: Counter<u64>,
    pub(super) reconnects: Counter<u64>,
    pub(super) consumer_up: Gauge<u64>,
    pub(super) verdicts: Counter<u64>,
    pub(super) pods: Counter<u64>,
    pub(super) unusable_annotations: Counter<u64>,
    pub(super) cache_entries: Counter<u64>,
    pub(super) calls: Counter<u64>,
    pub(super) call_duration: Histogram<f64>,
    pub(super) peers_down: UpDownCounter<i64>,
    pub(super) spans: Counter<u64>,
    pub(super) build_info: Gauge<u64>,
}

// === impl Instruments ===

impl Instruments {
    pub(super) fn new(meter: &Meter) -> Self {
        let counter = |name, text| meter.u64_counter(name).with_description(text).build();
        let level = |name, text| meter.i64_up_down_counter(name).with_description(text).build();
        let gauge = |name, text| meter.u64_gauge(name).with_description(text).build();
        let instruments = Self {
            deliveries: counter("sd.worker.deliveries", "Deliveries settled."),
            delivery_duration: seconds(
                meter,
                "sd.worker.delivery.duration",
                "From arrival to settlement.",
            ),
            in_flight: level("sd.worker.deliveries.in_flight", "Deliveries in work."),
            settlements_lost: counter("sd.worker.settlements.lost", "Settlements the broker never got."),
            parked: counter("sd.worker.parked", "Messages put into the parking queue."),
            publishes: counter("sd.worker.publishes", "Publishes by how they ended."),
            reconnects: counter("sd.worker.reconnects", "Connections made again after a loss."),
            consumer_up: gauge("sd.worker.consumer.up", "Whether the queue is being consumed."),
            verdicts: counter("sd.worker.verdicts", "What looks at pods concluded."),
            pods: counter("sd.worker.pods", "What was done to pods."),
            unusable_annotations: counter(
                "sd.worker.annotations.unusable",
                "Annotations of jobs with a value that cannot be used, by pods made.",
            ),
            cache_entries: counter("sd.worker.cache.removed", "What clears removed from disk caches."),
            calls: counter("sd.worker.calls", "Calls to peers by how they ended."),
            call_duration: seconds(meter, "sd.worker.call.duration", "Duration of calls to peers."),
            peers_down: level("sd.worker.peers.down", "Peers that are down at present."),
            spans: counter(
                "sd.worker.spans",
                "Spans by what became of them; none without a collector.",
            ),
            build_info: gauge("sd.worker.build.info", "Always 1; what runs is in the labels."),
        };
        instruments.begin_at_zero();
        instruments
    }

    /// A series that first appears at 1 shows no increase, and an alert on it never fires.
    fn begin_at_zero(&self) {
        for queue in Queue::ALL {
            self.settlements_lost.add(0, &[queue.pair()]);
            self.in_flight.add(0, &[queue.pair()]);
        }
        for connection in Connection::ALL {
            self.reconnects.add(0, &[connection.pair()]);
        }
        for result in PublishResult::ALL {
            self.publishes.add(0, &[result.pair()]);
        }
        for action in PodAction::ALL {
            self.pods.add(0, &[action.pair()]);
        }
        for entry in CacheEntry::ALL {
            self.cache_entries.add(0, &[entry.pair()]);
        }
        for result in SpanResult::ALL {
            self.spans.add(0, &[result.pair()]);
        }
        for peer in Peer::ALL {
            self.peers_down.add(0, &[peer.pair()]);
        }
    }
}

fn seconds(meter: &Meter, name: &'static str, text: &'static str) -> Histogram<f64> {
    meter
        .f64_histogram(name)
        .with_description(text)
        .with_unit("s")
        .with_boundaries(SECONDS.to_vec())
        .build()
}
