//! The calls about pipelines and their caches.

use http::Method;

use super::{Api, Ask};
use crate::build::BuildStatus;
use crate::error::Error;
use crate::id::{EventId, JobId, PipelineId};
use crate::items::Items;
use crate::listing::Listing;
use crate::resource::{Build, Event, Job, Pipeline};

/// Pipelines: `/v4/pipelines`.
#[derive(Debug, Clone, Copy)]
pub struct Pipelines<'a> {
    pub(super) api: &'a Api,
}

/// Whose cache of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheScope {
    /// What all builds of the pipeline share.
    Pipeline,
    /// What the builds of one job share.
    Job(JobId),
    /// What the builds of one event share.
    Event(EventId),
}

// === impl Pipelines ===

impl Pipelines<'_> {
    /// All pipelines that the caller may see. Scopes: user, pipeline.
    pub fn list(&self, listing: Listing) -> Items<Pipeline> {
        self.api.pages(Ask::get("/v4/pipelines"), listing)
    }

    /// A pipeline. Scopes: user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such pipeline.
    pub async fn get(&self, pipeline: PipelineId) -> Result<Pipeline, Error> {
        self.api
            .json(&Ask::get("/v4/pipelines/{id}").with(&pipeline))
            .await
    }

    /// The jobs of a pipeline.
    pub fn jobs(&self, pipeline: PipelineId, listing: Listing) -> Items<Job> {
        let ask = Ask::get("/v4/pipelines/{id}/jobs").with(&pipeline);
        self.api.pages(ask, listing)
    }

    /// The events of a pipeline; those of pull requests with the filter `type` or `prNum`.
    pub fn events(&self, pipeline: PipelineId, listing: Listing) -> Items<Event> {
        let ask = Ask::get("/v4/pipelines/{id}/events").with(&pipeline);
        self.api.pages(ask, listing)
    }

    /// The builds of a pipeline, without their steps unless the filter `fetchSteps` asks for them.
    pub fn builds(&self, pipeline: PipelineId, listing: Listing) -> Items<Build> {
        let ask = Ask::get("/v4/pipelines/{id}/builds").with(&pipeline);
        let listing = listing.filter_unless_set("fetchSteps", "false");
        self.api.pages(ask, listing)
    }

    /// The latest build of the job of this name, or the latest in this status, with its steps. Scopes:
    /// user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such job or no such build.
    pub async fn latest_build(
        &self,
        pipeline: PipelineId,
        job: &str,
        status: Option<&BuildStatus>,
    ) -> Result<Build, Error> {
        let ask = Ask::get("/v4/pipelines/{id}/jobs/{name}/latestBuild").with(&pipeline);
        self.api.json(&ask.with(job).query_if("status", status)).await
    }

    /// The event of the latest commit. Scopes: user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no commit has started one yet.
    pub async fn latest_commit_event(&self, pipeline: PipelineId) -> Result<Event, Error> {
        let ask = Ask::get("/v4/pipelines/{id}/latestCommitEvent").with(&pipeline);
        self.api.json(&ask).await
    }

    /// The latest event whose builds all ended well; those of pull requests do not count. Scopes: user, build,
    /// pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn last_successful_event(&self, pipeline: PipelineId) -> Result<Event, Error> {
        let ask = Ask::get("/v4/pipelines/{id}/lastSuccessfulEvent").with(&pipeline);
        self.api.json(&ask).await
    }

    /// Deletes a cache, on all build clusters where it lies on a disk. Scopes: user, pipeline, with the right
    /// to push. The API answers when it has passed the wish on; the deletion itself follows.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn delete_cache(&self, pipeline: PipelineId, scope: CacheScope) -> Result<(), Error> {
        let (scope, id) = match scope {
            CacheScope::Pipeline => ("pipelines", pipeline.get()),
            CacheScope::Job(job) => ("jobs", job.get()),
            CacheScope::Event(event) => ("events", event.get()),
        };
        let ask = Ask::new(Method::DELETE, "/v4/pipelines/{id}/caches").with(&pipeline);
        self.api
            .done(&ask.query("scope", scope).query("cacheId", &id))
            .await
    }
}
