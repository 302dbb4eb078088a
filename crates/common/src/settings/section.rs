//! Reads typed values out of the merged configuration and notes what is wrong with them, and what holds.
//!
//! Every reader returns a usable value even when it noted a problem, so that one pass finds all
//! problems. It accepts what an environment variable can express: numbers and booleans as text.

mod lists;
mod scalars;
mod value;

use std::fmt;

use config::{Value, ValueKind};

use self::value::json;
pub(super) use self::value::{origins, quote, scalar_text};
use super::{effective::Effective, layers::BUILT_IN, notes::Notes, unread::Unused, variables};

/// One table of the configuration: where it is and where to note things. Absent tables read as empty.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    value: Option<&'a Value>,
    path: String,
    notes: &'a Notes,
    /// Part of a list, or set aside: what holds is noted elsewhere.
    listed: bool,
}

// === impl Section ===

impl<'a> Section<'a> {
    /// The root of a configuration.
    pub(super) fn root(value: &'a Value, notes: &'a Notes) -> Self {
        Self::at("", value, notes)
    }

    /// A value that stands at `path` and is read apart from the rest.
    pub(super) fn at(path: &str, value: &'a Value, notes: &'a Notes) -> Self {
        Self {
            value: Some(value),
            path: path.to_owned(),
            notes,
            listed: false,
        }
    }

    /// The table at `key`.
    pub(super) fn section(&self, key: &str) -> Section<'a> {
        let value = self.child(key);
        let section = Section {
            value,
            path: self.path_of(key),
            notes: self.notes,
            listed: self.listed,
        };
        if value.is_some_and(|value| !matches!(value.kind, ValueKind::Table(_))) {
            self.problem(key, "expected a table of settings");
        }
        section
    }

    /// The table's keys that are set to anything, in the order of the configuration.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let set = self.all_keys().filter(|(_, set)| *set);
        set.map(|(key, _)| key).collect()
    }

    /// The table's keys, and whether each is set to anything.
    pub(super) fn all_keys(&self) -> impl Iterator<Item = (&'a str, bool)> {
        let table = match self.value.map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => Some(table),
            _ => None,
        };
        let entries = table.into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), value.kind != ValueKind::Nil))
    }

    /// Whether `key` is set to anything.
    pub(super) fn has(&self, key: &str) -> bool {
        self.child(key).is_some()
    }

    /// Whether somebody set `key`, be it to its default.
    pub(super) fn is_set(&self, key: &str) -> bool {
        let origins = self.child(key).map(origins).unwrap_or_default();
        origins.iter().any(|origin| *origin != BUILT_IN)
    }

    /// Where notes go.
    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    /// Notes a problem with `key`.
    pub(super) fn problem(&self, key: &str, expectation: impl Into<String>) {
        self.notes.problem(self.place_of(key), expectation);
    }

    /// `key` and all below are taken and mean nothing.
    pub(super) fn idle(&self, key: &str) {
        self.notes.frees(&self.path_of(key));
    }

    /// The table as if nothing stood in it, because who reads it has no use for these keys. They are told.
    pub(super) fn set_aside(&self, unused: &Unused) -> Section<'a> {
        unused.tell(self);
        Self {
            value: None,
            listed: true,
            ..self.clone()
        }
    }

    /// Notes what holds for `key`, which is not always what was set; `value` is fit to be printed.
    pub(super) fn holds(&self, key: &str, value: impl fmt::Display) {
        self.holds_from(key, key, value);
    }

    /// The same, because of what stands at `cause`.
    pub(super) fn holds_from(&self, cause: &str, key: &str, value: impl fmt::Display) {
        let origins = self
            .child(cause)
            .map(origins)
            .filter(|origins| !origins.is_empty());
        if !self.listed {
            self.notes.holds(Effective {
                key: self.path_of(key),
                value: value.to_string(),
                source: origins.map_or_else(|| BUILT_IN.to_owned(), |origins| origins.join(", ")),
            });
        }
    }

    pub(super) fn child(&self, key: &str) -> Option<&'a Value> {
        self.notes.knows(&self.path_of(key));
        let ValueKind::Table(table) = &self.value?.kind else {
            return None;
        };
        table
            .get(key)
            .filter(|value| !matches!(value.kind, ValueKind::Nil))
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// A variable is its own place; elsewhere the place is a file and a key.
    pub(super) fn place_of(&self, key: &str) -> String {
        let path = self.path_of(key);
        let origin = self.origin(key);
        origin.map_or_else(|| path.clone(), |origin| variables::place(origin, &path))
    }

    /// The layer that `key` came from, or else the table that lacks it.
    pub(super) fn origin_of(&self, key: &str) -> String {
        self.origin(key).unwrap_or(BUILT_IN).to_owned()
    }

    fn origin(&self, key: &str) -> Option<&'a str> {
        let own = self.child(key).map(origins).unwrap_or_default();
        own.first()
            .copied()
            .or_else(|| self.value.and_then(Value::origin))
    }
}
