//! What the tests of this crate share: settings, messages and tokens as they arrive.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    job::{BuildConfig, CheckState, Job},
    policy::Policy,
    settings::Settings,
    telemetry::propagation::TraceContext,
    verdict::LastLook,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// When checks are handled.
pub(crate) const NOW: &str = "2026-01-01T12:00:00Z";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The policy of an environment in which nothing but `variables` is set, with executor k8s as the default.
pub(crate) fn policy(variables: &[(&str, &str)]) -> Policy {
    let environment: HashMap<String, String> = [("EXECUTOR_PLUGIN", "k8s")]
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Policy::new(Settings::load(&environment, Some("no-such-folder".as_ref())).unwrap())
}

/// A message about build 8609 whose token expires so many seconds after [`NOW`].
pub(crate) fn message(job: &str, expires: i64, state: Option<&Value>) -> String {
    let claims = json!({ "exp": time(NOW).as_second() + expires }).to_string();
    let config = json!({
        "buildId": 8609, "container": "node:22", "apiUri": "https://api.sd.example",
        "token": format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)),
    });
    let mut body = json!({ "job": job, "buildConfig": config });
    if let Some(state) = state {
        body["check"] = state.clone();
    }
    body.to_string()
}

/// Calls `check` with the configuration of a check message with a token that is valid for long.
pub(crate) fn with_config<T>(check: impl FnOnce(&BuildConfig<'_>) -> T) -> T {
    let body = message("verify", 12 * 3_600, None);
    let job = Job::decode(body.as_bytes()).unwrap();
    check(job.config().unwrap())
}

pub(crate) fn trace(last: char) -> TraceContext {
    let traceparent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333{last}-01");
    TraceContext::parse(&traceparent, None).unwrap()
}

/// The first check of a chain, five minutes after the start was first handled.
pub(crate) fn check() -> CheckState {
    CheckState {
        executor: "k8s".to_owned(),
        pod: "8609-abcde".to_owned(),
        uid: None,
        started_at: time("2026-01-01T11:55:00Z"),
        number: 0,
        attempt: 0,
        look: LastLook::default(),
        recreated: 0,
        deletion: None,
        message: None,
        report_due: false,
        held: 0,
        once: false,
        trace_context: Some(trace('1')),
    }
}

/// The check in a message that comes back.
pub(crate) fn check_in(body: &[u8]) -> CheckState {
    match Job::decode(body).unwrap() {
        Job::Check(job) => job.state.unwrap(),
        other => panic!("no check: {other:?}"),
    }
}
