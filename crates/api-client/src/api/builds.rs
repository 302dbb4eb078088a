//! The calls about builds.

use std::time::Duration;

use http::Method;

use super::send::TokenAnswer;
use super::{Api, Ask, Download, log_lines};
use crate::build::BuildUpdate;
use crate::classify::{NO_BUILDS, STARTED};
use crate::client::TokenRequest;
use crate::error::Error;
use crate::id::{BuildId, JobId};
use crate::items::Items;
use crate::resource::{Build, JobStatuses, LogLine, Step, StepState};
use crate::token::BuildToken;

/// Builds: `/v4/builds`.
#[derive(Debug, Clone, Copy)]
pub struct Builds<'a> {
    pub(super) api: &'a Api,
}

/// What came of asking for a build's own token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Exchanged {
    /// The build's own token, for its pod.
    Token(BuildToken),
    /// The build runs already or has ended: it has its token, or needs none.
    RunningOrFinished,
}

// === impl Builds ===

impl Builds<'_> {
    /// A build with its steps. Scopes: user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such build.
    pub async fn get(&self, build: BuildId) -> Result<Build, Error> {
        self.api.json(&Ask::get("/v4/builds/{id}").with(&build)).await
    }

    /// Changes a build. A build's own token may say how it goes, a user's may abort it.
    ///
    /// An answer that got lost makes the call go out again. If the first one ended the build, the second is
    /// told so: [`Error::Finished`] then means that the build has ended, not who ended it. An update to
    /// RUNNING or BLOCKED goes out again only if the first one surely had no effect: the API refuses these
    /// where the build has them, and a success whose answer got lost would read as a refusal.
    ///
    /// # Errors
    /// [`Error::Finished`] if the build takes no update any more, [`Error::Invalid`] if the token may not
    /// make this change.
    pub async fn update(&self, build: BuildId, update: &BuildUpdate) -> Result<Build, Error> {
        let ask = Ask::new(Method::PUT, "/v4/builds/{id}")
            .about(build)
            .refused_twice(update.is_refused_twice())
            .body(update)?;
        self.api.json(&ask).await
    }

    /// The steps of a build. Scopes: user, build, pipeline, temporal.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such build.
    pub async fn steps(&self, build: BuildId) -> Result<Vec<Step>, Error> {
        self.api
            .json(&Ask::get("/v4/builds/{id}/steps").with(&build))
            .await
    }

    /// The steps of a build that stand so.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such build.
    pub async fn steps_in(&self, build: BuildId, state: StepState) -> Result<Vec<Step>, Error> {
        let ask = Ask::get("/v4/builds/{id}/steps").with(&build);
        self.api.json(&ask.query("status", state.as_str())).await
    }

    /// A step of a build, by its name. Scopes: user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such step.
    pub async fn step(&self, build: BuildId, name: &str) -> Result<Step, Error> {
        let ask = Ask::get("/v4/builds/{id}/steps/{name}").with(&build);
        self.api.json(&ask.with(name)).await
    }

    /// The lines that a step has logged so far, from the first.
    pub fn log(&self, build: BuildId, step: &str) -> Items<LogLine> {
        log_lines::read(self.api, build, step, None)
    }

    /// The lines of a step as they come, until it has ended. The API is asked for more lines `every` so
    /// often once those it had are read; less than a tenth of a second is taken for that.
    pub fn follow_log(&self, build: BuildId, step: &str, every: Duration) -> Items<LogLine> {
        log_lines::read(self.api, build, step, Some(every))
    }

    /// The names of a build's artifacts, as its manifest has them, without the leading `./`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the build does not exist or has uploaded nothing yet.
    pub async fn artifacts(&self, build: BuildId) -> Result<Vec<String>, Error> {
        let manifest = self.artifact(build, "manifest.txt").await?.text().await?;
        let names = manifest
            .lines()
            .map(|line| line.strip_prefix("./").unwrap_or(line));
        Ok(names
            .filter(|name| !name.is_empty())
            .map(ToOwned::to_owned)
            .collect())
    }

    /// An artifact's bytes, by its name.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such artifact, [`Error::Part`] if the name leads elsewhere.
    pub async fn artifact(&self, build: BuildId, name: &str) -> Result<Download, Error> {
        let ask = Ask::get("/v4/builds/{id}/artifacts/{name*}")
            .with(&build)
            .with(name);
        self.download(&ask.query("type", "download")).await
    }

    /// All artifacts in a ZIP archive, which the API makes as it sends it.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn all_artifacts(&self, build: BuildId) -> Result<Download, Error> {
        self.download(&Ask::get("/v4/builds/{id}/artifacts").with(&build))
            .await
    }

    /// The statuses of the latest builds of these jobs, `per_job` of each. A job without builds has none, or
    /// is left out.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn statuses(&self, jobs: &[JobId], per_job: u32) -> Result<Vec<JobStatuses>, Error> {
        if jobs.is_empty() || per_job == 0 {
            return Ok(Vec::new());
        }
        let ask = Ask::get("/v4/builds/statuses").query("numBuilds", &per_job);
        let ask = jobs.iter().fold(ask, |ask, job| ask.query("jobIds", job));
        let statuses = self.api.json_if_any(&ask.unless(&NO_BUILDS)).await?;
        Ok(statuses.unwrap_or_default())
    }

    /// Exchanges the token of a build's message (scope temporal) for the build's own, which lives this many
    /// minutes. Changes nothing in the build.
    ///
    /// # Errors
    /// As [`Error`] documents; none of them says anything about the build.
    pub async fn exchange_token(&self, build: BuildId, minutes: u32) -> Result<Exchanged, Error> {
        let body = TokenRequest {
            build_timeout: minutes,
        };
        let ask = Ask::new(Method::POST, "/v4/builds/{id}/token")
            .with(&build)
            .body(&body)?;
        let answer = self.api.json_if_any(&ask.unless(&STARTED)).await?;
        Ok(
            answer.map_or(Exchanged::RunningOrFinished, |TokenAnswer { token }| {
                Exchanged::Token(token)
            }),
        )
    }

    async fn download(&self, ask: &Ask) -> Result<Download, Error> {
        let response = self.api.stream(ask).await?;
        Ok(Download::new(response, self.api.shared.client.timeout))
    }
}
