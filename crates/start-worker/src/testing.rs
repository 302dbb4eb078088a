//! What the tests of this crate share: settings, messages and tokens as they arrive.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    attempt::Attempt,
    broker::Queue,
    handler::Taken,
    job::{BuildConfig, Job, StartState},
    policy::Policy,
    settings::Settings,
    telemetry::propagation::TraceContext,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    clear::{CacheFolder, folder},
    plan::{Plan, StartPlan, plan},
};

/// When messages are handled.
pub(crate) const NOW: &str = "2026-01-01T12:00:00Z";

/// The settings of an environment in which nothing but `variables` is set.
pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
    let environment: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::load(&environment, Some(std::path::Path::new("no-such-folder"))).unwrap()
}

/// The same with executor k8s for builds that do not choose, unless `variables` say otherwise.
pub(crate) fn policy(variables: &[(&str, &str)]) -> Policy {
    let default = [("EXECUTOR_PLUGIN", "k8s")];
    Policy::new(settings(&[&default, variables].concat()))
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A token that was issued so many seconds before [`NOW`] and expires so many after it.
pub(crate) fn token(issued: i64, expires: i64) -> String {
    let now = time(NOW).as_second();
    jwt(&json!({ "iat": now - issued, "exp": now + expires }))
}

pub(crate) fn jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A message about build 8609 with this token and, if it comes back, its state.
pub(crate) fn message(job: &str, token: &str, state: Option<&Value>) -> String {
    let config = json!({
        "buildId": 8609, "jobId": 777, "container": "node:22", "apiUri": "https://api.sd.example",
        "token": token,
    });
    let mut body = json!({ "job": job, "buildConfig": config });
    if let Some(state) = state {
        body[if job == "verify" { "check" } else { job }] = state.clone();
    }
    body.to_string()
}

/// A delivery that the broker never delivered before.
pub(crate) fn first() -> Taken<'static> {
    taken(Attempt::default())
}

pub(crate) fn taken(attempt: Attempt) -> Taken<'static> {
    Taken {
        queue: Queue::Main,
        attempt,
        trace: None,
    }
}

pub(crate) fn trace() -> TraceContext {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    TraceContext::parse(traceparent, None).unwrap()
}

/// The plan for a message at [`NOW`].
pub(crate) fn plan_of(body: &str, taken: Taken<'_>, policy: &Policy) -> Plan {
    let job = Job::decode(body.as_bytes()).unwrap();
    plan(&job, taken, Some(trace()), time(NOW), policy)
}

pub(crate) fn start_of(body: &str, taken: Taken<'_>, policy: &Policy) -> StartPlan {
    match plan_of(body, taken, policy) {
        Plan::Start(plan) => *plan,
        other => panic!("no start: {other:?}"),
    }
}

/// Calls `check` with the configuration of a start message.
pub(crate) fn with_config<T>(body: &str, check: impl FnOnce(&BuildConfig<'_>) -> T) -> T {
    check(Job::decode(body.as_bytes()).unwrap().config().unwrap())
}

/// The state in a start that comes back.
pub(crate) fn state_in(body: &[u8]) -> StartState {
    match Job::decode(body).unwrap() {
        Job::Start(job) => job.state.unwrap(),
        other => panic!("no start: {other:?}"),
    }
}

/// The folder of job 9 of pipeline 7, with the caches below `root`.
pub(crate) fn cache_folder(root: &std::path::Path) -> CacheFolder {
    let root = root.to_str().unwrap();
    let cache = settings(&[("CACHE_STRATEGY", "disk"), ("CACHE_PATH", root)])
        .ecosystem
        .cache;
    let body = r#"{"job":"clear","cacheConfig":{"resource":"caches","action":"delete","scope":"jobs",
        "pipelineId":7,"id":9}}"#;
    match Job::decode(body.as_bytes()).unwrap() {
        Job::Clear(job) => folder(&job.config, &cache).unwrap(),
        other => panic!("no clear: {other:?}"),
    }
}
