//! The part of a start message that describes the build, field by field.
//!
//! Each field is read on its own, so that a fault names its field and no value ever reaches an error text.

use std::borrow::Cow;

use screwdriver_api_client::{BuildId, BuildToken};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, value::RawValue};
use url::Url;

use super::{DecodeError, fields, lenient, present};

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
    /// The job's annotations that are Screwdriver's. Values that no JSON of ours can hold are the nearest that it can.
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
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its id.
    pub id: u64,
    /// Its name, e.g. `org/repo`.
    pub name: Option<String>,
}

/// The template, as far as pods show it.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// `namespace/name`.
    pub full_name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// Text that is passed on but never printed.
#[derive(Clone, Copy)]
pub struct Opaque<'a>(pub &'a RawValue);

/// What the names of Screwdriver's annotations end with; the rest of a name is the executors' to understand.
const ANNOTATION: &str = "screwdriver.cd/";

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
        let names = [
            "buildId",
            "apiUri",
            "token",
            "annotations",
            "jobId",
            "jobName",
            "eventId",
            "pipeline",
            "prNum",
            "template",
        ];
        let found = fields(raw, names, "buildConfig", "an object")?;
        let [
            build_id,
            uri,
            token,
            annotations,
            job_id,
            job_name,
            event_id,
            pipeline,
            pr_num,
            template,
        ] = found;
        Ok(Self {
            raw: Opaque(raw),
            build_id: required(build_id, "buildConfig.buildId", "a positive whole number")?,
            api_uri: api_uri(uri)?,
            token: optional(token, "buildConfig.token", "a text")?,
            annotations: present(annotations)
                .map(self::annotations)
                .transpose()?
                .unwrap_or_default(),
            job_id: id(job_id, "buildConfig.jobId")?,
            job_name: text(job_name, "buildConfig.jobName")?.map(Cow::Owned),
            event_id: id(event_id, "buildConfig.eventId")?,
            pipeline: present(pipeline).map(Pipeline::decode).transpose()?,
            pr_num: id(pr_num, "buildConfig.prNum")?,
            template: present(template).map(Template::decode).transpose()?,
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
    let field = "buildConfig.container";
    let [container] = fields(raw, ["container"], "buildConfig", "an object")?;
    let text = text(container, field)?.filter(|text| !text.is_empty());
    text.map(Cow::Owned).ok_or(DecodeError::Missing { field })
}

/// Those of Screwdriver's.
fn annotations(raw: &RawValue) -> Result<Map<String, Value>, DecodeError> {
    let mut annotations = Map::new();
    lenient::each(raw.get().as_bytes(), |name, value| {
        let name = String::from_utf8_lossy(name);
        if name.contains(ANNOTATION) {
            annotations.insert(name.into_owned(), lenient::nearest(value));
        }
    })
    .map_err(|_| DecodeError::Invalid {
        field: "buildConfig.annotations",
        expected: "an object",
    })?;
    Ok(annotations)
}

/// Text that a pod shows, or the nearest.
fn text(raw: Option<&RawValue>, field: &'static str) -> Result<Option<String>, DecodeError> {
    let text = |raw| {
        lenient::text(raw).ok_or(DecodeError::Invalid {
            field,
            expected: "a text",
        })
    };
    present(raw).map(text).transpose()
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

/// Names only show in labels: one of another type is its text, and what counts as nothing is absent.
fn shown(raw: Option<&RawValue>) -> Option<String> {
    let value = lenient::nearest(raw?);
    let something = match &value {
        Value::Null | Value::Object(_) => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(_) | Value::Array(_) => true,
    };
    let text = lenient::text_of(&value);
    (something && !text.is_empty()).then(|| text.into_owned())
}

// === impl Pipeline ===

impl Pipeline {
    fn decode(raw: &RawValue) -> Result<Self, DecodeError> {
        let (field, expected) = ("buildConfig.pipeline", "an object with a whole number `id`");
        let [id, name] = fields(raw, ["id", "name"], field, expected)?;
        let id = id.and_then(|raw| number(&lenient::nearest(raw)));
        Ok(Self {
            id: id.ok_or(DecodeError::Invalid { field, expected })?,
            name: shown(name),
        })
    }
}

// === impl Template ===

impl Template {
    fn decode(raw: &RawValue) -> Result<Self, DecodeError> {
        let names = ["fullName", "version"];
        let [full_name, version] = fields(raw, names, "buildConfig.template", "an object")?;
        Ok(Self {
            full_name: shown(full_name),
            version: shown(version),
        })
    }
}

// === impl Opaque ===

impl std::fmt::Debug for Opaque<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} bytes]", self.0.get().len())
    }
}
