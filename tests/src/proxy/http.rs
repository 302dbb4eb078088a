//! A proxy in front of an HTTPS server, or of one without TLS: it answers in its place, stalls, delays, or cuts
//! before or after the server has done its work, and counts every call.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio_util::task::TaskTracker;

use self::plan::Plan;
use crate::{
    http_client::{self, Answer},
    http_server::{Cut, Identity, Server, Versions},
};

mod plan;
mod template;

pub use self::plan::{Act, On, Rule};

/// The largest body that is passed on, in bytes.
const LIMIT: usize = 64 << 20;

/// The running proxy; it ends with this value.
pub struct HttpProxy {
    server: Server,
    secure: bool,
    settings: Vec<(String, String)>,
    shared: Arc<Shared>,
}

/// The server behind a proxy.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its address, without a slash at the end.
    pub uri: String,
    /// The authority that vouches for it, as PEM; for https.
    pub ca: Option<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answered {
    /// It is still under way.
    NotYet,
    /// With this status, the server's or the plan's.
    Status(u16),
    /// The connection was cut, by the plan or because the server is gone.
    Cut,
    /// Never.
    Stalled,
}

/// A call that came. Its credential is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The verb.
    pub verb: String,
    /// The path with its query.
    pub path: String,
    /// The path with places for names.
    pub template: String,
    /// How it ended.
    pub answered: Answered,
}

struct Shared {
    upstream: Upstream,
    state: Mutex<State>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    plan: Plan,
    calls: Vec<Call>,
}

// === impl HttpProxy ===

impl HttpProxy {
    /// Starts it on a free loopback port, with TLS if there is an identity.
    pub(crate) fn start(
        name: &str,
        identity: Option<&Identity>,
        versions: Versions,
        upstream: Upstream,
    ) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::default(),
            tasks: TaskTracker::new(),
        });
        let passing = Arc::clone(&shared);
        let server = Server::start_with(name, identity, versions, move |request| {
            let shared = Arc::clone(&passing);
            async move { shared.serve(request).await }
        })?;
        Ok(Self {
            server,
            secure: identity.is_some(),
            settings: Vec::new(),
            shared,
        })
    }

    /// In front of an API server, speaking HTTP/2 as it does.
    pub fn cluster(identity: &Identity, upstream: Upstream) -> anyhow::Result<Self> {
        Self::start("cluster-proxy", Some(identity), Versions::Both, upstream)
    }

    /// In front of a builds API.
    pub fn builds_api(identity: Option<&Identity>, upstream: Upstream) -> anyhow::Result<Self> {
        Self::start("builds-api-proxy", identity, Versions::One, upstream)
    }

    /// The same proxy with settings that lead a worker through it.
    #[must_use]
    pub(crate) fn led_by(mut self, settings: &[(&str, String)]) -> Self {
        let owned = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.settings = owned.collect();
        self
    }

    /// The settings that lead a worker through it; none if its messages do, as with builds APIs.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Its address, without a slash at the end.
    pub fn uri(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// Adds faults, which count from now on.
    pub fn plan(&self, rules: impl IntoIterator<Item = Rule>) {
        self.shared.state().plan.add(rules);
    }

    /// Forgets all faults still to come.
    pub fn heal(&self) {
        self.shared.state().plan.clear();
    }

    /// How many calls have met a fault.
    pub fn fired(&self) -> usize {
        self.shared.state().plan.fired()
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// How many such calls came.
    pub fn count(&self, on: On) -> usize {
        let state = self.shared.state();
        let such = |call: &&Call| on.fits(&call.verb, &call.template);
        state.calls.iter().filter(such).count()
    }

    /// All calls, counted by verb, path template and how they ended.
    pub fn counts(&self) -> BTreeMap<(String, String, Answered), usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls() {
            *counts
                .entry((call.verb, call.template, call.answered))
                .or_default() += 1;
        }
        counts
    }
}

impl fmt::Debug for HttpProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpProxy")
            .field("uri", &self.uri())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let (number, act) = self.remember(head.method.as_str(), path);
        let body = axum::body::to_bytes(Body::new(body), LIMIT)
            .await
            .map_err(|_| Cut)?;
        let mut onward = Request::builder()
            .method(head.method)
            .uri(format!("{}{path}", self.upstream.uri))
            .body(Body::from(body))
            .map_err(|_| Cut)?;
        *onward.headers_mut() = end_to_end(head.headers);
        // In a task of its own: like the server behind, it finishes its work when the client has gone away.
        let tasks = self.tasks.clone();
        let task = tasks.spawn(async move {
            let answer = self.act(number, act, onward).await;
            let answered = answer
                .as_ref()
                .map_or(Answered::Cut, |answer| Answered::Status(answer.status().as_u16()));
            self.ended(number, answered);
            answer
        });
        task.await.map_err(|_| Cut)?
    }

    /// Keeps the call before it is answered, so that a stalled one is seen too.
    fn remember(&self, verb: &str, path: &str) -> (usize, Option<Act>) {
        let template = template::of(path);
        let mut state = self.state();
        let act = state.plan.decide(verb, &template);
        state.calls.push(Call {
            verb: verb.to_owned(),
            path: path.to_owned(),
            template,
            answered: Answered::NotYet,
        });
        (state.calls.len() - 1, act)
    }

    fn ended(&self, number: usize, answered: Answered) {
        if let Some(call) = self.state().calls.get_mut(number) {
            call.answered = answered;
        }
    }

    async fn act(
        &self,
        number: usize,
        act: Option<Act>,
        onward: Request<Body>,
    ) -> Result<Response<Body>, Cut> {
        match act {
            None => {}
            Some(Act::Answer { status, kind, body }) => return Ok(planned(status, kind, body)),
            Some(Act::Cut) => return Err(Cut),
            Some(Act::CutAfter) => {
                self.pass(onward).await?;
                return Err(Cut);
            }
            Some(Act::Delay(late)) => tokio::time::sleep(late).await,
            Some(Act::Stall) => {
                self.ended(number, Answered::Stalled);
                std::future::pending::<()>().await;
            }
            Some(Act::StallAfter) => {
                self.pass(onward).await?;
                self.ended(number, Answered::Stalled);
                return std::future::pending().await;
            }
        }
        self.pass(onward).await
    }

    /// A server that is gone looks gone through the proxy.
    async fn pass(&self, onward: Request<Body>) -> Result<Response<Body>, Cut> {
        let answer = http_client::send(onward, self.upstream.ca.as_deref()).await;
        let Answer {
            status,
            headers,
            body,
        } = answer.map_err(|error| {
            tracing::debug!("behind the proxy: {error:#}");
            Cut
        })?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = end_to_end(headers);
        Ok(response)
    }
}

fn planned(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Without the headers that are about one connection only.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for hop in [
        header::CONNECTION,
        header::HOST,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::HeaderName::from_static("keep-alive"),
    ] {
        headers.remove(hop);
    }
    headers
}
