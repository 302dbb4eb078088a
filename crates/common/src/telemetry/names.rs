//! Every name that a span or one of its fields can have; docs, dashboards and tests use the same.
//!
//! Names from the OpenTelemetry conventions are as there (messaging, HTTP, Kubernetes); the others are
//! words of our vocabulary. Rooms do not spell them: they call [`spans`](super::spans).

// --- messaging ---
/// Always `rabbitmq`.
pub const MESSAGING_SYSTEM: &str = "messaging.system";
/// The queue a delivery came from, or the exchange and routing key of a publish.
pub const MESSAGING_DESTINATION: &str = "messaging.destination.name";
/// `process` or `send`.
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
/// `process` or `publish`.
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
/// The `message_id` property.
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";
/// The broker's number of a delivery on its channel.
pub const DELIVERY_TAG: &str = "messaging.rabbitmq.message.delivery_tag";

// --- HTTP ---
/// `GET`, `PUT`, ...
pub const HTTP_METHOD: &str = "http.request.method";
/// The status that was answered.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// The path with placeholders, never with values.
pub const URL_TEMPLATE: &str = "url.template";
/// Host of the peer.
pub const SERVER_ADDRESS: &str = "server.address";

// --- Kubernetes ---
/// The pod's name.
pub const POD_NAME: &str = "k8s.pod.name";
/// The pod's UID.
pub const POD_UID: &str = "k8s.pod.uid";
/// The pod's namespace.
pub const NAMESPACE: &str = "k8s.namespace.name";
/// The node that took the pod.
pub const NODE_NAME: &str = "k8s.node.name";

// --- ours ---
/// The build's id.
pub const BUILD_ID: &str = "build.id";
/// `start`, `stop`, `clear`, `verify` or `probe`.
pub const JOB_KIND: &str = "job.kind";
/// Which try this is, from 0.
pub const ATTEMPT: &str = "attempt";
/// What came of the delivery.
pub const OUTCOME: &str = "outcome";
/// The name of the executor.
pub const EXECUTOR: &str = "executor";
/// What a build was told when it was failed: bounded, and free of secrets.
pub const FAILURE: &str = "failure";
/// A stable word for what went wrong, never its text.
pub const ERROR_TYPE: &str = "error.type";

// --- phases of a pod ---
/// From the pod's creation until a node took it.
pub const PHASE_SCHEDULED: &str = "scheduled";
/// From the node's acceptance until all images are there.
pub const PHASE_PULLED: &str = "pulled";
/// From then until the build container runs.
pub const PHASE_STARTED: &str = "started";

// --- read by the exporter, hidden from log lines ---
/// The span's name where it is not the same for all.
pub(super) const OTEL_NAME: &str = "otel.name";
/// `consumer`, `producer`, `client`.
pub(super) const OTEL_KIND: &str = "otel.kind";
/// `error` or unset.
pub(super) const OTEL_STATUS: &str = "otel.status_code";
/// What all of them begin with.
pub(super) const OTEL_PREFIX: &str = "otel.";

// --- added to log lines ---
/// The trace that a line belongs to.
pub(super) const TRACE_ID: &str = "trace_id";
/// The span that a line belongs to.
pub(super) const SPAN_ID: &str = "span_id";
