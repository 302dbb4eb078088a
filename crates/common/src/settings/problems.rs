//! What is wrong with the settings, all of it at once.
//!
//! One restart must show an operator every mistake. A problem names the place and what was expected;
//! it never repeats the value, which may be a secret in the wrong place.

use std::fmt;

/// Everything that is wrong with the settings; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsErrors {
    problems: Vec<Problem>,
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, or the file and the key in it.
    pub place: String,
    /// What was expected there, without the value that was found.
    pub expectation: String,
}

// === impl SettingsErrors ===

impl SettingsErrors {
    /// `None` when there is no problem.
    pub(super) fn of(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self { problems })
    }

    /// The problems, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(
            f,
            "{count} {} in the settings:",
            if count == 1 { "problem" } else { "problems" }
        )?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.expectation)
    }
}
