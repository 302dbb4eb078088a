//! A real Jaeger v2 with its spans in memory: takes OTLP over HTTP, and answers through its query API.

use std::{fmt, path::Path, time::Duration};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde::Deserialize;

use crate::{
    collector::{Span, span},
    helm::script,
    http_client, poll,
    process::{Process, free_port, guarded},
};

/// Ready in a fraction of a second where the machine is idle.
const READY: Duration = Duration::from_secs(30);

/// A running Jaeger; it ends with this value.
pub struct Jaeger {
    _process: Process,
    otlp: u16,
    query: u16,
}

/// A trace, as the query API gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// Its id.
    #[serde(rename = "traceID")]
    pub id: String,
    /// Its spans, in no order.
    pub spans: Vec<TraceSpan>,
    /// The services, by the names that spans use.
    pub processes: std::collections::BTreeMap<String, Service>,
}

/// A span of a trace.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceSpan {
    /// Its name.
    pub operation_name: String,
    /// Its service, by the trace's own name for it.
    #[serde(rename = "processID")]
    pub process: String,
    /// Microseconds since 1970.
    pub start_time: u64,
    /// In microseconds.
    pub duration: u64,
    /// Attributes.
    pub tags: Vec<Tag>,
}

/// An attribute of a span.
#[derive(Debug, Deserialize)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: serde_json::Value,
}

/// A service.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub service_name: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Trace>,
}

// === impl Jaeger ===

impl Jaeger {
    /// Starts it on free ports of the loopback, its configuration and log in `directory`. `JAEGER` names another
    /// program than the one that `tests/jaeger` builds.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        let program = script("tests/jaeger/build.sh", &[]).await?;
        let (otlp, query, query_grpc, health) = (free_port()?, free_port()?, free_port()?, free_port()?);
        let configuration = directory.join("jaeger.yaml");
        std::fs::write(&configuration, settings(otlp, query, query_grpc, health))?;
        let mut command = guarded(Path::new(&program));
        command.arg("--config").arg(&configuration);
        let process = Process::start("jaeger", &mut command, &directory.join("jaeger.log"))?;
        let jaeger = Self {
            _process: process,
            otlp,
            query,
        };
        poll::until("Jaeger", READY, || async {
            jaeger.ask("/api/services").await.map(drop)
        })
        .await?;
        Ok(jaeger)
    }

    /// What the workers need as `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp)
    }

    /// Where the trace can be looked at through the query API.
    pub fn link(&self, trace: &str) -> String {
        format!("http://127.0.0.1:{}/api/traces/{trace}", self.query)
    }

    /// The traces with a span of `service` that has the attribute `build.id`.
    pub async fn of_build(&self, service: &str, build: u64) -> anyhow::Result<Vec<Trace>> {
        let tags = format!("%7B%22build.id%22%3A%22{build}%22%7D");
        let path = format!("/api/traces?service={service}&tags={tags}&limit=50&lookback=1h");
        let answer: Answer = serde_json::from_slice(&self.ask(&path).await?)?;
        Ok(answer.data)
    }

    /// The spans of a trace, as the query API gives them in OTLP's own form.
    pub async fn spans(&self, trace: &str) -> anyhow::Result<Vec<Span>> {
        #[derive(Deserialize)]
        struct Stored {
            result: ExportTraceServiceRequest,
        }
        let stored: Stored = serde_json::from_slice(&self.ask(&format!("/api/v3/traces/{trace}")).await?)?;
        Ok(span::read(stored.result))
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let uri = format!("http://127.0.0.1:{}{path}", self.query);
        let answer = http_client::get(&uri).await?;
        anyhow::ensure!(answer.status == 200, "{path}: {answer:?}");
        Ok(answer.body.to_vec())
    }
}

impl fmt::Debug for Jaeger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Jaeger")
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}

// === impl Trace ===

impl Trace {
    /// Service and name of each span, by start.
    pub fn story(&self) -> Vec<(&str, &str)> {
        let mut spans: Vec<&TraceSpan> = self.spans.iter().collect();
        spans.sort_by_key(|span| span.start_time);
        let told = spans.into_iter().map(|span| {
            let service = self.processes.get(&span.process);
            let service = service.map_or("unknown", |service| service.service_name.as_str());
            (service, span.operation_name.as_str())
        });
        told.collect()
    }
}

// === impl TraceSpan ===

impl TraceSpan {
    /// The value of an attribute, as text.
    pub fn tag(&self, key: &str) -> Option<String> {
        let tag = self.tags.iter().find(|tag| tag.key == key)?;
        Some(
            tag.value
                .as_str()
                .map_or_else(|| tag.value.to_string(), str::to_owned),
        )
    }
}

/// Only on the loopback, and without traces of its own.
fn settings(otlp: u16, query: u16, query_grpc: u16, health: u16) -> String {
    format!(
        "service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
extensions:
  healthcheckv2:
    use_v2: true
    http: {{endpoint: '127.0.0.1:{health}'}}
  jaeger_query:
    enable_tracing: false
    storage: {{traces: memory}}
    http: {{endpoint: '127.0.0.1:{query}'}}
    grpc: {{endpoint: '127.0.0.1:{query_grpc}'}}
  jaeger_storage:
    backends:
      memory: {{memory: {{max_traces: 10000}}}}
receivers:
  otlp:
    protocols:
      http: {{endpoint: '127.0.0.1:{otlp}'}}
processors:
  batch: {{timeout: 50ms}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"
    )
}
