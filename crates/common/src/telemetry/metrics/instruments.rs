//! The instruments, each made from its row of [`families`].

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};

use super::{
    families::{self, Family, Kind},
    labels::{CacheEntry, Label, NewSession, Peer, PodAction, PublishResult, Queue, SpanResult},
};
use crate::outcome::ParkReason;

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) deliveries: Counter<u64>,
    pub(super) delivery_duration: Histogram<f64>,
    pub(super) in_flight: UpDownCounter<i64>,
    pub(super) lag: Histogram<f64>,
    pub(super) settlements_lost: Counter<u64>,
    pub(super) parked: Counter<u64>,
    pub(super) publishes: Counter<u64>,
    pub(super) reconnects: Counter<u64>,
    pub(super) consumer_up: Gauge<u64>,
    pub(super) publish_to_pod: Histogram<f64>,
    pub(super) pod_to_running: Histogram<f64>,
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
        let counter = |family: Family| {
            let builder = meter.u64_counter(family.name);
            builder.with_description(family.text).build()
        };
        let level = |family: Family| {
            let builder = meter.i64_up_down_counter(family.name);
            builder.with_description(family.text).build()
        };
        let gauge = |family: Family| {
            let builder = meter.u64_gauge(family.name);
            builder.with_description(family.text).build()
        };
        let instruments = Self {
            deliveries: counter(families::DELIVERIES),
            delivery_duration: seconds(meter, &families::DELIVERY_DURATION),
            in_flight: level(families::IN_FLIGHT),
            lag: seconds(meter, &families::LAG),
            settlements_lost: counter(families::SETTLEMENTS_LOST),
            parked: counter(families::PARKED),
            publishes: counter(families::PUBLISHES),
            reconnects: counter(families::RECONNECTS),
            consumer_up: gauge(families::CONSUMER_UP),
            publish_to_pod: seconds(meter, &families::PUBLISH_TO_POD),
            pod_to_running: seconds(meter, &families::POD_TO_RUNNING),
            verdicts: counter(families::VERDICTS),
            pods: counter(families::PODS),
            unusable_annotations: counter(families::UNUSABLE_ANNOTATIONS),
            cache_entries: counter(families::CACHE_ENTRIES),
            calls: counter(families::CALLS),
            call_duration: seconds(meter, &families::CALL_DURATION),
            peers_down: level(families::PEERS_DOWN),
            spans: counter(families::SPANS),
            build_info: gauge(families::BUILD_INFO),
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
        for after in NewSession::ALL {
            self.reconnects.add(0, &[after.pair()]);
        }
        for reason in ParkReason::NAMES {
            self.parked.add(0, &[KeyValue::new("reason", reason)]);
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

fn seconds(meter: &Meter, family: &Family) -> Histogram<f64> {
    let bounds = match family.kind {
        Kind::Seconds(bounds) => bounds.to_vec(),
        Kind::Counter | Kind::Level | Kind::Gauge => Vec::new(),
    };
    meter
        .f64_histogram(family.name)
        .with_description(family.text)
        .with_unit("s")
        .with_boundaries(bounds)
        .build()
}
