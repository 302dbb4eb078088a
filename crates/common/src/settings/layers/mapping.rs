//! `custom-environment-variables`: a file in the folder that says which variables set which keys.
//!
//! The predecessor brings one, and that mapping is built in here. A folder's own may map further variables,
//! or other ones to the same keys: they go over the built-in ones.

use std::path::PathBuf;

use config::{Map, Value, ValueKind};

use super::{Layer, files, from_json5, parsed, text_value, variable};
use crate::settings::{
    environment::Environment,
    notes::Notes,
    section::scalar_text,
    variables::{self, Kind},
};

/// The file's name without its extension.
pub(super) const FILE: &str = "custom-environment-variables";

/// Reads a mapping's file.
struct Mapping<'a> {
    env: &'a dyn Environment,
    notes: &'a Notes,
    file: String,
}

/// What the folder's own variables set, one layer for each file.
pub(super) fn layers(env: &dyn Environment, folders: &[PathBuf], notes: &Notes) -> Vec<Layer> {
    let layer = |path: PathBuf| {
        let map = files::read(&path, notes)?;
        let mapping = Mapping {
            env,
            notes,
            file: path.display().to_string(),
        };
        mapping.values("", &map).and_then(Layer::of_table)
    };
    files::paths(folders, FILE).filter_map(layer).collect()
}

// === impl Mapping ===

impl Mapping<'_> {
    /// The map's tables with values in place of names; `None` where no variable is set.
    fn values(&self, path: &str, map: &Value) -> Option<Value> {
        match &map.kind {
            ValueKind::String(name) => self.value(path, name, None),
            ValueKind::Table(table) if table.contains_key("__name") => {
                let entry = |key: &str| table.get(key).and_then(scalar_text);
                self.value(path, &entry("__name")?, entry("__format").as_deref())
            }
            ValueKind::Table(table) => {
                let child = |(key, map): (&String, &Value)| {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    Some((key.clone(), self.values(&path, map)?))
                };
                let set: Map<String, Value> = table.iter().filter_map(child).collect();
                (!set.is_empty()).then(|| Value::new(None, ValueKind::Table(set)))
            }
            ValueKind::Nil => None,
            _ => {
                let place = variables::place(&self.file, path);
                self.notes.problem(place, "expected the name of a variable");
                None
            }
        }
    }

    /// What the variable sets at `path`. Without a format it is what the key wants.
    fn value(&self, path: &str, name: &str, format: Option<&str>) -> Option<Value> {
        let mut rows = variables::all().filter(|row| row.place.keys().iter().any(|key| key == path));
        let row = rows.next();
        // Built in, with the kind that the key has here: the predecessor's map lacks one or two formats.
        if row.is_some_and(|row| row.name == name) || rows.any(|row| row.name == name) {
            return None;
        }
        let text = variable(self.env, name, self.notes)?;
        match (format, row) {
            (Some("json" | "json5"), _) => from_json5(&text, name, self.notes),
            (None, Some(row)) if row.kind != Kind::Idle => parsed(row, &text, name, self.notes),
            (None | Some("boolean" | "number"), _) => Some(text_value(&text, name)),
            (Some(_), _) => {
                let place = variables::place(&self.file, path);
                self.notes
                    .problem(place, "expected json, boolean or number as __format");
                None
            }
        }
    }
}
