//! What the API keeps, as it shows it: one room for each kind of thing.
//!
//! Only what makes no sense to be absent is required. Fields that this release does not know are kept in
//! `other` and written back as they were read; so are values of enumerations.

use serde::{Deserialize, Deserializer};

mod build;
mod build_cluster;
mod event;
mod job;
mod pipeline;
mod service;

pub use build::{Build, BuildStats, JobStatuses, LogLine, Step, StepState};
pub use build_cluster::BuildCluster;
pub use event::{Event, EventStatus, EventType, NewEvent};
pub use job::{Job, JobState};
pub use pipeline::{Pipeline, PipelineState};
pub use service::{License, ServiceStatus, Versions};

/// Reads null as if nothing were there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Option::deserialize(input).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
