//! Metrics on their way to a collector: OTLP over HTTP with protobuf, from a thread of its own.

use std::time::Duration;

use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig as _};
use opentelemetry_sdk::metrics::PeriodicReader;
use url::Url;

use crate::telemetry::TelemetryError;

/// Longest that one push may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A reader that pushes to the collector at `endpoint` (its base: `/v1/metrics` is added here), every minute or as
/// `OTEL_METRIC_EXPORT_INTERVAL` says.
pub(in crate::telemetry) fn reader(endpoint: &Url) -> Result<PeriodicReader<MetricExporter>, TelemetryError> {
    // Headers come from the standard variables, which the library reads by itself.
    // The blocking client: an asynchronous one finds no reactor on the reader's thread.
    let exporter = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/metrics", endpoint.as_str().trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(TelemetryError::Exporter)?;
    Ok(PeriodicReader::builder(exporter).build())
}
