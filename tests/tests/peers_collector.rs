//! The collector, fed over a real connection with what an exporter sends.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use axum::body::Body;
use http::Request;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    metrics::v1::{Metric, ResourceMetrics, ScopeMetrics},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span as Wire, Status as WireStatus, span},
};
use prost::Message;
use testbed::{
    collector::{Collector, Kind, Status},
    http_client,
};

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn export() -> ExportTraceServiceRequest {
    let span = Wire {
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
        parent_span_id: vec![2; 8],
        name: "process ClusterA".to_owned(),
        kind: span::SpanKind::Consumer.into(),
        start_time_unix_nano: 10,
        end_time_unix_nano: 30,
        attributes: vec![
            pair("build.id", Value::IntValue(8609)),
            pair("outcome", Value::StringValue("done".to_owned())),
        ],
        links: vec![span::Link {
            trace_id: vec![3; 16],
            span_id: vec![4; 8],
            ..span::Link::default()
        }],
        events: vec![span::Event {
            name: "pulled".to_owned(),
            time_unix_nano: 20,
            ..span::Event::default()
        }],
        status: Some(WireStatus {
            message: "no pod".to_owned(),
            code: 2,
        }),
        ..Wire::default()
    };
    let root = Wire {
        trace_id: vec![0xab; 16],
        span_id: vec![5; 8],
        name: "root".to_owned(),
        ..Wire::default()
    };
    let resource = Resource {
        attributes: vec![pair(
            "service.name",
            Value::StringValue("start-worker".to_owned()),
        )],
        ..Resource::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                spans: vec![span, root],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

async fn post(collector: &Collector, path: &str, body: Vec<u8>) -> u16 {
    let request = Request::post(format!("{}{path}", collector.endpoint()))
        .header("content-type", "application/x-protobuf")
        .body(Body::from(body))
        .unwrap();
    http_client::send(request, None).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn spans_are_kept_with_all_that_assertions_need() {
    let collector = Collector::start().unwrap();
    assert_eq!(
        post(&collector, "/v1/traces", export().encode_to_vec()).await,
        200
    );
    assert_eq!(post(&collector, "/v1/logs", Vec::new()).await, 404);
    let found = collector.with_attribute("build.id", "8609");
    let [span] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(span.trace_id, "ab".repeat(16));
    assert_eq!(
        (span.span_id.as_str(), span.parent.as_deref()),
        ("0101010101010101", Some("0202020202020202"))
    );
    assert_eq!(
        (span.service.as_str(), span.name.as_str()),
        ("start-worker", "process ClusterA")
    );
    assert_eq!((span.kind, span.start, span.end), (Kind::Consumer, 10, 30));
    assert_eq!(span.status, Status::Error("no pod".to_owned()));
    assert_eq!(span.links[0].span_id, "0404040404040404");
    assert_eq!((span.events[0].name.as_str(), span.events[0].at), ("pulled", 20));
    let trace = collector.trace(&"ab".repeat(16));
    assert_eq!(
        trace.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(),
        ["root", "process ClusterA"]
    );
    assert_eq!(trace[0].parent, None);
    assert_eq!(collector.waterfall(&"ab".repeat(16)).lines().count(), 2);
}

#[tokio::test]
async fn the_names_of_metrics_are_kept_by_service() {
    let collector = Collector::start().unwrap();
    let metric = |name: &str| Metric {
        name: name.to_owned(),
        ..Metric::default()
    };
    let resource = Resource {
        attributes: vec![pair(
            "service.name",
            Value::StringValue("start-worker".to_owned()),
        )],
        ..Resource::default()
    };
    let export = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric("b"), metric("a")],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    assert_eq!(post(&collector, "/v1/metrics", export.encode_to_vec()).await, 200);
    let names: Vec<String> = collector.metrics_of("start-worker").into_iter().collect();
    assert_eq!(names, ["a", "b"]);
    assert!(collector.metrics_of("verify-worker").is_empty());
}

#[tokio::test]
async fn garbage_is_refused_and_told() {
    let collector = Collector::start().unwrap();
    assert_eq!(post(&collector, "/v1/traces", vec![0xff; 3]).await, 400);
    assert_eq!(post(&collector, "/v1/metrics", vec![0xff; 3]).await, 400);
    assert_eq!(collector.garbage().len(), 2);
    let waited = collector
        .wait_for("a span", Duration::from_millis(50), |_| true)
        .await;
    assert!(waited.unwrap_err().to_string().contains("0 spans"));
}
