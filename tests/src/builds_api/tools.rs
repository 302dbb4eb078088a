//! What tools ask of the builds API and workers never do: the exchange of an API token, lists, logs and the
//! deletion of caches. There is one pipeline with one job, and all builds are its.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Shared,
    answer::{Call, Reply, after, parse},
    build::Status,
    now,
    rules::Refusal,
    token::{CANARY, Caller, Scope, token_for},
};

/// The one API token that is known. It carries [`CANARY`], and a character that a query must encode.
pub const API_TOKEN: &str = "api+CANARY-no-token-may-be-printed";

/// The id of the one pipeline.
pub const PIPELINE: u64 = 123;

/// The id of its one job.
const JOB: u64 = 777;

/// How long a token lives that an API token was exchanged for, in minutes.
const TOKEN_MINUTES: i64 = 120;

/// The API's largest page.
const LARGEST_PAGE: usize = 50;

/// A list's query, validated as the API's schema does.
#[derive(Default)]
struct Page {
    number: Option<usize>,
    count: Option<usize>,
    status: Option<Status>,
}

/// The path of a request without the secret that an exchange carries.
pub(super) fn without_secret(path: &str) -> String {
    match path.split_once("api_token=") {
        Some((before, _)) => format!("{before}api_token=..."),
        None => path.to_owned(),
    }
}

// === impl Page ===

impl Page {
    /// `own` are the parameters that this list has beside those of all.
    fn read(query: &str, own: &[&str]) -> Result<Self, Refusal> {
        let mut page = Self::default();
        for (name, value) in pairs(query) {
            let number = || {
                let number = value.parse().ok().filter(|number| *number > 0);
                number.ok_or_else(|| Refusal::bad_request(format!("\"{name}\" must be a positive number")))
            };
            match name {
                "page" => page.number = Some(number()?),
                "count" => page.count = Some(number()?).filter(|count| *count <= LARGEST_PAGE),
                "sort" | "sortBy" => {}
                "status" if own.contains(&name) => {
                    let status = serde_json::from_value(json!(value));
                    page.status = Some(status.map_err(|_| {
                        Refusal::bad_request(format!("\"{name}\" must be a status, not {value}"))
                    })?);
                }
                _ if own.contains(&name) => {}
                _ => return Err(Refusal::bad_request(format!("\"{name}\" is not allowed"))),
            }
        }
        Ok(page)
    }

    fn cut(&self, items: Vec<Value>) -> Value {
        let count = self.count.unwrap_or(LARGEST_PAGE);
        let before = self.number.map_or(0, |number| (number - 1).saturating_mul(count));
        items.into_iter().skip(before).take(count).collect()
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

// === impl Shared ===

impl Shared {
    pub(super) fn act_for_tools(&self, call: &Call, route: &[&str], query: &str) -> Result<Reply, Refusal> {
        match (call.method.as_str(), route) {
            ("GET", ["auth", "token"]) => exchange(query).map(Reply::from),
            ("GET", ["pipelines"]) => {
                caller(call, &["user", "pipeline"])?;
                let pipeline = json!({ "id": PIPELINE, "name": "screwdriver-cd/guide", "state": "ACTIVE" });
                Ok(Page::read(query, &["search"])?.cut(vec![pipeline]).into())
            }
            ("GET", ["pipelines", id, "builds"]) => {
                caller(call, &["user", "build", "pipeline"])?;
                the_pipeline(id)?;
                Ok(self
                    .builds(&Page::read(query, &["fetchSteps", "readOnly"])?)
                    .into())
            }
            ("GET", ["pipelines", id, "jobs"]) => {
                caller(call, &["user", "build", "pipeline"])?;
                the_pipeline(id)?;
                let job = json!({ "id": JOB, "name": "main", "pipelineId": PIPELINE, "state": "ENABLED" });
                Ok(Page::read(query, &["type", "archived", "jobName"])?
                    .cut(vec![job])
                    .into())
            }
            ("GET", ["jobs", id, "builds"]) => {
                caller(call, &["user", "build", "pipeline"])?;
                if parse(id)? != JOB {
                    return Err(Refusal::not_found("Job does not exist"));
                }
                Ok(self
                    .builds(&Page::read(query, &["fetchSteps", "readOnly", "status"])?)
                    .into())
            }
            ("DELETE", ["pipelines", id, "caches"]) => {
                caller(call, &["user", "pipeline"])?;
                the_pipeline(id)?;
                check_cache(query)?;
                Ok(Reply {
                    status: StatusCode::NO_CONTENT,
                    ..Value::Null.into()
                })
            }
            ("GET", ["builds", id, "steps", step, "logs"]) => {
                caller(call, &["user", "build", "pipeline"])?;
                self.log(parse(id)?, step, query)
            }
            _ => Err(Refusal::not_found("Not Found")),
        }
    }

    /// A page of the builds, newest first.
    fn builds(&self, page: &Page) -> Value {
        let state = self.state();
        let builds = state.builds.values().rev();
        let wanted = builds.filter(|build| page.status.is_none_or(|status| build.status == status));
        page.cut(wanted.map(|build| json!(build)).collect())
    }

    fn log(&self, id: u64, name: &str, query: &str) -> Result<Reply, Refusal> {
        let from = pairs(query).find(|(name, _)| *name == "from");
        let from = from.and_then(|(_, from)| from.parse().ok()).unwrap_or(0);
        let state = self.state();
        let build = state
            .builds
            .get(&id)
            .ok_or_else(|| Refusal::not_found("Build does not exist"))?;
        let step = build.steps.iter().find(|step| step.name == name);
        let step = step.ok_or_else(|| Refusal::not_found("Step does not exist"))?;
        let lines = state.logs.get(&(id, name.to_owned())).into_iter().flatten();
        let millis = step.start_time.map_or(0, jiff::Timestamp::as_millisecond);
        let lines = lines.enumerate().skip(from);
        let lines: Value = lines
            .map(|(n, line)| json!({ "n": n, "t": millis, "m": line }))
            .collect();
        Ok(Reply {
            more_data: Some(step.end_time.is_none()),
            ..lines.into()
        })
    }
}

fn caller(call: &Call, scopes: &[&str]) -> Result<(), Refusal> {
    Caller::read(call.authorization.as_deref(), now())?.require(scopes)
}

fn the_pipeline(id: &str) -> Result<(), Refusal> {
    if parse(id)? == PIPELINE {
        return Ok(());
    }
    Err(Refusal::not_found("Pipeline does not exist"))
}

/// `GET /v4/auth/token`: a person's token for the API token in the query.
fn exchange(query: &str) -> Result<Value, Refusal> {
    let given = pairs(query).find(|(name, _)| *name == "api_token");
    if given.is_none_or(|(_, token)| token != API_TOKEN.replace('+', "%2B")) {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    let issued = now();
    let token = token_for(0, Scope::User, issued, after(issued, TOKEN_MINUTES));
    debug_assert!(token.contains(CANARY), "a leak of it is found");
    Ok(json!({ "token": token }))
}

/// The scope of a cache and the id within it, as the API's schema has them.
fn check_cache(query: &str) -> Result<(), Refusal> {
    for (name, value) in pairs(query) {
        let fine = match name {
            "scope" => ["events", "jobs", "pipelines"].contains(&value),
            "cacheId" => value.parse::<u64>().is_ok_and(|id| id > 0),
            _ => false,
        };
        if !fine {
            return Err(Refusal::bad_request(format!(
                "\"{name}\" is not allowed to be {value}"
            )));
        }
    }
    Ok(())
}
