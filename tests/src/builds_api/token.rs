//! Tokens in the shape of the producer's: three parts, RS256 in the header, a signature that nobody checks.
//! Each carries [`CANARY`], so that a search of logs, traces and metrics finds a leak.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::rules::Refusal;

/// Stands in the signature of every minted token, and in its `jti` claim.
pub const CANARY: &str = "CANARY-no-token-may-be-printed";

/// Length of an RS256 signature of 2048 bits in base64.
const SIGNATURE: usize = 342;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In messages: update the own build, read its steps, ask for a build token.
    Temporal,
    /// In the pod.
    Build,
    /// A person's.
    User,
    /// A Screwdriver administrator's.
    Admin,
}

/// Who sends a request, as its token says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Caller {
    username: Value,
    scope: Vec<String>,
}

// === impl Scope ===

impl Scope {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Temporal => &["temporal"],
            Self::Build => &["build"],
            Self::User => &["user"],
            Self::Admin => &["user", "admin"],
        }
    }
}

/// A token for build `build`, with the claims that the producer puts into a message's token.
/// The times are whole seconds in the claims.
pub fn token_for(build: u64, scope: Scope, issued: Timestamp, expires: Timestamp) -> String {
    let username = match scope {
        Scope::Temporal | Scope::Build => json!(build),
        Scope::User | Scope::Admin => json!("someone"),
    };
    let claims = json!({
        "username": username, "scmContext": "github:github.com", "scope": scope.names(),
        "buildId": build, "jobId": 777, "eventId": 4242, "pipelineId": 123, "configPipelineId": null,
        "isPR": false, "iat": issued.as_second(), "exp": expires.as_second(), "jti": CANARY,
    });
    let header = BASE64.encode(json!({ "alg": "RS256", "typ": "JWT" }).to_string());
    let signature = format!("{CANARY:A<SIGNATURE$}");
    format!("{header}.{}.{signature}", BASE64.encode(claims.to_string()))
}

// === impl Caller ===

impl Caller {
    /// Reads the caller from an `Authorization` header: 401 without a well-formed token that is still valid.
    pub(super) fn read(authorization: Option<&str>, now: Timestamp) -> Result<Self, Refusal> {
        let unauthorized = |message: &str| Refusal::new(StatusCode::UNAUTHORIZED, message);
        let token = authorization
            .and_then(|header| header.strip_prefix("Bearer "))
            .ok_or_else(|| unauthorized("Missing authentication"))?;
        let claims = claims(token).ok_or_else(|| unauthorized("Invalid token"))?;
        let scope = claims["scope"].as_array().into_iter().flatten();
        let scope = scope.filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        let expires = claims["exp"]
            .as_i64()
            .ok_or_else(|| unauthorized("Invalid token"))?;
        if expires <= now.as_second() {
            return Err(unauthorized("Expired token"));
        }
        Ok(Self {
            username: claims["username"].clone(),
            scope,
        })
    }

    /// 403 unless the token has one of these scopes.
    pub(super) fn require(&self, scopes: &[&str]) -> Result<(), Refusal> {
        if self.scope.iter().any(|own| scopes.contains(&own.as_str())) {
            return Ok(());
        }
        Err(Refusal::forbidden("Insufficient scope"))
    }

    pub(super) fn temporal(&self) -> bool {
        self.scope.iter().any(|scope| scope == "temporal")
    }

    pub(super) fn is_build(&self) -> bool {
        self.temporal() || self.scope.iter().any(|scope| scope == "build")
    }

    pub(super) fn admin(&self) -> bool {
        self.scope.iter().any(|scope| scope == "admin")
    }

    /// Strict: a numeric string is another name than the number.
    pub(super) fn owns(&self, build: u64) -> bool {
        self.username.as_u64() == Some(build)
    }

    pub(super) fn name(&self) -> String {
        self.username
            .as_str()
            .map_or_else(|| self.username.to_string(), ToOwned::to_owned)
    }
}

/// The claims of a token of three base64 parts; none if it is not one.
fn claims(token: &str) -> Option<Value> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return None;
    };
    BASE64.decode(header).ok()?;
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if signature.is_empty() || !signature.bytes().all(alphabet) {
        return None;
    }
    serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
}
