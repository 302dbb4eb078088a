//! The testbed's own questions over HTTP/1.1: readiness, metrics, a stand-in under test. One connection for
//! each request; it is no client for the workers' traffic.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::body::{Body, Bytes};
use http::{HeaderMap, Request, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

// === impl Answer ===

impl Answer {
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, or null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// GETs `uri`.
pub async fn get(uri: &str) -> anyhow::Result<Answer> {
    send(Request::get(uri).body(Body::empty())?, None).await
}

/// Sends `request`, whose URI is absolute; over https the server must be vouched for by `ca` (PEM).
/// Fails when the connection is refused, cut before the answer is complete, or silent for 10 seconds.
pub async fn send(request: Request<Body>, ca: Option<&str>) -> anyhow::Result<Answer> {
    let uri = request.uri().clone();
    tokio::time::timeout(PATIENCE, dispatch(request, ca))
        .await
        .with_context(|| format!("{uri} has not answered for {PATIENCE:?}"))?
        .with_context(|| format!("ask {uri}"))
}

async fn dispatch(request: Request<Body>, ca: Option<&str>) -> anyhow::Result<Answer> {
    let host = request.uri().host().context("the URI has no host")?.to_owned();
    let secure = request.uri().scheme_str() == Some("https");
    let port = request.uri().port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    if !secure {
        return exchange(stream, request).await;
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default().as_bytes()) {
        roots.add(certificate.context("the CA is not PEM")?)?;
    }
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = ServerName::try_from(host)?;
    exchange(
        TlsConnector::from(Arc::new(config)).connect(name, stream).await?,
        request,
    )
    .await
}

async fn exchange<S>(stream: S, mut request: Request<Body>) -> anyhow::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let host = request
        .uri()
        .authority()
        .context("the URI has no host")?
        .as_str()
        .parse()?;
    request.headers_mut().insert(http::header::HOST, host);
    *request.uri_mut() = Uri::builder()
        .path_and_query(request.uri().path_and_query().map_or("/", |path| path.as_str()))
        .build()?;
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = axum::body::to_bytes(Body::new(body), usize::MAX).await?;
        anyhow::Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    // The connection is driven here and not in a task of its own: it ends with the exchange.
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => {
            ended?;
            answer.await
        }
    }
}
