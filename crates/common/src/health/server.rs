//! The HTTP server of `/livez`, `/readyz`, `/health` and `/metrics`. No TLS, no secrets, no writes.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Heartbeat, Readiness};
use crate::{settings::HttpSettings, telemetry::metrics::Metrics};

/// How long open connections may delay the end of the process.
const STOP_BUDGET: Duration = Duration::from_secs(1);

/// The predecessor's answer to any path but its own.
const NOT_FOUND: &str = r#"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#;

/// What the server tells.
#[derive(Debug, Clone)]
pub struct Health {
    /// Behind `/readyz` and `/health`.
    pub readiness: Readiness,
    /// Behind `/livez`.
    pub heartbeat: Heartbeat,
    /// Behind `/metrics`.
    pub metrics: Metrics,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
#[must_use = "it answers only while `serve` runs"]
pub struct HealthServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// Health cannot be served.
#[derive(Debug, Error)]
pub enum HealthError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address} for health and metrics")]
    Listen {
        /// The address or name from the settings.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The listener broke.
    #[error("health and metrics are no longer served")]
    Serve(#[source] io::Error),
}

// === impl HealthServer ===

impl HealthServer {
    /// Listens on the address of the settings and logs it (port 0 lets the system choose).
    ///
    /// # Errors
    /// [`HealthError::Listen`].
    pub async fn bind(settings: &HttpSettings) -> Result<Self, HealthError> {
        let (host, port) = (settings.host.as_str(), settings.port);
        let failed = |source| HealthError::Listen {
            address: format!("{host}:{port}"),
            source,
        };
        let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(%address, "serving health and metrics");
        Ok(Self { listener, address })
    }

    /// Where it really listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled, then ends as soon as open requests have, or after a second.
    ///
    /// # Errors
    /// [`HealthError::Serve`].
    pub async fn serve(self, health: Health, stop: CancellationToken) -> Result<(), HealthError> {
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(STOP_BUDGET).await;
        };
        let serving = axum::serve(self.listener, router(health))
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .into_future();
        tokio::select! {
            served = serving => served.map_err(HealthError::Serve),
            () = overdue => Ok(()),
        }
    }
}

fn router(health: Health) -> Router {
    let both = |router: Router<Health>, path: &str, answer: MethodRouter<Health>| {
        router
            .route(path, answer.clone())
            .route(&format!("{path}/"), answer)
    };
    let router = both(Router::new(), "/livez", get(livez));
    let router = both(router, "/readyz", get(readyz));
    let router = both(router, "/health", get(predecessors_health));
    let router = both(router, "/metrics", get(metrics));
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(health)
}

async fn livez(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.heartbeat.is_alive() {
        (StatusCode::OK, "ok")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the broker supervisor has stopped turning",
        )
    }
}

async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    let reasons = health.readiness.reasons();
    if reasons.is_empty() {
        (StatusCode::OK, "ok".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n"))
    }
}

async fn predecessors_health(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.readiness.is_ready() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], health.metrics.render()).into_response()
}

async fn not_found() -> Response {
    (
        StatusCode::NOT_FOUND,
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        NOT_FOUND,
    )
        .into_response()
}

#[cfg(test)]
mod tests;
