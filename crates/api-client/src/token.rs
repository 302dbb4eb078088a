//! A build's token: the credential that a message brings, and what may be read from it.
//!
//! The text leaves this type only through `expose`. Claims are read without verifying them: they
//! steer when to give up and which cache to mount, and grant nothing; the API verifies the token.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::{Map, Value};

use crate::scope::Scope;
use crate::timestamp::Timestamp;

/// A credential for the builds API: a build's, or the one that an API token was exchanged for. It is wiped
/// from memory when dropped and never shown.
#[derive(Clone)]
pub struct BuildToken {
    secret: SecretString,
}

/// What a token says about itself. None of it is verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// From when on the API refuses the token (`exp`).
    pub expires: Option<Timestamp>,
    /// When the token was issued (`iat`).
    pub issued: Option<Timestamp>,
    /// The job that a pull request's job copies (`prParentJobId`); its cache is shared.
    pub pr_parent_job_id: Option<u64>,
}

/// Text that no HTTP header could carry as a credential: empty, or with spaces or control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is one word of visible ASCII characters")]
pub struct InvalidToken;

struct TokenVisitor;

// === impl BuildToken ===

impl BuildToken {
    /// The token's text, for the one header or container argument that needs it.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// What the token says about itself, unverified; `None` if it is no JWT with a JSON object inside.
    pub fn claims(&self) -> Option<Claims> {
        let claims = self.payload()?;
        Some(Claims {
            expires: claims.get("exp").and_then(time),
            issued: claims.get("iat").and_then(time),
            pr_parent_job_id: claims.get("prParentJobId").and_then(id),
        })
    }

    /// What the token may do by its own account, unverified; empty if it does not say.
    pub fn scopes(&self) -> Vec<Scope> {
        let payload = self.payload().unwrap_or_default();
        let scopes = payload.get("scope").and_then(Value::as_array);
        let names = scopes.into_iter().flatten().filter_map(Value::as_str);
        names.map(Scope::from).collect()
    }

    fn payload(&self) -> Option<Map<String, Value>> {
        let (_header, rest) = self.expose().split_once('.')?;
        let (payload, _signature) = rest.split_once('.')?;
        let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// An id, which producers write as a number or as text.
fn id(claim: &Value) -> Option<u64> {
    match claim {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        _ => None,
    }
}

/// A number that some languages print with a fraction of 0.
fn whole(number: f64) -> Option<u64> {
    let text = number.to_string();
    text.parse().ok()
}

/// Seconds since the epoch, which a JWT may give as an integer or with a fraction.
fn time(claim: &Value) -> Option<Timestamp> {
    let time = match claim.as_i64() {
        Some(seconds) => jiff::Timestamp::from_second(seconds),
        None => jiff::Timestamp::from_duration(SignedDuration::try_from_secs_f64(claim.as_f64()?).ok()?),
    };
    time.ok().map(Timestamp::new)
}

/// The text of a credential, if a header could carry it.
pub(crate) fn one_word(text: String) -> Result<SecretString, InvalidToken> {
    // Wrapped before it is judged, so that refused text is wiped too.
    let secret = SecretString::from(text);
    let word = secret.expose_secret();
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidToken);
    }
    Ok(secret)
}

impl TryFrom<String> for BuildToken {
    type Error = InvalidToken;

    fn try_from(text: String) -> Result<Self, InvalidToken> {
        Ok(Self {
            secret: one_word(text)?,
        })
    }
}

impl FromStr for BuildToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        Self::try_from(text.to_owned())
    }
}

impl PartialEq for BuildToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for BuildToken {}

impl fmt::Debug for BuildToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for BuildToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(TokenVisitor)
    }
}

// === impl TokenVisitor ===

impl Visitor<'_> for TokenVisitor {
    type Value = BuildToken;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BuildToken, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<BuildToken, E> {
        BuildToken::try_from(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
