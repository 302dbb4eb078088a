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

/// How a span's fields are kept until a line needs them: as the members of a JSON object, without its braces.
/// What is recorded later is appended; only a line that is written reads them, and most spans never see one.
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

/// Writes fields as members of a JSON object, without those that only the exporter reads.
struct Members<'text, W> {
    text: &'text mut W,
    empty: bool,
    written: fmt::Result,
}

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
        let mut members = String::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(kept) = span.extensions().get::<FormattedFields<N>>() {
                append(&mut members, &kept.fields);
            }
        }
        // The exporter's own events may come while it holds the span that they would ask about.
        if let Some(span) = context
            .lookup_current()
            .filter(|_| !metadata.target().starts_with("opentelemetry"))
        {
            self.link.add_ids(&span, &mut members);
        }
        event.record(&mut Members::after(&mut members));
        let mut fields = object(&members);
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
                writeln!(writer, "{}", json(&line)?)
            }
            LogFormat::Text => line.write_for_people(&mut writer),
        }
    }
}

// === impl Fields ===

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut members = Members {
            text: &mut writer,
            empty: true,
            written: Ok(()),
        };
        fields.record(&mut members);
        members.written
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut members = Members::after(&mut current.fields);
        fields.record(&mut members);
        members.written
    }
}

/// Where a name comes twice, the later value counts.
fn object(members: &str) -> Map<String, Value> {
    serde_json::from_str(&format!("{{{members}}}")).unwrap_or_default()
}

fn append(members: &mut String, more: &str) {
    if !members.is_empty() && !more.is_empty() {
        members.push(',');
    }
    members.push_str(more);
}

// === impl TraceLink ===

impl TraceLink {
    /// From now on, lines say which trace they belong to.
    pub(super) fn connect(&self, dispatch: &Dispatch) {
        // Made and connected in one place, so it is never set twice.
        let _ = self.0.set(dispatch.downgrade());
    }

    fn add_ids<S>(&self, span: &SpanRef<'_, S>, members: &mut String)
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
            let mut ids = Members::after(members);
            ids.put(TRACE_ID, &context.trace_id().to_string());
            ids.put(SPAN_ID, &context.span_id().to_string());
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

// === impl Members ===

impl<'text> Members<'text, String> {
    fn after(text: &'text mut String) -> Self {
        Self {
            empty: text.is_empty(),
            text,
            written: Ok(()),
        }
    }
}

impl<W: fmt::Write> Members<'_, W> {
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        if self.written.is_ok() {
            self.written = self.write(name, value);
        }
    }

    fn write(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> fmt::Result {
        let comma = if self.empty { "" } else { "," };
        self.empty = false;
        // A field's name is an identifier or words with dots: nothing in it needs an escape.
        write!(self.text, "{comma}\"{name}\":{}", json(value)?)
    }

    fn put_field(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if is_logged(field) {
            self.put(field.name(), value);
        }
    }
}

impl<W: fmt::Write> Visit for Members<'_, W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if is_logged(field) {
            self.put(field.name(), &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_field(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_field(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_field(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put_field(field, &value);
    }

    /// The whole chain: the cause is rarely in the outermost error.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        self.put_field(field, &text);
    }
}

fn is_logged(field: &Field) -> bool {
    !field.name().starts_with(OTEL_PREFIX)
}

fn json(value: &(impl Serialize + ?Sized)) -> Result<String, fmt::Error> {
    serde_json::to_string(value).map_err(|_| fmt::Error)
}

#[cfg(test)]
mod tests;
