//! Which executor runs a build: its annotation, else a weighted draw, else the default.
//!
//! Pure, and the same answer for the same build wherever it is asked: the draw is a hash of the build, so
//! replicas and redeliveries do not put a second pod into another executor. Who has chosen once carries
//! the name along and finds the executor with [`named`].

use std::{borrow::Cow, fmt::Display};

use common::{
    pod_identity::build_hash,
    settings::{ExecutorSettings, ExecutorsSettings},
};
use serde_json::{Map, Value};
use url::Url;

use crate::manifest::Annotations;

/// Weights are thousandths.
const WHOLE: u64 = 1_000;

/// Why a build has no executor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// It was asked for by a name that the settings do not have.
    #[error("This cluster has no executor {asked}; it has {}.", known.join(", "))]
    UnknownExecutor {
        /// The name that was asked for.
        asked: String,
        /// The names in the settings.
        known: Vec<String>,
    },
}

/// The executor for a build that has none yet.
///
/// Who asks for an executor by name gets that one or none: another would run the build somewhere it was not
/// meant for, and nobody would know.
///
/// # Errors
/// The annotation names an executor that there is not.
pub fn choose<'e>(
    executors: &'e ExecutorsSettings,
    annotations: &Map<String, Value>,
    container: &str,
    api_uri: &Url,
    build: &impl Display,
) -> Result<&'e ExecutorSettings, ExecutorError> {
    if let Some(name) = asked_for(annotations) {
        return named(executors, &name);
    }
    match draw(executors, container, build_hash(api_uri, build)) {
        Some(executor) => Ok(executor),
        None => named(executors, &executors.default),
    }
}

/// The name in the annotation. What the predecessor takes for none is none: `false`, `0`, `null`, empty.
fn asked_for(annotations: &Map<String, Value>) -> Option<Cow<'_, str>> {
    match Annotations::new(annotations).get("executor")? {
        Value::Null | Value::Bool(false) => None,
        Value::String(name) if name.is_empty() => None,
        Value::Number(number) if number.as_f64() == Some(0.0) => None,
        Value::String(name) => Some(name.into()),
        other => Some(other.to_string().into()),
    }
}

/// The executor of this name, e.g. the one that was chosen before.
pub fn named<'e>(
    executors: &'e ExecutorsSettings,
    name: &str,
) -> Result<&'e ExecutorSettings, ExecutorError> {
    executors.get(name).ok_or_else(|| ExecutorError::UnknownExecutor {
        asked: name.to_owned(),
        known: executors
            .all
            .iter()
            .map(|executor| executor.name.clone())
            .collect(),
    })
}

/// `hash` falls into the share of one executor; `None` when no executor has a share in this container.
fn draw<'e>(executors: &'e ExecutorsSettings, container: &str, hash: u64) -> Option<&'e ExecutorSettings> {
    let excluded = |executor: &ExecutorSettings| executor.exclusions.iter().any(|one| one.matches(container));
    let candidates: Vec<_> = executors
        .all
        .iter()
        .filter(|executor| !excluded(executor))
        .collect();
    // As in the predecessor, fractions count in the sum and not in the shares; what nobody has is the first one's.
    let total: u64 = candidates
        .iter()
        .map(|executor| u64::from(executor.weightage))
        .sum();
    let mut left = if total.is_multiple_of(WHOLE) {
        hash.checked_rem(total / WHOLE)?
    } else {
        hash % total / WHOLE
    };
    let hit = candidates.iter().find(|executor| {
        let share = u64::from(executor.weightage) / WHOLE;
        let hit = left < share;
        left = left.saturating_sub(share);
        hit
    });
    hit.or(candidates.first()).copied()
}

#[cfg(test)]
mod tests;
