//! Text to values: JSON5 and YAML. A problem names the line, never what stands there.

use config::{Config, ConfigError, File, FileFormat, Map, Value, ValueKind};

use crate::settings::notes::Notes;

/// A value of the configuration from a value of JSON, all of it from `origin`.
pub(in crate::settings) fn from_json(json: &serde_json::Value, origin: Option<&String>) -> Value {
    let kind = match json {
        serde_json::Value::Null => ValueKind::Nil,
        serde_json::Value::Bool(value) => ValueKind::Boolean(*value),
        serde_json::Value::String(text) => ValueKind::String(text.clone()),
        serde_json::Value::Number(number) => number_kind(number),
        serde_json::Value::Array(items) => {
            ValueKind::Array(items.iter().map(|item| from_json(item, origin)).collect())
        }
        serde_json::Value::Object(map) => ValueKind::Table(
            map.iter()
                .map(|(key, item)| (key.clone(), from_json(item, origin)))
                .collect(),
        ),
    };
    Value::new(origin, kind)
}

/// Parses JSON5 text from `origin`, e.g. a variable.
pub(super) fn from_json5(text: &str, origin: &str, notes: &Notes) -> Option<Value> {
    from_json5_at(origin, text, origin, notes)
}

/// Parses JSON5 text that stands at one `place` of its `origin`.
pub(in crate::settings) fn from_json5_at(
    place: &str,
    text: &str,
    origin: &str,
    notes: &Notes,
) -> Option<Value> {
    match json5::from_str::<serde_json::Value>(text) {
        Ok(json) => Some(from_json(&json, Some(&origin.to_owned()))),
        Err(error) => {
            // Only the place: the message may show some of the text.
            let position = error.position().map_or_else(String::new, |position| {
                format!(
                    ", found an error in line {} at column {}",
                    position.line + 1,
                    position.column + 1
                )
            });
            notes.problem(place, format!("expected JSON{position}"));
            None
        }
    }
}

/// Parses YAML text from `origin`, a file; the root must be a table.
pub(super) fn from_yaml(text: &str, origin: &str, notes: &Notes) -> Option<Value> {
    if says_nothing(text) {
        return Some(Value::new(Some(&origin.to_owned()), ValueKind::Table(Map::new())));
    }
    let source = File::from_str(text, FileFormat::Yaml);
    match Config::builder().add_source(source).build() {
        Ok(parsed) => Some(from_origin(parsed.cache, &origin.to_owned())),
        Err(error) => {
            notes.problem(
                origin,
                format!("expected valid settings: {}", without_values(&error)),
            );
            None
        }
    }
}

/// Whether there is nothing but comments and the marks between documents.
fn says_nothing(text: &str) -> bool {
    let mut lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.all(|line| line.is_empty() || line == "---" || line == "...")
}

/// What went wrong, without what was found: only the parser's own messages, which name lines.
fn without_values(error: &ConfigError) -> String {
    match error {
        // Unless the root is no table: that error is config's own and shows it.
        ConfigError::FileParse { cause, .. } if !cause.is::<Box<ConfigError>>() => cause.to_string(),
        _ => "not a table".to_owned(),
    }
}

/// The same value, all of it from `origin`, with YAML's merge keys followed.
fn from_origin(value: Value, origin: &String) -> Value {
    let kind = match value.kind {
        ValueKind::Table(table) => {
            let entries = table
                .into_iter()
                .map(|(key, value)| (key, from_origin(value, origin)))
                .collect();
            ValueKind::Table(merged(entries))
        }
        ValueKind::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| from_origin(item, origin)).collect())
        }
        scalar => scalar,
    };
    Value::new(Some(origin), kind)
}

/// Follows `<<: *anchor`, which the parser leaves alone: the table's own entries go over merged ones, and
/// of several merged tables the earlier one counts.
fn merged(table: Map<String, Value>) -> Map<String, Value> {
    let (merge, own): (Vec<_>, Vec<_>) = table.into_iter().partition(|(key, _)| key == "<<");
    let mut tables = Vec::new();
    for (_, value) in merge {
        match value.kind {
            ValueKind::Table(table) => tables.push(table),
            ValueKind::Array(items) => tables.extend(items.into_iter().filter_map(|item| match item.kind {
                ValueKind::Table(table) => Some(table),
                _ => None,
            })),
            _ => {}
        }
    }
    tables.into_iter().rev().flatten().chain(own).collect()
}

fn number_kind(number: &serde_json::Number) -> ValueKind {
    if let Some(number) = number.as_u64() {
        ValueKind::U64(number)
    } else if let Some(number) = number.as_i64() {
        ValueKind::I64(number)
    } else {
        ValueKind::Float(number.as_f64().unwrap_or(f64::NAN))
    }
}
