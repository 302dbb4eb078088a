//! An event: what a pipeline's builds were started by.

use serde::{Deserialize, Serialize};

use crate::id::{BuildId, EventId, PipelineId};
use crate::json::{Fields, Json};
use crate::timestamp::Timestamp;
use crate::unknown::open_enum;

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The pipeline whose event it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<PipelineId>,
    /// The first of the events that were started anew from one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_event_id: Option<EventId>,
    /// The event that it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_event_id: Option<EventId>,
    /// What started it.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventType>,
    /// Where its builds stand, taken together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<EventStatus>,
    /// The job or trigger that it started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_from: Option<String>,
    /// Why it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause_message: Option<String>,
    /// The commit that it builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// The number of the pull request, if one started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_num: Option<u64>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

open_enum! {
    /// What started an event.
    EventType {
        /// A commit, a person or a schedule.
        Pipeline = "pipeline",
        /// A pull request.
        PullRequest = "pr",
    }
}

open_enum! {
    /// Where the builds of an event stand, taken together.
    EventStatus {
        /// Builds run or wait.
        InProgress = "IN_PROGRESS",
        /// There are no builds yet.
        Created = "CREATED",
        /// All builds ended well.
        Success = "SUCCESS",
        /// A build ended badly.
        Failure = "FAILURE",
        /// A build was aborted.
        Aborted = "ABORTED",
        /// The event is older than the API's account of it.
        Unknown = "UNKNOWN",
    }
}

/// The event that is to be started.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewEvent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_id: Option<PipelineId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_id: Option<BuildId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_event_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_event_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_build_id: Option<BuildId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_pipeline_sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pr_num: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Json>,
}

// === impl NewEvent ===

impl NewEvent {
    const NOTHING: Self = Self {
        pipeline_id: None,
        start_from: None,
        build_id: None,
        cause_message: None,
        parent_event_id: None,
        group_event_id: None,
        parent_build_id: None,
        sha: None,
        config_pipeline_sha: None,
        base_branch: None,
        pr_num: None,
        meta: None,
    };

    /// Starts a pipeline from a job (`deploy`) or a trigger (`~commit`, `~pr`).
    pub fn start(pipeline: PipelineId, from: impl Into<String>) -> Self {
        Self {
            pipeline_id: Some(pipeline),
            start_from: Some(from.into()),
            ..Self::NOTHING
        }
    }

    /// Starts the job of this build anew, in the same group of events.
    pub fn restart(build: BuildId) -> Self {
        Self {
            build_id: Some(build),
            ..Self::NOTHING
        }
    }

    /// Why, in at most 512 characters.
    pub fn cause_message(mut self, text: impl Into<String>) -> Self {
        self.cause_message = Some(text.into());
        self
    }

    /// The event whose meta is inherited.
    pub fn parent_event(mut self, event: EventId) -> Self {
        self.parent_event_id = Some(event);
        self
    }

    /// The group that it belongs to.
    pub fn group_event(mut self, event: EventId) -> Self {
        self.group_event_id = Some(event);
        self
    }

    /// The build that it goes on from.
    pub fn parent_build(mut self, build: BuildId) -> Self {
        self.parent_build_id = Some(build);
        self
    }

    /// The commit to build, 40 hexadecimal digits. Default: the latest.
    pub fn sha(mut self, sha: impl Into<String>) -> Self {
        self.sha = Some(sha.into());
        self
    }

    /// The commit of the pipeline that configures this one, where another does.
    pub fn config_pipeline_sha(mut self, sha: impl Into<String>) -> Self {
        self.config_pipeline_sha = Some(sha.into());
        self
    }

    /// The branch that a pull request is to be merged into.
    pub fn base_branch(mut self, branch: impl Into<String>) -> Self {
        self.base_branch = Some(branch.into());
        self
    }

    /// The pull request whose jobs are started; `~pr` needs it.
    pub fn pull_request(mut self, number: u64) -> Self {
        self.pr_num = Some(number);
        self
    }

    /// What the builds find as their meta.
    pub fn meta(mut self, meta: Json) -> Self {
        self.meta = Some(meta);
        self
    }
}
