//! What is wrong with the settings, all of it at once.
//!
//! One restart must show an operator every mistake. A problem names the place and what was expected;
//! it never repeats the value, which may be a secret in the wrong place.

use std::{cell::RefCell, fmt};

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

/// Collects problems while the settings are read, so that reading goes on after the first.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

// === impl SettingsErrors ===

impl SettingsErrors {
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

// === impl Problems ===

impl Problems {
    /// Notes a problem. A variable that sets the same key of three executors is reported once.
    pub(super) fn add(&self, place: impl Into<String>, expectation: impl Into<String>) {
        let problem = Problem {
            place: place.into(),
            expectation: expectation.into(),
        };
        let mut problems = self.0.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// `value` if nothing was found wrong with it or anything else.
    pub(super) fn unless_any<T>(self, value: T) -> Result<T, SettingsErrors> {
        let problems = self.0.into_inner();
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(SettingsErrors { problems })
        }
    }
}
