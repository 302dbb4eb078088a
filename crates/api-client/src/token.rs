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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_payload(payload: &str) -> BuildToken {
        format!(
            "eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl",
            URL_SAFE_NO_PAD.encode(payload)
        )
        .parse()
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn claims_are_read_whatever_their_number_type() {
        let table = [
            (
                r#"{"exp":1700043200,"iat":1700000000,"prParentJobId":345,"scope":["temporal"]}"#,
                Claims {
                    expires: Some(at("2023-11-15T10:13:20Z")),
                    issued: Some(at("2023-11-14T22:13:20Z")),
                    pr_parent_job_id: Some(345),
                },
            ),
            (
                r#"{"exp":1700043200.5,"iat":1.7e9}"#,
                Claims {
                    expires: Some(at("2023-11-15T10:13:20.5Z")),
                    issued: Some(at("2023-11-14T22:13:20Z")),
                    pr_parent_job_id: None,
                },
            ),
            (
                r#"{"exp":"1700043200","iat":null,"prParentJobId":-1}"#,
                Claims::default(),
            ),
            (
                r#"{"exp":1e300,"iat":-99999999999999,"prParentJobId":1.5}"#,
                Claims::default(),
            ),
            (
                r#"{"exp":18446744073709551615,"iat":[],"prParentJobId":{}}"#,
                Claims::default(),
            ),
            (
                r#"{"prParentJobId":"345"}"#,
                Claims {
                    pr_parent_job_id: Some(345),
                    ..Claims::default()
                },
            ),
            (
                r#"{"prParentJobId":345.0}"#,
                Claims {
                    pr_parent_job_id: Some(345),
                    ..Claims::default()
                },
            ),
            (r#"{"prParentJobId":"x"}"#, Claims::default()),
            ("{}", Claims::default()),
        ];
        for (payload, expected) in table {
            assert_eq!(with_payload(payload).claims(), Some(expected), "{payload}");
        }
    }

    #[test]
    fn a_padded_payload_is_read_too() {
        let token: BuildToken = "h.eyJleHAiOjF9Cg==.s".parse().unwrap();
        assert_eq!(token.claims().unwrap().expires, Some(at("1970-01-01T00:00:01Z")));
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for text in ["opaque", "one.two", "a..c", "a.!!!.c", "a.bm90IGpzb24.c"] {
            assert_eq!(text.parse::<BuildToken>().unwrap().claims(), None, "{text}");
        }
        assert_eq!(with_payload("[1]").claims(), None);
    }

    #[test]
    fn scopes_are_read_and_unknown_ones_kept() {
        let token = with_payload(r#"{"scope":["temporal","user","levitate",5]}"#);
        let scopes = [Scope::Temporal, Scope::User, Scope::from("levitate")];
        assert_eq!(token.scopes(), scopes);
        for payload in ["{}", r#"{"scope":"user"}"#, r#"{"scope":null}"#] {
            assert_eq!(with_payload(payload).scopes(), [], "{payload}");
        }
        assert_eq!("opaque".parse::<BuildToken>().unwrap().scopes(), []);
    }

    #[test]
    fn a_token_is_never_shown() {
        let token: BuildToken = serde_json::from_str("\"very.secret.word\"").unwrap();
        assert_eq!(token.expose(), "very.secret.word");
        assert_eq!(
            format!("{token:?} {:#?}", Some(&token)),
            "[redacted] Some(\n    [redacted],\n)"
        );
    }

    #[test]
    fn text_that_no_header_carries_is_refused_without_quoting_it() {
        for text in ["", "two words", "line\nbreak", "t\u{f6}ken", "nul\0"] {
            assert_eq!(text.parse::<BuildToken>(), Err(InvalidToken));
            let error = serde_json::from_value::<BuildToken>(text.into())
                .unwrap_err()
                .to_string();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert!(serde_json::from_str::<BuildToken>("5").is_err());
        assert!(serde_json::from_str::<BuildToken>("null").is_err());
    }

    proptest! {
        #[test]
        fn claims_never_panic_on_any_text(text in ".*") {
            if let Ok(token) = text.parse::<BuildToken>() {
                let _ = token.claims();
            }
        }

        #[test]
        fn claims_never_panic_on_any_payload(payload: Vec<u8>) {
            let token: BuildToken = format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload)).parse().unwrap();
            let _ = token.claims();
        }

        #[test]
        fn claims_never_panic_on_any_number(number: f64, integer: i64) {
            let payload = format!(r#"{{"exp":{integer},"iat":{number:e},"prParentJobId":{number:e}}}"#);
            prop_assert_eq!(with_payload(&payload).claims().is_some(), number.is_finite());
        }
    }
}
