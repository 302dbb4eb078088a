//! Spans on their way to a collector: OTLP over HTTP with protobuf, in batches, from a thread of its own.

mod backlog;

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    registry::LookupSpan,
};
use url::Url;

use self::backlog::Backlog;
use super::{TelemetryError, metrics::Metrics, phases::PhaseTracer};

/// Longest that one batch may take; a collector that hangs costs spans, never deliveries.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Spans that wait for the exporter; more are dropped and counted. The channel is allocated in full at the start,
/// so it is half the library's default.
pub(super) const QUEUE: usize = 1024;
/// Spans in one request.
const BATCH: usize = 256;
/// Oldest that a waiting span gets before it is sent, and so what a killed process loses.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Libraries whose own spans and events would drown ours, or feed the exporter with its own doings.
const FOREIGN: [&str; 10] = [
    "axum",
    "h2",
    "hyper",
    "kube",
    "lapin",
    "opentelemetry",
    "reqwest",
    "rustls",
    "tokio",
    "tower",
];

/// A provider that exports to the collector at `endpoint` (its base: `/v1/traces` is added here).
pub(super) fn provider(
    endpoint: &Url,
    sample_ratio: f64,
    service: &'static str,
    version: &'static str,
    metrics: &Metrics,
) -> Result<SdkTracerProvider, TelemetryError> {
    // The blocking client: an asynchronous one finds no reactor on the exporter's thread.
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(traces_url(endpoint))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(BATCH_AGE)
        .build();
    let backlog = Backlog::new(QUEUE, metrics.clone());
    let processor = BatchSpanProcessor::builder(backlog.count(exporter))
        .with_batch_config(batches)
        .build();
    Ok(SdkTracerProvider::builder()
        .with_span_processor(backlog.bound(processor))
        .with_sampler(sampler(sample_ratio))
        .with_resource(resource(service, version))
        .build())
}

/// The traces of others are kept or dropped as they decided; new ones by the ratio.
pub(super) fn sampler(ratio: f64) -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)))
}

/// What all signals of this process have in common, with `OTEL_RESOURCE_ATTRIBUTES` of the operators.
pub(super) fn resource(service: &'static str, version: &'static str) -> Resource {
    Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", version))
        .build()
}

/// The layer that turns our spans into exported ones.
pub(super) fn spans<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    // Code locations, threads and busy times would double each span's size. Without activation a span
    // begins at its first child or at its end, so that its parent can be set until then.
    tracing_opentelemetry::layer()
        .with_tracer(tracer(provider))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_filter(filter_fn(is_wanted).with_max_level_hint(LevelFilter::INFO))
}

/// The layer through which [`phases`](super::phases) find their tracer; it wants no spans of its own.
pub(super) fn phases<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    PhaseTracer::new(tracer(provider)).with_filter(LevelFilter::OFF)
}

fn tracer(provider: &SdkTracerProvider) -> SdkTracer {
    provider.tracer(env!("CARGO_PKG_NAME"))
}

/// Ours, and not chatter.
pub(super) fn is_wanted(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO && !FOREIGN.iter().any(|prefix| metadata.target().starts_with(prefix))
}

fn traces_url(base: &Url) -> String {
    format!("{}/v1/traces", base.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_to_the_base() {
        let table = [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://collector/otlp", "https://collector/otlp/v1/traces"),
        ];
        for (base, expected) in table {
            assert_eq!(traces_url(&base.parse().unwrap()), expected, "{base}");
        }
    }
}
