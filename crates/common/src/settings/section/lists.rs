//! Readers of lists and objects. What holds is noted of each as a whole, as JSON.

use config::ValueKind;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::{Section, json, value::scalar_text};
use crate::settings::effective::{NOT_SET, REDACTED};

// === impl Section ===

impl<'a> Section<'a> {
    /// A table of texts, in the order of the configuration.
    pub(in crate::settings) fn texts(&self, key: &str) -> Vec<(String, String)> {
        self.notes.frees(&self.path_of(key));
        if self.is_empty_text(key) {
            self.holds(key, serde_json::json!({}));
            return Vec::new();
        }
        let section = self.section(key);
        let texts = section.keys().into_iter().map(|name| {
            let text = section.child(name).and_then(scalar_text);
            if text.is_none() {
                section.problem(name, "expected text");
            }
            (name.to_owned(), text.unwrap_or_default())
        });
        let texts: Vec<(String, String)> = texts.collect();
        let shown = texts.iter().cloned().map(|(name, text)| (name, text.into()));
        self.holds(key, serde_json::Value::Object(shown.collect()));
        texts
    }

    /// A list of tables. `{}` reads as an empty list and so does `[{}]`, with which the predecessor's
    /// users switch a list off.
    pub(in crate::settings) fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let items = match self.child(key).map(|value| &value.kind) {
            Some(ValueKind::Array(items)) => items.as_slice(),
            Some(ValueKind::Table(table)) if table.is_empty() => &[],
            Some(ValueKind::String(text)) if text.is_empty() => &[],
            Some(_) => {
                self.problem(key, "expected a list of objects");
                &[]
            }
            None => &[],
        };
        let items = match items {
            [only] if matches!(&only.kind, ValueKind::Table(table) if table.is_empty()) => &[],
            items => items,
        };
        self.holds(key, items.iter().map(json).collect::<serde_json::Value>());
        let path = self.path_of(key);
        let section = |(index, value)| Section {
            value: Some(value),
            path: format!("{path}[{index}]"),
            notes: self.notes,
            listed: true,
        };
        items.iter().enumerate().map(section).collect()
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

    /// A list of regular expressions in which case does not count.
    pub(in crate::settings) fn expressions(&self, key: &str) -> Vec<Regex> {
        let compile = |pattern: String| {
            let regex = RegexBuilder::new(&pattern).case_insensitive(true).build();
            if regex.is_err() {
                self.problem(
                    key,
                    "expected regular expressions (without look-around or back-references)",
                );
            }
            regex.ok()
        };
        self.list(key).into_iter().filter_map(compile).collect()
    }

    /// Whatever `T` takes, described to the operator as `expectation`. `None` when unset or empty in any form.
    pub(in crate::settings) fn object<T: for<'de> Deserialize<'de>>(
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
        let object = serde_json::from_value(object).ok();
        if object.is_none() {
            self.problem(key, format!("expected {expectation}"));
        }
        object
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
