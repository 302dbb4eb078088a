//! The part of a clear message that names the cache. Only its form is checked here: which folder it means,
//! and whether that is one, is for the start-worker to decide.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{DecodeError, build_config::Opaque, fields, present};

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

const FIELD: &str = "cacheConfig";
const EXPECTED: &str = "an object of texts and ids";

// === impl CacheConfig ===

impl<'a> CacheConfig<'a> {
    pub(super) fn decode(raw: &'a RawValue) -> Result<Self, DecodeError> {
        let names = ["resource", "action", "scope", "prefix", "pipelineId", "id"];
        let [resource, action, scope, prefix, pipeline_id, id] = fields(raw, names, FIELD, EXPECTED)?;
        Ok(Self {
            raw: Opaque(raw),
            resource: read(resource)?,
            action: read(action)?,
            scope: read(scope)?,
            prefix: read(prefix)?,
            pipeline_id: read(pipeline_id)?,
            id: read(id)?,
        })
    }
}

fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Result<Option<T>, DecodeError> {
    let read = present(raw).map(|raw| serde_json::from_str(raw.get()));
    read.transpose().map_err(|_| DecodeError::Invalid {
        field: FIELD,
        expected: EXPECTED,
    })
}
