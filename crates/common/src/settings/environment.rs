//! The one door to the process: its environment and the argument that says where the files are.
//!
//! Everything else takes an [`Environment`], so tests pass a map and nothing below `main` depends on
//! how the process was started.

use std::{collections::HashMap, ffi::OsString, hash::BuildHasher, io::IsTerminal};

/// What the settings ask about the process.
pub trait Environment {
    /// The variable's value; `None` when it is unset.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// Whether a person reads the log lines (`LOG_FORMAT=auto`).
    fn logs_to_terminal(&self) -> bool {
        false
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

// === impl Environment ===

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn logs_to_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
}

impl<S: BuildHasher> Environment for HashMap<String, String, S> {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.get(name).map(OsString::from)
    }
}
