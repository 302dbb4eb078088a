//! The spans that the workers make, and what is learned about them later.
//!
//! Every field is declared here, empty where its value comes later: a field that was not declared cannot
//! be recorded. A span that neither the log nor the exporter wants costs one comparison.

mod address;

use std::sync::Arc;

use tracing::{Span, field::Empty, info_span};
use url::Url;

use super::{
    metrics::labels::Verb,
    names::{
        ATTEMPT, BUILD_ID, DELIVERY_TAG, ERROR_TYPE, EXECUTOR, FAILURE, HTTP_METHOD, HTTP_STATUS, JOB_KIND,
        MESSAGING_DESTINATION, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE,
        MESSAGING_SYSTEM, NAMESPACE, OTEL_KIND, OTEL_NAME, OTEL_STATUS, OUTCOME, POD_NAME, POD_UID,
        ROUTING_KEY, SERVER_ADDRESS, SERVER_PORT, TRACE_ID, URL_FULL, URL_TEMPLATE,
    },
    propagation::TraceContext,
};

/// Where a broker is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Address {
    /// Its host.
    pub host: Arc<str>,
    /// Its port.
    pub port: u16,
}

/// The value of [`MESSAGING_SYSTEM`].
const RABBITMQ: &str = "rabbitmq";
/// The value of [`OTEL_STATUS`] for a span that failed.
const ERROR: &str = "error";

/// `process <queue>`: one delivery from its arrival to its settlement. Always a root in this process; its
/// parent or link comes from the delivery.
pub fn process_span(queue: &str, delivery_tag: u64) -> Span {
    info_span!(
        parent: None,
        "process",
        { MESSAGING_SYSTEM } = RABBITMQ,
        { MESSAGING_OPERATION_TYPE } = "process",
        { MESSAGING_OPERATION_NAME } = "process",
        { MESSAGING_DESTINATION } = Empty,
        { MESSAGING_MESSAGE_ID } = Empty,
        { ROUTING_KEY } = Empty,
        { DELIVERY_TAG } = delivery_tag,
        { SERVER_ADDRESS } = Empty,
        { SERVER_PORT } = Empty,
        { BUILD_ID } = Empty,
        { JOB_KIND } = Empty,
        { ATTEMPT } = Empty,
        { EXECUTOR } = Empty,
        { OUTCOME } = Empty,
        { FAILURE } = Empty,
        { ERROR_TYPE } = Empty,
        { TRACE_ID } = Empty,
        { OTEL_NAME } = %format_args!("process {queue}"),
        { OTEL_KIND } = "consumer",
        { OTEL_STATUS } = Empty,
    )
}

/// `publish <routing key>`: one message from us to the broker, its confirm included.
pub fn publish_span(exchange: &str, routing_key: &str) -> Span {
    info_span!(
        "publish",
        { MESSAGING_SYSTEM } = RABBITMQ,
        { MESSAGING_OPERATION_TYPE } = "send",
        { MESSAGING_OPERATION_NAME } = "publish",
        { MESSAGING_DESTINATION } = %format_args!("{exchange}:{routing_key}"),
        { MESSAGING_MESSAGE_ID } = Empty,
        { ROUTING_KEY } = routing_key,
        { SERVER_ADDRESS } = Empty,
        { SERVER_PORT } = Empty,
        { ERROR_TYPE } = Empty,
        { OTEL_NAME } = %format_args!("publish {routing_key}"),
        { OTEL_KIND } = "producer",
        { OTEL_STATUS } = Empty,
    )
}

/// `create pod`, `get pod` and the like: one call to the cluster. `pod` is empty where the call is not about a single
/// one. [`record_request`] adds what is asked.
pub fn cluster_span(verb: Verb, namespace: &str, pod: &str) -> Span {
    info_span!(
        "cluster",
        { NAMESPACE } = namespace,
        { POD_NAME } = (!pod.is_empty()).then_some(pod),
        { POD_UID } = Empty,
        { HTTP_METHOD } = Empty,
        { URL_FULL } = Empty,
        { SERVER_ADDRESS } = Empty,
        { SERVER_PORT } = Empty,
        { HTTP_STATUS } = Empty,
        { ERROR_TYPE } = Empty,
        { OTEL_NAME } = verb.as_str(),
        { OTEL_KIND } = "client",
        { OTEL_STATUS } = Empty,
    )
}

/// `PUT /v4/builds/{id}` and the like: one call to the builds API. `template` keeps its placeholders.
/// [`record_request`] adds what is asked.
pub fn builds_api_span(method: &'static str, template: &'static str) -> Span {
    info_span!(
        "builds_api",
        { HTTP_METHOD } = Empty,
        { URL_TEMPLATE } = template,
        { URL_FULL } = Empty,
        { SERVER_ADDRESS } = Empty,
        { SERVER_PORT } = Empty,
        { HTTP_STATUS } = Empty,
        { ERROR_TYPE } = Empty,
        { OTEL_NAME } = %format_args!("{method} {template}"),
        { OTEL_KIND } = "client",
        { OTEL_STATUS } = Empty,
    )
}

/// What a delivery turned out to hold, once it is decoded.
pub fn record_job(span: &Span, job: &'static str, build: u64, attempt: u32) {
    span.record(JOB_KIND, job)
        .record(BUILD_ID, build)
        .record(ATTEMPT, attempt);
}

/// The trace that a delivery came with, for its log lines where no trace of ours has an id: without a collector. Must
/// come after the delivery got its parent.
pub fn record_trace(span: &Span, trace: &TraceContext) {
    if TraceContext::of(span).is_none() {
        span.record(TRACE_ID, trace.trace_id());
    }
}

/// Where the build runs, or shall run.
pub fn record_executor(span: &Span, executor: &str) {
    span.record(EXECUTOR, executor);
}

/// The `message_id` of a delivery or a publish.
pub fn record_message_id(span: &Span, id: &str) {
    span.record(MESSAGING_MESSAGE_ID, id);
}

/// The way of a delivery: the exchange that it was published to, with which routing key, and the queue it came from. The
/// conventions join what there is with colons, and say once what is twice there.
pub fn record_way(span: &Span, exchange: &str, routing_key: &str, queue: &str) {
    if span.is_disabled() {
        return;
    }
    let mut way = vec![exchange, routing_key, queue];
    way.retain(|part| !part.is_empty());
    way.dedup();
    span.record(ROUTING_KEY, routing_key)
        .record(MESSAGING_DESTINATION, way.join(":"));
}

/// The broker that a delivery came from, or that a publish goes to.
pub fn record_broker(span: &Span, broker: &Address) {
    span.record(SERVER_ADDRESS, &*broker.host)
        .record(SERVER_PORT, broker.port);
}

/// The UID of the pod that a call was about.
pub fn record_pod_uid(span: &Span, uid: &str) {
    span.record(POD_UID, uid);
}

/// What came of the delivery. Whether that is an error is for [`record_error`] to say.
pub fn record_outcome(span: &Span, outcome: &'static str) {
    span.record(OUTCOME, outcome);
}

/// What the delivery's build was told when it was failed, for the one log line too. The text must be clean.
pub fn record_failure(span: &Span, text: &str) {
    span.record(FAILURE, text);
}

/// What a call asks, of whom; the address is made only if somebody wants the span.
pub fn record_request(span: &Span, method: &str, url: impl FnOnce() -> Option<Url>) {
    if span.is_disabled() {
        return;
    }
    span.record(HTTP_METHOD, method);
    let Some(url) = url() else { return };
    span.record(URL_FULL, address::redacted(&url).as_str())
        .record(SERVER_ADDRESS, url.host_str())
        .record(SERVER_PORT, url.port_or_known_default());
}

/// The status of an answer. A 404 or 409 is often what was hoped for, so no status is an error by itself.
pub fn record_status(span: &Span, status: u16) {
    span.record(HTTP_STATUS, status);
}

/// Marks the span as failed. `kind` is a stable word (a class, a reason, a status), never an error's text.
pub fn record_error(span: &Span, kind: &str) {
    span.record(ERROR_TYPE, kind).record(OTEL_STATUS, ERROR);
}

#[cfg(test)]
mod tests;
