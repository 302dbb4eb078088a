//! The HTTP server under the stand-ins and proxies of ours, with TLS or without, on a thread of its own.
//! What is answered belongs to the rooms that use it.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context;
use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::background::Background;

/// A server's certificate and key, as PEM text.
#[derive(Clone)]
pub struct Identity {
    /// The certificate chain, the server's own first; its names must cover 127.0.0.1.
    pub certificates: String,
    /// The private key (PKCS#8, SEC1 or PKCS#1).
    pub key: String,
}

/// Instead of an answer: the connection is cut.
#[derive(Debug)]
pub(crate) struct Cut;

/// Which versions of HTTP a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// HTTP/1.1.
    One,
    /// HTTP/2 too, for clients that would rather have it.
    Both,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    _background: Background,
}

// === impl Identity ===

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

impl Identity {
    fn acceptor(&self, versions: Versions) -> anyhow::Result<TlsAcceptor> {
        let chain = CertificateDer::pem_slice_iter(self.certificates.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .context("the certificates are not PEM")?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).context("the key is not PEM")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        if versions == Versions::Both {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

// === impl Cut ===

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}

// === impl Server ===

impl Server {
    /// Listens on a free loopback port and answers with `handler` over HTTP/1.1, over TLS when there is an
    /// identity.
    pub(crate) fn start<H, F>(name: &str, identity: Option<&Identity>, handler: H) -> anyhow::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
    {
        Self::start_with(name, identity, Versions::One, handler)
    }

    /// The same with a choice of versions.
    pub(crate) fn start_with<H, F>(
        name: &str,
        identity: Option<&Identity>,
        versions: Versions,
        handler: H,
    ) -> anyhow::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
    {
        let tls = identity.map(|identity| identity.acceptor(versions)).transpose()?;
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind a loopback port")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let background = Background::start(name, async move {
            if let Ok(listener) = TcpListener::from_std(socket) {
                accept(listener, tls, handler).await;
            }
        })?;
        Ok(Self {
            address,
            _background: background,
        })
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Accepts connections for ever; dropping this future ends all of them.
async fn accept<H, F>(listener: TcpListener, tls: Option<TlsAcceptor>, handler: H) -> Infallible
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, tls.clone(), handler.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<H, F>(stream: TcpStream, tls: Option<TlsAcceptor>, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, handler).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(stream, handler).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

/// Serves a connection; which version it speaks, its first bytes tell.
async fn serve<S, H, F>(stream: S, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let cut = CancellationToken::new();
    let service = service_fn(|request| {
        let (answer, cut) = (handler(request), cut.clone());
        async move {
            // Over HTTP/2 an error would end this one answer only.
            answer.await.inspect_err(|_| cut.cancel())
        }
    });
    let http = auto::Builder::new(TokioExecutor::new());
    let served = http.serve_connection(TokioIo::new(stream), service);
    if let Some(Err(error)) = cut.run_until_cancelled(served).await {
        tracing::debug!(error, "connection ended");
    }
}
