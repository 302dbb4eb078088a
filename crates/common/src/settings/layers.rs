//! Merges the layers of the configuration, later over earlier: built-in defaults, `default.yaml`,
//! `local.yaml`, `NODE_CONFIG`, environment. Every value keeps the name of the layer that it came from.
//!
//! Nothing is validated here but syntax.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, File, FileFormat, Source, Value, ValueKind};

use super::{
    environment::Environment,
    problems::Problems,
    variables::{self, Kind, Variable},
};

/// Where a value came from when no layer above the built-in defaults sets it.
pub(super) const BUILT_IN: &str = "built-in default";

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
pub(super) fn merge(env: &dyn Environment, config_dir: Option<&Path>, problems: &Problems) -> Value {
    let config_dir = config_dir.map_or_else(
        || variable(env, "NODE_CONFIG_DIR").map_or_else(|| PathBuf::from("config"), PathBuf::from),
        Path::to_path_buf,
    );
    let builder = Config::builder()
        .add_source(defaults(problems))
        .add_source(file(&config_dir.join("default.yaml"), problems))
        .add_source(file(&config_dir.join("local.yaml"), problems))
        .add_source(node_config(env, problems))
        .add_source(environment(env, problems));
    build(builder, "settings", problems).cache
}

/// A value of the configuration from a value of JSON, all of it from `origin`.
pub(super) fn from_json(json: &serde_json::Value, origin: Option<&String>) -> Value {
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
pub(super) fn from_json5(text: &str, origin: &str, problems: &Problems) -> Option<Value> {
    match json5::from_str::<serde_json::Value>(text) {
        Ok(json) => Some(from_json(&json, Some(&origin.to_owned()))),
        Err(error) => {
            // Only the place: the message may show some of the text.
            let place = error.position().map_or_else(String::new, |position| {
                format!(
                    ", found an error in line {} at column {}",
                    position.line + 1,
                    position.column + 1
                )
            });
            problems.add(origin, format!("expected JSON{place}"));
            None
        }
    }
}

/// A variable; an empty one is unset.
fn variable(env: &dyn Environment, name: &str) -> Option<String> {
    env.variable(name).filter(|value| !value.is_empty())
}

fn defaults(problems: &Problems) -> Layer {
    let empty = || Value::new(None, ValueKind::Table(config::Map::new()));
    let mut values: Vec<(String, Value)> = FIRST_EXECUTORS
        .iter()
        .map(|key| ((*key).to_owned(), empty()))
        .collect();
    for (key, text) in FURTHER_DEFAULTS {
        values.push(((*key).to_owned(), text_value(text, BUILT_IN)));
    }
    for row in variables::all() {
        let value = row.default.and_then(|text| parse(row, text, BUILT_IN, problems));
        values.extend(placed(row, value));
    }
    Layer::of(values)
}

fn environment(env: &dyn Environment, problems: &Problems) -> Layer {
    let mut values = Vec::new();
    for row in variables::all() {
        let value = variable(env, row.name).and_then(|text| parse(row, &text, row.name, problems));
        values.extend(placed(row, value));
    }
    Layer::of(values)
}

fn file(path: &Path, problems: &Problems) -> Layer {
    let origin = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Layer::of([]),
        Err(error) => {
            problems.add(origin, format!("cannot be read: {}", error.kind()));
            return Layer::of([]);
        }
    };
    let source = File::from_str(&text, FileFormat::Yaml);
    let parsed = build(Config::builder().add_source(source), &origin, problems);
    match from_origin(parsed.cache, &origin).kind {
        ValueKind::Table(table) => Layer::of(table),
        _ => Layer::of([]),
    }
}

/// The same value, all of it from `origin`.
fn from_origin(value: Value, origin: &str) -> Value {
    let kind = match value.kind {
        ValueKind::Table(table) => ValueKind::Table(
            table
                .into_iter()
                .map(|(key, value)| (key, from_origin(value, origin)))
                .collect(),
        ),
        ValueKind::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| from_origin(item, origin)).collect())
        }
        scalar => scalar,
    };
    Value::new(Some(&origin.to_owned()), kind)
}

fn node_config(env: &dyn Environment, problems: &Problems) -> Layer {
    let name = "NODE_CONFIG";
    let parsed = variable(env, name).and_then(|text| from_json5(&text, name, problems));
    match parsed.map(|value| value.kind) {
        Some(ValueKind::Table(table)) => Layer::of(table),
        Some(_) => {
            problems.add(name, "expected a JSON object");
            Layer::of([])
        }
        None => Layer::of([]),
    }
}

fn parse(row: &Variable, text: &str, origin: &str, problems: &Problems) -> Option<Value> {
    match row.kind {
        Kind::Json => from_json5(text, origin, problems),
        Kind::List if text.trim_start().starts_with('[') => from_json5(text, origin, problems),
        Kind::Text
        | Kind::Secret
        | Kind::Number
        | Kind::Boolean
        | Kind::Duration
        | Kind::List
        | Kind::Url
        | Kind::File => Some(text_value(text, origin)),
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

fn build(
    builder: config::ConfigBuilder<config::builder::DefaultState>,
    origin: &str,
    problems: &Problems,
) -> Config {
    builder.build().unwrap_or_else(|error| {
        problems.add(
            origin,
            format!("expected valid settings: {}", without_values(&error)),
        );
        Config::default()
    })
}

/// What went wrong, without what was found: only the parser's own messages, which name lines.
fn without_values(error: &ConfigError) -> String {
    match error {
        // Unless the root is no table: that error is config's own and shows it.
        ConfigError::FileParse { cause, .. } if !cause.is::<Box<ConfigError>>() => cause.to_string(),
        _ => "not a table".to_owned(),
    }
}

fn text_value(text: &str, origin: &str) -> Value {
    Value::new(Some(&origin.to_owned()), ValueKind::String(text.to_owned()))
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

// === impl Layer ===

impl Layer {
    fn of(values: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self(values.into_iter().collect())
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
