//! `docs/TELEMETRY.md`, written from the constants in [`names`](super::names) and the list of spans below.

use std::fmt::Write as _;

use super::{
    metrics::labels::{Label as _, Peer, Verb},
    names::{GENERAL, HTTP, KUBERNETES, MESSAGING, Meaning, OURS, STAGES},
};

/// The spans, as name, kind, and what they are about. What stands in braces differs.
const SPANS: &[(&str, &str, &str)] = &[
    (
        "process {queue}",
        "CONSUMER",
        "one delivery from its arrival to its settlement; child of the producer's context, or of the span that armed it",
    ),
    (
        "publish {queue}",
        "PRODUCER",
        "one message from us to the broker, its confirm included",
    ),
    (
        "{method} {path}",
        "CLIENT",
        "one call to the builds API; placeholders stay in the path",
    ),
];

/// `docs/TELEMETRY.md`.
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    text.push_str("\n## Spans\n\n| name | kind | meaning |\n|---|---|---|\n");
    for (name, kind, meaning) in SPANS {
        row(&mut text, &[&format!("`{name}`"), kind, meaning]);
    }
    let of_cluster = Verb::ALL.iter().filter(|verb| verb.peer() == Peer::Cluster);
    let names: Vec<String> = of_cluster.map(|verb| format!("`{}`", verb.as_str())).collect();
    let meaning = "one call to a Kubernetes API server, named by what it does instead of by its path";
    row(&mut text, &[&names.join(" "), "CLIENT", meaning]);
    for (name, meaning) in STAGES {
        row(&mut text, &[&format!("`{name}`"), "INTERNAL", meaning.trim()]);
    }
    text.push_str("\n## Attributes\n\n| attribute | of | meaning |\n|---|---|---|\n");
    let conventions = [
        (MESSAGING, "messaging conventions"),
        (HTTP, "HTTP conventions"),
        (KUBERNETES, "Kubernetes conventions"),
        (GENERAL, "general conventions"),
        (OURS, "ours"),
    ];
    for (attributes, whose) in conventions {
        table(&mut text, attributes, whose);
    }
    text.push_str(TAIL);
    text
}

fn table(text: &mut String, attributes: &[Meaning], whose: &str) {
    for (name, meaning) in attributes {
        row(text, &[&format!("`{name}`"), whose, meaning.trim()]);
    }
}

fn row(text: &mut String, cells: &[&str]) {
    // Writing to a string does not fail.
    let _written = writeln!(text, "| {} |", cells.join(" | "));
}

const HEAD: &str = "\
<!-- Written by `make docs` from crates/common/src/telemetry; edit names.rs and reference.rs there. -->
# Traces

With `OTEL_EXPORTER_OTLP_ENDPOINT` set (or the one for traces alone), both workers export spans as OTLP over HTTP with
protobuf; without it, or with `OTEL_TRACES_EXPORTER=none`, there is no exporter, no thread and no client. A build is one
trace: it begins with the producer's `traceparent` (a header of the message, else a field of its body; none: a new
root), goes through start-worker, waits with the check in the broker, and ends with verify-worker's last word to the
builds API. The pod gets `TRACEPARENT`, so that its steps can go on in the same trace. With
`OTEL_DELAYED_AS_CHILD=false` each check is a trace of its own that links to the span that armed it: for collectors that
decide early what to keep.

What waits for the collector is bounded (1,024 spans); what does not fit is dropped and counted in
`sd_worker_spans_total`. A collector that hangs delays no build (`a_collector_that_hangs_costs_spans_and_no_time`); at
the exit it is waited for 2 s at the most (`a_collector_that_hangs_is_waited_for_two_seconds_at_the_end`), and what it
did not take by then is lost. A collector that refuses is told in the log, once until it takes all again
(`a_collector_that_is_away_is_told_once_for_each_signal`). What one takes only a part of counts as exported
(`what_a_collector_takes_in_part_counts_as_exported`).

Each process has a `service.instance.id` of its own, a random UUID, unless `OTEL_RESOURCE_ATTRIBUTES` names one: replicas
push the same series.
";

const TAIL: &str = "
## A build in Jaeger
Any Jaeger that takes OTLP over HTTP shows a build as one waterfall; `make test-deploy` asks a real one. To look with a
browser, run Jaeger's own image (it was not run here: the browser UI is not part of the Go module that the tests
build), point the workers at it, and search for the tag `build.id`:

```sh
# not run by a test: needs Docker
docker run --detach --rm -p 4318:4318 -p 16686:16686 jaegertracing/jaeger:2.13.0
export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318
export OTEL_METRICS_EXPORTER=none             # Jaeger takes no metrics
```

`make demo` ends with such a waterfall as text (offset, duration, service, span, container, outcome), and with
`TRACES=jaeger` it is a real Jaeger's answer. Here is one, shortened. The stages of a pod have the pod's own times, in
whole seconds, so they stand before the look that told of them. Each pod tells them once: under the first check that
sees its build run, or under what ended its way before (a check that fails or replaces it, a finished build, a stop; a
pod that failed before it ran tells them again under the stop that removes it; one that was stopped before any look saw
it run may tell nothing):

```text
    0.000s     0.181s  start-worker   process ClusterA  [created]
    0.001s     0.160s  start-worker     publish ClusterA.checks.v1.delay.1000
    1.006s     0.027s  verify-worker      process ClusterA.checks.v1  [rearmed]
    1.006s     0.020s  verify-worker        get pod
    1.027s     0.004s  verify-worker        PUT /v4/builds/{id}
    1.031s     0.002s  verify-worker        publish ClusterA.checks.v1.delay.1000
   12.364s     0.006s  verify-worker          process ClusterA.checks.v1  [healthy]
    0.097s     6.000s  verify-worker            scheduled
    6.097s     0.000s  verify-worker            set up
    6.097s     0.000s  verify-worker            prepared launcher-8602
    6.097s     0.000s  verify-worker            ran launcher-8602
    6.097s     0.000s  verify-worker            prepared 8602
   12.364s     0.003s  verify-worker            get pod
   12.368s     0.001s  verify-worker            PUT /v4/builds/{id}
    0.160s     0.008s  start-worker     create pod
    0.168s     0.007s  start-worker     get pod
```
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_document_of_traces_is_what_the_code_does() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/TELEMETRY.md");
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == super::reference(),
            "docs/TELEMETRY.md differs from the constants: `make docs` writes it anew"
        );
    }
}
