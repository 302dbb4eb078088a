//! What is noticed while the settings are read: problems, warnings, what holds for each key, and which
//! keys there are.
//!
//! Readers note and go on, so that one pass shows everything. What is noted about values is fit to be
//! printed: whoever notes a secret notes that it is one.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    effective::Effective,
    problems::{Problem, SettingsErrors},
};

/// Collects what is noticed. Interior mutability, because every section of the settings holds a reference.
#[derive(Debug, Default)]
pub(super) struct Notes {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
    effective: RefCell<BTreeMap<String, Effective>>,
    known: RefCell<BTreeSet<String>>,
    free: RefCell<BTreeSet<String>>,
}

// === impl Notes ===

impl Notes {
    /// Something is wrong. A variable that sets the same key of three executors is reported once.
    pub(super) fn problem(&self, place: impl Into<String>, expectation: impl Into<String>) {
        let problem = Problem {
            place: place.into(),
            expectation: expectation.into(),
        };
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Something that an operator should know though nothing is wrong; once.
    pub(super) fn warn(&self, warning: impl Into<String>) {
        let warning = warning.into();
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// What holds for a key; the last note about a key counts.
    pub(super) fn holds(&self, effective: Effective) {
        self.effective
            .borrow_mut()
            .insert(effective.key.clone(), effective);
    }

    /// There is such a setting.
    pub(super) fn knows(&self, path: &str) {
        let mut known = self.known.borrow_mut();
        if !known.contains(path) {
            known.insert(path.to_owned());
        }
    }

    /// Whatever stands below `path` is the operator's own.
    pub(super) fn frees(&self, path: &str) {
        self.knows(path);
        self.free.borrow_mut().insert(path.to_owned());
    }

    /// Whether a reader asked for this.
    pub(super) fn is_known(&self, path: &str) -> bool {
        self.known.borrow().contains(path)
    }

    /// Whether everything below is the operator's own.
    pub(super) fn is_free(&self, path: &str) -> bool {
        self.free.borrow().contains(path)
    }

    /// The names of the settings that there are right below `path`.
    pub(super) fn known_below(&self, path: &str) -> Vec<String> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}.")
        };
        let known = self.known.borrow();
        let names = known.iter().filter_map(|known| known.strip_prefix(&prefix));
        names
            .filter(|name| !name.contains(['.', '[']))
            .map(str::to_owned)
            .collect()
    }

    /// The warnings so far.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    /// What holds for each key, sorted by the parts of the key.
    pub(super) fn effective(&self) -> Vec<Effective> {
        let mut lines: Vec<Effective> = self.effective.borrow().values().cloned().collect();
        lines.sort_by(|one, other| one.key.split('.').cmp(other.key.split('.')));
        lines
    }

    /// `value` if nothing was found wrong with it or anything else.
    pub(super) fn unless_wrong<T>(self, value: T) -> Result<T, SettingsErrors> {
        match SettingsErrors::of(self.problems.into_inner()) {
            None => Ok(value),
            Some(errors) => Err(errors),
        }
    }
}
