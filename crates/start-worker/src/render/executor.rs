//! The executor that a pod is rendered for: chosen as in production from the settings, named on the command
//! line, or made from the options of a file alone.

use std::path::{Path, PathBuf};

use common::{
    job::StartJob,
    settings::{ExecutorSettings, ExecutorsSettings, Plugin, ProcessEnvironment, Settings, SettingsErrors},
};
use serde_json::Value;

use crate::{
    executor::{self, ExecutorError},
    plan::pod,
};

/// The executors that can be rendered for.
pub(super) enum Executors {
    /// The message chooses.
    All(Box<ExecutorsSettings>),
    /// This one, whatever the message asks for.
    One(Box<ExecutorSettings>),
}

/// Why there is no executor.
#[derive(Debug, thiserror::Error)]
pub(super) enum OptionsError {
    /// The settings are wrong; they say how.
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    /// The command line names an executor that the settings do not have.
    #[error(transparent)]
    Unknown(#[from] ExecutorError),
    /// The file of options cannot be read.
    #[error("the options in {} cannot be read", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It holds neither JSON nor YAML.
    #[error("the options in {} are neither JSON nor YAML{place}", file.display())]
    Unparsable { file: PathBuf, place: String },
    /// It holds something else than options.
    #[error("the options in {} are not an object", file.display())]
    NotAnObject { file: PathBuf },
    /// They are of another executor than ours.
    #[error("there is no plugin {asked}; there are {}", Plugin::names(" and "))]
    Plugin { asked: String },
    /// They are of the executor that nobody has.
    #[error("builds run in pods, Jenkins is not supported")]
    Jenkins,
}

// === impl Executors ===

impl Executors {
    /// Those of the settings, or only the one called `name`.
    pub(super) fn configured(name: Option<&str>, config_dir: Option<&Path>) -> Result<Self, OptionsError> {
        let executors = Settings::load(&ProcessEnvironment, config_dir)?.executors;
        Ok(match name {
            Some(name) => Self::One(Box::new(executor::named(&executors, name)?.clone())),
            None => Self::All(Box::new(executors)),
        })
    }

    /// One of this name with the options in `file`, and no other settings; and what is worth knowing about them.
    pub(super) fn alone(name: &str, file: &Path) -> Result<(Self, Vec<String>), OptionsError> {
        let text = std::fs::read_to_string(file).map_err(|source| OptionsError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let options = parse(&text).map_err(|place| OptionsError::Unparsable {
            file: file.to_owned(),
            place,
        })?;
        if !options.is_object() {
            return Err(OptionsError::NotAnObject {
                file: file.to_owned(),
            });
        }
        // The whole entry of a configuration file is as good as its options.
        let (plugin, note) = plugin(name, &options)?;
        let options = options.get("options").unwrap_or(&options);
        let executor = ExecutorSettings::from_options(name, plugin, options)?;
        Ok((Self::One(Box::new(executor)), note.into_iter().collect()))
    }

    /// The executor for this start.
    pub(super) fn of(&self, job: &StartJob<'_>) -> Result<&ExecutorSettings, ExecutorError> {
        match self {
            Self::All(executors) => pod::choose(job, executors),
            Self::One(executor) => Ok(executor),
        }
    }
}

/// The options; else where the YAML is wrong. The text itself may hold secrets and is not repeated.
fn parse(text: &str) -> Result<Value, String> {
    if let Ok(options) = serde_json::from_str(text) {
        return Ok(options);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        error.location().map_or_else(String::new, |place| {
            format!(" (line {}, column {})", place.line(), place.column())
        })
    })
}

/// The plugin that the options name, or else the executor's own name. A name that is none may be a slip.
fn plugin(name: &str, options: &Value) -> Result<(Plugin, Option<String>), OptionsError> {
    let asked = options.get("pluginName").and_then(Value::as_str);
    if let Some(plugin) = Plugin::named(asked.unwrap_or(name)) {
        return Ok((plugin, None));
    }
    match (asked, name) {
        (None, "k8s-sandbox") => Ok((Plugin::K8s, None)),
        (Some("jenkins"), _) | (None, "jenkins") => Err(OptionsError::Jenkins),
        (Some(other), _) => Err(OptionsError::Plugin {
            asked: other.to_owned(),
        }),
        (None, name) => {
            let names = Plugin::names(" or ");
            let note = format!("the options of {name} have no pluginName ({names}): this is a pod of k8s");
            Ok((Plugin::K8s, Some(note)))
        }
    }
}
