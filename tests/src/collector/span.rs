//! A span as assertions want it: ids in hexadecimal, attributes as JSON values. Read from OTLP messages.

use std::{collections::BTreeMap, fmt::Write};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{Span as Wire, span::SpanKind, status::StatusCode},
};
use serde_json::Value;

/// What a span says about its place between services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are OpenTelemetry's own")]
pub enum Kind {
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// How the work of a span ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing was said.
    #[default]
    Unset,
    /// Expressly well.
    Ok,
    /// Failed, with the description given.
    Error(String),
}

/// A reference to another span.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The other span's trace, 32 hexadecimal digits.
    pub trace_id: String,
    /// The other span, 16 hexadecimal digits.
    pub span_id: String,
}

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
}

/// A finished span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace, 32 hexadecimal digits.
    pub trace_id: String,
    /// The span, 16 hexadecimal digits.
    pub span_id: String,
    /// The parent span; none for a root.
    pub parent: Option<String>,
    /// Other spans that it refers to.
    pub links: Vec<Link>,
    /// `service.name` of the exporting process.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Begin, in nanoseconds since 1970.
    pub start: u64,
    /// End, in nanoseconds since 1970.
    pub end: u64,
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
    /// Its status.
    pub status: Status,
    /// Its events, in order.
    pub events: Vec<Event>,
}

// === impl Span ===

impl Span {
    /// An attribute as text: a string as it is, anything else in its JSON spelling.
    pub fn attribute(&self, key: &str) -> Option<String> {
        self.attributes.get(key).map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), ToOwned::to_owned)
        })
    }

    fn read(service: &str, wire: Wire) -> Self {
        let link = |link: opentelemetry_proto::tonic::trace::v1::span::Link| Link {
            trace_id: hexadecimal(&link.trace_id),
            span_id: hexadecimal(&link.span_id),
        };
        let event = |event: opentelemetry_proto::tonic::trace::v1::span::Event| Event {
            name: event.name,
            at: event.time_unix_nano,
            attributes: attributes(event.attributes),
        };
        Self {
            trace_id: hexadecimal(&wire.trace_id),
            span_id: hexadecimal(&wire.span_id),
            parent: Some(hexadecimal(&wire.parent_span_id)).filter(|parent| !parent.is_empty()),
            kind: kind(wire.kind()),
            links: wire.links.into_iter().map(link).collect(),
            service: service.to_owned(),
            name: wire.name,
            start: wire.start_time_unix_nano,
            end: wire.end_time_unix_nano,
            attributes: attributes(wire.attributes),
            status: wire.status.map(status).unwrap_or_default(),
            events: wire.events.into_iter().map(event).collect(),
        }
    }
}

/// The name of the exporting process.
pub(super) fn service_of(resource: Option<Resource>) -> String {
    let resource = attributes(resource.map(|resource| resource.attributes).unwrap_or_default());
    let service = resource.get("service.name").and_then(Value::as_str);
    service.unwrap_or("unknown").to_owned()
}

/// All spans of an export.
pub(crate) fn read(export: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in export.resource_spans {
        let service = service_of(of_resource.resource);
        let of_scopes = of_resource
            .scope_spans
            .into_iter()
            .flat_map(|of_scope| of_scope.spans);
        spans.extend(of_scopes.map(|wire| Span::read(&service, wire)));
    }
    spans
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn kind(wire: SpanKind) -> Kind {
    match wire {
        SpanKind::Unspecified => Kind::Unspecified,
        SpanKind::Internal => Kind::Internal,
        SpanKind::Server => Kind::Server,
        SpanKind::Client => Kind::Client,
        SpanKind::Producer => Kind::Producer,
        SpanKind::Consumer => Kind::Consumer,
    }
}

fn status(wire: opentelemetry_proto::tonic::trace::v1::Status) -> Status {
    match wire.code() {
        StatusCode::Unset => Status::Unset,
        StatusCode::Ok => Status::Ok,
        StatusCode::Error => Status::Error(wire.message),
    }
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, Value> {
    pairs
        .into_iter()
        .map(|pair| (pair.key, value(pair.value)))
        .collect()
}

fn value(wire: Option<AnyValue>) -> Value {
    match wire.and_then(|value| value.value) {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => text.into(),
        Some(any_value::Value::BoolValue(truth)) => truth.into(),
        Some(any_value::Value::IntValue(number)) => number.into(),
        Some(any_value::Value::DoubleValue(number)) => number.into(),
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.into_iter().map(|item| value(Some(item))).collect()
        }
        Some(any_value::Value::KvlistValue(list)) => attributes(list.values).into_iter().collect(),
        Some(any_value::Value::BytesValue(bytes)) => hexadecimal(&bytes).into(),
        // An index into a table of strings that only profiles have.
        Some(other) => format!("{other:?}").into(),
    }
}
