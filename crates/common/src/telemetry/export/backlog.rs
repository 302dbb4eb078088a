//! The bound of spans that wait for the collector, and the count of those that it never got.
//!
//! The library drops what its queue cannot take and tells only the log, once. Here the same limit is kept one
//! step earlier, spans in the exporter's hands included, so the library's own queue is never full.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};

use super::news::News;
use crate::telemetry::metrics::{Metrics, labels::SpanResult};

/// How many spans wait. Clones share the number.
#[derive(Debug, Clone)]
pub(super) struct Backlog {
    waiting: Arc<AtomicUsize>,
    limit: usize,
    metrics: Metrics,
}

/// A processor that is given no more spans than may wait.
#[derive(Debug)]
pub(super) struct Bounded<P> {
    processor: P,
    backlog: Backlog,
}

/// An exporter whose spans no longer wait, however the export ended.
#[derive(Debug)]
pub(super) struct Counted<E> {
    exporter: E,
    backlog: Backlog,
    news: News,
}

// === impl Backlog ===

impl Backlog {
    pub(super) fn new(limit: usize, metrics: Metrics) -> Self {
        Self {
            waiting: Arc::default(),
            limit,
            metrics,
        }
    }

    pub(super) fn bound<P>(&self, processor: P) -> Bounded<P> {
        Bounded {
            processor,
            backlog: self.clone(),
        }
    }

    pub(super) fn count<E>(&self, exporter: E) -> Counted<E> {
        Counted {
            exporter,
            backlog: self.clone(),
            news: News::of("spans"),
        }
    }

    /// Room for one more; without it the span is counted as dropped.
    fn admit(&self) -> bool {
        let one_more = |waiting| (waiting < self.limit).then_some(waiting + 1);
        let admitted = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok();
        if !admitted {
            self.metrics.spans(SpanResult::Dropped, 1);
        }
        admitted
    }

    fn leave(&self, spans: usize, result: SpanResult) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        self.metrics.spans(result, spans);
    }
}

// === impl Bounded ===

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // What is not sampled is not exported, and so never waits.
        if span.span_context.is_sampled() && self.backlog.admit() {
            self.processor.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}

// === impl Counted ===

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        let result = match &exported {
            Ok(()) => SpanResult::Exported,
            Err(_) => SpanResult::Failed,
        };
        self.backlog.leave(spans, result);
        self.news.hear(&exported);
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
