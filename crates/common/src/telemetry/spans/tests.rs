use opentelemetry::trace::{SpanKind, Status};

use super::*;
use crate::telemetry::testing::Captured;

#[test]
fn a_delivery_is_told_from_end_to_end() {
    let captured = Captured::begin();
    let span = process_span("builds", 42);
    record_message_id(&span, "m-1");
    record_job(&span, "start", 1234, 2);
    record_executor(&span, "k8s");
    record_way(&span, "build", "builds-key", "builds");
    let host = "broker.example".into();
    record_broker(&span, &Address { host, port: 5672 });
    record_outcome(&span, "done");
    record_failure(&span, "Build failed to start.");
    drop(span);

    let name = "process builds";
    assert_eq!(captured.span(name).span_kind, SpanKind::Consumer);
    assert_eq!(captured.span(name).status, Status::Unset);
    let expected = [
        (MESSAGING_SYSTEM, "rabbitmq"),
        (MESSAGING_OPERATION_TYPE, "process"),
        (MESSAGING_OPERATION_NAME, "process"),
        (MESSAGING_DESTINATION, "build:builds-key:builds"),
        (MESSAGING_MESSAGE_ID, "m-1"),
        (ROUTING_KEY, "builds-key"),
        (DELIVERY_TAG, "42"),
        (SERVER_ADDRESS, "broker.example"),
        (SERVER_PORT, "5672"),
        (BUILD_ID, "1234"),
        (JOB_KIND, "start"),
        (ATTEMPT, "2"),
        (EXECUTOR, "k8s"),
        (OUTCOME, "done"),
        (FAILURE, "Build failed to start."),
    ];
    for (key, value) in expected {
        assert_eq!(captured.attribute(name, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(
        captured.span(name).attributes.len(),
        expected.len(),
        "{:?}",
        captured.span(name).attributes
    );
}

#[test]
fn the_way_of_a_delivery_says_once_what_is_twice_there() {
    for (exchange, key, way) in [
        ("build", "builds", "build:builds"),
        ("build", "builds.#", "build:builds.#:builds"),
        ("", "builds", "builds"),
        ("", "", "builds"),
    ] {
        let captured = Captured::begin();
        let span = process_span("builds", 1);
        record_way(&span, exchange, key, "builds");
        drop(span);
        let told = captured.attribute("process builds", MESSAGING_DESTINATION);
        assert_eq!(told.as_deref(), Some(way));
    }
}

#[test]
fn what_a_delivery_does_is_below_it() {
    let captured = Captured::begin();
    let delivery = process_span("builds", 1);
    delivery.in_scope(|| {
        drop(publish_span("build", "builds.checks.v1.delay.15000"));
        drop(cluster_span(Verb::CreatePod, "sd", "1234-abcde"));
        drop(builds_api_span("PUT", "/v4/builds/{id}"));
    });
    drop(delivery);

    let parent = captured.span("process builds").span_context;
    let children = [
        ("publish builds.checks.v1.delay.15000", SpanKind::Producer),
        ("create pod", SpanKind::Client),
        ("PUT /v4/builds/{id}", SpanKind::Client),
    ];
    for (name, kind) in children {
        let child = captured.span(name);
        assert_eq!(child.span_kind, kind, "{name}");
        assert_eq!(child.parent_span_id, parent.span_id(), "{name}");
        assert_eq!(child.span_context.trace_id(), parent.trace_id(), "{name}");
    }
    let destination = captured.attribute("publish builds.checks.v1.delay.15000", MESSAGING_DESTINATION);
    assert_eq!(destination.as_deref(), Some("build:builds.checks.v1.delay.15000"));
    assert_eq!(
        captured.attribute("create pod", POD_NAME).as_deref(),
        Some("1234-abcde")
    );
}

#[test]
fn a_call_tells_what_it_asks_and_no_secret() {
    let captured = Captured::begin();
    let api: Url = "http://user:s3cret@api.example/sd/v4/builds/1?key=s3cret"
        .parse()
        .unwrap();
    let cluster: Url = "https://10.0.0.1:6443/api/v1/namespaces/sd/pods/1-a"
        .parse()
        .unwrap();
    record_request(&builds_api_span("PUT", "/v4/builds/{id}"), "PUT", || Some(api));
    record_request(&cluster_span(Verb::GetPod, "sd", "1-a"), "GET", || {
        Some(cluster.clone())
    });
    for (name, expected) in [
        (
            "PUT /v4/builds/{id}",
            [
                (HTTP_METHOD, "PUT"),
                (
                    URL_FULL,
                    "http://REDACTED:REDACTED@api.example/sd/v4/builds/1?key=REDACTED",
                ),
                (SERVER_ADDRESS, "api.example"),
                (SERVER_PORT, "80"),
            ],
        ),
        (
            "get pod",
            [
                (HTTP_METHOD, "GET"),
                (URL_FULL, cluster.as_str()),
                (SERVER_ADDRESS, "10.0.0.1"),
                (SERVER_PORT, "6443"),
            ],
        ),
    ] {
        for (key, value) in expected {
            assert_eq!(
                captured.attribute(name, key).as_deref(),
                Some(value),
                "{name} {key}"
            );
        }
    }
}

#[test]
fn of_a_span_that_nobody_wants_no_address_is_made() {
    record_request(&Span::none(), "GET", || panic!("nobody wants it"));
}

#[test]
fn a_delivery_is_not_part_of_what_surrounds_it() {
    let captured = Captured::begin();
    info_span!("supervisor").in_scope(|| drop(process_span("builds", 1)));
    let supervisor = captured.span("supervisor").span_context.trace_id();
    assert_ne!(
        captured.span("process builds").span_context.trace_id(),
        supervisor
    );
}

#[test]
fn only_an_error_makes_a_span_fail() {
    let captured = Captured::begin();
    record_status(&cluster_span(Verb::GetPod, "sd", "1234-abcde"), 404);
    record_error(&cluster_span(Verb::ListPods, "sd", ""), "timeout");

    assert_eq!(captured.span("get pod").status, Status::Unset);
    assert_eq!(captured.attribute("get pod", HTTP_STATUS).as_deref(), Some("404"));
    assert!(matches!(captured.span("list pods").status, Status::Error { .. }));
    assert_eq!(
        captured.attribute("list pods", ERROR_TYPE).as_deref(),
        Some("timeout")
    );
    assert_eq!(
        captured.attribute("list pods", POD_NAME),
        None,
        "not about a single pod"
    );
}
