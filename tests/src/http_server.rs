//! The HTTP/1.1 server under the stand-ins of ours, with TLS or without. It runs on a thread and runtime of
//! its own, so that it outlives the runtime of the test that started it and answers while that one is busy.
//! What is answered belongs to the rooms that use it.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
};

use anyhow::Context;
use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

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

/// A running server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
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
    fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let chain = CertificateDer::pem_slice_iter(self.certificates.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .context("the certificates are not PEM")?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).context("the key is not PEM")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
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
    /// Listens on a free loopback port and answers with `handler`, over TLS when there is an identity.
    pub(crate) fn start<H, F>(name: &str, identity: Option<&Identity>, handler: H) -> anyhow::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
    {
        let tls = identity.map(Identity::acceptor).transpose()?;
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind a loopback port")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(socket) else {
                    return;
                };
                stopped.run_until_cancelled(accept(listener, tls, handler)).await;
            });
        })?;
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Accepts connections for ever; dropping this future ends all of them.
async fn accept<H, F>(listener: TcpListener, tls: Option<TlsAcceptor>, handler: H) -> Infallible
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
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
    F: Future<Output = Result<Response<Body>, Cut>>,
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

async fn serve<S, H, F>(stream: S, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<Body>, Cut>>,
{
    // An error of the handler makes hyper close the connection without an answer: that is the cut.
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(handler))
        .await
    {
        tracing::debug!(%error, "connection ended");
    }
}
