//! The calls about jobs.

use http::Method;
use serde::Serialize;

use super::{Api, Ask};
use crate::build::BuildStatus;
use crate::error::Error;
use crate::id::JobId;
use crate::items::Items;
use crate::json::Json;
use crate::listing::Listing;
use crate::resource::{Build, Job, JobState};

/// Jobs: `/v4/jobs`.
#[derive(Debug, Clone, Copy)]
pub struct Jobs<'a> {
    pub(super) api: &'a Api,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateChange<'a> {
    state: &'a JobState,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_change_message: Option<&'a str>,
}

// === impl Jobs ===

impl Jobs<'_> {
    /// A job. Scopes: user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such job.
    pub async fn get(&self, job: JobId) -> Result<Job, Error> {
        self.api.json(&Ask::get("/v4/jobs/{id}").with(&job)).await
    }

    /// The builds of a job, without their steps unless the filter `fetchSteps` asks for them.
    pub fn builds(&self, job: JobId, listing: Listing) -> Items<Build> {
        let listing = listing.filter_unless_set("fetchSteps", "false");
        self.api
            .pages(Ask::get("/v4/jobs/{id}/builds").with(&job), listing)
    }

    /// The latest build of a job, or the latest in this status, with its steps. Scopes: user, build,
    /// pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such job or no such build.
    pub async fn latest_build(&self, job: JobId, status: Option<&BuildStatus>) -> Result<Build, Error> {
        let ask = Ask::get("/v4/jobs/{id}/latestBuild").with(&job);
        self.api.json(&ask.query_if("status", status)).await
    }

    /// The meta of a job's latest successful build; an empty object if there is none. Scopes: user, build,
    /// pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such job.
    pub async fn last_successful_meta(&self, job: JobId) -> Result<Json, Error> {
        let ask = Ask::get("/v4/jobs/{id}/lastSuccessfulMeta").with(&job);
        self.api.json(&ask).await
    }

    /// Enables or disables a job; the reason has at most 512 characters. Scopes: user, pipeline.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn set_state(&self, job: JobId, state: &JobState, reason: Option<&str>) -> Result<Job, Error> {
        let change = StateChange {
            state,
            state_change_message: reason,
        };
        let ask = Ask::new(Method::PUT, "/v4/jobs/{id}").with(&job).body(&change)?;
        self.api.json(&ask).await
    }
}
