//! Merges the layers of the configuration, later over earlier: built-in defaults, the folder's files,
//! `NODE_CONFIG`, environment, the folder's own mapping of variables. Every value keeps the name of the
//! layer that it came from.
//!
//! Nothing is validated here but syntax.

mod files;
mod mapping;
mod parse;

use std::path::Path;

use config::{Config, ConfigError, Source, Value, ValueKind};

use self::parse::from_json5;
pub(super) use self::parse::{from_json, from_json5_at};
use super::{
    environment::Environment,
    notes::Notes,
    variables::{self, Kind, Variable},
};

/// Where a value came from when no layer above the built-in defaults sets it.
pub(super) const BUILT_IN: &str = "built-in default";

const NODE_CONFIG: &str = "NODE_CONFIG";

/// Defaults of keys that no variable sets; where a key is in the table of variables, it has its own.
const FURTHER_DEFAULTS: &[(&str, &str)] = &[
    ("executor.k8s.pluginName", "k8s"),
    ("executor.k8s-vm.pluginName", "k8s-vm"),
];

/// Order of the executors that are configured out of the box; others follow as the files name them.
const FIRST_EXECUTORS: &[&str] = &["executor.k8s", "executor.k8s-sandbox", "executor.k8s-vm"];

/// Values by their keys from the root.
#[derive(Clone)]
struct Layer(config::Map<String, Value>);

/// The merged configuration. Notes files and variables that cannot be parsed.
pub(super) fn merge(env: &dyn Environment, config_dir: Option<&Path>, notes: &Notes) -> Value {
    let folders = files::folders(env, config_dir, notes);
    let mut layers = vec![defaults(notes)];
    layers.extend(files::layers(env, &folders, notes));
    layers.push(node_config(env, notes));
    layers.push(environment(env, notes));
    layers.extend(mapping::layers(env, &folders, notes));
    let mut builder = Config::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    // Layers are tables of parsed values: nothing of this can fail.
    builder.build().unwrap_or_default().cache
}

/// A variable; an empty one is unset.
fn variable(env: &dyn Environment, name: &str, notes: &Notes) -> Option<String> {
    let text = env.variable(name)?.into_string();
    if text.is_err() {
        notes.problem(name, "expected text in UTF-8");
    }
    text.ok().filter(|text| !text.is_empty())
}

fn defaults(notes: &Notes) -> Layer {
    let empty = || Value::new(None, ValueKind::Table(config::Map::new()));
    let mut values: Vec<(String, Value)> = FIRST_EXECUTORS
        .iter()
        .map(|key| ((*key).to_owned(), empty()))
        .collect();
    for (key, text) in FURTHER_DEFAULTS {
        values.push(((*key).to_owned(), text_value(text, BUILT_IN)));
    }
    for row in variables::all().filter(|row| row.kind != Kind::Idle) {
        let value = row.default.and_then(|text| parsed(row, text, BUILT_IN, notes));
        values.extend(placed(row, value));
    }
    Layer::of(values)
}

fn environment(env: &dyn Environment, notes: &Notes) -> Layer {
    let mut values = Vec::new();
    for row in variables::all() {
        let value = variable(env, row.name, notes).and_then(|text| parsed(row, &text, row.name, notes));
        values.extend(placed(row, value));
    }
    Layer::of(values)
}

fn node_config(env: &dyn Environment, notes: &Notes) -> Layer {
    let text = variable(env, NODE_CONFIG, notes);
    match text.and_then(|text| from_json5(&text, NODE_CONFIG, notes)) {
        Some(value) => Layer::of_table(value).unwrap_or_else(|| {
            notes.problem(NODE_CONFIG, "expected a JSON object");
            Layer::of([])
        }),
        None => Layer::of([]),
    }
}

/// The value that a variable's text means.
fn parsed(row: &Variable, text: &str, origin: &str, notes: &Notes) -> Option<Value> {
    match row.kind {
        Kind::Json => from_json5(text, origin, notes),
        Kind::List if text.trim_start().starts_with('[') => from_json5(text, origin, notes),
        Kind::Text
        | Kind::Secret
        | Kind::Number
        | Kind::Measure(_)
        | Kind::Boolean
        | Kind::Duration
        | Kind::List
        | Kind::Url
        | Kind::File
        | Kind::Idle => Some(text_value(text, origin)),
    }
}

/// The value at every key that the variable sets.
fn placed(row: &Variable, value: Option<Value>) -> impl Iterator<Item = (String, Value)> {
    let keys = if value.is_some() {
        row.place.keys()
    } else {
        Vec::new()
    };
    keys.into_iter().zip(std::iter::repeat(value).flatten())
}

fn text_value(text: &str, origin: &str) -> Value {
    Value::new(Some(&origin.to_owned()), ValueKind::String(text.to_owned()))
}

// === impl Layer ===

impl Layer {
    fn of(values: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self(values.into_iter().collect())
    }

    fn of_table(value: Value) -> Option<Self> {
        match value.kind {
            ValueKind::Table(table) => Some(Self(table)),
            _ => None,
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Values may be secrets.
impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Layer").field(&self.0.keys()).finish()
    }
}
