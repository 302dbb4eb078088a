//! The one door to the process: its environment and the argument that says where the files are.
//!
//! Everything else takes an [`Environment`], so tests pass a map and nothing below `main` depends on
//! how the process was started.

use std::{collections::HashMap, hash::BuildHasher, io::IsTerminal};

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
