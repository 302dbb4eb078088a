//! Reads typed values out of the merged configuration and notes what is wrong with them.
//!
//! Every reader returns a usable value even when it noted a problem, so that one pass finds all
//! problems. It accepts what an environment variable can express: numbers and booleans as text.

use std::{
    ops::{Bound, RangeBounds},
    time::Duration,
};

use config::{Value, ValueKind};
use secrecy::SecretString;
use serde::Deserialize;

use super::{duration, problems::Problems, variables};

/// One table of the configuration: where it is and where to note problems. Absent tables read as empty.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    value: Option<&'a Value>,
    path: String,
    problems: &'a Problems,
}

// === impl Section ===

impl<'a> Section<'a> {
    /// The root of a configuration.
    pub(super) fn root(value: &'a Value, problems: &'a Problems) -> Self {
        Self {
            value: Some(value),
            path: String::new(),
            problems,
        }
    }

    /// The table at `key`.
    pub(super) fn section(&self, key: &str) -> Section<'a> {
        let value = self.child(key);
        let section = Section {
            value,
            path: self.path_of(key),
            problems: self.problems,
        };
        if value.is_some_and(|value| !matches!(value.kind, ValueKind::Table(_))) {
            self.problem(key, "expected a table of settings");
        }
        section
    }

    /// The table's keys, in the order of the configuration.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        match self.value.map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => table.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether `key` is set to anything.
    pub(super) fn has(&self, key: &str) -> bool {
        self.child(key).is_some()
    }

    /// Notes a problem with `key`.
    pub(super) fn problem(&self, key: &str, expectation: impl Into<String>) {
        self.problems.add(self.place_of(key), expectation);
    }

    /// Text; numbers and booleans as they print. `None` when unset or empty.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.text_or_empty(key).filter(|text| !text.is_empty())
    }

    /// Text where empty means something; `None` when unset.
    pub(super) fn text_or_empty(&self, key: &str) -> Option<String> {
        let text = scalar_text(self.child(key)?);
        if text.is_none() {
            self.problem(key, "expected text");
        }
        text
    }

    /// Text that nobody may print.
    pub(super) fn secret(&self, key: &str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    /// One of a few words, and what it means.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let chosen = self.word(key, &words)?;
        choices
            .iter()
            .find(|(word, _)| *word == chosen)
            .map(|(_, meaning)| *meaning)
    }

    /// One of a few words.
    pub(super) fn word<'w>(&self, key: &str, words: &[&'w str]) -> Option<&'w str> {
        let text = self.text(key)?;
        let word = words.iter().find(|word| **word == text).copied();
        if word.is_none() {
            self.problem(key, format!("expected one of: {}", words.join(", ")));
        }
        word
    }

    /// true/false, yes/no, on/off, y/n, 1/0 in any case.
    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
        let text = self.text(key)?.to_ascii_lowercase();
        match text.as_str() {
            "true" | "yes" | "on" | "y" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "0" => Some(false),
            _ => {
                self.problem(key, "expected true or false (also yes/no, on/off, y/n, 1/0)");
                None
            }
        }
    }

    /// A whole number within `range`, described to the operator as `what`.
    pub(super) fn integer(&self, key: &str, range: impl RangeBounds<u64>, what: &str) -> Option<u64> {
        let text = self.text(key)?;
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.problem(key, format!("expected {what}{}", describe(&range)));
        }
        number
    }

    /// A number, fractions allowed, within `range`, described to the operator as `what`.
    pub(super) fn number(&self, key: &str, range: impl RangeBounds<f64>, what: &str) -> Option<f64> {
        let text = self.text(key)?;
        let number = text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() && range.contains(number));
        if number.is_none() {
            self.problem(key, format!("expected {what}{}", describe(&range)));
        }
        number
    }

    /// A duration with a unit, such as `90s`.
    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        let parsed = duration::parse(&text);
        if parsed.is_none() {
            self.problem(key, format!("expected {}", duration::EXPECTED));
        }
        parsed
    }

    /// Address of a web server, kept as it was written. Builds get addresses in a shell's quotes, so it
    /// has no character that means something there.
    pub(super) fn url(&self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let web = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let valid = web && !text.contains(|c: char| c.is_whitespace() || "\"$`\\".contains(c));
        if !valid {
            self.problem(key, "expected an address that begins with http:// or https://");
        }
        valid.then_some(text)
    }

    /// A table of texts, in the order of the configuration.
    pub(super) fn texts(&self, key: &str) -> Vec<(String, String)> {
        let section = self.section(key);
        let texts = section.keys().into_iter().map(|name| {
            let text = section.child(name).and_then(scalar_text);
            if text.is_none() {
                section.problem(name, "expected text");
            }
            (name.to_owned(), text.unwrap_or_default())
        });
        texts.collect()
    }

    /// A list of tables. `{}` reads as an empty list and so does `[{}]`, with which the predecessor's
    /// users switch a list off.
    pub(super) fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let Some(value) = self.child(key) else {
            return Vec::new();
        };
        let items = match &value.kind {
            ValueKind::Array(items) => items.as_slice(),
            ValueKind::Table(table) if table.is_empty() => &[],
            _ => {
                self.problem(key, "expected a list of objects");
                &[]
            }
        };
        if let [only] = items
            && matches!(&only.kind, ValueKind::Table(table) if table.is_empty())
        {
            return Vec::new();
        }
        let path = self.path_of(key);
        let section = |(index, value)| Section {
            value: Some(value),
            path: format!("{path}[{index}]"),
            problems: self.problems,
        };
        items.iter().enumerate().map(section).collect()
    }

    /// A list of texts; a single text is a list of one.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let Some(value) = self.child(key) else {
            return Vec::new();
        };
        let texts: Option<Vec<String>> = match &value.kind {
            ValueKind::Array(items) => items.iter().map(scalar_text).collect(),
            ValueKind::Table(table) if table.is_empty() => Some(Vec::new()),
            _ => scalar_text(value).map(|text| vec![text]),
        };
        if texts.is_none() {
            self.problem(key, "expected a list of texts");
        }
        texts.unwrap_or_default()
    }

    /// Whatever `T` takes, described to the operator as `expectation`. `None` when unset or `{}`.
    pub(super) fn object<T: for<'de> Deserialize<'de>>(&self, key: &str, expectation: &str) -> Option<T> {
        let value = self.child(key)?;
        if matches!(&value.kind, ValueKind::Table(table) if table.is_empty()) {
            return None;
        }
        let object = serde_json::Value::deserialize(value.clone()).ok();
        // The error of serde would repeat the value.
        let object = object.and_then(|object| serde_json::from_value(object).ok());
        if object.is_none() {
            self.problem(key, format!("expected {expectation}"));
        }
        object
    }

    /// The text of a scalar; `None` for anything else, which is no problem.
    pub(super) fn scalar(&self, key: &str) -> Option<String> {
        self.child(key).and_then(scalar_text)
    }

    /// A text that this table must have.
    pub(super) fn required(&self, key: &str) -> String {
        let text = self.text(key);
        let nothing = !self.has(key) || self.scalar(key).is_some_and(|text| text.is_empty());
        if nothing {
            self.problem(key, "expected text, found nothing");
        }
        text.unwrap_or_default()
    }

    fn child(&self, key: &str) -> Option<&'a Value> {
        let ValueKind::Table(table) = &self.value?.kind else {
            return None;
        };
        table
            .get(key)
            .filter(|value| !matches!(value.kind, ValueKind::Nil))
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// A variable is its own place; elsewhere the place is a file and a key.
    pub(super) fn place_of(&self, key: &str) -> String {
        let path = self.path_of(key);
        let origin = self
            .child(key)
            .and_then(origin)
            .or_else(|| self.value.and_then(Value::origin));
        origin.map_or_else(|| path.clone(), |origin| variables::place(origin, &path))
    }
}

/// The layer that a value came from. Merged tables do not know theirs; their content does.
fn origin(value: &Value) -> Option<&str> {
    let inner = || match &value.kind {
        ValueKind::Table(table) => table.values().find_map(origin),
        ValueKind::Array(items) => items.iter().find_map(origin),
        _ => None,
    };
    value.origin().or_else(inner)
}

/// What a scalar would be as the text of a variable; `None` for tables, lists and null.
fn scalar_text(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::String(text) => Some(text.clone()),
        ValueKind::Boolean(value) => Some(value.to_string()),
        ValueKind::I64(number) => Some(number.to_string()),
        ValueKind::U64(number) => Some(number.to_string()),
        ValueKind::I128(number) => Some(number.to_string()),
        ValueKind::U128(number) => Some(number.to_string()),
        ValueKind::Float(number) => Some(number.to_string()),
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
    }
}

fn describe<T: std::fmt::Display>(range: &impl RangeBounds<T>) -> String {
    let low = match range.start_bound() {
        Bound::Included(low) => format!(" from {low}"),
        Bound::Excluded(low) => format!(" above {low}"),
        Bound::Unbounded => String::new(),
    };
    match range.end_bound() {
        Bound::Included(high) => format!("{low} to {high}"),
        Bound::Excluded(high) => format!("{low} below {high}"),
        Bound::Unbounded => low,
    }
}
