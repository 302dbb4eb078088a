//! W3C trace context: read from a message, written to the next.
//!
//! Reading and writing are pure. What is malformed or oversized is ignored, never an error: a message
//! must not fail for its trace. Without export there are no spans of ours, and then what came in goes out
//! unchanged ([`TraceContext::current_or`]), so that a producer's trace is not cut here.

use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use serde::{Deserialize as _, Deserializer, Serialize, Serializer, ser::SerializeMap as _};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt as _, SetParentError};

/// Header, and key in a message's body.
pub const TRACEPARENT: &str = "traceparent";
/// Header, and key in a message's body.
pub const TRACESTATE: &str = "tracestate";

/// The standard's least that everyone must carry; longer ones are dropped.
const LONGEST_TRACESTATE: usize = 512;
/// The standard's most.
const MOST_MEMBERS: usize = 32;

/// A place in a trace that a span can have as its parent or link to. Always valid: there is no way to
/// make an invalid one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    tracestate: Option<Box<str>>,
}

/// Makes the span continue the trace: `parent` becomes its parent.
///
/// Must come before anything asks which span this is: a child, a log line inside of it, a publish.
pub fn set_parent(span: &Span, parent: &TraceContext) {
    let context = Context::new().with_remote_span_context(parent.to_span_context());
    match span.set_parent(context) {
        Ok(()) | Err(SetParentError::LayerNotFound | SetParentError::SpanDisabled) => {}
        Err(error @ SetParentError::AlreadyStarted) => {
            tracing::debug!(%error, "a span lost its parent");
        }
    }
}

/// Makes the span point at another that it follows from, without being part of its trace.
pub fn add_link(span: &Span, linked: &TraceContext) {
    span.add_link(linked.to_span_context());
}

/// Writes the current span's context to the headers of an HTTP request; nothing when there is none.
pub fn inject_headers(headers: &mut HeaderMap) {
    let Some(context) = TraceContext::current() else {
        return;
    };
    if let Ok(traceparent) = HeaderValue::try_from(context.traceparent()) {
        headers.insert(TRACEPARENT, traceparent);
    }
    if let Some(Ok(tracestate)) = context.tracestate().map(HeaderValue::from_str) {
        headers.insert(TRACESTATE, tracestate);
    }
}

/// For `#[serde(default, deserialize_with = "...")]` on an optional field of a body: whatever is not a
/// valid context becomes `None`.
///
/// # Errors
/// Only those of the input itself, such as broken JSON.
pub fn lenient<'de, D: Deserializer<'de>>(input: D) -> Result<Option<TraceContext>, D::Error> {
    let value = serde_json::Value::deserialize(input)?;
    let text = |key| value.get(key).and_then(serde_json::Value::as_str);
    Ok(text(TRACEPARENT).and_then(|traceparent| TraceContext::parse(traceparent, text(TRACESTATE))))
}

// === impl TraceContext ===

impl TraceContext {
    /// Reads the two headers. `None` if `traceparent` is malformed; a malformed or oversized `tracestate`
    /// is dropped alone.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut fields = traceparent.trim().split('-');
        let version = hex(fields.next()?, 2)?;
        let trace_id = hex(fields.next()?, 32)?;
        let span_id = u64::try_from(hex(fields.next()?, 16)?).ok()?;
        let flags = u8::try_from(hex(fields.next()?, 2)?).ok()?;
        // Later versions may say more than we know; the first may not.
        let known = match version {
            0 => fields.next().is_none(),
            0xff => false,
            _ => true,
        };
        let tracestate = tracestate
            .map(str::trim)
            .filter(|state| is_tracestate(state))
            .map(Box::from);
        // What the other bits of a later version mean is not known.
        let flags = if version == 0 { flags } else { flags & 1 };
        (known && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            flags,
            tracestate,
        })
    }

    /// The context of the current span; `None` when there is none, or none is exported.
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// The context of a span; `None` when it is disabled, or none is exported.
    pub fn of(span: &Span) -> Option<Self> {
        Self::from_span_context(span.context().span().span_context())
    }

    /// What to publish while handling a delivery: the current span, else what came in with it.
    pub fn current_or(incoming: Option<&Self>) -> Option<Self> {
        Self::current().or_else(|| incoming.cloned())
    }

    /// The trace's id, as log lines and collectors show it.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The value of the `traceparent` header, and of `TRACEPARENT` in a pod.
    pub fn traceparent(&self) -> String {
        format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }

    /// The value of the `tracestate` header, never empty.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    fn from_span_context(context: &SpanContext) -> Option<Self> {
        let tracestate = context.trace_state().header();
        context.is_valid().then(|| Self {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            flags: (context.trace_flags() & TraceFlags::SAMPLED).to_u8(),
            tracestate: is_tracestate(&tracestate).then(|| tracestate.into_boxed_str()),
        })
    }

    fn to_span_context(&self) -> SpanContext {
        SpanContext::new(
            TraceId::from_bytes(self.trace_id.to_be_bytes()),
            SpanId::from_bytes(self.span_id.to_be_bytes()),
            TraceFlags::new(self.flags) & TraceFlags::SAMPLED,
            true,
            self.tracestate()
                .and_then(|state| state.parse::<TraceState>().ok())
                .unwrap_or_default(),
        )
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let mut map = output.serialize_map(None)?;
        map.serialize_entry(TRACEPARENT, &self.traceparent())?;
        if let Some(tracestate) = self.tracestate() {
            map.serialize_entry(TRACESTATE, tracestate)?;
        }
        map.end()
    }
}

/// Exactly `digits` lower-case hexadecimal digits.
fn hex(field: &str, digits: usize) -> Option<u128> {
    let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let valid = field.len() == digits && field.as_bytes().iter().all(lower);
    valid.then(|| u128::from_str_radix(field, 16).ok()).flatten()
}

/// `key=value` members in printable ASCII, not too many and not too long.
fn is_tracestate(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_TRACESTATE
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.split(',').count() <= MOST_MEMBERS
        && text.split(',').all(|member| {
            member
                .trim()
                .split_once('=')
                .is_some_and(|(key, _)| !key.is_empty())
        })
}

#[cfg(test)]
mod tests;
