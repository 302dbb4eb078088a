//! The one door to the process: its environment and the argument that says where the files are.
//!
//! Everything else takes an [`Environment`], so tests pass a map and nothing below `main` depends on
//! how the process was started.

use std::{collections::HashMap, ffi::OsString, hash::BuildHasher, io::IsTerminal, path::PathBuf};

/// What the settings ask about the process.
pub trait Environment {
    /// The variable's value; `None` when it is unset or not Unicode.
    fn variable(&self, name: &str) -> Option<String>;

    /// Whether a person reads the log lines (`LOG_FORMAT=auto`).
    fn logs_to_terminal(&self) -> bool {
        false
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

/// The value of `--config-dir` among the process's arguments.
pub(super) fn config_dir_argument(arguments: impl IntoIterator<Item = OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--config-dir" {
            return arguments.next().map(PathBuf::from);
        }
        let joined = argument
            .to_str()
            .and_then(|text| text.strip_prefix("--config-dir="));
        if let Some(dir) = joined {
            return Some(PathBuf::from(dir));
        }
    }
    None
}

// === impl Environment ===

impl Environment for ProcessEnvironment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process environment"
    )]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn logs_to_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
}

impl<S: BuildHasher> Environment for HashMap<String, String, S> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_value_of_its_argument() {
        let cases = [
            (&["worker", "--config-dir", "/etc/sd"][..], Some("/etc/sd")),
            (&["worker", "render", "--config-dir=/etc/sd"], Some("/etc/sd")),
            (&["worker", "--config-dir"], None),
            (&["worker", "--config-directory", "x"], None),
            (&["worker"], None),
        ];
        for (arguments, expected) in cases {
            let dir = config_dir_argument(arguments.iter().map(OsString::from));
            assert_eq!(dir, expected.map(PathBuf::from), "{arguments:?}");
        }
    }
}
