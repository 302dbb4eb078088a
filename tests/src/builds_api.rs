//! A stand-in for Screwdriver's API that is as strict as the real one about who may change a build and when,
//! keeps every request, has builds stopped *before* it writes their final status, and fails on demand.
//! It shares no code with the workers, so that it can judge them.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use tokio_util::task::TaskTracker;

use crate::http_server::{Cut, Server};

mod answer;
mod build;
mod fault;
mod history;
mod rules;
mod token;
mod tools;

pub use self::{
    build::{Build, Status, Step},
    fault::{Down, Fault},
    history::Asked,
    token::{CANARY, Scope, token_for},
    tools::{API_TOKEN, PIPELINE},
};
pub use crate::http_server::Identity;

/// The API's limit for a request's body, in bytes.
const LIMIT: usize = 10 << 20;

/// Publishes the stop message of a build that has ended. It is awaited before the status is written.
type StopHook = Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The running stand-in; it ends with this value.
pub struct BuildsApi {
    server: Server,
    secure: bool,
    shared: Arc<Shared>,
}

/// What requests and the test's own calls both touch.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    builds: BTreeMap<u64, Build>,
    /// The lines that steps have logged, by build and step.
    logs: BTreeMap<(u64, String), Vec<String>>,
    history: Vec<Asked>,
    faults: fault::Plan,
    down: Option<Down>,
    hook: Option<StopHook>,
    gap: Duration,
}

// === impl BuildsApi ===

impl BuildsApi {
    /// Starts it on a free loopback port: over https with an identity, else over plain http.
    pub fn start(identity: Option<&Identity>) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let answering = Arc::clone(&shared);
        let server = Server::start("builds-api", identity, move |request| {
            let shared = Arc::clone(&answering);
            async move { shared.serve(request).await }
        })?;
        Ok(Self {
            server,
            secure: identity.is_some(),
            shared,
        })
    }

    /// Its address as messages carry it (`apiUri`), without a slash at the end.
    pub fn uri(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.server.port())
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Creates a build, or replaces it.
    pub fn create_build(&self, id: u64, status: Status) {
        self.shared
            .state()
            .builds
            .insert(id, Build::new(id, status, now()));
    }

    /// A build as it is now.
    pub fn build(&self, id: u64) -> Option<Build> {
        self.shared.state().builds.get(&id).cloned()
    }

    /// Changes a build's status as its launcher would, or a user for ABORTED: no worker is asked for, and a
    /// final status publishes the stop first, as any change does. Fails as the API would refuse it.
    pub async fn set_status(&self, id: u64, status: Status) -> anyhow::Result<()> {
        let scope = if status == Status::Aborted {
            Scope::User
        } else {
            Scope::Build
        };
        let token = token_for(id, scope, now(), now() + SignedDuration::from_hours(1));
        let call = answer::Call {
            method: "PUT".to_owned(),
            path: format!("/v4/builds/{id}"),
            authorization: Some(format!("Bearer {token}")),
            body: serde_json::json!({ "status": status }).to_string().into(),
        };
        self.shared
            .act(&call)
            .await
            .map_err(|refusal| anyhow::anyhow!(refusal.message))?;
        Ok(())
    }

    /// Has a step of a build log a line.
    pub fn log(&self, id: u64, step: &str, line: &str) {
        let mut state = self.shared.state();
        let lines = state.logs.entry((id, step.to_owned())).or_default();
        lines.push(line.to_owned());
    }

    /// Marks the build's event as aborted: the next accepted change makes the build ABORTED.
    pub fn abort_event(&self, id: u64) {
        if let Some(build) = self.shared.state().builds.get_mut(&id) {
            build.event_aborted = true;
        }
    }

    /// Every request so far, in the order of arrival.
    pub fn history(&self) -> Vec<Asked> {
        self.shared.state().history.clone()
    }

    /// How many requests so far were such.
    pub fn count(&self, such: impl Fn(&Asked) -> bool) -> usize {
        self.shared
            .state()
            .history
            .iter()
            .filter(|asked| such(asked))
            .count()
    }

    /// The updates of one build that were answered with 2xx.
    pub fn accepted(&self, id: u64) -> Vec<Asked> {
        let accepted =
            |asked: &&Asked| asked.updates(id) && asked.answered.is_some_and(|status| status < 300);
        let state = self.shared.state();
        state.history.iter().filter(accepted).cloned().collect()
    }

    /// Sets what publishes a build's stop message once it has ended.
    pub fn on_stop<F, Fut>(&self, hook: F)
    where
        F: Fn(u64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.shared.state().hook = Some(Arc::new(move |build| Box::pin(hook(build))));
    }

    /// How long a final status is written after its stop was published (at first not at all).
    pub fn set_stop_gap(&self, gap: Duration) {
        self.shared.state().gap = gap;
    }

    /// The next `times` requests for which `matches(method, path)` holds meet this fault. Several plans are
    /// used up in the order in which they were made.
    pub fn fail_next(&self, times: u32, matches: impl Fn(&str, &str) -> bool + Send + 'static, fault: Fault) {
        self.shared.state().faults.add(times, Box::new(matches), fault);
    }

    /// Forgets all faults still to come.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Takes the whole server down, or up again.
    pub fn set_down(&self, down: Option<Down>) {
        self.shared.state().down = down;
    }
}

impl fmt::Debug for BuildsApi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BuildsApi")
            .field("uri", &self.uri())
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers in a task of its own: like the real API it finishes its work when the client has gone away.
    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), LIMIT)
            .await
            .map_err(|_| Cut)?;
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let call = answer::Call {
            method: head.method.to_string(),
            path: head
                .uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            authorization: header("authorization").map(ToOwned::to_owned),
            body,
        };
        let number = self.remember(&call, header("traceparent"));
        let tasks = self.tasks.clone();
        let task = tasks.spawn(async move {
            let answer = self.answer(&call).await?;
            self.state().history[number].answered = Some(answer.status().as_u16());
            Ok(answer)
        });
        task.await.map_err(|_| Cut)?
    }

    /// Keeps the request before it is answered, so that a stalled one is seen too.
    fn remember(&self, call: &answer::Call, traceparent: Option<&str>) -> usize {
        let mut state = self.state();
        state.history.push(Asked {
            at: now(),
            method: call.method.clone(),
            path: tools::without_secret(&call.path),
            body: serde_json::from_slice(&call.body).unwrap_or_default(),
            traceparent: traceparent.map(ToOwned::to_owned),
            answered: None,
        });
        state.history.len() - 1
    }

    async fn answer(&self, call: &answer::Call) -> Result<Response<Body>, Cut> {
        let (down, fault) = {
            let mut state = self.state();
            let fault = if state.down.is_some() {
                None
            } else {
                state.faults.take(&call.method, &call.path)
            };
            (state.down, fault)
        };
        match (down, fault) {
            (Some(Down::Closes), _) | (None, Some(Fault::Cut)) => return Err(Cut),
            (Some(Down::Unavailable), _) => return Ok(answer::error(503)),
            (None, Some(Fault::Status(status))) => return Ok(answer::error(status)),
            (None, Some(Fault::Answer(answer))) => return Ok(answer.map(Body::from)),
            (None, Some(Fault::Stall)) => std::future::pending::<()>().await,
            (None, Some(Fault::Delay(late))) => tokio::time::sleep(late).await,
            (None, Some(Fault::CutAfter)) => {
                let _ = self.act(call).await;
                return Err(Cut);
            }
            (None, None) => {}
        }
        Ok(answer::response(self.act(call).await))
    }
}

/// The wall clock, as tokens and build times need it.
#[expect(
    clippy::disallowed_methods,
    reason = "a server's own edge; its decisions take the time as an argument"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
