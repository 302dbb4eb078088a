//! The part of a start message that describes the build, field by field.
//!
//! Each field is read on its own, so that a fault names its field and no value ever reaches an error text.

use std::borrow::Cow;

use screwdriver_api_client::{BuildId, BuildToken};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};
use url::Url;

use super::{DecodeError, object, present};

/// What we use of a build's configuration, and the text it came in.
#[derive(Debug)]
pub struct BuildConfig<'a> {
    /// The whole configuration as it came, to be passed on unaltered. Holds the token: never print it.
    pub raw: Opaque<'a>,
    /// The build.
    pub build_id: BuildId,
    /// The builds API that the build belongs to; every call about it goes there.
    pub api_uri: Url,
    /// The build's own credential. Starts and checks always have one.
    pub token: Option<BuildToken>,
    /// The job's annotations.
    pub annotations: Map<String, Value>,
    /// The job.
    pub job_id: Option<u64>,
    /// The job's name, e.g. `PR-15:main`.
    pub job_name: Option<Cow<'a, str>>,
    /// The event.
    pub event_id: Option<u64>,
    /// The pipeline.
    pub pipeline: Option<Pipeline>,
    /// The pull request.
    pub pr_num: Option<u64>,
    /// The template that the job was made from.
    pub template: Option<Template>,
}

/// The pipeline, as far as pods show it.
#[derive(Debug, Clone, Deserialize)]
pub struct Pipeline {
    /// Its id.
    #[serde(deserialize_with = "lenient_id")]
    pub id: u64,
    /// Its name, e.g. `org/repo`.
    #[serde(default, deserialize_with = "lenient_text")]
    pub name: Option<String>,
}

/// The template, as far as pods show it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Template {
    /// `namespace/name`.
    #[serde(default, rename = "fullName", deserialize_with = "lenient_text")]
    pub full_name: Option<String>,
    /// Its version.
    #[serde(default, deserialize_with = "lenient_text")]
    pub version: Option<String>,
}

/// Text that is passed on but never printed.
#[derive(Clone, Copy)]
pub struct Opaque<'a>(pub &'a RawValue);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    build_id: Option<&'a RawValue>,
    #[serde(borrow)]
    api_uri: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    job_name: Option<&'a RawValue>,
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pipeline: Option<&'a RawValue>,
    #[serde(borrow)]
    pr_num: Option<&'a RawValue>,
    #[serde(borrow)]
    template: Option<&'a RawValue>,
}

/// What a token says about its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLife {
    /// It has not come yet.
    Valid,
    /// It is over.
    Expired,
    /// Nothing: Screwdriver issues no such tokens.
    Unknown,
}

// === impl BuildConfig ===

impl<'a> BuildConfig<'a> {
    pub(super) fn decode(raw: &'a RawValue) -> Result<Self, DecodeError> {
        let fields: Fields<'a> = object(raw, "buildConfig", "an object")?;
        Ok(Self {
            raw: Opaque(raw),
            build_id: required(fields.build_id, "buildConfig.buildId", "a positive whole number")?,
            api_uri: api_uri(fields.api_uri)?,
            token: optional(fields.token, "buildConfig.token", "a text")?,
            annotations: optional(fields.annotations, "buildConfig.annotations", "an object")?
                .unwrap_or_default(),
            job_id: id(fields.job_id, "buildConfig.jobId")?,
            job_name: optional(fields.job_name, "buildConfig.jobName", "a text")?.map(Cow::<'a, str>::Owned),
            event_id: id(fields.event_id, "buildConfig.eventId")?,
            pipeline: present(fields.pipeline)
                .map(|raw| object(raw, "buildConfig.pipeline", "an object with a whole number `id`"))
                .transpose()?,
            pr_num: id(fields.pr_num, "buildConfig.prNum")?,
            template: present(fields.template)
                .map(|raw| object(raw, "buildConfig.template", "an object"))
                .transpose()?,
        })
    }

    /// Whether the build's token has run out at `now`: nothing can be reported any more.
    pub fn token_expired(&self, now: jiff::Timestamp) -> bool {
        self.token_life(now) == TokenLife::Expired
    }

    /// How long the build's token lives from `now` on.
    pub fn token_life(&self, now: jiff::Timestamp) -> TokenLife {
        let claims = self.token.as_ref().and_then(BuildToken::claims);
        match claims
            .and_then(|claims| claims.expires)
            .map(jiff::Timestamp::from)
        {
            Some(expires) if expires <= now => TokenLife::Expired,
            Some(_) => TokenLife::Valid,
            None => TokenLife::Unknown,
        }
    }

    pub(super) fn require_token(&self) -> Result<&BuildToken, DecodeError> {
        self.token.as_ref().ok_or(DecodeError::Missing {
            field: "buildConfig.token",
        })
    }
}

/// The image of a start; a separate step because only starts need one.
pub(super) fn container(raw: &RawValue) -> Result<Cow<'_, str>, DecodeError> {
    #[derive(Deserialize)]
    struct Container<'a> {
        #[serde(borrow)]
        container: Option<&'a RawValue>,
    }
    let fields: Container<'_> = object(raw, "buildConfig", "an object")?;
    let text: String = required(fields.container, "buildConfig.container", "a text")?;
    if text.is_empty() {
        return Err(DecodeError::Missing {
            field: "buildConfig.container",
        });
    }
    Ok(Cow::Owned(text))
}

fn api_uri(raw: Option<&RawValue>) -> Result<Url, DecodeError> {
    const FIELD: &str = "buildConfig.apiUri";
    const EXPECTED: &str = "an http or https address";
    let uri: Url = required(raw, FIELD, EXPECTED)?;
    match uri.scheme() {
        "http" | "https" if uri.has_host() => Ok(uri),
        _ => Err(DecodeError::Invalid {
            field: FIELD,
            expected: EXPECTED,
        }),
    }
}

fn optional<T: DeserializeOwned>(
    raw: Option<&RawValue>,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<T>, DecodeError> {
    present(raw)
        .map(|raw| serde_json::from_str(raw.get()))
        .transpose()
        .map_err(|_| DecodeError::Invalid { field, expected })
}

fn required<T: DeserializeOwned>(
    raw: Option<&RawValue>,
    field: &'static str,
    expected: &'static str,
) -> Result<T, DecodeError> {
    optional(raw, field, expected)?.ok_or(DecodeError::Missing { field })
}

fn id(raw: Option<&RawValue>, field: &'static str) -> Result<Option<u64>, DecodeError> {
    let value: Option<Value> = optional(raw, field, "a whole number")?;
    value
        .map(|value| {
            number(&value).ok_or(DecodeError::Invalid {
                field,
                expected: "a whole number",
            })
        })
        .transpose()
}

/// Ids come as numbers, and from some producers as numeric texts.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn lenient_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    number(&value).ok_or_else(|| serde::de::Error::custom("not a whole number"))
}

/// Names only show in labels: one of another type counts as absent.
fn lenient_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

// === impl Opaque ===

impl std::fmt::Debug for Opaque<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} bytes]", self.0.get().len())
    }
}
