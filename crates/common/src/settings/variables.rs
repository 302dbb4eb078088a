//! The tables of environment variables: name, place in the configuration files, meaning, default.
//!
//! They drive the environment layer and the layer of built-in defaults, and documentation is written from
//! them. Values are validated where they are read, whichever layer they come from.

mod ours;
mod predecessor;

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The configuration keys that it sets.
    pub place: Place,
    /// What its text must be.
    pub kind: Kind,
    /// What applies when no layer sets it; `None`: nothing does.
    pub default: Option<&'static str>,
    /// What it means, for operators.
    pub doc: &'static str,
}

/// Where a variable's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One key, from the root.
    Key(&'static str),
    /// The same key under `executor.<name>.options` of these executors.
    Options(&'static [&'static str], &'static str),
}

/// What the text of a variable must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A number.
    Number,
    /// A number of these units.
    Measure(&'static str),
    /// true/false, yes/no, on/off, y/n, 1/0.
    Boolean,
    /// A number with a unit: ms, s, m, h.
    Duration,
    /// A web address.
    Url,
    /// Path of a file.
    File,
    /// JSON5.
    Json,
    /// A list of texts in JSON5, or one text as it is.
    List,
    /// Anything: a name of the predecessor that has no effect here. The row says why.
    Idle,
}

/// Every environment variable that is looked at, besides `NODE_CONFIG` and `NODE_CONFIG_DIR`.
pub fn all() -> impl Iterator<Item = &'static Variable> {
    predecessor::VARIABLES.iter().chain(ours::VARIABLES)
}

/// Whether a value that came from `origin` came from a variable of the tables.
pub(super) fn is_one(origin: &str) -> bool {
    all().any(|variable| variable.name == origin)
}

/// How to name the place of a value that came from `origin` and ended at `path`: a variable names itself,
/// with the place inside its JSON if it has one; a file needs the whole path.
pub(super) fn place(origin: &str, path: &str) -> String {
    let Some(variable) = all().find(|variable| variable.name == origin) else {
        return format!("{origin}: {path}");
    };
    let inner = variable
        .place
        .keys()
        .iter()
        .find_map(|key| path.strip_prefix(key.as_str()));
    match inner {
        None | Some("") => origin.to_owned(),
        Some(inner) => format!("{origin}: {}", inner.trim_start_matches('.')),
    }
}

// === impl Place ===

impl Place {
    /// The full configuration keys.
    pub fn keys(&self) -> Vec<String> {
        match self {
            Self::Key(key) => vec![(*key).to_owned()],
            Self::Options(executors, key) => executors
                .iter()
                .map(|name| format!("executor.{name}.options.{key}"))
                .collect(),
        }
    }
}

/// The three executors that the predecessor configures out of the box.
pub(super) const ALL: &[&str] = &["k8s", "k8s-sandbox", "k8s-vm"];
/// Those that run the build in a container of the pod.
const PODS: &[&str] = &["k8s", "k8s-sandbox"];
const K8S: &[&str] = &["k8s"];
const SANDBOX: &[&str] = &["k8s-sandbox"];
const VM: &[&str] = &["k8s-vm"];

const MILLISECONDS: Kind = Kind::Measure("milliseconds");
const SECONDS: Kind = Kind::Measure("seconds");
const MINUTES: Kind = Kind::Measure("minutes");
const CORES: Kind = Kind::Measure("cores");
const MB: Kind = Kind::Measure("MB");
const GB: Kind = Kind::Measure("GB");

/// A row; an empty default is none, as an empty variable is unset.
const fn row(
    name: &'static str,
    place: Place,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Variable {
    Variable {
        name,
        place,
        kind,
        default: if default.is_empty() { None } else { Some(default) },
        doc,
    }
}

/// Lays rows out as a table, one a line.
macro_rules! rows {
    ($(($($column:expr),+))+) => { &[$(row($($column),+)),+] };
}
use rows;

#[cfg(test)]
mod tests;
