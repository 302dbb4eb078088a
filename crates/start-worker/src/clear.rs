//! Which folder a clear job means. Pure; nothing in the message is believed before it is checked.

use std::{
    borrow::Cow,
    path::{Component, Path, PathBuf},
};

use common::{job::ClearJob, settings::CacheSettings};
use serde_json::Value;

/// Why no folder is cleared.
#[derive(Debug, PartialEq, Eq)]
pub enum ClearError {
    /// There is no disk cache here, or the job is about something else.
    Disabled,
    /// The job names a folder that is not one cache's own.
    Unsafe,
}

/// The folder to remove: `<cache path>[/<prefix>]/<scope>/<pipeline>[/<id>]`.
pub fn folder(job: &ClearJob<'_>, cache: &CacheSettings) -> Result<PathBuf, ClearError> {
    let is = |text: &Option<Cow<'_, str>>, expected: &str| text.as_deref() == Some(expected);
    if !is(&job.resource, "caches") || !is(&job.action, "delete") {
        return Err(ClearError::Disabled);
    }
    let Some(scope @ ("pipelines" | "jobs" | "events")) = job.scope.as_deref() else {
        return Err(ClearError::Unsafe);
    };
    let prefix = match job.prefix.as_deref() {
        None | Some("") => "",
        Some(prefix) => single_component(prefix)?,
    };
    let mut folder = PathBuf::from(cache.disk_path(prefix).ok_or(ClearError::Disabled)?);
    folder.push(scope);
    folder.push(id(job.pipeline_id.as_ref())?);
    if scope != "pipelines" {
        folder.push(id(job.id.as_ref())?);
    }
    Ok(folder)
}

/// A prefix is one folder's name: no separator, no `..`, nothing that leads elsewhere.
fn single_component(text: &str) -> Result<&str, ClearError> {
    let mut components = Path::new(text).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == text => Ok(text),
        _ => Err(ClearError::Unsafe),
    }
}

/// Ids are positive numbers; whatever else arrives could name any folder.
fn id(value: Option<&Value>) -> Result<String, ClearError> {
    let number = match value {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number
        .filter(|number| *number > 0)
        .map(|number| number.to_string())
        .ok_or(ClearError::Unsafe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> ClearJob<'_> {
        serde_json::from_str(text).unwrap()
    }

    fn on_disk() -> CacheSettings {
        crate::testing::settings(&[("CACHE_STRATEGY", "disk"), ("CACHE_PATH", "/cache")])
            .ecosystem
            .cache
    }

    #[test]
    fn folders_lie_where_the_manifest_mounts_them() {
        let cases = [
            (
                r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":7,"id":7}"#,
                "/cache/pipelines/7",
            ),
            (
                r#"{"resource":"caches","action":"delete","scope":"jobs","pipelineId":7,"id":9}"#,
                "/cache/jobs/7/9",
            ),
            (
                r#"{"resource":"caches","action":"delete","scope":"events","pipelineId":"7","id":"9","prefix":"beta-"}"#,
                "/cache/beta-/events/7/9",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                folder(&job(text), &on_disk()).as_deref(),
                Ok(Path::new(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn no_message_leads_out_of_the_cache() {
        let cases = [
            r#"{"resource":"caches","action":"delete","scope":"..","pipelineId":7}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":".."}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":"7/../.."}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":0}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines"}"#,
            r#"{"resource":"caches","action":"delete","scope":"jobs","pipelineId":7}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":7,"prefix":"../.."}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":7,"prefix":"/etc"}"#,
            r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":7,"prefix":"a/b"}"#,
        ];
        for text in cases {
            assert_eq!(folder(&job(text), &on_disk()), Err(ClearError::Unsafe), "{text}");
        }
    }

    #[test]
    fn without_a_disk_cache_there_is_nothing_to_clear() {
        let text = r#"{"resource":"caches","action":"delete","scope":"pipelines","pipelineId":7}"#;
        assert_eq!(
            folder(&job(text), &crate::testing::settings(&[]).ecosystem.cache),
            Err(ClearError::Disabled)
        );
    }
}
