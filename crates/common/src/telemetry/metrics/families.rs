//! Every family of metrics: its name, kind, labels and meaning, as one table.
//!
//! Instruments are made from these rows and `docs/METRICS.md` is written from them, so that neither can know a
//! metric that the other does not. In Prometheus dots become underscores, counters end in `_total` and times in
//! `_seconds`.

use std::{collections::BTreeSet, fmt::Write as _};

use super::labels::{
    AnswerClass, CacheEntry, Held, Label, NewSession, Peer, PodAction, PublishResult, Queue, SpanResult, Verb,
};
use crate::{
    job::{ANNOTATIONS, Job},
    outcome::{Outcome, ParkReason},
    verdict::{self, Labels},
};

/// From an answer out of a cache to a delivery that waited for a peer, in seconds.
const WORK: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// From a check on a quiet broker to one that waited for it, in seconds.
const LATENESS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0,
];
/// From a pod on a node that has its image to one that waited for a node and its image, in seconds.
const BUILD: &[f64] = &[
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
];

/// One family of metrics.
#[derive(Debug)]
pub struct Family {
    /// Its name in OpenTelemetry.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it counts or tells.
    pub text: &'static str,
    /// Its labels.
    pub labels: &'static [LabelSet],
}

/// What kind of number a family has.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down with what is counted.
    Level,
    /// Is set.
    Gauge,
    /// A distribution of seconds over buckets with these upper bounds.
    Seconds(&'static [f64]),
}

/// A label and what it may be: a closed set, always.
#[derive(Debug)]
pub struct LabelSet {
    /// The label's key.
    pub key: &'static str,
    /// Its values.
    pub values: Values,
}

/// Where the values of a label come from.
#[derive(Debug)]
pub enum Values {
    /// These and no others.
    These(fn() -> Vec<&'static str>),
    /// One for each process; the text says which.
    Own(&'static str),
}

const fn closed<L: Label>() -> LabelSet {
    these(L::KEY, values::<L>)
}

const fn own(key: &'static str, which: &'static str) -> LabelSet {
    LabelSet {
        key,
        values: Values::Own(which),
    }
}

const fn these(key: &'static str, values: fn() -> Vec<&'static str>) -> LabelSet {
    LabelSet {
        key,
        values: Values::These(values),
    }
}

/// One label of all verdicts, each value once.
fn each(label: impl Fn(&Labels) -> &'static str) -> Vec<&'static str> {
    let verdicts = verdict::labels().into_iter().chain(verdict::labels_of_starts());
    let all: BTreeSet<&str> = verdicts.map(|labels| label(&labels)).collect();
    all.into_iter().collect()
}

fn values<L: Label>() -> Vec<&'static str> {
    L::ALL.iter().map(|label| label.value()).collect()
}

const JOB: LabelSet = these("job", || Job::KINDS.into_iter().chain(["unknown"]).collect());
const OUTCOME: LabelSet = these("outcome", || Outcome::NAMES.to_vec());
const PARKED_REASON: LabelSet = these("reason", || ParkReason::NAMES.to_vec());
const VERDICT: LabelSet = these("verdict", || each(|labels| labels.verdict));
const REASON: LabelSet = these("reason", || each(|labels| labels.reason));
const ACTOR: LabelSet = these("actor", || each(|labels| labels.actor));
const ANNOTATION: LabelSet = these("annotation", || ANNOTATIONS.to_vec());
const SERVICE: LabelSet = own("service", "the worker");
const VERSION: LabelSet = own("version", "its version");

/// The constants, and the list of them all.
macro_rules! families {
    ($($constant:ident = $kind:expr, $name:literal [$($label:expr),*] $text:literal;)+) => {
        $(pub(super) const $constant: Family = Family {
            name: $name,
            kind: $kind,
            text: $text,
            labels: &[$($label),*],
        };)+

        /// Every family, in the order of the documentation.
        pub const ALL: &[&Family] = &[$(&$constant),+];
    };
}

families! {
    DELIVERIES = Kind::Counter, "sd.worker.deliveries" [closed::<Queue>(), JOB, OUTCOME]
        "Deliveries settled.";
    DELIVERY_DURATION = Kind::Seconds(WORK), "sd.worker.delivery.duration" [closed::<Queue>(), JOB]
        "From arrival to settlement.";
    IN_FLIGHT = Kind::Level, "sd.worker.deliveries.in_flight" [closed::<Queue>()]
        "Deliveries in work.";
    LAG = Kind::Seconds(LATENESS), "sd.worker.delivery.lag" [closed::<Queue>()]
        "From the moment at which a delayed message was due until it was settled: how late checks and retries are.";
    SETTLEMENTS_LOST = Kind::Counter, "sd.worker.settlements.lost" [closed::<Queue>()]
        "Settlements the broker never got: the messages come again.";
    PARKED = Kind::Counter, "sd.worker.parked" [PARKED_REASON]
        "Messages put into the parking queue.";
    PUBLISHES = Kind::Counter, "sd.worker.publishes" [closed::<PublishResult>()]
        "Publishes by how they ended.";
    RECONNECTS = Kind::Counter, "sd.worker.reconnects" [closed::<NewSession>()]
        "New sessions with the broker that are built because one was lost, or because none could be had at the last try.";
    CONSUMER_UP = Kind::Gauge, "sd.worker.consumer.up" [closed::<Queue>()]
        "Whether the queue is being consumed by this process.";
    QUEUE_DEPTH = Kind::Gauge, "sd.worker.queue.depth" [closed::<Held>()]
        "Messages that wait in the queue, as this process last saw it; nothing while it does not see it. Every replica says the same: take the maximum.";
    QUEUE_AGE = Kind::Gauge, "sd.worker.queue.wait.seconds" [closed::<Held>()]
        "For how long at least the queue has not been empty, since this process last got a message of it; of a queue of the other worker, since it was first seen with no consumer, and nothing while it has one. Nothing while this process does not see it.";
    PUBLISH_TO_POD = Kind::Seconds(BUILD), "sd.worker.start.duration" []
        "From the issue of the build's token, when Screwdriver queued it, to its pod.";
    POD_TO_RUNNING = Kind::Seconds(BUILD), "sd.worker.pod.startup" []
        "From the pod's creation to the start of its build container.";
    VERDICTS = Kind::Counter, "sd.worker.verdicts" [VERDICT, REASON, ACTOR]
        "What looks at pods concluded, a pod that runs once, and starts that failed without a pod; of failures why, and who can mend it. Each worker shows all of its own combinations from its start.";
    PODS = Kind::Counter, "sd.worker.pods" [closed::<PodAction>()]
        "Pods by what was done to them; `adopted` counts each start that finds its pod there: redeliveries and retries too.";
    UNUSABLE_ANNOTATIONS = Kind::Counter, "sd.worker.annotations.unusable" [ANNOTATION]
        "Annotations of jobs with a value that cannot be used, by pods made.";
    CACHE_ENTRIES = Kind::Counter, "sd.worker.cache.removed" [closed::<CacheEntry>()]
        "What clears removed from disk caches.";
    CALLS = Kind::Counter, "sd.worker.calls" [closed::<Peer>(), closed::<Verb>(), closed::<AnswerClass>()]
        "Calls to peers by how they ended; the answer that a build is finished counts as 2xx, whatever its status.";
    CALL_DURATION = Kind::Seconds(WORK), "sd.worker.call.duration" [closed::<Peer>(), closed::<Verb>()]
        "Duration of calls to peers.";
    PEERS_DOWN = Kind::Level, "sd.worker.peers.down" [closed::<Peer>()]
        "Peers that are down at present: calls to them wait.";
    SPANS = Kind::Counter, "sd.worker.spans" [closed::<SpanResult>()]
        "Spans by what became of them; none without a collector.";
    BUILD_INFO = Kind::Gauge, "sd.worker.build.info" [SERVICE, VERSION]
        "Always 1; what runs is in the labels.";
    PROCESS_CPU = Kind::Counter, "process.cpu.seconds" []
        "Processor time that the process used, in seconds (Linux only, as the four below).";
    PROCESS_MEMORY = Kind::Gauge, "process.resident.memory.bytes" []
        "Memory of the process that is not swapped out.";
    PROCESS_THREADS = Kind::Gauge, "process.threads" []
        "Threads of the process.";
    PROCESS_FILES = Kind::Gauge, "process.open.fds" []
        "Files and sockets that the process holds open.";
    PROCESS_FILES_LIMIT = Kind::Gauge, "process.max.fds" []
        "How many it may hold open.";
}

// === impl Family ===

impl Family {
    /// Its name on `/metrics`.
    pub fn prometheus_name(&self) -> String {
        let name = self.name.replace('.', "_");
        match self.kind {
            Kind::Counter => format!("{name}_total"),
            Kind::Level | Kind::Gauge => name,
            Kind::Seconds(_) => format!("{name}_seconds"),
        }
    }

    /// Its kind in Prometheus.
    pub fn prometheus_kind(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Level | Kind::Gauge => "gauge",
            Kind::Seconds(_) => "histogram",
        }
    }
}

/// `docs/METRICS.md`.
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    for family in ALL {
        let labels: Vec<String> = family.labels.iter().map(label).collect();
        let row = [
            format!("`{}`", family.prometheus_name()),
            family.prometheus_kind().to_owned(),
            labels.join("<br>"),
            family.text.to_owned(),
        ];
        // Writing to a string does not fail.
        let _written = writeln!(text, "| {} |", row.join(" | "));
    }
    text.push_str(
        "\n## Buckets\n\nUpper bounds of the histograms, in seconds.\n\n| metric | bounds |\n|---|---|\n",
    );
    for family in ALL {
        if let Kind::Seconds(bounds) = family.kind {
            let bounds: Vec<String> = bounds.iter().map(ToString::to_string).collect();
            let _written = writeln!(text, "| `{}` | {} |", family.prometheus_name(), bounds.join(", "));
        }
    }
    text
}

fn label(set: &LabelSet) -> String {
    match set.values {
        Values::These(values) => {
            let values: Vec<String> = values().iter().map(|value| format!("`{value}`")).collect();
            format!("`{}`: {}", set.key, values.join(" "))
        }
        Values::Own(which) => format!("`{}`: {which}", set.key),
    }
}

const HEAD: &str = "\
<!-- Written by `make docs` from the table of families; edit crates/common/src/telemetry/metrics/families.rs. -->
# Metrics

Both workers serve these on `GET /metrics` in the Prometheus text format, and push the same to a collector as OTLP
when one is set (`OTEL_EXPORTER_OTLP_ENDPOINT`; every 60 s, or `OTEL_METRIC_EXPORT_INTERVAL` milliseconds;
`OTEL_METRICS_EXPORTER=none` leaves only `/metrics`). There the names have dots and no `_total`.

Labels are closed sets: enums of the code, never an id, a name of a pod or a text from outside. The exposition format
of the library has no exemplars: from a metric to its traces the way leads through the log lines, which carry both.
Alerts and a dashboard that use these metrics are in the chart; what an alert means is in [RUNBOOK.md](RUNBOOK.md).

| metric | kind | labels | meaning |
|---|---|---|---|
";
