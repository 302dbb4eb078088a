//! Every name that a span or one of its fields can have; docs, dashboards and tests use the same.
//!
//! Names from the OpenTelemetry conventions are as there (messaging, HTTP, Kubernetes); the others are words of our
//! vocabulary. Rooms do not spell them: they call [`spans`](super::spans). `docs/TELEMETRY.md` is written from here.

/// A name and what stands under it.
pub(super) type Meaning = (&'static str, &'static str);

/// Constants, and a table of them with their meanings.
macro_rules! names {
    ($(#[$about:meta])* $table:ident: $($(#[doc = $text:literal])+ $name:ident = $value:literal;)+) => {
        $($(#[doc = $text])+ pub const $name: &str = $value;)+

        $(#[$about])*
        pub(super) const $table: &[Meaning] = &[$(($value, concat!($($text),+))),+];
    };
}

names! {
    /// The attributes of messaging.
    MESSAGING:
    /// Always `rabbitmq`.
    MESSAGING_SYSTEM = "messaging.system";
    /// Exchange and routing key of a publish; of a delivery the queue after them, once if it is called like the key.
    MESSAGING_DESTINATION = "messaging.destination.name";
    /// `process` or `send`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type";
    /// `process` or `publish`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name";
    /// The `message_id` property.
    MESSAGING_MESSAGE_ID = "messaging.message.id";
    /// The routing key that a message was published with.
    ROUTING_KEY = "messaging.rabbitmq.destination.routing_key";
    /// The broker's number of a delivery on its channel.
    DELIVERY_TAG = "messaging.rabbitmq.message.delivery_tag";
}

names! {
    /// The attributes of HTTP.
    HTTP:
    /// `GET`, `PUT`, ...
    HTTP_METHOD = "http.request.method";
    /// The status that was answered.
    HTTP_STATUS = "http.response.status_code";
    /// The address that was asked; a user, a password and the values of a query are `REDACTED`.
    URL_FULL = "url.full";
    /// The path with placeholders, never with values: of the builds API.
    URL_TEMPLATE = "url.template";
    /// Host of the peer; of messages the broker's.
    SERVER_ADDRESS = "server.address";
    /// Its port.
    SERVER_PORT = "server.port";
}

names! {
    /// The attributes of Kubernetes.
    KUBERNETES:
    /// The pod's name.
    POD_NAME = "k8s.pod.name";
    /// The pod's UID.
    POD_UID = "k8s.pod.uid";
    /// The pod's namespace.
    NAMESPACE = "k8s.namespace.name";
    /// The node that took the pod.
    NODE_NAME = "k8s.node.name";
    /// The container's name.
    CONTAINER_NAME = "k8s.container.name";
}

names! {
    /// The attributes of ours.
    OURS:
    /// The build's id.
    BUILD_ID = "build.id";
    /// `start`, `stop`, `clear`, `check` or `probe`.
    JOB_KIND = "job.kind";
    /// Which try this is, from 0.
    ATTEMPT = "attempt";
    /// What came of the delivery.
    OUTCOME = "outcome";
    /// The name of the executor.
    EXECUTOR = "executor";
    /// What a build was told when it was failed: bounded, and free of secrets.
    FAILURE = "failure";
}

names! {
    /// The attributes of all that can fail.
    GENERAL:
    /// A stable word for what went wrong, never its text.
    ERROR_TYPE = "error.type";
}

names! {
    /// The spans of a pod's stages.
    STAGES:
    /// From the pod's creation until it was bound to a node.
    PHASE_SCHEDULED = "scheduled";
    /// From then until volumes, network and sandbox were set up.
    PHASE_SET_UP = "set up";
    /// From the binding until the launcher had run; its image is pulled here.
    PHASE_INITIALISED = "initialised";
    /// From then until the build container ran; its image is pulled here.
    PHASE_STARTED = "started";
    /// From the moment at which the kubelet turned to one container until it ran: its image is pulled here.
    PHASE_PREPARED = "prepared";
    /// The run of one container that has to end before the build, such as the launcher.
    PHASE_RAN = "ran";
    /// The pull alone of one container's image, where the pod's events were read: of builds that failed.
    PHASE_PULLED = "pulled";
}

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
