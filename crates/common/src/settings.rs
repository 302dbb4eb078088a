//! What an operator can set: typed, validated, documented.
//!
//! Values come from built-in defaults, the files of the configuration folder (`default.yaml`, `local.yaml`),
//! `NODE_CONFIG` and the environment, in that order. Nothing below `main` reads the environment or a file on
//! its own. `docs/CONFIGURATION.md` is written from the tables in [`variables`].

mod broker;
mod cluster;
mod duration;
mod ecosystem;
mod effective;
mod environment;
mod executors;
mod export;
mod layers;
mod load;
mod notes;
mod pairs;
mod plugin;
mod pod;
mod problems;
mod quantity;
mod reference;
mod resource;
mod sampler;
mod secret;
mod section;
mod unread;
pub mod variables;

use std::{collections::BTreeMap, num::NonZeroU16, path::PathBuf, time::Duration};

pub use self::{
    cluster::ClusterSettings,
    ecosystem::{CacheSettings, CacheStrategy, EcosystemSettings, WebAddress},
    effective::{Check, Effective},
    environment::{Environment, ProcessEnvironment},
    executors::{Exclusion, ExecutorSettings, ExecutorsSettings},
    export::{ExportSettings, SecretUrl},
    plugin::Plugin,
    pod::{
        EphemeralStorage, Hooks, HostMount, PodSettings, SecretFile, SecretVariable, SidecarSettings, Sizes,
        TokenPlace,
    },
    problems::{Problem, SettingsErrors},
    quantity::StorageQuantity,
    reference::reference,
    resource::ResourceSettings,
    sampler::Sampler,
    secret::Secret,
};

use crate::verdict::Reason;

/// Everything that either worker can be told. Both binaries share it and read what they need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The broker and the queues.
    pub broker: BrokerSettings,
    /// The executors that builds can run in.
    pub executors: ExecutorsSettings,
    /// Where the rest of Screwdriver is, and the caches.
    pub ecosystem: EcosystemSettings,
    /// When checks fall due and how long each phase may last.
    pub checks: CheckSettings,
    /// How long a start may be tried.
    pub start: StartSettings,
    /// How the builds API is reached.
    pub builds_api: BuildsApiSettings,
    /// How long a delivery waits in place for a peer that is down.
    pub hold: Duration,
    /// Traces and logs.
    pub telemetry: TelemetrySettings,
    /// Where health and metrics are served.
    pub http: HttpSettings,
    /// How long in-flight deliveries may take to end after SIGTERM.
    pub drain: Duration,
    /// What an operator should know though nothing is wrong: one line each, for the log at start-up.
    pub warnings: Vec<String>,
}

/// The broker, the operators' objects, and how fast we take from them.
#[derive(Debug, Clone)]
pub struct BrokerSettings {
    /// `amqp` or `amqps`.
    pub protocol: Protocol,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The vhost's name, without the slash that `RABBITMQ_VIRTUAL_HOST` begins with.
    pub vhost: String,
    /// User name, as it is (encoded where it enters a URI).
    pub username: String,
    /// Password; read anew for every connection.
    pub password: Secret,
    /// Heartbeat interval; a dead peer is noticed after two.
    pub heartbeat: Duration,
    /// The exchange that everything is published to.
    pub exchange: String,
    /// The cluster's main queue; ours are named after it.
    pub queue: String,
    /// The operators' retry queue (the predecessor's verify messages).
    pub retry_queue: String,
    /// Whether verify-worker consumes the operators' retry queue.
    pub retry_queue_enabled: bool,
    /// Unsettled deliveries per consumer: back-pressure and concurrency limit in one.
    pub prefetch: NonZeroU16,
    /// Retries after which a message's own error becomes final; 0 fails at the first. The default is 5;
    /// the predecessor documents 5 and has 3.
    pub message_reprocess_limit: u32,
    /// Whether the operators' objects are expected or declared.
    pub topology: TopologyMode,
    /// PEM file with further certificate authorities for `amqps`.
    pub ca_file: Option<PathBuf>,
}

/// How the broker is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Plain AMQP 0-9-1.
    Amqp,
    /// AMQP 0-9-1 over TLS.
    Amqps,
}

/// Who makes the operators' exchange and queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopologyMode {
    /// They exist; a missing one is an error (default).
    Existing,
    /// We declare them, for a fresh installation.
    Declare,
}

/// When checks fall due and how long each phase may last.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Ages of a start at which it is looked at, rising, all below `init_timeout`.
    pub ladder: Vec<Duration>,
    /// Age of the check that tells a waiting user so; every later check comes this much after the last.
    pub init_timeout: Duration,
    /// How often a running build's pod is looked at; `None`: never again once it runs.
    pub watch_running: Option<Duration>,
    /// How long each phase may last.
    pub clocks: Clocks,
}

/// How long a build may stay in a phase before that is a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clocks {
    /// No node takes the pod.
    pub scheduling: Duration,
    /// An image is being pulled, without an error so far.
    pub pulling: Duration,
    /// Sandbox, volumes and init containers.
    pub initialising: Duration,
    /// Containers are created and the build container is not running yet.
    pub starting: Duration,
    /// How long a reason may stand before it fails its build, where that is not what the catalogue says.
    pub graces: BTreeMap<Reason, Duration>,
}

/// How long a start may be tried.
#[derive(Debug, Clone, Copy)]
pub struct StartSettings {
    /// From the first handling, time held by outages not counted.
    pub deadline: Duration,
    /// Whether predecessors consume the main queue beside us.
    pub legacy_consumers: bool,
}

/// How the builds API is reached; its address is the message's own.
#[derive(Debug, Clone)]
pub struct BuildsApiSettings {
    /// PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Longest that one call may take.
    pub timeout: Duration,
}

/// Traces, metrics and logs.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// Where traces go; `None`: they are not exported.
    pub traces: Option<ExportSettings>,
    /// Where metrics are pushed; `None`: they are only served.
    pub metrics: Option<ExportSettings>,
    /// Time between two pushes of metrics.
    pub metric_interval: Duration,
    /// Which traces are kept.
    pub sampler: Sampler,
    /// What is said about the process with either.
    pub resource: ResourceSettings,
    /// Filter of log lines, as `RUST_LOG` or `LOG_LEVEL` give it.
    pub log_filter: String,
    /// One JSON object a line, or lines for people.
    pub log_format: LogFormat,
    /// Whether a check's span is a child of the span that armed it (else a new root that links to it).
    pub delayed_as_child: bool,
    /// Share of new traces that are kept, 0 to 1.
    pub sample_ratio: f64,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// Where health and metrics are served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system choose (printed in the log).
    pub port: u16,
}

#[cfg(test)]
mod tests;
