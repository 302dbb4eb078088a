//! Which executor runs a build: its annotation, else a weighted draw, else the default.
//!
//! Pure, and the same answer for the same build wherever it is asked: the draw is a hash of the build, so
//! replicas and redeliveries do not put a second pod into another executor. Who has chosen once carries
//! the name along and finds the executor with [`named`].

use std::fmt::Display;

use common::{
    pod_identity::build_hash,
    settings::{ExecutorSettings, ExecutorsSettings},
};
use serde_json::{Map, Value};
use url::Url;

use crate::manifest::Annotations;

/// Why a build has no executor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// It was asked for by a name that the settings do not have.
    #[error("there is no executor {asked}; there are {}", known.join(", "))]
    UnknownExecutor {
        /// The name that was asked for.
        asked: String,
        /// The names in the settings.
        known: Vec<String>,
    },
}

/// The executor for a build that has none yet.
///
/// A job may ask for an executor that this cluster does not have (its annotations are written for all
/// clusters), so an unknown name in the annotation is no error: the next rule decides.
pub fn choose<'e>(
    executors: &'e ExecutorsSettings,
    annotations: &Map<String, Value>,
    container: &str,
    api_uri: &Url,
    build: &impl Display,
) -> Result<&'e ExecutorSettings, ExecutorError> {
    let annotated = Annotations::new(annotations)
        .text("executor")
        .and_then(|name| executors.get(name));
    match annotated.or_else(|| draw(executors, container, build_hash(api_uri, build))) {
        Some(executor) => Ok(executor),
        None => named(executors, &executors.default),
    }
}

/// The executor that was chosen before.
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
    let excluded =
        |executor: &ExecutorSettings| executor.exclusions.iter().any(|regex| regex.is_match(container));
    let candidates: Vec<_> = executors
        .all
        .iter()
        .filter(|executor| !excluded(executor))
        .collect();
    let total: u64 = candidates
        .iter()
        .map(|executor| u64::from(executor.weightage))
        .sum();
    let mut left = hash.checked_rem(total)?;
    candidates.into_iter().find(|executor| {
        let share = u64::from(executor.weightage);
        let hit = left < share;
        left = left.saturating_sub(share);
        hit
    })
}

#[cfg(test)]
mod tests;
