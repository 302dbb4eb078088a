//! A server on the loopback interface that keeps what it was asked and answers as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// One request as it arrived.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Runs until it is dropped.
pub(crate) struct Api {
    pub(crate) uri: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

// === impl Api ===

impl Api {
    pub(crate) async fn answering(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Self {
        Self::routing(move |_| answer()).await
    }

    /// Answers by what was asked.
    pub(crate) async fn routing(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (keep, count) = (Arc::clone(&seen), Arc::clone(&connections));
        let app = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let seen = Seen {
                line: format!("{method} {uri}"),
                headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            let answer = answer(&seen);
            keep.lock().unwrap().push(seen);
            std::future::ready(answer)
        });
        let (listener, uri) = listen().await;
        let listener = listener.tap_io(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            uri,
            seen,
            connections,
            _serving: serving,
        }
    }

    /// The first lines of the requests so far, which the server forgets.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.take().into_iter().map(|seen| seen.line).collect()
    }

    /// The requests so far, which the server forgets.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> Response {
    Response::builder()
        .status(status)
        .body(body.into().into())
        .unwrap()
}

/// The API's way to say no.
pub(crate) fn refusal(status: u16, message: &str) -> Response {
    let error = StatusCode::from_u16(status).unwrap();
    let error = error.canonical_reason().unwrap();
    answer(
        status,
        format!(r#"{{"statusCode":{status},"error":"{error}","message":"{message}"}}"#),
    )
}

/// The same answer with one more header.
pub(crate) fn with(mut answer: Response, name: &'static str, value: &str) -> Response {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

pub(crate) async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    (listener, uri)
}

/// Takes one connection, reads the head of one request, writes these bytes and hangs up.
pub(crate) async fn scripted(listener: TcpListener, bytes: &'static [u8]) {
    let (mut connection, _) = listener.accept().await.unwrap();
    head(&mut connection).await;
    connection.write_all(bytes).await.unwrap();
    connection.shutdown().await.unwrap();
}

/// Reads the head of a request: what is written before it is no answer.
pub(crate) async fn head(connection: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        assert_ne!(
            connection.read_buf(&mut head).await.unwrap(),
            0,
            "no request came"
        );
    }
}
