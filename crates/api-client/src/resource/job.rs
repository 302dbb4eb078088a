//! A job: what a pipeline has builds of.

use serde::{Deserialize, Serialize};

use crate::id::{JobId, PipelineId};
use crate::json::Fields;
use crate::timestamp::Timestamp;
use crate::unknown::open_enum;

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its name; that of a pull request's job begins with `PR-<number>:`.
    pub name: String,
    /// The pipeline whose job it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<PipelineId>,
    /// The job that a pull request's job copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_parent_job_id: Option<JobId>,
    /// Whether it may start builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Who changed that last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_changer: Option<String>,
    /// When that was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_change_time: Option<Timestamp>,
    /// Why that was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_change_message: Option<String>,
    /// Whether the pipeline has it no more.
    #[serde(default, deserialize_with = "super::or_default")]
    pub archived: bool,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

open_enum! {
    /// Whether a job may start builds.
    JobState {
        /// It may.
        Enabled = "ENABLED",
        /// It may not.
        Disabled = "DISABLED",
    }
}
