//! The public surface, as a list that a reviewer sees change: removing or altering a line of it is a breaking
//! change. `lib.rs` says what has a name outside; the workspace's lint `unreachable_pub` makes every `pub` beneath it
//! a public one, so the sources are the list.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, mem};

/// Crates whose types must not be part of the surface, so that they can be replaced.
const HIDDEN: [&str; 9] = [
    "base64",
    "futures_util",
    "jiff",
    "reqwest",
    "rustls",
    "secrecy",
    "serde_json",
    "thiserror",
    "tokio",
];

#[test]
fn the_public_surface_is_the_reviewed_one() {
    insta::assert_snapshot!(surface());
}

#[test]
fn no_dependency_but_http_url_and_bytes_is_part_of_it() {
    let mut all = BTreeSet::new();
    for path in sources() {
        let code = code(&path);
        let hidden: BTreeSet<String> = imports(&code).into_iter().collect();
        only_own(&hidden, &items(&code));
        all.extend(hidden);
    }
    only_own(&BTreeSet::new(), &reexports(&code(&root().join("lib.rs"))));
    for name in ["Response", "SecretString", "Value", "BoxStream", "Timestamp"] {
        assert!(all.contains(name), "{name} is imported somewhere: {all:?}");
    }
}

/// None of these lines names a hidden crate or what its file imports of one.
fn only_own(hidden: &BTreeSet<String>, lines: &[String]) {
    for line in lines.iter().filter(|line| !line.contains("derive(")) {
        // What feature `jiff` is for, and a trait that users may use or not.
        let wanted = [
            "From<jiff::Timestamp>",
            "for jiff::Timestamp",
            "impl<T> Stream for Items<T>",
        ];
        if wanted.iter().any(|wanted| line.contains(wanted)) {
            continue;
        }
        let words = || line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let foreign = words().find(|word| HIDDEN.contains(word) || hidden.contains(*word));
        assert_eq!(foreign, None, "{line}");
    }
}

#[test]
fn the_readme_lists_the_calls_that_there_are() {
    let made: BTreeSet<String> = sources().iter().flat_map(|path| calls(&code(path))).collect();
    assert_eq!(listed_calls(), made);
}

/// What would be a breaking change stands in the list, wherever it is written.
#[test]
fn the_list_has_what_macros_and_features_make() {
    let items = items(
        r#"
use jiff::Timestamp;

macro_rules! id {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = InvalidId;
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize() {}
        }
    };
}

#[cfg(feature = "jiff")]
impl From<Time> for Timestamp {
}
"#,
    );
    let expected = [
        "    impl FromStr for $name",
        "    impl<'de> Deserialize<'de> for $name",
        r#"#[cfg(feature = "jiff")] impl From<Time> for Timestamp"#,
    ];
    assert_eq!(items, expected);
    let names = reexports(
        "mod a;\npub use a::{\n    B,\n    C,\n};\n#[cfg(feature = \"jiff\")]\npub use d::E;\n#[cfg(unix)]\npub use f::G;\n",
    );
    let expected = [
        "pub use a::{B, C}",
        r#"#[cfg(feature = "jiff")] pub use d::E"#,
        "#[cfg(unix)] pub use f::G",
    ];
    assert_eq!(names, expected);
    let imported = "use tokio::{\n    fs::File as Open,\n    io::AsyncReadExt as _,\n    time,\n};\nuse jiff::Timestamp;\n";
    assert_eq!(imports(imported), ["Open", "Timestamp"]);
}

/// The calls that the README lists, as `METHOD template`.
pub(crate) fn listed_calls() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let quoted = readme.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| text.contains(" /v4/"))
        .map(ToOwned::to_owned)
        .collect()
}

/// The calls that a file makes, as `METHOD template`.
fn calls(code: &str) -> Vec<String> {
    let quoted: Vec<_> = code.split('"').collect();
    let pairs = quoted
        .windows(2)
        .filter(|pair| pair[1].starts_with("/v4/") && !pair[1].contains('\n'));
    let method = |before: &str| {
        let named = before.rsplit_once("Method::").map(|(_, rest)| rest);
        let named = named.and_then(|rest| rest.split(|c: char| !c.is_ascii_uppercase()).next());
        if before.ends_with("Ask::get(") {
            "GET".to_owned()
        } else {
            named.unwrap().to_owned()
        }
    };
    pairs
        .map(|pair| format!("{} {}", method(pair[0]), pair[1]))
        .collect()
}

fn sources() -> Vec<PathBuf> {
    fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            if path.is_dir() && !is_test {
                collect(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") && !is_test {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort();
    found
}

/// A file up to its unit tests, which stand last in every file of the house.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// What a file takes from crates that must stay hidden, but for traits that only lend their methods.
fn imports(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let first = code.strip_prefix("use ").into_iter();
    let uses = first.chain(code.split("\nuse ").skip(1));
    for line in uses.filter_map(|rest| rest.split(';').next()) {
        if HIDDEN
            .iter()
            .any(|hidden| line.starts_with(&format!("{hidden}::")))
        {
            let parts = line.split([',', '{', '}', ';']).map(str::trim);
            let names_in = parts.filter(|part| !part.ends_with(" as _"));
            let last = names_in.filter_map(|part| part.rsplit([':', ' ']).next());
            let types = last.filter(|name| name.starts_with(char::is_uppercase));
            names.extend(types.map(ToOwned::to_owned));
        }
    }
    names
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn surface() -> String {
    let root = root();
    let mut text = String::from("// lib.rs\n");
    for names in reexports(&code(&root.join("lib.rs"))) {
        writeln!(text, "{names}").unwrap();
    }
    for path in sources() {
        let items = items(&code(&path));
        if !items.is_empty() {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            writeln!(text, "// {name}").unwrap();
            for item in items {
                writeln!(text, "{item}").unwrap();
            }
        }
    }
    text
}

/// What has a name outside: each `pub use` of the crate's root on one line.
fn reexports(code: &str) -> Vec<String> {
    let pieces: Vec<&str> = code.split("\npub use ").collect();
    let pairs = pieces.windows(2);
    let line = |pair: &[&str]| {
        let before = pair[0].lines().next_back();
        let when = before.filter(|line| line.starts_with("#[cfg"));
        let when = when.map(|when| format!("{when} ")).unwrap_or_default();
        let (names, _) = pair[1].split_once(';')?;
        let names = names.split_whitespace().collect::<Vec<_>>().join(" ");
        let names = names.replace("{ ", "{").replace(", }", "}");
        Some(format!("{when}pub use {names}"))
    };
    pairs.filter_map(line).collect()
}

/// The public items of a formatted file: declarations without bodies, fields, variants, implementations.
fn items(code: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut attributes = String::new();
    let mut declaration = String::new();
    // The closing line of the enumeration, trait or macro whose every line counts.
    let mut whole: Option<String> = None;
    for line in code.lines() {
        let trimmed = line.trim();
        let indent = &line[..line.len() - line.trim_start().len()];
        if trimmed.is_empty() || trimmed.starts_with("//") {
            continue;
        }
        if declaration.is_empty() && trimmed.starts_with("#[") {
            let told = ["#[derive", "#[non_exhaustive]", "#[must_use", "#[cfg"];
            if told.iter().any(|told| trimmed.starts_with(told)) {
                write!(attributes, "{trimmed} ").unwrap();
            }
            continue;
        }
        if let Some(end) = &whole {
            if line == end {
                whole = None;
            } else if !trimmed.starts_with("let ") {
                items.push(format!("    {}", trimmed.trim_end_matches([' ', '{', ','])));
            }
            continue;
        }
        if declaration.is_empty() && !is_public(line) {
            attributes.clear();
            continue;
        }
        write!(declaration, " {trimmed}").unwrap();
        let argument = trimmed.ends_with(',') && declaration.contains("fn ");
        if !trimmed.ends_with(['{', ';', ',', '}']) || argument {
            continue;
        }
        let found = mem::take(&mut declaration);
        let found = found.trim().trim_end_matches(['{', ';', ',']).trim_end();
        let counted = ["pub enum", "pub trait", "open_enum"];
        if counted.iter().any(|start| found.starts_with(start)) {
            whole = Some(format!("{indent}}}"));
        }
        let found = match found.split_once('(') {
            // What stands in brackets behind a name is private.
            Some((name, _)) if found.starts_with("pub struct") => name,
            _ => found,
        };
        // A signature of several lines as one of one line.
        let found = found.replace("( ", "(").replace(", )", ")");
        let depth = if indent.is_empty() { "" } else { "    " };
        items.push(format!("{depth}{attributes}{found}"));
        attributes.clear();
    }
    // Neither an implementation without anything public in it nor one for a private type says anything.
    let says = |at: usize| match items[at].rsplit_once(" for ") {
        Some((_, name)) if items[at].starts_with("impl") => !code.contains(&format!("\nstruct {name}")),
        _ if items[at].starts_with("impl") => items.get(at + 1).is_some_and(|next| next.starts_with(' ')),
        _ => items[at] != "    }",
    };
    (0..items.len())
        .filter(|at| says(*at))
        .map(|at| items[at].clone())
        .collect()
}

fn is_public(line: &str) -> bool {
    let trimmed = line.trim_start();
    line.starts_with("impl")
        || (trimmed.starts_with("impl") && trimmed.contains(" for $name"))
        || (trimmed.starts_with("pub ") && !trimmed.starts_with("pub use"))
        || line.starts_with("open_enum! {")
        || line.starts_with("id!(")
}
