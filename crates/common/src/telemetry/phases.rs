//! Spans for what happened elsewhere and earlier: the phases of a pod, with the pod's own times.

use std::time::SystemTime;

use jiff::Timestamp;
use opentelemetry::{
    KeyValue,
    trace::{Span as _, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;

use super::names;
use crate::facts::{Facts, StageKind};

/// Adds the stages of a pod's way to its build under the current span. For the one look that ends the pod's story.
pub fn record_stages(facts: &Facts) {
    let parent = Span::current();
    for stage in facts.stages() {
        let (name, container) = match &stage.kind {
            StageKind::Scheduled => (names::PHASE_SCHEDULED, None),
            StageKind::SetUp => (names::PHASE_SET_UP, None),
            StageKind::Initialised => (names::PHASE_INITIALISED, None),
            StageKind::Started => (names::PHASE_STARTED, None),
            StageKind::Prepared(container) => (names::PHASE_PREPARED, Some(container.as_str())),
            StageKind::Ran(container) => (names::PHASE_RAN, Some(container.as_str())),
            StageKind::Pulled(container) => (names::PHASE_PULLED, Some(container.as_str())),
        };
        let node = facts.node.as_deref().map(|node| (names::NODE_NAME, node));
        let container = container.map(|container| (names::CONTAINER_NAME, container));
        let attributes = [Some((names::POD_NAME, facts.name.as_str())), node, container];
        let attributes: Vec<_> = attributes.into_iter().flatten().collect();
        record_phase(&parent, name, stage.from, stage.to, &attributes);
    }
}

/// Carries the tracer inside the subscriber: `tracing` cannot make a span that began in the past, and a
/// global tracer would tie all tests of a process together.
pub(super) struct PhaseTracer(SdkTracer);

/// Adds a finished span from `start` to `end` under `parent`. Does nothing when spans are not exported.
///
/// `name` is one of the phases in [`names`]; an `end` before `start` counts as `start`.
fn record_phase(
    parent: &Span,
    name: &'static str,
    start: Timestamp,
    end: Timestamp,
    attributes: &[(&'static str, &str)],
) {
    parent.with_subscriber(|(_, dispatch)| {
        let Some(PhaseTracer(tracer)) = dispatch.downcast_ref::<PhaseTracer>() else {
            return;
        };
        let context = parent.context();
        if !context.span().is_recording() {
            return;
        }
        let attributes = attributes
            .iter()
            .map(|&(key, value)| KeyValue::new(key, value.to_owned()));
        let mut phase = tracer
            .span_builder(name)
            .with_start_time(SystemTime::from(start))
            .with_attributes(attributes)
            .start_with_context(tracer, &context);
        phase.end_with_timestamp(SystemTime::from(end.max(start)));
    });
}

// === impl PhaseTracer ===

impl PhaseTracer {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }
}

impl<S: Subscriber> Layer<S> for PhaseTracer {}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt as _;

    use super::*;
    use crate::telemetry::testing::Captured;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_phase_is_a_child_with_the_times_it_was_given() {
        let captured = Captured::begin();
        let parent = tracing::info_span!("look");
        record_phase(
            &parent,
            names::PHASE_PULLED,
            at(100),
            at(130),
            &[(names::POD_NAME, "1234-abcde")],
        );
        let trace = parent.context().span().span_context().clone();
        drop(parent);

        let phase = captured.span("pulled");
        assert_eq!(phase.span_context.trace_id(), trace.trace_id());
        assert_eq!(phase.parent_span_id, trace.span_id());
        assert_eq!(phase.start_time, SystemTime::from(at(100)));
        assert_eq!(phase.end_time, SystemTime::from(at(130)));
        assert_eq!(
            captured.attribute("pulled", names::POD_NAME).as_deref(),
            Some("1234-abcde")
        );
    }

    #[test]
    fn a_phase_never_ends_before_it_starts() {
        let captured = Captured::begin();
        record_phase(
            &tracing::info_span!("look"),
            names::PHASE_STARTED,
            at(100),
            at(90),
            &[],
        );
        assert_eq!(captured.span("started").end_time, SystemTime::from(at(100)));
    }

    #[test]
    fn without_export_or_span_nothing_happens() {
        let captured = Captured::logs_only();
        record_phase(
            &tracing::info_span!("look"),
            names::PHASE_PULLED,
            at(100),
            at(130),
            &[],
        );
        assert!(captured.spans().is_empty());

        let captured = Captured::begin();
        record_phase(&Span::none(), names::PHASE_PULLED, at(100), at(130), &[]);
        assert!(captured.spans().is_empty());
    }
}
