//! Which folder a clear means. Pure; nothing in the message is believed before it is checked, and what goes
//! beyond a look at the message (links, mounts) is for [`crate::cache`].

use std::{
    borrow::Cow,
    fmt,
    path::{Component, Path, PathBuf},
};

use common::{
    job::{CacheConfig, DecodeError},
    settings::CacheSettings,
};
use serde_json::Value;

/// What JavaScript writes where there is no value.
const NO_VALUE: [&str; 3] = ["undefined", "null", "NaN"];
/// Longest name of a file or folder.
const LONGEST_NAME: usize = 255;

/// One cache's own folder, below the folder of all caches: `[<prefix>/]<scope>/<pipeline>[/<id>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheFolder {
    root: PathBuf,
    above: Vec<String>,
    name: String,
}

/// Why no folder is cleared.
#[derive(Debug, PartialEq, Eq)]
pub enum ClearError {
    /// Caches are not kept on disk here.
    NoDiskCache,
    /// The message does not say which cache it means, or what to do with it.
    Incomplete(DecodeError),
    /// The message names a folder that is not one cache's own.
    Unsafe,
}

/// The folder that `config` means.
pub fn folder(config: &CacheConfig<'_>, cache: &CacheSettings) -> Result<CacheFolder, ClearError> {
    is(config.resource.as_ref(), "cacheConfig.resource", "caches")?;
    is(config.action.as_ref(), "cacheConfig.action", "delete")?;
    let scope = match required(config.scope.as_deref(), "cacheConfig.scope")? {
        scope @ ("pipelines" | "jobs" | "events") => scope,
        _ => return Err(ClearError::Unsafe),
    };
    let prefix = config.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let pipeline = id(required(config.pipeline_id.as_ref(), "cacheConfig.pipelineId")?)?;
    // A pipeline's cache is the pipeline's folder, but an id that is no id makes any message suspect.
    let own = config.id.as_ref().map(id).transpose()?;
    let own = match scope {
        "pipelines" => None,
        _ => Some(required(own, "cacheConfig.id")?),
    };
    let mut parts: Vec<String> = Vec::with_capacity(4);
    parts.extend(prefix.map(part).transpose()?.map(str::to_owned));
    parts.push(scope.to_owned());
    let name = match own {
        None => pipeline,
        Some(own) => {
            parts.push(pipeline);
            own
        }
    };
    let root = cache.disk_path("").ok_or(ClearError::NoDiskCache)?;
    Ok(CacheFolder {
        root: root.into(),
        above: parts,
        name,
    })
}

fn is(text: Option<&Cow<'_, str>>, field: &'static str, expected: &'static str) -> Result<(), ClearError> {
    match required(text, field)?.as_ref() {
        text if text == expected => Ok(()),
        _ => Err(ClearError::Incomplete(DecodeError::Invalid { field, expected })),
    }
}

fn required<T>(value: Option<T>, field: &'static str) -> Result<T, ClearError> {
    value.ok_or(ClearError::Incomplete(DecodeError::Missing { field }))
}

/// A part is one folder's name: not empty, no separator, no `..`, nothing that leads elsewhere.
fn part(text: &str) -> Result<&str, ClearError> {
    let mut components = Path::new(text).components();
    let single = match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) => only == text,
        _ => false,
    };
    if single && text.len() <= LONGEST_NAME && !text.contains(char::is_control) && !NO_VALUE.contains(&text) {
        Ok(text)
    } else {
        Err(ClearError::Unsafe)
    }
}

/// Ids are whole numbers, which some producers write as texts; nothing has the id 0.
fn id(value: &Value) -> Result<String, ClearError> {
    let text = match value {
        Value::Number(number) => number.as_u64().ok_or(ClearError::Unsafe)?.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(ClearError::Unsafe),
    };
    match part(&text)? {
        "0" => Err(ClearError::Unsafe),
        _ => Ok(text),
    }
}

// === impl CacheFolder ===

impl CacheFolder {
    /// The folder of all caches, as configured.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folders between the root and this one, each a single name.
    pub fn above(&self) -> impl Iterator<Item = &str> {
        self.above.iter().map(String::as_str)
    }

    /// The folder's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The path below the root.
impl fmt::Display for CacheFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for above in self.above() {
            write!(f, "{above}/")?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests;
