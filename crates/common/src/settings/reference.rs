//! The reference of all settings, as `docs/CONFIGURATION.md` has it. Pure: written from the tables of
//! variables, so that it cannot tell of others. A test compares the file; `make docs` writes it.

use std::fmt::Write as _;

use super::variables::{self, ALL, Kind, Place, Variable};

const INTRODUCTION: &str = include_str!("reference/introduction.md");
const CLOSE: &str = include_str!("reference/close.md");

/// A table of the reference: its title, and how the keys in it begin.
struct Group {
    title: &'static str,
    keys: &'static [&'static str],
}

/// The first group with a beginning that fits takes a variable; the last takes what is left.
const GROUPS: &[Group] = &[
    Group {
        title: "Broker",
        keys: &["rabbitmq."],
    },
    Group {
        title: "Choice of the executor",
        keys: &["executor."],
    },
    Group {
        title: "API servers",
        keys: &[
            "options.fusebox.",
            "options.kubernetes.caFile",
            "options.kubernetes.host",
            "options.kubernetes.insecureSkipTlsVerify",
            "options.kubernetes.jobsNamespace",
            "options.kubernetes.token",
        ],
    },
    Group {
        title: "Sizes of builds",
        keys: &["options.kubernetes.resources."],
    },
    Group {
        title: "Build pods",
        keys: &["options."],
    },
    Group {
        title: "Screwdriver and caches",
        keys: &["ecosystem.", "buildsApi."],
    },
    Group {
        title: "Checks, clocks and outages",
        keys: &["checks.", "start.", "outage.", "shutdown."],
    },
    Group {
        title: "Health and metrics",
        keys: &["httpd."],
    },
    Group {
        title: "Logs and traces",
        keys: &["telemetry."],
    },
    Group {
        title: "Further settings",
        keys: &[""],
    },
];

/// The whole reference, in Markdown.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (index, group) in GROUPS.iter().enumerate() {
        let rows = variables::all().filter(|row| row.kind != Kind::Idle && group_of(row) == Some(index));
        table(
            &mut text,
            group.title,
            &["variable", "file key", "default", "unit or form", "meaning"],
            rows.map(cells),
        );
    }
    let idle = variables::all().filter(|row| row.kind == Kind::Idle);
    let cells = |row: &Variable| vec![code(row.name), key(row.place), row.doc.to_owned()];
    table(
        &mut text,
        "Accepted, without effect",
        &["variable", "file key", "why"],
        idle.map(cells),
    );
    text.push_str(CLOSE);
    text
}

fn group_of(row: &Variable) -> Option<usize> {
    let key = match row.place {
        Place::Key(key) => key.to_owned(),
        Place::Options(_, key) => format!("options.{key}"),
    };
    let fits = |group: &Group| group.keys.iter().any(|start| key.starts_with(start));
    GROUPS.iter().position(fits)
}

/// Nothing for a group without rows.
fn table<const N: usize>(
    text: &mut String,
    title: &str,
    columns: &[&str; N],
    rows: impl Iterator<Item = Vec<String>>,
) {
    let rows: Vec<String> = rows.map(|cells| line(&cells)).collect();
    if rows.is_empty() {
        return;
    }
    let head = line(&columns.map(str::to_owned));
    let rule = "|---".repeat(N);
    // Writing to a string cannot fail.
    let _ = write!(text, "\n## {title}\n\n{head}\n{rule}|\n{}\n", rows.join("\n"));
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn cells(row: &Variable) -> Vec<String> {
    let default = match (row.kind, row.default) {
        (Kind::Secret, Some(_)) => "set".to_owned(),
        (_, default) => default.map(code).unwrap_or_default(),
    };
    vec![
        code(row.name),
        key(row.place),
        default,
        form(row.kind).to_owned(),
        row.doc.replace('|', "\\|"),
    ]
}

/// `*` stands for the three executors that are there out of the box.
fn key(place: Place) -> String {
    match place {
        Place::Key(key) => code(key),
        Place::Options(ALL, key) => code(&format!("executor.*.options.{key}")),
        Place::Options([only], key) => code(&format!("executor.{only}.options.{key}")),
        Place::Options(names, key) => code(&format!("executor.{{{}}}.options.{key}", names.join(","))),
    }
}

fn form(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Idle => "",
        Kind::Secret => "secret",
        Kind::Number => "number",
        Kind::Measure(unit) => unit,
        Kind::Boolean => "true or false",
        Kind::Duration => "duration",
        Kind::Url => "address",
        Kind::File => "file",
        Kind::Json => "JSON",
        Kind::List => "JSON list, or one text",
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_configuration_document_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIGURATION.md");
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            found == reference(),
            "docs/CONFIGURATION.md differs from the tables of variables: `make docs` writes it anew"
        );
    }

    #[test]
    fn the_reference_has_every_variable_once() {
        let text = reference();
        for row in variables::all() {
            let first = format!("| `{}` | `", row.name);
            let lines = text.lines().filter(|line| line.starts_with(&first));
            assert_eq!(lines.count(), 1, "{}", row.name);
            assert!(!row.doc.is_empty(), "{} is not described", row.name);
        }
    }

    #[test]
    fn no_variable_is_left_to_the_last_group() {
        for row in variables::all() {
            assert!(
                group_of(row) < Some(GROUPS.len() - 1),
                "{} has no group",
                row.name
            );
        }
    }
}
