use tracing::{error, info, info_span, warn};

use super::*;
use crate::telemetry::{metrics::labels::Verb, names, propagation::TraceContext, spans, testing::Captured};

#[test]
fn a_line_holds_the_fields_of_all_spans_around_it() {
    let captured = Captured::begin();
    let delivery = spans::process_span("builds", 7);
    spans::record_job(&delivery, "start", 1234, 0);
    delivery.in_scope(|| {
        spans::cluster_span(Verb::CreatePod, "sd", "1234-abcde").in_scope(|| info!(tries = 2, "created"));
    });

    let line = captured.lines().remove(0);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "created");
    assert_eq!(line["target"], "common::telemetry::log_line::tests");
    assert_eq!(line["tries"], 2);
    assert_eq!(line[names::BUILD_ID], 1234);
    assert_eq!(line[names::JOB_KIND], "start");
    assert_eq!(line[names::POD_NAME], "1234-abcde");
    assert!(
        line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')),
        "{line}"
    );
    assert!(!captured.text().contains("otel."), "{line}");
}

#[test]
fn the_innermost_value_wins() {
    let captured = Captured::begin();
    let _outer = info_span!("outer", which = "outer", kept = true).entered();
    let _inner = info_span!("inner", which = "inner").entered();
    info!("span");
    info!(which = "event", "event");
    let lines = captured.lines();
    assert_eq!([&lines[0]["which"], &lines[1]["which"]], ["inner", "event"]);
    assert_eq!([&lines[0]["kept"], &lines[1]["kept"]], [true, true]);
}

#[test]
fn a_line_names_its_trace() {
    let captured = Captured::begin();
    info!("outside");
    info_span!("delivery").in_scope(|| info!("inside"));

    let lines = captured.lines();
    assert_eq!(lines[0].get(TRACE_ID), None);
    let exported = captured.span("delivery").span_context;
    assert_eq!(lines[1][TRACE_ID], exported.trace_id().to_string());
    assert_eq!(lines[1][SPAN_ID], exported.span_id().to_string());
}

#[test]
fn without_a_collector_there_is_no_trace_to_name() {
    let captured = Captured::logs_only();
    info_span!("delivery", build = 7).in_scope(|| info!("inside"));
    let line = captured.lines().remove(0);
    assert_eq!(line["build"], 7);
    assert_eq!(line.get(TRACE_ID), None);
}

#[test]
fn a_delivery_names_the_trace_it_came_with_where_there_is_none_of_ours() {
    let came_with = "0af7651916cd43dd8448eb211c80319c";
    let traceparent = format!("00-{came_with}-b7ad6b7169203331-01");
    let trace = TraceContext::parse(&traceparent, None).unwrap();
    let tell = |captured: &Captured| {
        let delivery = spans::process_span("builds", 7);
        spans::record_trace(&delivery, &trace);
        delivery.in_scope(|| info!("inside"));
        captured.lines().remove(0)
    };
    let line = tell(&Captured::logs_only());
    assert_eq!(line[TRACE_ID], came_with);
    assert_eq!(line.get(SPAN_ID), None);

    let captured = Captured::begin();
    let line = tell(&captured);
    let ours = captured.span("process builds");
    assert_eq!(line[TRACE_ID], ours.span_context.trace_id().to_string());
    assert_eq!(captured.attribute("process builds", TRACE_ID), None);
}

#[test]
fn a_filter_for_warnings_keeps_the_ids_on_them() {
    let captured = Captured::with("warn", LogFormat::Json, None);
    let delivery = spans::process_span("builds", 7);
    spans::record_job(&delivery, "stop", 1234, 0);
    delivery.in_scope(|| {
        info!("filtered");
        warn!("kept");
    });
    let lines = captured.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0][names::BUILD_ID], 1234);
}

#[test]
fn an_error_is_written_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct Outer(#[source] std::num::ParseIntError);

    let captured = Captured::begin();
    let outer = Outer("x".parse::<u8>().unwrap_err());
    error!(error = &outer as &dyn std::error::Error, "failed");
    assert_eq!(
        captured.lines()[0]["error"],
        "no answer: invalid digit found in string"
    );
}

#[test]
fn values_cannot_break_a_line() {
    let captured = Captured::begin();
    info!(reason = "a \"quoted\"\nbreak", debug = ?Some("\n"), "text\nof two lines");
    let lines = captured.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["reason"], "a \"quoted\"\nbreak");
}

#[test]
fn people_read_the_same() {
    let captured = Captured::with("info", LogFormat::Text, None);
    let delivery = spans::process_span("builds", 7);
    spans::record_job(&delivery, "start", 1234, 0);
    delivery.in_scope(|| warn!(reason = "two\nlines", "came back"));
    let text = captured.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in [
        " WARN came back ",
        " build.id=1234",
        " attempt=0",
        r#" reason="two\nlines""#,
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}
