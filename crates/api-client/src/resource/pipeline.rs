//! A pipeline.

use serde::{Deserialize, Serialize};

use crate::id::{EventId, PipelineId};
use crate::json::Fields;
use crate::timestamp::Timestamp;
use crate::unknown::open_enum;

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its repository, as in `screwdriver-cd/guide`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its repository and branch, as the API knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scm_uri: Option<String>,
    /// The source code management that the repository lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scm_context: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Its latest event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<EventId>,
    /// The pipeline that configures it, if another does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_pipeline_id: Option<PipelineId>,
    /// Whether it may start builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PipelineState>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

open_enum! {
    /// Whether a pipeline may start builds.
    PipelineState {
        /// It may.
        Active = "ACTIVE",
        /// Its configuration has it no more.
        Inactive = "INACTIVE",
        /// A person has said that it may not.
        Disabled = "DISABLED",
        /// It is being deleted.
        Deleting = "DELETING",
    }
}
