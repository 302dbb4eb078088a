//! docs/RELIABILITY.md names files of tests: each of them is here, and each promise has its own. It and the documents
//! for operators name tests, which there are. docs/MIGRATION.md leaves no defect of the predecessor out.

use std::{collections::BTreeSet, path::Path};

const MIGRATION: &str = include_str!("../../../docs/MIGRATION.md");
const DOCS: &str = include_str!("../../../docs/RELIABILITY.md");
const FOR_OPERATORS: [&str; 2] = [
    include_str!("../../../docs/OPERATIONS.md"),
    include_str!("../../../docs/SCALING.md"),
];
/// The files of this suite, without their ending.
fn files() -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.path().with_extension("");
        Some(name.file_name()?.to_string_lossy().into_owned())
    });
    names.collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_promise_names_files_that_exist_and_every_file_of_a_promise_is_named() {
    let files = files();
    let mut named = BTreeSet::new();
    let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| P"));
    let mut promises = 0;
    for row in rows {
        promises += 1;
        let tests = row
            .trim_end_matches([' ', '|'])
            .rsplit('|')
            .next()
            .unwrap_or_default();
        for name in quoted(tests).filter(|name| !name.contains('/')) {
            let fits = |file: &&String| match name.strip_suffix('*') {
                Some(beginning) => file.starts_with(beginning),
                None => *file == name,
            };
            let found: Vec<&String> = files.iter().filter(fits).collect();
            assert!(
                !found.is_empty(),
                "docs/RELIABILITY.md names `{name}`, which is no file of tests"
            );
            named.extend(found);
        }
    }
    assert_eq!(promises, 9, "promises with tests");
    let of_promises = files.iter().filter(|file| {
        let mut letters = file.chars();
        letters.next() == Some('p') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
    });
    for file in of_promises {
        assert!(named.contains(file), "docs/RELIABILITY.md does not name {file}");
    }
}

/// All code below a folder.
pub(crate) fn code(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = entries.map(|entry| match entry.path() {
        path if path.is_dir() => code(&path),
        path if path.extension().is_some_and(|ending| ending == "rs") => {
            std::fs::read_to_string(path).unwrap_or_default()
        }
        _ => String::new(),
    });
    texts.collect()
}

#[test]
fn every_test_that_the_docs_name_exists() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = ["../crates", "src", "tests"]
        .map(|folder| code(&member.join(folder)))
        .concat();
    let documents = FOR_OPERATORS.iter().copied().chain([DOCS]);
    // Metrics are words with underscores too.
    let names = documents.flat_map(quoted).filter(|name| {
        name.matches('_').count() > 3
            && !name.starts_with("sd_worker_")
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    });
    for name in names {
        assert!(all.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

#[test]
fn every_defect_of_the_predecessor_has_a_row_and_every_row_a_test() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = ["../crates", "src", "tests"]
        .map(|folder| code(&member.join(folder)))
        .concat();
    let words: BTreeSet<&str> = MIGRATION
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .collect();
    for defect in (1..=44).map(|number| format!("D{number}")) {
        assert!(
            words.contains(defect.as_str()),
            "docs/MIGRATION.md leaves {defect} out"
        );
    }
    let rows = MIGRATION.lines().filter(|line| line.starts_with("| D"));
    for row in rows {
        let last = row.trim_end_matches([' ', '|']).rsplit('|').next();
        assert!(
            quoted(last.unwrap_or_default()).count() > 0,
            "a defect without a test: {row}"
        );
    }
    let named = quoted(MIGRATION).filter(|name| {
        name.matches('_').count() > 2
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    });
    for name in named.filter(|name| !name.starts_with("sd_worker_")) {
        assert!(all.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}
