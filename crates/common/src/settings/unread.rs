//! What stands in the configuration and nothing reads: settings of the predecessor that mean nothing here,
//! and names that nobody knows, which are misspelt more often than not.
//!
//! Neither is a problem: an operator's files and environment go on working. Both are told.

use config::{Value, ValueKind};

use super::{
    effective::{Effective, NO_EFFECT},
    layers::BUILT_IN,
    notes::Notes,
    section::{Section, origins, scalar_text},
    variables::{self, Kind, Variable},
};

/// Options that one shape of pod has no use for. The predecessor passes over them whatever they hold.
pub(super) struct Unused {
    /// Who has no use for them.
    pub(super) whom: &'static str,
    /// The options, and the text of a value of each that says nothing.
    pub(super) keys: &'static [(&'static str, &'static str)],
}

/// How alike two names are, from 0 to 1, for one to be meant by the other.
const ALIKE: f64 = 0.85;

/// Tells of the predecessor's settings that do nothing, unless they hold its default.
pub(super) fn without_effect(root: &Value, notes: &Notes) {
    for row in variables::all().filter(|row| row.kind == Kind::Idle) {
        for key in row.place.keys() {
            notes.frees(&key);
            let value = key.split('.').try_fold(root, child);
            if let Some(value) = value {
                idle(row, &key, value, notes);
            }
        }
    }
}

fn idle(row: &Variable, key: &str, value: &Value, notes: &Notes) {
    let origins = origins(value);
    notes.holds(Effective {
        key: key.to_owned(),
        value: NO_EFFECT.to_owned(),
        source: origins.join(", "),
    });
    // Jenkins as a whole has its own sentence.
    let is_default = scalar_text(value).as_deref() == row.default;
    if let Some(origin) = origins.first()
        && !is_default
        && !key.starts_with("executor.jenkins.")
    {
        notes.warn(format!(
            "{} has no effect: {}",
            variables::place(origin, key),
            row.doc
        ));
    }
}

// === impl Unused ===

impl Unused {
    /// Tells of those in `section` that somebody set. One that a variable sets for other executors too is no mistake.
    pub(super) fn tell(&self, section: &Section<'_>) {
        for (key, quiet) in self.keys {
            section.idle(key);
            let Some(value) = section.child(key).filter(|_| section.is_set(key)) else {
                continue;
            };
            section.holds(key, NO_EFFECT);
            let origin = section.origin_of(key);
            if !variables::is_one(&origin) && !says_nothing(value, quiet) {
                section.notes().warn(format!(
                    "{} has no effect: {} does not use it",
                    section.place_of(key),
                    self.whom
                ));
            }
        }
    }
}

fn says_nothing(value: &Value, quiet: &str) -> bool {
    match &value.kind {
        ValueKind::Table(table) => table.is_empty(),
        ValueKind::Array(items) => items.is_empty(),
        _ => scalar_text(value).is_none_or(|text| text.is_empty() || text == quiet),
    }
}

/// Tells of names that there are not, with the one that may be meant.
pub(super) fn unknown(root: &Value, notes: &Notes) {
    walk("", root, notes);
}

fn walk(path: &str, value: &Value, notes: &Notes) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, value) in table {
                let key = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                if notes.is_free(&key) {
                    continue;
                }
                if notes.is_known(&key) {
                    walk(&key, value, notes);
                } else {
                    tell(path, name, &key, value, notes);
                }
            }
        }
        ValueKind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}[{index}]"), item, notes);
            }
        }
        _ => {}
    }
}

fn tell(path: &str, name: &str, key: &str, value: &Value, notes: &Notes) {
    let origins = origins(value);
    let Some(origin) = origins.first().filter(|origin| **origin != BUILT_IN) else {
        return;
    };
    let place = variables::place(origin, key);
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase());
    let candidates = notes.known_below(path).into_iter();
    let meant = candidates
        .filter(|known| likeness(known) >= ALIKE)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    notes.warn(match meant {
        Some(meant) => format!("{place}: there is no such setting; is {meant} meant?"),
        None => format!("{place}: there is no such setting"),
    });
}

fn child<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match &value.kind {
        ValueKind::Table(table) => table.get(name).filter(|value| value.kind != ValueKind::Nil),
        _ => None,
    }
}
