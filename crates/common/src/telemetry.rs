//! Traces, logs and metrics of the process: the only room that knows OpenTelemetry.
//!
//! [`Telemetry`] owns what must be flushed. Spans come from [`spans`] under the names in [`names`], go
//! from process to process as [`propagation::TraceContext`], and are exported only when a collector is
//! set: without one there is no exporter, no thread and no client. Log filter and export filter are apart,
//! so no log level ever removes a span.

mod export;
mod log_line;
pub mod metrics;
pub mod names;
pub mod phases;
pub mod propagation;
mod reference;
pub mod spans;

use std::{io, time::Duration};

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::SdkTracerProvider,
};
use thiserror::Error;
use tracing::{
    Dispatch,
    dispatcher::{SetGlobalDefaultError, set_global_default},
};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{FilterExt as _, LevelFilter, ParseError, filter_fn},
    fmt::{MakeWriter, layer},
    layer::{Filter, SubscriberExt as _},
};

pub use self::reference::reference;
use self::{log_line::LogLines, metrics::Metrics};
use crate::settings::{LogFormat, TelemetrySettings};

/// Longest that the exporter is waited for at the end, whatever the budget.
const LONGEST_FLUSH: Duration = Duration::from_secs(2);

/// What the process tells about itself, from start to end. Made once, before anything else.
#[derive(Debug)]
#[must_use = "traces are lost unless `shutdown` is called"]
pub struct Telemetry {
    /// `None`: nothing is exported.
    traces: Option<SdkTracerProvider>,
    metrics: Metrics,
}

/// Telemetry cannot begin.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The log filter of the settings.
    #[error("the log filter cannot be read")]
    LogFilter(#[source] ParseError),
    /// An exporter.
    #[error("traces and metrics cannot be exported")]
    Exporter(#[source] ExporterBuildError),
    /// The instruments.
    #[error("metrics cannot be registered")]
    Metrics(#[source] OTelSdkError),
    /// Telemetry was made twice.
    #[error("telemetry has already begun")]
    AlreadyBegun(#[source] SetGlobalDefaultError),
}

// === impl Telemetry ===

impl Telemetry {
    /// Logs to standard output from here on, and exports traces if the settings name a collector.
    ///
    /// The TLS provider of the process must be installed before.
    ///
    /// # Errors
    /// [`TelemetryError`]; nothing is set up then.
    pub fn init(
        settings: &TelemetrySettings,
        service: &'static str,
        version: &'static str,
    ) -> Result<Self, TelemetryError> {
        let resource = export::resource(&settings.resource, service, version);
        let metrics = match &settings.metrics {
            Some(to) => {
                let reader = metrics::push::reader(to, settings.metric_interval)?;
                Metrics::with(service, version, |provider| {
                    provider.with_reader(reader).with_resource(resource.clone())
                })?
            }
            None => Metrics::new(service, version)?,
        };
        let traces = match &settings.traces {
            Some(to) => {
                let sampler = export::sampler(settings.sampler, settings.sample_ratio);
                Some(export::provider(to, sampler, resource, &metrics)?)
            }
            None => None,
        };
        let dispatch = dispatch(
            &settings.log_filter,
            settings.log_format,
            io::stdout,
            traces.as_ref(),
        )?;
        set_global_default(dispatch).map_err(TelemetryError::AlreadyBegun)?;
        Ok(Self { traces, metrics })
    }

    /// The instruments, to be cloned into every room that counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Flushes what is not exported yet, off the runtime, within `budget` and never longer than 2 s.
    /// Belongs on every way out of `main`; what could not be exported in time is lost with a warning.
    pub async fn shutdown(self, budget: Duration) {
        let Self { traces, metrics } = self;
        let limit = budget.min(LONGEST_FLUSH);
        let traces = async {
            if let Some(traces) = traces {
                flush("spans", limit, move || traces.shutdown_with_timeout(limit)).await;
            }
        };
        let metrics = flush("metrics", limit, move || metrics.shutdown());
        tokio::join!(traces, metrics);
    }
}

/// Ends an exporter, on a thread that nobody waits for: not each keeps the limit that it is given.
async fn flush(what: &'static str, limit: Duration, end: impl FnOnce() -> OTelSdkResult + Send + 'static) {
    let (ended, flushed) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("flush-{what}"));
    let begun = thread.spawn(move || {
        // Nobody listens any more once the limit is over.
        let _late = ended.send(end());
    });
    let lost = match (begun, tokio::time::timeout(limit, flushed).await) {
        (Err(error), _) => error.to_string(),
        (Ok(_), Ok(Ok(Ok(())))) => return,
        (Ok(_), Ok(Ok(Err(error)))) => error.to_string(),
        (Ok(_), Ok(Err(panicked))) => panicked.to_string(),
        (Ok(_), Err(elapsed)) => elapsed.to_string(),
    };
    tracing::warn!(telemetry = what, error = lost, "the last may be lost");
}

/// The subscriber: log lines, and spans to `traces` if there is one, each behind its own filter.
fn dispatch<W>(
    log_filter: &str,
    log_format: LogFormat,
    writer: W,
    traces: Option<&SdkTracerProvider>,
) -> Result<Dispatch, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = logged(log_filter)?;
    let lines = LogLines::new(log_format);
    let link = lines.link();
    let logs = layer()
        .fmt_fields(log_line::Fields)
        .event_format(lines)
        .with_writer(writer)
        .with_filter(filter)
        .boxed();
    let registry = Registry::default().with(logs);
    let dispatch = match traces {
        None => Dispatch::new(registry),
        Some(traces) => Dispatch::new(registry.with(export::spans(traces)).with(export::phases(traces))),
    };
    if traces.is_some() {
        link.connect(&dispatch);
    }
    Ok(dispatch)
}

/// What reaches the log: events by the settings, and with any of them the spans around.
///
/// Every part says its highest level: without that the cheapest check of all, one comparison for each
/// line that is not wanted, is lost.
fn logged(filter: &str) -> Result<impl Filter<Registry> + use<>, TelemetryError> {
    let filter = EnvFilter::try_new(filter).map_err(TelemetryError::LogFilter)?;
    // Spans give a line its build id, so they outlive a filter that only lets warnings through.
    let context = match filter.max_level_hint() {
        Some(LevelFilter::OFF) => LevelFilter::OFF,
        _ => LevelFilter::INFO,
    };
    let context = filter_fn(move |metadata| {
        metadata.is_span() && *metadata.level() <= context && export::is_wanted(metadata)
    })
    .with_max_level_hint(context);
    let worthwhile = filter_fn(|metadata| {
        // The clients of the peers print whole messages and answers that they cannot use, tokens included, and at the
        // lowest level a password; the exporter's libraries tell each batch that a collector refuses. Whatever
        // fails in them is returned to us, and told once.
        !["opentelemetry", "lapin", "kube"]
            .iter()
            .any(|library| metadata.target().starts_with(library))
    })
    .with_max_level_hint(LevelFilter::TRACE);
    Ok(filter.and(worthwhile).or(context))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
