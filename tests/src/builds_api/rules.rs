//! What the builds API lets whom do: decisions only, in the API's own order of checks and its own words.
//! No clock, no state of its own.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    build::{Build, Status},
    token::Caller,
};

/// The body of a PUT, validated.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    #[serde(default, deserialize_with = "given")]
    pub(super) status: Option<Status>,
    #[serde(default, deserialize_with = "given")]
    pub(super) status_message: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) status_message_type: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) meta: Option<Value>,
    #[serde(default)]
    pub(super) stats: Map<String, Value>,
}

/// An answer other than 2xx, as the API words it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

// === impl Update ===

/// A key that is there must have a value: the API's schema refuses null.
fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl Update {
    /// Validates a body as the API's schema does: unknown keys and wrong types are a 400.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        // By way of a map: a struct of serde's would take an array too.
        let update: Self = serde_json::from_slice::<Map<String, Value>>(body)
            .and_then(|object| serde_json::from_value(Value::Object(object)))
            .map_err(|error| Refusal::bad_request(format!("Invalid request payload input: {error}")))?;
        let problem = update.problem();
        problem.map_or(Ok(update), |problem| Err(Refusal::bad_request(problem)))
    }

    fn problem(&self) -> Option<String> {
        if self.status_message.as_deref() == Some("") {
            return Some("\"statusMessage\" is not allowed to be empty".to_owned());
        }
        if let Some(kind) = self.status_message_type.as_deref()
            && !["ERROR", "WARN", "INFO"].contains(&kind)
        {
            return Some("\"statusMessageType\" must be one of [ERROR, WARN, INFO]".to_owned());
        }
        if self.meta.as_ref().is_some_and(|meta| !meta.is_object()) {
            return Some("\"meta\" must be of type object".to_owned());
        }
        if self.stats.get("hostname").is_some_and(|name| !name.is_string()) {
            return Some("\"stats.hostname\" must be a string".to_owned());
        }
        ["queueEnterTime", "blockedStartTime", "imagePullStartTime"]
            .into_iter()
            .find_map(|key| {
                let time = self.stats.get(key)?;
                let parsed = time.as_str().map(str::parse::<jiff::Timestamp>);
                (!matches!(parsed, Some(Ok(_)))).then(|| format!("\"stats.{key}\" must be in iso format"))
            })
    }
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The body that the API's framework writes.
    pub(super) fn body(&self) -> Value {
        json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or("Unknown"),
            "message": self.message,
        })
    }
}

/// May `caller` make this change to build `id`, which the API knows or does not know?
pub(super) fn put<'a>(
    caller: &Caller,
    id: u64,
    build: Option<&'a Build>,
    update: &Update,
) -> Result<&'a Build, Refusal> {
    if caller.is_build() && !caller.owns(id) {
        return Err(Refusal::forbidden(format!(
            "Credential only valid for {}",
            caller.name()
        )));
    }
    let build = build.ok_or_else(|| Refusal::not_found(format!("Build {id} does not exist")))?;
    if !build.status.open() {
        return Err(Refusal::forbidden(
            "Can only update RUNNING, QUEUED, BLOCKED, FROZEN, or UNSTABLE builds",
        ));
    }
    if caller.is_build() {
        // The API's guard against a second pod; the wording is not recorded anywhere, so nothing may rely on
        // it but that it is not the sentence above.
        if (build.status, update.status) == (Status::Running, Some(Status::Running)) {
            return Err(Refusal::forbidden(format!("Build {id} is already running")));
        }
    } else {
        let allowed: &[Status] = if caller.admin() {
            &[Status::Aborted, Status::Failure]
        } else {
            &[Status::Aborted]
        };
        if !update.status.is_some_and(|wanted| allowed.contains(&wanted)) {
            let who = if caller.admin() { "Admin" } else { "User" };
            let what = if caller.admin() {
                "ABORTED or FAILURE"
            } else {
                "ABORTED"
            };
            return Err(Refusal::bad_request(format!(
                "{who} can only update builds to {what}"
            )));
        }
    }
    match (build.status, update.status) {
        (Status::Queued, Some(Status::Queued)) => Ok(build),
        (_, Some(Status::Queued)) => Err(Refusal::bad_request("Cannot update builds to QUEUED")),
        (Status::Blocked, Some(Status::Blocked)) => {
            Err(Refusal::bad_request("Cannot update builds to BLOCKED"))
        }
        _ => Ok(build),
    }
}

/// May `caller` change its temporal token for one of the build's own? It changes nothing in the build.
pub(super) fn token(caller: &Caller, id: u64, build: Option<&Build>, body: &Value) -> Result<(), Refusal> {
    let build = build.ok_or_else(|| Refusal::not_found("Build does not exist"))?;
    if !caller.owns(id) {
        return Err(Refusal::not_found("Build Id parameter and token does not match"));
    }
    let timeout = body.get("buildTimeout").unwrap_or(&Value::Null);
    let number = timeout.as_f64().or_else(|| timeout.as_str()?.parse().ok());
    if number.is_none() {
        return Err(Refusal::bad_request(format!(
            "Invalid buildTimeout value: {timeout}"
        )));
    }
    if !matches!(build.status, Status::Queued | Status::Blocked) {
        return Err(Refusal::forbidden("Build is already running or finished."));
    }
    Ok(())
}

/// May `caller` read the steps of build `id`?
pub(super) fn steps<'a>(caller: &Caller, id: u64, build: Option<&'a Build>) -> Result<&'a Build, Refusal> {
    if caller.temporal() && !caller.owns(id) {
        return Err(Refusal::forbidden(format!(
            "Credential only valid for build {}",
            caller.name()
        )));
    }
    build.ok_or_else(|| Refusal::not_found("Build does not exist"))
}

#[cfg(test)]
mod tests;
