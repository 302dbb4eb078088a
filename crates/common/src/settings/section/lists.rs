//! Readers of lists and objects. What holds is noted of each as a whole, as JSON.

use config::{Value, ValueKind};
use serde::{Deserialize, Serialize};

use super::{Section, json, value::scalar_text};
use crate::settings::{
    effective::{NOT_SET, REDACTED},
    executors::Exclusion,
    variables,
};

// === impl Section ===

impl<'a> Section<'a> {
    /// A table of texts, in the order of the configuration. Null is an empty text.
    pub(in crate::settings) fn texts(&self, key: &str) -> Vec<(String, String)> {
        self.notes.frees(&self.path_of(key));
        if self.is_empty_text(key) {
            self.holds(key, serde_json::json!({}));
            return Vec::new();
        }
        let section = self.section(key);
        let texts = section.all_keys().map(|(name, set)| {
            let text = section.child(name).and_then(scalar_text);
            if set && text.is_none() {
                section.problem(name, "expected text");
            }
            (name.to_owned(), text.unwrap_or_default())
        });
        let texts: Vec<(String, String)> = texts.collect();
        let shown = texts.iter().cloned().map(|(name, text)| (name, text.into()));
        self.holds(key, serde_json::Value::Object(shown.collect()));
        texts
    }

    /// A list of tables, or a table of them, whose names mean nothing. `{}` reads as an empty list and so does
    /// `[{}]`, with which the predecessor's users switch a list off.
    pub(in crate::settings) fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let path = self.path_of(key);
        let is_table = |value: &Value| matches!(value.kind, ValueKind::Table(_));
        let is_empty = |value: &Value| matches!(&value.kind, ValueKind::Table(table) if table.is_empty());
        let items: Vec<(String, &'a Value)> = match self.child(key).map(|value| &value.kind) {
            Some(ValueKind::Array(items)) if matches!(&items[..], [only] if is_empty(only)) => Vec::new(),
            Some(ValueKind::Array(items)) => {
                let numbered = items.iter().enumerate();
                numbered
                    .map(|(index, item)| (format!("{path}[{index}]"), item))
                    .collect()
            }
            Some(ValueKind::Table(table)) if table.values().all(is_table) => {
                let named = table.iter();
                named
                    .map(|(name, item)| (format!("{path}.{name}"), item))
                    .collect()
            }
            Some(ValueKind::String(text)) if text.is_empty() => Vec::new(),
            Some(_) => {
                self.problem(key, "expected a list of objects");
                Vec::new()
            }
            None => Vec::new(),
        };
        let shown: serde_json::Value = items.iter().map(|(_, item)| json(item)).collect();
        self.holds(key, shown);
        let section = |(path, value): (String, &'a Value)| {
            self.notes.knows(&path);
            Section {
                value: Some(value),
                path,
                notes: self.notes,
                listed: true,
            }
        };
        items.into_iter().map(section).collect()
    }

    /// A list of texts; a single text is a list of one.
    pub(in crate::settings) fn list(&self, key: &str) -> Vec<String> {
        let value = self.child(key);
        self.notes.frees(&self.path_of(key));
        let texts: Option<Vec<String>> = match value.map(|value| &value.kind) {
            Some(ValueKind::Array(items)) => items.iter().map(scalar_text).collect(),
            Some(ValueKind::Table(table)) if table.is_empty() => Some(Vec::new()),
            Some(_) => value.and_then(scalar_text).map(|text| vec![text]),
            None => Some(Vec::new()),
        };
        if texts.is_none() {
            self.problem(key, "expected a list of texts");
        }
        let texts = texts.unwrap_or_default();
        self.holds(key, serde_json::Value::from(texts.clone()));
        texts
    }

    /// A list of regular expressions.
    pub(in crate::settings) fn exclusions(&self, key: &str) -> Vec<Exclusion> {
        let compile = |pattern: String| {
            let exclusion = Exclusion::parse(&pattern);
            if exclusion.is_none() {
                self.problem(key, "expected regular expressions");
            }
            exclusion
        };
        self.list(key).into_iter().filter_map(compile).collect()
    }

    /// Whatever `T` takes, described to the operator as `expectation`. `None` when unset or empty in any form. Fields
    /// that `T` does not have are told.
    pub(in crate::settings) fn object<T: for<'de> Deserialize<'de> + Serialize>(
        &self,
        key: &str,
        expectation: &str,
    ) -> Option<T> {
        let value = self.child(key);
        self.notes.frees(&self.path_of(key));
        let value = value.filter(|value| match &value.kind {
            ValueKind::Table(table) => !table.is_empty(),
            ValueKind::Array(items) => !items.is_empty(),
            ValueKind::String(text) => !text.is_empty(),
            _ => true,
        });
        let Some(object) = value.map(json) else {
            self.holds(key, NOT_SET);
            return None;
        };
        self.holds(key, without_headers(object.clone()));
        // The error of serde would repeat the value.
        let taken: Option<T> = serde_json::from_value(object.clone()).ok();
        match &taken {
            None => self.problem(key, format!("expected {expectation}")),
            Some(taken) => self.tell_lost(key, &object, taken),
        }
        taken
    }

    /// Tells of the fields of `given` that are not in `taken`.
    fn tell_lost(&self, key: &str, given: &serde_json::Value, taken: &impl Serialize) {
        let mut paths = Vec::new();
        if let Ok(taken) = serde_json::to_value(taken) {
            lost("", given, &taken, &mut paths);
        }
        for path in paths {
            let path = self.path_of(&format!("{key}{path}"));
            let place = match self.origin(key) {
                Some(origin) => variables::place(origin, &path),
                None => path,
            };
            self.notes
                .warn(format!("{place}: there is no such field in Kubernetes"));
        }
    }
}

/// The paths of what is in `given` and not in `taken`.
fn lost(here: &str, given: &serde_json::Value, taken: &serde_json::Value, paths: &mut Vec<String>) {
    use serde_json::Value::{Array, Object};
    match (given, taken) {
        (Object(given), Object(taken)) => {
            for (name, inner) in given.iter().filter(|(_, inner)| !inner.is_null()) {
                let path = format!("{here}.{name}");
                match taken.get(name) {
                    Some(taken) => lost(&path, inner, taken, paths),
                    None => paths.push(path),
                }
            }
        }
        (Array(given), Array(taken)) => {
            for (index, (given, taken)) in given.iter().zip(taken).enumerate() {
                lost(&format!("{here}[{index}]"), given, taken, paths);
            }
        }
        _ => {}
    }
}

/// Without what a hook sends along: credentials are among it.
fn without_headers(mut value: serde_json::Value) -> serde_json::Value {
    match &mut value {
        serde_json::Value::Object(map) => {
            for (key, inner) in map {
                *inner = match (key.as_str(), inner.take()) {
                    ("httpHeaders", serde_json::Value::Array(_)) => REDACTED.into(),
                    (_, inner) => without_headers(inner),
                };
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                *item = without_headers(item.take());
            }
        }
        _ => {}
    }
    value
}
