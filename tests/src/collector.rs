//! An OTLP/HTTP collector in the process of the test: it decodes what the workers export and keeps the spans
//! for assertions and the demo's waterfall. Of metrics only the names are kept.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceRequest,
    trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;

use crate::{
    http_client,
    http_server::{Cut, Server},
    poll,
};

pub(crate) mod span;
mod waterfall;

pub use self::{
    span::{Event, Kind, Link, Span, Status},
    waterfall::waterfall,
};

/// The largest export that is read, in bytes.
const LIMIT: usize = 64 << 20;

/// The running collector; it ends with this value.
pub struct Collector {
    server: Server,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    spans: Mutex<Vec<Span>>,
    /// Service and name of every metric.
    metrics: Mutex<BTreeSet<(String, String)>>,
    /// Another collector that gets every export of spans as well.
    forward: Mutex<Option<String>>,
    /// Exports that could not be decoded.
    garbage: Mutex<Vec<String>>,
}

// === impl Collector ===

impl Collector {
    /// Starts it on a free loopback port.
    pub fn start() -> anyhow::Result<Self> {
        let kept = Arc::new(Kept::default());
        let keeping = Arc::clone(&kept);
        let server = Server::start("collector", None, move |request| {
            let kept = Arc::clone(&keeping);
            async move { kept.serve(request).await }
        })?;
        Ok(Self { server, kept })
    }

    /// What the workers need as `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// Sends every export of spans on to another collector, whose base address this is.
    pub fn forward_to(&self, endpoint: String) {
        *self.kept.forward.lock().unwrap_or_else(PoisonError::into_inner) = Some(endpoint);
    }

    /// Every span so far, in the order of arrival.
    pub fn spans(&self) -> Vec<Span> {
        self.kept
            .spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The spans of one trace, by start.
    pub fn trace(&self, trace_id: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The spans that have this attribute with this value (numbers and booleans in their JSON spelling),
    /// by start.
    pub fn with_attribute(&self, key: &str, value: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.attribute(key).as_deref() == Some(value));
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Waits until a span satisfies `wanted`; the error at the deadline lists the names that did arrive.
    pub async fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&Span) -> bool,
    ) -> anyhow::Result<Span> {
        poll::until(what, deadline, || async {
            let spans = self.spans();
            let names: Vec<String> = spans.iter().map(|span| span.name.clone()).collect();
            spans
                .into_iter()
                .find(|span| wanted(span))
                .ok_or_else(|| format!("{} spans: {names:?}", names.len()))
        })
        .await
    }

    /// The names of all metrics that `service` pushed so far.
    pub fn metrics_of(&self, service: &str) -> BTreeSet<String> {
        let metrics = self.kept.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let of_service = metrics.iter().filter(|(name, _)| name == service);
        of_service.map(|(_, metric)| metric.clone()).collect()
    }

    /// Why exports could not be decoded; empty in a healthy run.
    pub fn garbage(&self) -> Vec<String> {
        self.kept
            .garbage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// One trace as text: see [`waterfall()`].
    pub fn waterfall(&self, trace_id: &str) -> String {
        waterfall(&self.trace(trace_id))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Collector")
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}

// === impl Kept ===

impl Kept {
    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), LIMIT)
            .await
            .map_err(|_| Cut)?;
        Ok(match (head.method.as_str(), head.uri.path()) {
            ("POST", "/v1/traces") => {
                self.forward(&body).await;
                self.keep(body)
            }
            ("POST", "/v1/metrics") => self.keep_metrics(body),
            _ => answer(StatusCode::NOT_FOUND, Vec::new()),
        })
    }

    async fn forward(&self, body: &Bytes) {
        let forward = self
            .forward
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(endpoint) = forward else { return };
        let request = Request::post(format!("{endpoint}/v1/traces"))
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Body::from(body.clone()));
        let sent = match request {
            Ok(request) => http_client::send(request, None).await,
            Err(error) => Err(error.into()),
        };
        let problem = match sent {
            Ok(answer) if answer.status.is_success() => return,
            Ok(answer) => format!("{endpoint} answered {}", answer.status),
            Err(error) => format!("{error:#}"),
        };
        self.complain(problem);
    }

    fn complain(&self, problem: String) {
        let mut garbage = self.garbage.lock().unwrap_or_else(PoisonError::into_inner);
        garbage.push(problem);
    }

    fn refuse(&self, error: &prost::DecodeError) -> Response<Body> {
        self.complain(error.to_string());
        answer(StatusCode::BAD_REQUEST, Vec::new())
    }

    fn keep_metrics(&self, body: Bytes) -> Response<Body> {
        let request = match ExportMetricsServiceRequest::decode(body) {
            Ok(request) => request,
            Err(error) => return self.refuse(&error),
        };
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.resource_metrics {
            let service = span::service_of(resource.resource);
            let scopes = resource.scope_metrics.into_iter();
            let names = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name);
            metrics.extend(names.map(|name| (service.clone(), name)));
        }
        // An empty message is a valid answer.
        answer(StatusCode::OK, Vec::new())
    }

    fn keep(&self, body: Bytes) -> Response<Body> {
        match ExportTraceServiceRequest::decode(body) {
            Ok(export) => {
                self.spans
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(span::read(export));
                answer(
                    StatusCode::OK,
                    ExportTraceServiceResponse::default().encode_to_vec(),
                )
            }
            Err(error) => self.refuse(&error),
        }
    }
}

fn answer(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    response
}
