//! Metrics on their way to a collector: OTLP over HTTP with protobuf, from a thread of its own.

use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::metrics::PeriodicReader;

use crate::{
    settings::ExportSettings,
    telemetry::{
        TelemetryError,
        export::{
            addressed,
            news::{News, Told},
        },
    },
};

/// A reader that pushes to the collector that the settings name, every minute or as `OTEL_METRIC_EXPORT_INTERVAL`
/// says.
pub(in crate::telemetry) fn reader(
    to: &ExportSettings,
) -> Result<PeriodicReader<Told<MetricExporter>>, TelemetryError> {
    let exporter = addressed(MetricExporter::builder().with_http(), to)
        .build()
        .map_err(TelemetryError::Exporter)?;
    Ok(PeriodicReader::builder(News::of("metrics").tell(exporter)).build())
}
