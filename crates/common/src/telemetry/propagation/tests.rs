use opentelemetry::trace::SpanId as Id;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use tracing::info_span;

use super::*;
use crate::telemetry::testing::Captured;

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn context(traceparent: &str) -> TraceContext {
    TraceContext::parse(traceparent, None).unwrap()
}

#[test]
fn traceparents() {
    let valid = [
        ("sampled", SAMPLED, SAMPLED),
        (
            "not sampled",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        ),
        (
            "blanks around",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
            SAMPLED,
        ),
        (
            "a later version",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-more-to-say",
            SAMPLED,
        ),
    ];
    for (case, input, output) in valid {
        let parsed = TraceContext::parse(input, None).map(|context| context.traceparent());
        assert_eq!(parsed.as_deref(), Some(output), "{case}");
    }
    let invalid = [
        ("empty", ""),
        ("words", "no-trace-at-all"),
        ("cut", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
        (
            "no trace",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ),
        (
            "no span",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ),
        (
            "upper case",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ),
        (
            "short trace",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ),
        (
            "a sign",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        (
            "the forbidden version",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        (
            "more than version 0 has",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00",
        ),
        (
            "beyond ASCII",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
        ),
    ];
    for (case, input) in invalid {
        assert_eq!(TraceContext::parse(input, None), None, "{case}");
    }
}

#[test]
fn tracestates() {
    let many = vec!["a=b"; 33].join(",");
    let long = format!("a={}", "b".repeat(511));
    let table = [
        ("one member", "congo=t61rcWkgMzE", true),
        ("two members", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true),
        ("empty", "", false),
        ("no value", "congo", false),
        ("no key", "=x", false),
        ("a line break", "congo=a\nb", false),
        ("beyond ASCII", "congo=é", false),
        ("too many", &many, false),
        ("too long", &long, false),
    ];
    for (case, input, kept) in table {
        let context = TraceContext::parse(SAMPLED, Some(input)).unwrap();
        assert_eq!(context.tracestate(), kept.then_some(input), "{case}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(traceparent in ".{0,80}", tracestate in ".{0,600}") {
        let _ = TraceContext::parse(&traceparent, Some(&tracestate));
    }

    #[test]
    fn what_is_written_is_read_again(trace in 1_u128.., span in 1_u64.., flags in any::<u8>()) {
        let written = format!("00-{trace:032x}-{span:016x}-{flags:02x}");
        prop_assert_eq!(context(&written).traceparent(), written);
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Body {
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    context: Option<TraceContext>,
}

#[test]
fn a_body_carries_it() {
    let body = json!({"context": {"traceparent": SAMPLED, "tracestate": "congo=x"}});
    let read: Body = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), body);
}

#[test]
fn a_body_never_fails_for_it() {
    let bodies = [
        json!({}),
        json!({"context": null}),
        json!({"context": 7}),
        json!({"context": "00-x"}),
        json!({"context": {"traceparent": "00-x"}}),
        json!({"context": {"traceparent": [SAMPLED]}}),
        json!({"context": {"tracestate": "congo=x"}}),
    ];
    for body in bodies {
        let read: Body = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(read.context, None, "{body}");
    }
    let odd_state = json!({"context": {"traceparent": SAMPLED, "tracestate": 7}});
    let read: Body = serde_json::from_value(odd_state).unwrap();
    assert_eq!(read.context, Some(context(SAMPLED)));
}

#[test]
fn a_parent_from_outside() {
    let captured = Captured::begin();
    let span = info_span!("delivery");
    set_parent(&span, &TraceContext::parse(SAMPLED, Some("congo=x")).unwrap());
    let told = TraceContext::of(&span).unwrap();
    drop(span);

    let exported = captured.span("delivery");
    assert_eq!(exported.span_context.trace_id().to_string(), TRACE);
    assert_eq!(exported.parent_span_id.to_string(), PARENT);
    assert!(exported.parent_span_is_remote);
    assert_eq!(told.tracestate(), Some("congo=x"));
    assert_eq!(
        told.traceparent(),
        format!("00-{TRACE}-{}-01", exported.span_context.span_id())
    );
}

#[test]
fn a_parent_can_be_set_until_someone_asks_for_the_span() {
    let captured = Captured::begin();
    let decoded = info_span!("decoded");
    decoded.in_scope(|| ());
    set_parent(&decoded, &context(SAMPLED));
    drop(decoded);
    assert_eq!(captured.span("decoded").parent_span_id.to_string(), PARENT);

    let logged = info_span!("logged");
    logged.in_scope(|| tracing::info!("a line names its span"));
    set_parent(&logged, &context(SAMPLED));
    drop(logged);
    assert_eq!(captured.span("logged").parent_span_id, Id::INVALID);
}

#[test]
fn a_link_leaves_the_trace_alone() {
    let captured = Captured::begin();
    let span = info_span!("check");
    add_link(&span, &context(SAMPLED));
    drop(span);

    let exported = captured.span("check");
    assert_eq!(exported.parent_span_id, Id::INVALID);
    assert_ne!(exported.span_context.trace_id().to_string(), TRACE);
    let links: Vec<_> = exported
        .links
        .iter()
        .map(|link| link.span_context.span_id().to_string())
        .collect();
    assert_eq!(links, [PARENT]);
}

#[test]
fn headers_carry_the_current_span() {
    let captured = Captured::begin();
    let mut headers = HeaderMap::new();
    inject_headers(&mut headers);
    assert!(headers.is_empty(), "outside of any span");

    let span = info_span!("call");
    set_parent(&span, &TraceContext::parse(SAMPLED, Some("congo=x")).unwrap());
    span.in_scope(|| inject_headers(&mut headers));
    drop(span);
    let id = captured.span("call").span_context.span_id();
    assert_eq!(headers[TRACEPARENT], format!("00-{TRACE}-{id}-01"));
    assert_eq!(headers[TRACESTATE], "congo=x");
}

#[test]
fn without_a_collector_what_came_in_goes_out() {
    let _captured = Captured::logs_only();
    let incoming = TraceContext::parse(SAMPLED, Some("congo=x")).unwrap();
    let span = info_span!("delivery");
    set_parent(&span, &incoming);
    add_link(&span, &incoming);
    span.in_scope(|| {
        assert_eq!(TraceContext::current(), None);
        assert_eq!(TraceContext::current_or(Some(&incoming)), Some(incoming.clone()));
        assert_eq!(TraceContext::current_or(None), None);
    });
}

#[test]
fn with_a_collector_our_span_goes_out() {
    let _captured = Captured::begin();
    let incoming = context(SAMPLED);
    let span = info_span!("delivery");
    set_parent(&span, &incoming);
    span.in_scope(|| {
        let outgoing = TraceContext::current_or(Some(&incoming)).unwrap();
        assert!(outgoing.traceparent().contains(TRACE));
        assert_ne!(outgoing, incoming);
    });
}
