//! The part of a clear message that names the cache. Only its form is checked here: which folder it means,
//! and whether that is one, is for the start-worker to decide.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{DecodeError, build_config::Opaque, object};

/// What names a cache, and the text it came in.
#[derive(Debug)]
pub struct CacheConfig<'a> {
    /// The whole configuration as it came, to be passed on unaltered.
    pub raw: Opaque<'a>,
    /// `caches`.
    pub resource: Option<Cow<'a, str>>,
    /// `delete`.
    pub action: Option<Cow<'a, str>>,
    /// `pipelines`, `jobs` or `events`.
    pub scope: Option<Cow<'a, str>>,
    /// The producer's queue prefix.
    pub prefix: Option<Cow<'a, str>>,
    /// The pipeline whose cache it is.
    pub pipeline_id: Option<Value>,
    /// The pipeline, job or event.
    pub id: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    resource: Option<Cow<'a, str>>,
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    scope: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prefix: Option<Cow<'a, str>>,
    pipeline_id: Option<Value>,
    id: Option<Value>,
}

// === impl CacheConfig ===

impl<'a> CacheConfig<'a> {
    pub(super) fn decode(raw: &'a RawValue) -> Result<Self, DecodeError> {
        let fields: Fields<'a> = object(raw, "cacheConfig", "an object of texts and ids")?;
        Ok(Self {
            raw: Opaque(raw),
            resource: fields.resource,
            action: fields.action,
            scope: fields.scope,
            prefix: fields.prefix,
            pipeline_id: fields.pipeline_id,
            id: fields.id,
        })
    }
}
