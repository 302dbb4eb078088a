//! From a request to its answer: routes, the order of checks, and the order of effects, in which the stop
//! is published before the final status is written.

use axum::body::{Body, Bytes};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{
    Shared, Timestamp,
    build::Step,
    now,
    rules::{self, Refusal, Update},
    token::{Caller, Scope, token_for},
};

/// A request as far as the answer depends on it.
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Bytes,
}

/// An answer that is no refusal.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    /// Whether a log goes on, which the API says in a header.
    pub(super) more_data: Option<bool>,
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
            more_data: None,
        }
    }
}

/// An answer with the body that the API's framework writes for this status.
pub(super) fn error(status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = status.canonical_reason().unwrap_or("Unknown");
    response(Err(Refusal::new(status, message)))
}

pub(super) fn response(result: Result<Reply, Refusal>) -> Response<Body> {
    let reply = result.unwrap_or_else(|refusal| Reply {
        status: refusal.status,
        ..refusal.body().into()
    });
    let body = match reply.status {
        StatusCode::NO_CONTENT => Body::empty(),
        _ => Body::from(reply.body.to_string()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    if let Some(more) = reply.more_data {
        let more = HeaderValue::from_static(if more { "true" } else { "false" });
        response.headers_mut().insert("x-more-data", more);
    }
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

// === impl Shared ===

impl Shared {
    pub(super) async fn act(&self, call: &Call) -> Result<Reply, Refusal> {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let route = segments.strip_prefix(&["v4"]).unwrap_or_default();
        let reply = match (call.method.as_str(), route) {
            ("GET", ["status"]) => Ok(json!("OK")),
            ("PUT", ["builds", id]) => self.put(call, parse(id)?).await,
            ("GET", ["builds", id]) => self.get(call, parse(id)?),
            ("GET", ["builds", id, "steps"]) => self.steps(call, parse(id)?, query),
            ("POST", ["builds", id, "token"]) => self.token(call, parse(id)?),
            _ => return self.act_for_tools(call, route, query),
        };
        reply.map(Reply::from)
    }

    async fn put(&self, call: &Call, id: u64) -> Result<Value, Refusal> {
        let caller = Caller::read(call.authorization.as_deref(), now())?;
        caller.require(&["build", "pipeline", "user", "temporal"])?;
        let update = Update::parse(&call.body)?;
        let (ends, hook, gap) = {
            let state = self.state();
            let mut build = rules::put(&caller, id, state.builds.get(&id), &update)?.clone();
            build.apply(&update, &caller.name(), now());
            (build.done(), state.hook.clone(), state.gap)
        };
        if ends {
            if let Some(hook) = hook {
                hook(id).await;
            }
            tokio::time::sleep(gap).await;
        }
        let mut state = self.state();
        let build = state
            .builds
            .get_mut(&id)
            .ok_or_else(|| Refusal::not_found(format!("Build {id} does not exist")))?;
        build.apply(&update, &caller.name(), now());
        Ok(json!(build))
    }

    fn get(&self, call: &Call, id: u64) -> Result<Value, Refusal> {
        let caller = Caller::read(call.authorization.as_deref(), now())?;
        caller.require(&["build", "pipeline", "user"])?;
        let state = self.state();
        let build = state
            .builds
            .get(&id)
            .ok_or_else(|| Refusal::not_found("Build does not exist"))?;
        Ok(json!(build))
    }

    fn steps(&self, call: &Call, id: u64, query: &str) -> Result<Value, Refusal> {
        let caller = Caller::read(call.authorization.as_deref(), now())?;
        caller.require(&["build", "pipeline", "user", "temporal"])?;
        let state = self.state();
        let build = rules::steps(&caller, id, state.builds.get(&id))?;
        let ended = |step: &Step| step.start_time.is_some() && step.end_time.is_some();
        let wanted = |step: &&Step| match query.strip_prefix("status=") {
            Some("active") => step.active(),
            Some("success") => ended(step) && step.code == Some(0),
            Some("failure") => ended(step) && step.code.is_some_and(|code| code > 0),
            _ => true,
        };
        Ok(json!(build.steps.iter().filter(wanted).collect::<Vec<_>>()))
    }

    fn token(&self, call: &Call, id: u64) -> Result<Value, Refusal> {
        let caller = Caller::read(call.authorization.as_deref(), now())?;
        caller.require(&["temporal"])?;
        let body: Value = serde_json::from_slice(&call.body)
            .map_err(|_| Refusal::bad_request("Invalid request payload JSON format"))?;
        rules::token(&caller, id, self.state().builds.get(&id), &body)?;
        let issued = now();
        let minutes = body["buildTimeout"].as_i64().unwrap_or(90).clamp(1, 10_000);
        Ok(json!({ "token": token_for(id, Scope::Build, issued, after(issued, minutes)) }))
    }
}

pub(super) fn after(time: Timestamp, minutes: i64) -> Timestamp {
    time.saturating_add(jiff::SignedDuration::from_mins(minutes))
        .unwrap_or(time)
}

pub(super) fn parse(id: &str) -> Result<u64, Refusal> {
    id.parse()
        .ok()
        .filter(|id| *id > 0)
        .ok_or_else(|| Refusal::bad_request("\"id\" must be a positive number"))
}
