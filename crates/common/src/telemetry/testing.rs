//! Telemetry of one test: the real subscriber on this thread only, with what it exports and logs kept.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing::dispatcher::{DefaultGuard, set_default};

use super::{dispatch, export};
use crate::settings::{ExportSettings, LogFormat, ResourceSettings, Sampler as Kind, SecretUrl};

/// Settings as with nothing but this address.
pub(crate) fn export_to(endpoint: &str) -> ExportSettings {
    ExportSettings {
        endpoint: SecretUrl(endpoint.parse().expect("an address")),
        headers: Vec::new(),
        timeout: Duration::from_secs(10),
    }
}

/// What a process says about itself without being told anything.
pub(crate) fn resource() -> Resource {
    export::resource(&ResourceSettings::default(), "test-worker", "1.2.3")
}

/// Ends with the test.
pub(crate) struct Captured {
    spans: Kept<SpanData>,
    log: Kept<u8>,
    _guard: DefaultGuard,
}

#[derive(Debug)]
struct Kept<T>(Arc<Mutex<Vec<T>>>);

// === impl Captured ===

impl Captured {
    /// Exports every span and logs JSON from `info` on.
    pub(crate) fn begin() -> Self {
        Self::with("info", LogFormat::Json, Some(1.0))
    }

    /// As without a collector.
    pub(crate) fn logs_only() -> Self {
        Self::with("info", LogFormat::Json, None)
    }

    pub(crate) fn with(log_filter: &str, format: LogFormat, sample_ratio: Option<f64>) -> Self {
        let spans = Kept::new();
        let log = Kept::new();
        let provider = sample_ratio.map(|ratio| {
            SdkTracerProvider::builder()
                .with_simple_exporter(spans.clone())
                .with_sampler(export::sampler(Kind::ParentOrShare, ratio))
                .with_resource(resource())
                .build()
        });
        let writer = log.clone();
        let dispatch =
            dispatch(log_filter, format, move || writer.clone(), provider.as_ref()).expect("a valid filter");
        Self {
            spans,
            log,
            _guard: set_default(&dispatch),
        }
    }

    /// Every span that has ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.lock().clone()
    }

    /// The only span of that name.
    pub(crate) fn span(&self, name: &str) -> SpanData {
        let mut found: Vec<_> = self
            .spans()
            .into_iter()
            .filter(|span| span.name == name)
            .collect();
        assert_eq!(found.len(), 1, "spans named {name}");
        found.remove(0)
    }

    /// The value of an attribute of the only span of that name, as text.
    pub(crate) fn attribute(&self, name: &str, key: &str) -> Option<String> {
        let span = self.span(name);
        span.attributes
            .iter()
            .find(|pair| pair.key.as_str() == key)
            .map(|pair| pair.value.to_string())
    }

    /// All log lines as JSON.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// The log as it is.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.log.lock().clone()).expect("UTF-8")
    }
}

// === impl Kept ===

impl<T> Kept<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().expect("no panic while locked")
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl SpanExporter for Kept<SpanData> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.lock().extend(batch);
        Ok(())
    }
}

impl io::Write for Kept<u8> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
