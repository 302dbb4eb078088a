//! Whether a collector takes what it is sent, told when it changes: the library would tell each failure as an error,
//! and without a sentence.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};

/// What is known of a collector.
#[derive(Debug)]
pub(in crate::telemetry) struct News {
    /// What it is sent.
    what: &'static str,
    refuses: AtomicBool,
}

/// An exporter of metrics whose collector is told of.
#[derive(Debug)]
pub(in crate::telemetry) struct Told<E> {
    exporter: E,
    news: News,
}

// === impl News ===

impl News {
    /// A collector of spans or metrics, which is expected to take them.
    pub(in crate::telemetry) fn of(what: &'static str) -> Self {
        Self {
            what,
            refuses: AtomicBool::new(false),
        }
    }

    pub(in crate::telemetry) fn tell<E>(self, exporter: E) -> Told<E> {
        Told { exporter, news: self }
    }

    /// An export ended so.
    pub(super) fn hear(&self, exported: &OTelSdkResult) {
        let what = self.what;
        match exported {
            Err(error) if !self.refuses.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    telemetry = what,
                    error = error.to_string(),
                    "the collector refuses"
                );
            }
            Ok(()) if self.refuses.swap(false, Ordering::Relaxed) => {
                tracing::info!(telemetry = what, "the collector takes all again");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

// === impl Told ===

impl<E: PushMetricExporter> PushMetricExporter for Told<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let exported = self.exporter.export(metrics).await;
        self.news.hear(&exported);
        exported
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;
    use serde_json::json;

    use super::*;
    use crate::{settings::LogFormat, telemetry::testing::Captured};

    #[test]
    fn a_collector_is_told_of_when_its_answer_changes() {
        let captured = Captured::with("info", LogFormat::Json, None);
        let news = News::of("spans");
        let refused = || Err(OTelSdkError::InternalFailure("404".to_owned()));
        for exported in [Ok(()), refused(), refused(), Ok(()), Ok(()), refused()] {
            news.hear(&exported);
        }
        let lines = captured.lines();
        let told: Vec<_> = lines
            .iter()
            .map(|line| (&line["level"], &line["message"]))
            .collect();
        let (away, back) = (
            json!("the collector refuses"),
            json!("the collector takes all again"),
        );
        let (warn, info) = (json!("WARN"), json!("INFO"));
        assert_eq!(told, [(&warn, &away), (&info, &back), (&warn, &away)]);
        assert_eq!(lines[0]["telemetry"], "spans");
        assert!(
            lines[0]["error"].as_str().unwrap().contains("404"),
            "{}",
            lines[0]
        );
    }
}
