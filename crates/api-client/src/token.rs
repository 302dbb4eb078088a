//! The credential of a build: a JWT that is passed on, never shown, and read without being trusted.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A build's token. Zeroised when dropped; `Debug` does not show it; it cannot be serialised by accident.
#[derive(Clone)]
pub struct BuildToken(SecretString);

/// What a token says about itself. Nothing is verified: only the API can do that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claims {
    /// `exp`: when it stops working.
    pub expires: Option<Timestamp>,
    /// `iat`: when it was made.
    pub issued: Option<Timestamp>,
    /// `prParentJobId`: the job whose caches a pull request's build may read.
    pub pr_parent_job_id: Option<u64>,
}

// === impl BuildToken ===

impl BuildToken {
    /// The token that `text` is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The token itself: for an `Authorization` header or a pod's arguments, and for nothing that is shown.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the token says about itself; `None` if it is no JWT.
    pub fn claims(&self) -> Option<Claims> {
        let payload = self.expose().split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        claims.is_object().then(|| Claims {
            expires: claims.get("exp").and_then(time),
            issued: claims.get("iat").and_then(time),
            pr_parent_job_id: claims.get("prParentJobId").and_then(number),
        })
    }
}

/// Seconds since 1970; fractions are allowed by the standard.
fn time(value: &Value) -> Option<Timestamp> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "floats saturate, and out of range is no time"
    )]
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64))?;
    Timestamp::from_second(seconds).ok()
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl std::fmt::Debug for BuildToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for BuildToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jwt(claims: &str) -> BuildToken {
        BuildToken::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn claims_are_read_whatever_their_types() {
        let full = jwt(r#"{"exp":1700000000,"iat":1699956800.7,"prParentJobId":345}"#)
            .claims()
            .unwrap();
        assert_eq!(full.expires.map(Timestamp::as_second), Some(1_700_000_000));
        assert_eq!(full.issued.map(Timestamp::as_second), Some(1_699_956_800));
        assert_eq!(full.pr_parent_job_id, Some(345));
        let odd = jwt(r#"{"exp":"soon","iat":1e300,"prParentJobId":null}"#).claims();
        assert_eq!(odd, Some(Claims::default()));
        assert_eq!(jwt("[]").claims(), None);
        assert_eq!(BuildToken::new("no-jwt").claims(), None);
    }

    #[test]
    fn debug_does_not_show_the_token() {
        assert_eq!(format!("{:?}", BuildToken::new("canary")), "[redacted]");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".*") {
            let _ = BuildToken::new(text.clone()).claims();
            let _ = jwt(&text).claims();
        }
    }
}
