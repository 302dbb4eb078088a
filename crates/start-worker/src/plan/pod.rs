//! From a start message to an executor, names and a pod: the part of planning that rendering shares.

use common::{
    job::StartJob,
    pod_identity::{build_label, pod_name},
    settings::{ExecutorSettings, ExecutorsSettings},
};
use screwdriver_api_client::BuildToken;

use super::Place;
use crate::{
    executor::{self, ExecutorError},
    manifest::{self, BuildSpec, Manifest, ManifestError},
};

/// The executor that an earlier handling chose, else the choice now.
pub(crate) fn choose<'e>(
    job: &StartJob<'_>,
    executors: &'e ExecutorsSettings,
) -> Result<&'e ExecutorSettings, ExecutorError> {
    match &job.state {
        // A start that came back before one was chosen carries none.
        Some(state) if !state.executor.is_empty() => executor::named(executors, &state.executor),
        Some(_) | None => executor::choose(
            executors,
            &job.config.annotations,
            &job.container,
            &job.config.api_uri,
            &job.config.build_id,
        ),
    }
}

/// Where the build's pod is, or would be, in `executor`.
pub(crate) fn place(job: &StartJob<'_>, executor: &ExecutorSettings) -> Place {
    let (prefix, config) = (&executor.prefix, &job.config);
    Place {
        executor: executor.name.clone(),
        name: pod_name(prefix, &config.api_uri, &config.build_id),
        label: build_label(prefix, &config.build_id),
    }
}

/// The build's pod in `executor`, with `token` for the build's own one and in the trace of `traceparent`.
pub(crate) fn manifest(
    job: &StartJob<'_>,
    executor: &ExecutorSettings,
    name: &str,
    token: &str,
    traceparent: Option<&str>,
) -> Result<Manifest, ManifestError> {
    let config = &job.config;
    let claims = config.token.as_ref().and_then(BuildToken::claims);
    let recreate = job.state.as_ref().and_then(|state| state.recreate.as_ref());
    let (pipeline, template) = (config.pipeline.as_ref(), config.template.as_ref());
    let build = BuildSpec {
        build_id: config.build_id.get(),
        container: &job.container,
        token,
        annotations: &config.annotations,
        job_id: config.job_id,
        job_name: config.job_name.as_deref(),
        event_id: config.event_id,
        pipeline_id: pipeline.map(|pipeline| pipeline.id),
        pipeline_name: pipeline.and_then(|pipeline| pipeline.name.as_deref()),
        pr_num: config.pr_num,
        pr_parent_job_id: claims.and_then(|claims| claims.pr_parent_job_id),
        template_full_name: template.and_then(|template| template.full_name.as_deref()),
        template_version: template.and_then(|template| template.version.as_deref()),
        traceparent,
        recreated: recreate.map_or(0, |recreate| recreate.n),
    };
    manifest::of(executor, &build, name)
}

/// The token that the message brings; empty if it brings none.
pub(crate) fn token<'j>(job: &'j StartJob<'_>) -> &'j str {
    job.config.token.as_ref().map_or("", |token| token.expose())
}
