//! Spans on their way to a collector: OTLP over HTTP with protobuf, in batches, from a thread of its own.

mod backlog;
pub(super) mod news;

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    registry::LookupSpan,
};

use self::backlog::Backlog;
use super::{TelemetryError, metrics::Metrics, phases::PhaseTracer};
use crate::settings::{ExportSettings, ResourceSettings, Sampler as Kept};

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

/// A provider that exports to the collector that the settings name.
pub(super) fn provider(
    to: &ExportSettings,
    sampler: Sampler,
    resource: Resource,
    metrics: &Metrics,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = addressed(SpanExporter::builder().with_http(), to)
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
        .with_sampler(sampler)
        .with_resource(resource)
        .build())
}

/// An exporter of any signal, told where to. It uses the library's blocking client: an asynchronous one finds no
/// reactor on the exporter's thread.
pub(super) fn addressed<B: WithExportConfig + WithHttpConfig>(builder: B, to: &ExportSettings) -> B {
    let header = |(name, value): &(String, SecretString)| (name.clone(), value.expose_secret().to_owned());
    builder
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(to.endpoint.0.as_str())
        .with_headers(to.headers.iter().map(header).collect())
        .with_timeout(to.timeout)
}

/// As the standard's samplers of these names do.
pub(super) fn sampler(kept: Kept, ratio: f64) -> Sampler {
    let by_parent = |new| Sampler::ParentBased(Box::new(new));
    match kept {
        Kept::ParentOrAll => by_parent(Sampler::AlwaysOn),
        Kept::ParentOrNone => by_parent(Sampler::AlwaysOff),
        Kept::ParentOrShare => by_parent(Sampler::TraceIdRatioBased(ratio)),
        Kept::All => Sampler::AlwaysOn,
        Kept::None => Sampler::AlwaysOff,
        Kept::Share => Sampler::TraceIdRatioBased(ratio),
    }
}

/// What this process says about itself: the operators' word before ours, and for the name the one that is made for it.
/// Replicas push the same series, so each has an id of its own: without it a store would take them for one.
pub(super) fn resource(
    settings: &ResourceSettings,
    service: &'static str,
    version: &'static str,
) -> Resource {
    let said = settings.attributes.iter().cloned();
    let mut builder = Resource::builder()
        .with_attribute(KeyValue::new("service.name", service))
        .with_attribute(KeyValue::new("service.version", version))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            uuid::Builder::from_random_bytes(rand::random())
                .into_uuid()
                .to_string(),
        ))
        .with_attributes(said.map(|(name, value)| KeyValue::new(name, value)));
    if let Some(name) = &settings.service_name {
        builder = builder.with_service_name(name.clone());
    }
    builder.build()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sampler_is_the_one_of_its_name() {
        let table = [
            (Kept::ParentOrAll, "ParentBased(AlwaysOn)"),
            (Kept::ParentOrNone, "ParentBased(AlwaysOff)"),
            (Kept::ParentOrShare, "ParentBased(TraceIdRatioBased(0.5))"),
            (Kept::All, "AlwaysOn"),
            (Kept::None, "AlwaysOff"),
            (Kept::Share, "TraceIdRatioBased(0.5)"),
        ];
        for (kept, expected) in table {
            assert_eq!(format!("{:?}", sampler(kept, 0.5)), expected);
        }
    }
}
