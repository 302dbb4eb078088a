//! What a value of the merged configuration is in itself: its text, its JSON, the layers that it came from.

use std::ops::{Bound, RangeBounds};

use config::{Value, ValueKind};

/// The layers that a value came from, each once. Merged tables do not know theirs; their content does.
pub(in crate::settings) fn origins(value: &Value) -> Vec<&str> {
    fn collect<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match &value.kind {
            ValueKind::Table(table) if !table.is_empty() => {
                for value in table.values() {
                    collect(value, found);
                }
            }
            ValueKind::Array(items) if !items.is_empty() => {
                for value in items {
                    collect(value, found);
                }
            }
            _ => found.extend(value.origin().filter(|origin| !found.contains(origin))),
        }
    }
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

/// What a scalar would be as the text of a variable; `None` for tables, lists and null.
pub(in crate::settings) fn scalar_text(value: &Value) -> Option<String> {
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

/// The value as JSON.
pub(super) fn json(value: &Value) -> serde_json::Value {
    match &value.kind {
        ValueKind::Nil => serde_json::Value::Null,
        ValueKind::Boolean(value) => (*value).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::U64(number) => (*number).into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), json(value)))
            .collect(),
        ValueKind::Array(items) => items.iter().map(json).collect(),
        ValueKind::String(_) | ValueKind::I128(_) | ValueKind::U128(_) => scalar_text(value).into(),
    }
}

/// Text in JSON's quotes, so that a line stays a line.
pub(in crate::settings) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A range, as an expectation ends.
pub(super) fn describe<T: std::fmt::Display>(range: &impl RangeBounds<T>) -> String {
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
