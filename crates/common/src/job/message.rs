//! Jobs of ours back to bytes, with the build's configuration passed on as the text it came in.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{BuildConfig, CacheConfig, CheckState, StartState, StopState};

#[derive(Serialize)]
struct Body<'a> {
    job: &'static str,
    #[serde(rename = "buildConfig", skip_serializing_if = "Option::is_none")]
    build_config: Option<&'a RawValue>,
    #[serde(rename = "cacheConfig", skip_serializing_if = "Option::is_none")]
    cache_config: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'a CheckState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<&'a StartState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<&'a StopState>,
}

impl Body<'_> {
    const EMPTY: Self = Body {
        job: "",
        build_config: None,
        cache_config: None,
        check: None,
        start: None,
        stop: None,
    };

    fn encode(&self) -> Vec<u8> {
        // Serialising texts, numbers and raw JSON into memory has no way to fail; an empty body would be
        // parked by its reader as not JSON, so even then nothing is lost silently.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A check of `config`'s build.
pub fn check(config: &BuildConfig<'_>, state: &CheckState) -> Vec<u8> {
    Body {
        job: "verify",
        build_config: Some(config.raw.0),
        check: Some(state),
        ..Body::EMPTY
    }
    .encode()
}

/// A start that comes back.
pub fn start(config: &BuildConfig<'_>, state: &StartState) -> Vec<u8> {
    Body {
        job: "start",
        build_config: Some(config.raw.0),
        start: Some(state),
        ..Body::EMPTY
    }
    .encode()
}

/// A stop that comes back.
pub fn stop(config: &BuildConfig<'_>, state: &StopState) -> Vec<u8> {
    Body {
        job: "stop",
        build_config: Some(config.raw.0),
        stop: Some(state),
        ..Body::EMPTY
    }
    .encode()
}

/// A clear that comes back.
pub fn clear(config: &CacheConfig<'_>, state: &StopState) -> Vec<u8> {
    Body {
        job: "clear",
        cache_config: Some(config.raw.0),
        stop: Some(state),
        ..Body::EMPTY
    }
    .encode()
}

/// Proof of permissions and bindings.
pub fn probe() -> Vec<u8> {
    Body {
        job: "probe",
        ..Body::EMPTY
    }
    .encode()
}
