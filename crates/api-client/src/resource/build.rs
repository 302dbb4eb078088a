//! A build as the API shows it, its steps and the lines of their logs.

use serde::{Deserialize, Serialize};

use crate::build::{BuildStatus, MessageType};
use crate::id::{BuildId, EventId, JobId};
use crate::json::{Fields, Json};
use crate::timestamp::Timestamp;

/// A build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Build {
    /// Its id.
    pub id: BuildId,
    /// Where it stands.
    pub status: BuildStatus,
    /// The text shown to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// How the text is to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message_type: Option<MessageType>,
    /// The job that it is a build of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The event that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// Why it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The image that it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The commit that it builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// When its steps began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// Where and when its pod came to life.
    #[serde(
        default,
        deserialize_with = "super::or_default",
        skip_serializing_if = "BuildStats::is_empty"
    )]
    pub stats: BuildStats,
    /// The build cluster that it was handed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_cluster_name: Option<String>,
    /// What the build itself has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Json>,
    /// Its steps; empty if they were not asked for.
    #[serde(
        default,
        deserialize_with = "super::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub steps: Vec<Step>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

/// Where and when a build's pod came to life.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BuildStats {
    /// When the build was handed to the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_enter_time: Option<Timestamp>,
    /// Since when another build holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_start_time: Option<Timestamp>,
    /// When the node began to pull the build's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_start_time: Option<Timestamp>,
    /// The node that the pod is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

/// One step of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Step {
    /// Its name, unique within the build.
    pub name: String,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its exit code, once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// How many lines it has logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

/// Which steps are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepState {
    /// Begun and not ended.
    Active,
    /// Ended with exit code 0.
    Success,
    /// Ended with another exit code.
    Failure,
}

/// One line of a step's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogLine {
    /// Which line of the step it is, from 0.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// When it was logged, in milliseconds since 1970.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<f64>,
    /// The line, without its end.
    #[serde(rename = "m", default)]
    pub message: String,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

/// The latest builds of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobStatuses {
    /// The job.
    pub job_id: JobId,
    /// Its builds, the latest last; little more than their statuses.
    #[serde(default, deserialize_with = "super::or_default")]
    pub builds: Vec<Build>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

// === impl Build ===

impl Build {
    /// Whether nothing follows any more. An UNSTABLE build has ended once it has an end time.
    pub fn has_ended(&self) -> bool {
        self.status.is_final() || self.end_time.is_some()
    }
}

// === impl BuildStats ===

impl BuildStats {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

// === impl StepState ===

impl StepState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}
