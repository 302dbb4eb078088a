//! What a message asks for: bytes to a [`Job`], total and pure.
//!
//! Strict about what we use (ids, container, `apiUri`, token), liberal about what we do not. The build
//! configuration is kept as the text it came in, so that it goes on to the next queue unaltered and
//! without a copy of its tree. Encoding back is in [`message`].

mod annotations;
pub mod build_config;
pub mod cache_config;
mod lenient;
pub mod message;
pub mod state;

pub use annotations::ANNOTATIONS;
pub use build_config::{BuildConfig, Pipeline, Template, TokenLife};
pub use cache_config::CacheConfig;
pub use lenient::{has, text_of, text_of_number};
pub use state::{CheckState, Recreate, StartState, StopState};

use serde::Deserialize;
use serde_json::value::RawValue;

/// A decoded message.
#[derive(Debug)]
pub enum Job<'a> {
    /// Make the build's pod.
    Start(Box<StartJob<'a>>),
    /// Delete the build's pods.
    Stop(Box<StopJob<'a>>),
    /// Clear a disk cache.
    Clear(Box<ClearJob<'a>>),
    /// Look at the build's pod.
    Check(Box<CheckJob<'a>>),
    /// Nothing: proof that a queue of ours is bound and readable.
    Probe,
}

/// A start, with what its earlier tries left if it comes back from a queue of ours.
#[derive(Debug)]
pub struct StartJob<'a> {
    /// The build.
    pub config: BuildConfig<'a>,
    /// The image the build runs in.
    pub container: std::borrow::Cow<'a, str>,
    /// What earlier tries left; `None` for a message of the producer's.
    pub state: Option<StartState>,
}

/// A stop, with what its earlier tries left if it comes back from a queue of ours.
#[derive(Debug)]
pub struct StopJob<'a> {
    /// The build.
    pub config: BuildConfig<'a>,
    /// What earlier passes left; `None` for a message of the producer's.
    pub state: Option<StopState>,
}

/// A check: a delayed look at a build's pod.
#[derive(Debug)]
pub struct CheckJob<'a> {
    /// The build.
    pub config: BuildConfig<'a>,
    /// What earlier looks left; `None` for a verify message of the predecessor's.
    pub state: Option<CheckState>,
}

/// A request to clear a disk cache, with what its earlier tries left if it comes back from a queue of ours.
#[derive(Debug)]
pub struct ClearJob<'a> {
    /// The cache.
    pub config: CacheConfig<'a>,
    /// What earlier tries left; `None` for a message of the producer's.
    pub state: Option<StopState>,
}

/// Why bytes are not a job. Names the place and what was expected there, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON at all, or cut short.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault.
        column: usize,
    },
    /// JSON, but not an object with a `job`.
    #[error("the body is not an object with a text `job`")]
    NotAJob,
    /// A job that we do not know.
    #[error("the job is none of start, stop, clear, verify")]
    UnknownJob,
    /// A field that the job needs is absent or null.
    #[error("`{field}` is missing")]
    Missing {
        /// Path of the field.
        field: &'static str,
    },
    /// A field holds something else than it must.
    #[error("`{field}` is not {expected}")]
    Invalid {
        /// Path of the field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

struct Envelope<'a> {
    job: Option<&'a RawValue>,
    build_config: Option<&'a RawValue>,
    cache_config: Option<&'a RawValue>,
    start: Option<&'a RawValue>,
    stop: Option<&'a RawValue>,
    check: Option<&'a RawValue>,
}

// === impl Job ===

impl<'a> Job<'a> {
    /// Decodes a message body. Total: every input is a job or a named error.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let envelope = Envelope::decode(body)?;
        let kind: std::borrow::Cow<'a, str> = envelope
            .job
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .ok_or(DecodeError::NotAJob)?;
        match kind.as_ref() {
            "start" => envelope.start().map(|job| Self::Start(Box::new(job))),
            "stop" => envelope.stop().map(|job| Self::Stop(Box::new(job))),
            "clear" => envelope.clear().map(|job| Self::Clear(Box::new(job))),
            "verify" => envelope.check().map(|job| Self::Check(Box::new(job))),
            "probe" => Ok(Self::Probe),
            _ => Err(DecodeError::UnknownJob),
        }
    }

    /// Every name of a job.
    pub const KINDS: [&'static str; 5] = ["start", "stop", "clear", "check", "probe"];

    /// The job's name in spans, logs and metrics: one of [`KINDS`](Self::KINDS).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Stop(_) => "stop",
            Self::Clear(_) => "clear",
            Self::Check(_) => "check",
            Self::Probe => "probe",
        }
    }

    /// The build it is about, if it is about one.
    pub fn config(&self) -> Option<&BuildConfig<'a>> {
        match self {
            Self::Start(job) => Some(&job.config),
            Self::Stop(job) => Some(&job.config),
            Self::Check(job) => Some(&job.config),
            Self::Clear(_) | Self::Probe => None,
        }
    }

    /// Tries that we counted in the body; `None` for a message of the producer's.
    pub fn counted_attempts(&self) -> Option<u32> {
        match self {
            Self::Start(job) => job.state.as_ref().map(|state| state.attempt),
            Self::Stop(job) => job.state.as_ref().map(|state| state.attempt),
            Self::Clear(job) => job.state.as_ref().map(|state| state.attempt),
            Self::Check(job) => job.state.as_ref().map(|state| state.attempt),
            Self::Probe => None,
        }
    }

    /// The trace that the body carries.
    pub fn trace_context(&self) -> Option<&crate::telemetry::propagation::TraceContext> {
        match self {
            Self::Start(job) => job.state.as_ref()?.trace_context.as_ref(),
            Self::Stop(job) => job.state.as_ref()?.trace_context.as_ref(),
            Self::Clear(job) => job.state.as_ref()?.trace_context.as_ref(),
            Self::Check(job) => job.state.as_ref()?.trace_context.as_ref(),
            Self::Probe => None,
        }
    }
}

// === impl DecodeError ===

impl DecodeError {
    /// The label of metrics and of the `x-sd-reason` header.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not-json",
            Self::NotAJob => "not-a-job",
            Self::UnknownJob => "unknown-job",
            Self::Missing { .. } => "missing-field",
            Self::Invalid { .. } => "invalid-field",
        }
    }
}

// === impl Envelope ===

impl<'a> Envelope<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let names = ["job", "buildConfig", "cacheConfig", "start", "stop", "check"];
        let found = lenient::fields(body, names).map_err(|error| {
            if error.is_data() {
                DecodeError::NotAJob
            } else {
                DecodeError::NotJson {
                    line: error.line(),
                    column: error.column(),
                }
            }
        })?;
        let [job, build_config, cache_config, start, stop, check] = found;
        Ok(Self {
            job,
            build_config,
            cache_config,
            start,
            stop,
            check,
        })
    }

    fn config(&self) -> Result<BuildConfig<'a>, DecodeError> {
        let raw = present(self.build_config).ok_or(DecodeError::Missing { field: "buildConfig" })?;
        BuildConfig::decode(raw)
    }

    fn start(&self) -> Result<StartJob<'a>, DecodeError> {
        let (config, container) = (self.config()?, self.container()?);
        config.require_token()?;
        Ok(StartJob {
            config,
            container,
            state: state(self.start, "start")?,
        })
    }

    fn stop(&self) -> Result<StopJob<'a>, DecodeError> {
        Ok(StopJob {
            config: self.config()?,
            state: state(self.stop, "stop")?,
        })
    }

    fn check(&self) -> Result<CheckJob<'a>, DecodeError> {
        let config = self.config()?;
        config.require_token()?;
        Ok(CheckJob {
            config,
            state: state(self.check, "check")?,
        })
    }

    fn clear(&self) -> Result<ClearJob<'a>, DecodeError> {
        let raw = present(self.cache_config).ok_or(DecodeError::Missing { field: "cacheConfig" })?;
        Ok(ClearJob {
            config: CacheConfig::decode(raw)?,
            state: state(self.stop, "stop")?,
        })
    }

    fn container(&self) -> Result<std::borrow::Cow<'a, str>, DecodeError> {
        let raw = present(self.build_config).ok_or(DecodeError::Missing { field: "buildConfig" })?;
        build_config::container(raw)
    }
}

/// The values of these fields of an object, each as the text it came in.
fn fields<'a, const N: usize>(
    raw: &'a RawValue,
    names: [&str; N],
    field: &'static str,
    expected: &'static str,
) -> Result<[Option<&'a RawValue>; N], DecodeError> {
    lenient::fields(raw.get().as_bytes(), names).map_err(|_| DecodeError::Invalid { field, expected })
}

/// `null` is as good as absent.
fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// An object with named fields. The derived readers alone would also take a list of their values.
fn object<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    field: &'static str,
    expected: &'static str,
) -> Result<T, DecodeError> {
    let read = Some(raw.get()).filter(|text| text.starts_with('{'));
    read.and_then(|text| serde_json::from_str(text).ok())
        .ok_or(DecodeError::Invalid { field, expected })
}

fn state<T: serde::de::DeserializeOwned>(
    raw: Option<&RawValue>,
    field: &'static str,
) -> Result<Option<T>, DecodeError> {
    present(raw)
        .map(|raw| object(raw, field, "the state of a message of ours"))
        .transpose()
}

#[cfg(test)]
mod tests;
