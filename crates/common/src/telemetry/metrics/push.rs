//! Metrics on their way to a collector: OTLP over HTTP with protobuf, from a thread of its own.

use std::time::Duration;

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

/// A reader that pushes to the collector that the settings name, with `every` between two pushes.
pub(in crate::telemetry) fn reader(
    to: &ExportSettings,
    every: Duration,
) -> Result<PeriodicReader<Told<MetricExporter>>, TelemetryError> {
    let exporter = addressed(MetricExporter::builder().with_http(), to)
        .build()
        .map_err(TelemetryError::Exporter)?;
    Ok(PeriodicReader::builder(News::of("metrics").tell(exporter))
        .with_interval(every)
        .build())
}
