//! What holds after all layers are merged, and where it comes from: the content of `--check-config`.
//!
//! Safe to print: secrets are not in it.

use std::fmt;

use super::{Settings, SettingsErrors};

/// How a secret is shown.
pub(super) const REDACTED: &str = "[redacted]";
/// How a setting is shown that is neither set nor has a default.
pub(super) const NOT_SET: &str = "(not set)";
/// How a setting is shown that is accepted and does nothing.
pub(super) const NO_EFFECT: &str = "(no effect)";

/// What holds for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The key in the configuration files, from the root.
    pub key: String,
    /// The value: text in JSON's quotes, numbers and durations plain, lists and objects as JSON; secrets
    /// redacted.
    pub value: String,
    /// `built-in default`, a file, `NODE_CONFIG`, or the name of a variable; several if they were merged.
    pub source: String,
}

/// The settings, checked, with all that an operator may want to see of them.
#[derive(Debug)]
pub struct Check {
    /// What holds for each key, sorted by key.
    pub effective: Vec<Effective>,
    /// What an operator should know though nothing is wrong.
    pub warnings: Vec<String>,
    /// The settings, or everything that is wrong with them.
    pub settings: Result<Settings, SettingsErrors>,
}

// === impl Effective ===

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value == NOT_SET {
            return write!(f, "{} {NOT_SET}", self.key);
        }
        write!(f, "{} = {}  # {}", self.key, self.value, self.source)
    }
}

// === impl Check ===

/// One line for each key, with an empty line between groups.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = None;
        for line in &self.effective {
            let this = group_of(&line.key);
            if group.is_some_and(|group| group != this) {
                writeln!(f)?;
            }
            group = Some(this);
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// The first part of the key, and which executor it is about.
fn group_of(key: &str) -> &str {
    let mut dots = key.match_indices('.').map(|(at, _)| at);
    let end = if key.starts_with("executor.") {
        dots.nth(1)
    } else {
        dots.next()
    };
    &key[..end.unwrap_or(key.len())]
}
