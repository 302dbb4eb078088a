//! Log lines: one flat object each, the fields of all surrounding spans included, or the same for people.
//!
//! The library's own JSON nests spans and repeats fields, which makes "all lines of build 1234" a question
//! about structure. Here the innermost value of a field wins and stands at the top.

use std::{
    error::Error,
    fmt::{self, Write as _},
    sync::{Arc, OnceLock},
};

use opentelemetry::trace::TraceContextExt as _;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{
    Dispatch, Event, Subscriber,
    dispatcher::WeakDispatch,
    field::{Field, Visit},
    span::Record,
};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::{LookupSpan, Scope, SpanRef},
};

use super::names::{OTEL_PREFIX, SPAN_ID, TRACE_ID};
use crate::settings::LogFormat;

/// The member that holds an event's text.
const MESSAGE: &str = "message";

/// How an event becomes a line.
pub(super) struct LogLines {
    format: LogFormat,
    link: TraceLink,
}

/// How a span's fields are kept until a line needs them: as a JSON object.
pub(super) struct Fields;

/// The subscriber that knows which trace a span belongs to. A formatter is made before its subscriber and
/// may not ask for the current one while that is at work, so it is told afterwards.
#[derive(Clone, Default)]
pub(super) struct TraceLink(Arc<OnceLock<WeakDispatch>>);

#[derive(Serialize)]
struct Line<'event> {
    timestamp: String,
    level: &'static str,
    target: &'event str,
    message: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Collects fields as JSON values, without those that only the exporter reads.
struct Collect<'fields>(&'fields mut Map<String, Value>);

// === impl LogLines ===

impl LogLines {
    pub(super) fn new(format: LogFormat) -> Self {
        Self {
            format,
            link: TraceLink::default(),
        }
    }

    pub(super) fn link(&self) -> TraceLink {
        self.link.clone()
    }

    fn line<'event, S, N>(&self, context: &FmtContext<'_, S, N>, event: &'event Event<'_>) -> Line<'event>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
        N: for<'writer> FormatFields<'writer> + 'static,
    {
        let metadata = event.metadata();
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            fields.extend(span_fields::<S, N>(&span));
        }
        // The exporter's own events may come while it holds the span that they would ask about.
        if let Some(span) = context
            .lookup_current()
            .filter(|_| !metadata.target().starts_with("opentelemetry"))
        {
            self.link.add_ids(&span, &mut fields);
        }
        event.record(&mut Collect(&mut fields));
        let message = match fields.remove(MESSAGE) {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        Line {
            timestamp: now(),
            level: metadata.level().as_str(),
            target: metadata.target(),
            message,
            fields,
        }
    }
}

impl<S, N> FormatEvent<S, N> for LogLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = self.line(context, event);
        match self.format {
            LogFormat::Json => {
                writeln!(
                    writer,
                    "{}",
                    serde_json::to_string(&line).map_err(|_| fmt::Error)?
                )
            }
            LogFormat::Text => line.write_for_people(&mut writer),
        }
    }
}

// === impl Fields ===

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut map = Map::new();
        fields.record(&mut Collect(&mut map));
        write!(writer, "{}", Value::Object(map))
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut map = object(&current.fields);
        fields.record(&mut Collect(&mut map));
        current.fields = Value::Object(map).to_string();
        Ok(())
    }
}

fn span_fields<S, N>(span: &SpanRef<'_, S>) -> Map<String, Value>
where
    S: for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    span.extensions()
        .get::<FormattedFields<N>>()
        .map(|kept| object(&kept.fields))
        .unwrap_or_default()
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

// === impl TraceLink ===

impl TraceLink {
    /// From now on, lines say which trace they belong to.
    pub(super) fn connect(&self, dispatch: &Dispatch) {
        // Made and connected in one place, so it is never set twice.
        let _ = self.0.set(dispatch.downgrade());
    }

    fn add_ids<S>(&self, span: &SpanRef<'_, S>, fields: &mut Map<String, Value>)
    where
        S: for<'lookup> LookupSpan<'lookup>,
    {
        let Some(dispatch) = self.0.get().and_then(WeakDispatch::upgrade) else {
            return;
        };
        let Some(context) = get_otel_context(&span.id(), &dispatch) else {
            return;
        };
        let span = context.span();
        let context = span.span_context();
        if context.is_valid() {
            fields.insert(TRACE_ID.to_owned(), context.trace_id().to_string().into());
            fields.insert(SPAN_ID.to_owned(), context.span_id().to_string().into());
        }
    }
}

// === impl Line ===

impl Line<'_> {
    fn write_for_people(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{} {:>5} {}", self.timestamp, self.level, self.message)?;
        for (key, value) in &self.fields {
            write!(writer, " {key}={value}")?;
        }
        writeln!(writer)
    }
}

fn now() -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

// === impl Collect ===

impl Collect<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        if !field.name().starts_with(OTEL_PREFIX) {
            self.0.insert(field.name().to_owned(), value.into());
        }
    }
}

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    /// The whole chain: the cause is rarely in the outermost error.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        self.put(field, text);
    }
}

#[cfg(test)]
mod tests;
