//! What documents say of the repository is so: links lead somewhere, files and names are there, commands run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/makefile.rs"]
mod makefile;
#[path = "docs/markdown.rs"]
mod markdown;
#[path = "docs/runner.rs"]
mod runner;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use commands::Found;
use markdown::{Document, documents, files, root};
use runner::Runner;
use serde_json::Value;

/// Names of others' that no code of ours has a use for.
const OF_OTHERS: [&str; 1] = ["stream_queue"];

/// Fails with all of what is wrong.
fn none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let mut wrong = Vec::new();
    let mut followed = 0;
    for document in &documents {
        for (line, target) in document.links() {
            followed += 1;
            if let Some(why) = broken(&documents, document, target) {
                wrong.push(format!("{}: {target}: {why}", document.place(line)));
            }
        }
    }
    none(&wrong);
    assert!(followed > 50, "{followed} links were found");
}

/// Why a link leads nowhere. What lies outside the repository is not asked.
fn broken(documents: &[Document], from: &Document, target: &str) -> Option<&'static str> {
    if target.starts_with("https://") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        from.path.clone()
    } else {
        from.path.parent().unwrap_or(Path::new("")).join(path)
    };
    let Ok(found) = root().join(&path).canonicalize() else {
        return Some("there is no such file");
    };
    if !found.starts_with(root().canonicalize().unwrap()) {
        return Some("it leads out of the repository");
    }
    if anchor.is_empty() {
        return None;
    }
    let there = documents
        .iter()
        .find(|document| root().join(&document.path).canonicalize().ok().as_ref() == Some(&found));
    match there {
        Some(document) if document.anchors().contains(anchor) => None,
        _ => Some("there is no such heading"),
    }
}

#[test]
fn every_file_that_is_named_is_there() {
    let mut wrong = Vec::new();
    let mut named = 0;
    for document in documents() {
        let quoted = document.quoted();
        for (line, path) in quoted.filter(|(_, text)| is_path(text)) {
            named += 1;
            let beside = document.path.parent().unwrap_or(Path::new(""));
            let places = [Path::new(""), Path::new("crates"), beside];
            if !places.iter().any(|place| exists(&place.join(path))) {
                wrong.push(format!("{}: {path}", document.place(line)));
            }
        }
    }
    none(&wrong);
    assert!(named > 30, "{named} files were found");
}

/// Whether this is the path of a file of ours.
fn is_path(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    let ours = ["crates", "common", "deploy", "docs", "tests", ".ci"].contains(&first);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-*".contains(c);
    text.contains('/') && ours && text.chars().all(plain)
}

/// A star stands for any ending.
fn exists(path: &Path) -> bool {
    let path = root().join(path);
    match path.to_string_lossy().split_once('*') {
        None => path.exists(),
        Some((beginning, _)) => {
            let beginning = Path::new(beginning);
            let entries = fs::read_dir(beginning.parent().unwrap_or(root()));
            let name = beginning
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            entries
                .into_iter()
                .flatten()
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with(&name))
        }
    }
}

/// Names with underscores are settings, reasons, metrics and tests; those in capitals and humps are types. All stand
/// somewhere in the code, and what reads like a sentence is a test.
#[test]
fn every_name_that_is_told_is_in_the_code() {
    let sources = files(&["rs", "sh", "yaml", "tpl", "go", "tsv", "toml", "json"]);
    let functions = functions(&sources);
    let mut words = BTreeSet::new();
    for path in sources {
        let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
        let all = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.extend(all.filter(|word| !word.is_empty()).map(str::to_owned));
        // Metrics are dotted in the code and not in Prometheus.
        let dotted = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        words.extend(
            dotted
                .filter(|word| word.starts_with("sd."))
                .map(|word| word.replace('.', "_")),
        );
        words.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    let mut wrong = Vec::new();
    let mut told = 0;
    for document in documents() {
        let changing = document.path.ends_with("CONTRIBUTING.md");
        for (line, name) in document.quoted() {
            let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let hump = name.starts_with(|c: char| c.is_ascii_uppercase()) && changing;
            if !word || !(name.contains('_') || hump) || name.starts_with('_') || OF_OTHERS.contains(&name) {
                continue;
            }
            told += 1;
            let is_test = name.matches('_').count() > 3 && name.chars().all(|c| !c.is_ascii_uppercase());
            let plain = name
                .strip_suffix("_total")
                .or_else(|| name.strip_suffix("_seconds"));
            let plain = plain.unwrap_or(name).trim_start_matches("sd_worker_");
            let known = if is_test && !name.starts_with("sd_") {
                functions.contains(name)
            } else {
                words.contains(name) || words.contains(plain) || words.contains(&format!("sd_worker_{plain}"))
            };
            if !known {
                wrong.push(format!("{}: {name}", document.place(line)));
            }
        }
    }
    none(&wrong);
    assert!(told > 300, "{told} names were found");
}

/// The names of all functions.
fn functions(sources: &[PathBuf]) -> BTreeSet<String> {
    let text = |path| fs::read_to_string(root().join(path)).unwrap_or_default();
    let name = |rest: &str| Some(rest.split_once(['(', '<'])?.0.to_owned());
    let texts = sources.iter().map(text);
    texts
        .flat_map(|text| text.split("fn ").skip(1).filter_map(name).collect::<Vec<_>>())
        .collect()
}

/// The first page has the figures of the page that says how they were measured.
#[test]
fn the_figures_of_the_readme_are_the_measured_ones() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let measured = fs::read_to_string(root().join("docs/PERFORMANCE.md")).unwrap();
    let told = figures(&readme, "| a message in hand");
    let memory = figures(&measured, "| at most, 20 in flight");
    let time = figures(&measured, "| CPU-ms a build");
    assert_eq!(told, [memory, time].concat());
    assert_eq!(told.len(), 3, "{told:?}");
}

/// The figures in the cell about start-worker of the row that begins so.
fn figures(page: &str, row: &str) -> Vec<String> {
    let row = page.lines().find(|line| line.starts_with(row)).unwrap();
    let words = row.split('|').nth(3).unwrap().split_whitespace();
    let figure = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    words.filter(figure).map(ToOwned::to_owned).collect()
}

/// What is shown as YAML or JSON is that.
#[test]
fn every_example_can_be_read() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for document in documents() {
        for block in &document.blocks {
            let text = block.lines.join("\n");
            let result = match block.language.as_str() {
                "yaml" => serde_saphyr::from_str::<Value>(&text).map_err(|error| error.to_string()),
                "json" => serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()),
                _ => continue,
            };
            read += 1;
            if let Err(why) = result {
                wrong.push(format!("{}: {why}", document.place(block.line)));
            }
        }
    }
    none(&wrong);
    assert!(read > 3, "{read} examples were found");
}

/// The runner installs the chart with a file that has these values.
#[test]
fn the_values_of_the_readme_are_those_that_the_chart_is_tested_with() {
    let documents = documents();
    let readme = documents.iter().find(|it| it.path == Path::new("README.md"));
    let mut blocks = readme.unwrap().blocks.iter();
    let shown = blocks.find(|block| block.language == "yaml").unwrap();
    let tested = fs::read_to_string(root().join(runner::VALUES)).unwrap();
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    assert_eq!(read(&shown.lines.join("\n")), read(&tested));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_run_or_checked_or_says_why_not() {
    let runner = Runner::new().await;
    let tests = functions(&files(&["rs"]));
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut elsewhere = 0;
    for document in documents() {
        let found = Found::of(&document);
        wrong.extend(found.wrong);
        for (line, test) in found.elsewhere {
            elsewhere += 1;
            if !tests.contains(&test) {
                wrong.push(format!("{}: there is no test {test}", document.place(line)));
            }
        }
        for command in found.commands {
            if !seen.insert(command.text.clone()) {
                continue;
            }
            if let Err(why) = runner.judge(&command.text).await {
                wrong.push(format!(
                    "{}: {}\n  {why}",
                    document.place(command.line),
                    command.text
                ));
            }
        }
    }
    none(&wrong);
    assert!(
        seen.len() > 20 && elsewhere > 3,
        "{} commands were found, {elsewhere} run elsewhere",
        seen.len()
    );
}
