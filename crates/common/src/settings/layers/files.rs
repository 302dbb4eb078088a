//! The files of a configuration folder, in the order in which the predecessor's loader (node-config) puts
//! them over each other: `default`, `<NODE_ENV>`, `local`, `local-<NODE_ENV>`, each as JSON or YAML.
//!
//! What it would read and we cannot (programs, other formats) is told, never passed over in silence.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use config::Value;

use super::{Layer, from_json5, parse::from_yaml, variable};
use crate::settings::{environment::Environment, notes::Notes};

/// Formats that are read, the later over the earlier.
const FORMATS: &[&str] = &["json", "json5", "yaml", "yml"];
/// Formats that node-config also reads.
const OTHER_FORMATS: &[&str] = &[
    "js",
    "ts",
    "cjs",
    "mjs",
    "jsonc",
    "hjson",
    "toml",
    "coffee",
    "iced",
    "cson",
    "properties",
    "xml",
];
const NODE_CONFIG_DIR: &str = "NODE_CONFIG_DIR";

/// The argument's folder, else those of `NODE_CONFIG_DIR` (with colons between), else `config`.
pub(super) fn folders(env: &dyn Environment, config_dir: Option<&Path>, notes: &Notes) -> Vec<PathBuf> {
    let (asked_by, folders) = match (config_dir, variable(env, NODE_CONFIG_DIR, notes)) {
        (Some(folder), _) => ("--config-dir", vec![folder.to_owned()]),
        (None, Some(text)) => {
            let folders = text.split(':').filter(|text| !text.is_empty());
            (NODE_CONFIG_DIR, folders.map(PathBuf::from).collect())
        }
        (None, None) => return vec![PathBuf::from("config")],
    };
    for folder in folders.iter().filter(|folder| !folder.is_dir()) {
        notes.warn(format!("{asked_by}: there is no folder {}", folder.display()));
    }
    folders
}

/// One layer for each file that is there.
pub(super) fn layers(env: &dyn Environment, folders: &[PathBuf], notes: &Notes) -> Vec<Layer> {
    let names = names(env, notes);
    let unread = names.iter().map(String::as_str).chain([super::mapping::FILE]);
    for (folder, name) in unread.flat_map(|name| folders.iter().map(move |folder| (folder, name))) {
        warn_of_unread(folder, name, notes);
    }
    let files = names.iter().flat_map(|name| paths(folders, name));
    files
        .filter_map(|path| read(&path, notes).and_then(Layer::of_table))
        .collect()
}

/// The names of files without their extension. The predecessor's deployment is `development` unless told.
fn names(env: &dyn Environment, notes: &Notes) -> Vec<String> {
    let deployments = ["NODE_CONFIG_ENV", "NODE_ENV"]
        .iter()
        .find_map(|name| variable(env, name, notes));
    let deployments = deployments.unwrap_or_else(|| "development".to_owned());
    let mut names = vec!["default".to_owned()];
    names.extend(deployments.split(',').map(str::to_owned));
    names.push("local".to_owned());
    names.extend(
        deployments
            .split(',')
            .map(|deployment| format!("local-{deployment}")),
    );
    let mut taken = BTreeSet::new();
    names.retain(|name| !name.contains('/') && taken.insert(name.clone()));
    names
}

/// Where a file of this name may be, in the order of layers.
pub(super) fn paths<'p>(folders: &'p [PathBuf], name: &'p str) -> impl Iterator<Item = PathBuf> + 'p {
    let in_folders = move |format| {
        folders
            .iter()
            .map(move |folder| folder.join(format!("{name}.{format}")))
    };
    FORMATS.iter().flat_map(in_folders)
}

fn warn_of_unread(folder: &Path, name: &str, notes: &Notes) {
    let others = OTHER_FORMATS
        .iter()
        .map(|format| folder.join(format!("{name}.{format}")));
    for path in others.filter(|path| path.exists()) {
        notes.warn(format!(
            "{} is not read: settings are YAML or JSON",
            path.display()
        ));
    }
}

/// The file's table; `None` when there is no file, or when something is wrong with it.
pub(super) fn read(path: &Path, notes: &Notes) -> Option<Value> {
    let origin = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            notes.problem(origin, format!("cannot be read: {}", error.kind()));
            return None;
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    let yaml = path
        .extension()
        .is_some_and(|format| format == "yaml" || format == "yml");
    let value = if yaml {
        from_yaml(text, &origin, notes)
    } else {
        from_json5(text, &origin, notes)
    };
    let table = value
        .as_ref()
        .is_none_or(|value| matches!(value.kind, config::ValueKind::Table(_)));
    if !table {
        notes.problem(origin, "expected valid settings: not a table");
    }
    value.filter(|_| table)
}
