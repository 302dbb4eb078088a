//! The public surface, as a list that a reviewer sees change: removing or altering a line of it is a breaking
//! change. The workspace's lint `unreachable_pub` makes every `pub` a public one, so the sources are the list.

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
    let hidden: BTreeSet<String> = sources().iter().flat_map(|path| imports(&code(path))).collect();
    for name in ["Response", "SecretString", "Value", "BoxStream"] {
        assert!(hidden.contains(name), "{name} is imported somewhere: {hidden:?}");
    }
    for line in surface().lines().filter(|line| !line.contains("derive(")) {
        // What feature `jiff` is for, and a trait that users may use or not.
        let wanted = [
            "From<jiff::Timestamp>",
            "for jiff::Timestamp",
            "Stream for Items<T>",
        ];
        if wanted.iter().any(|wanted| line.contains(wanted)) {
            continue;
        }
        let words = || line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let foreign = words().find(|word| HIDDEN.contains(word) || hidden.contains(*word));
        assert_eq!(foreign, None, "{line}");
    }
}

fn sources() -> Vec<PathBuf> {
    fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    found
}

/// A file up to its unit tests, which stand last in every file of the house.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// What a file takes from crates that must stay hidden, but for traits and names that are ours as well.
fn imports(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in code.lines().filter_map(|line| line.strip_prefix("use ")) {
        if HIDDEN
            .iter()
            .any(|hidden| line.starts_with(&format!("{hidden}::")))
            && !line.contains(" as _")
        {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            names.extend(
                words
                    .filter(|word| word.starts_with(char::is_uppercase))
                    .map(ToOwned::to_owned),
            );
        }
    }
    // Private uses of names that the crate has types of its own for.
    names.retain(|name| !["Timestamp", "Stream"].contains(&name.as_str()));
    names
}

fn surface() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
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

/// The public items of a formatted file: declarations without bodies, fields, variants, implementations.
fn items(code: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut attributes = String::new();
    let mut declaration = String::new();
    // The closing line of the enum, trait or macro whose every line counts.
    let mut whole: Option<String> = None;
    for line in code.lines() {
        let trimmed = line.trim();
        let indent = &line[..line.len() - line.trim_start().len()];
        if trimmed.starts_with("//") || trimmed.starts_with("#[doc") || trimmed.starts_with("#[error") {
            continue;
        }
        if let Some(end) = &whole {
            if line == end {
                whole = None;
            } else if !trimmed.starts_with("#[serde") && !trimmed.is_empty() && !indent.is_empty() {
                items.push(format!("    {trimmed}"));
            }
            continue;
        }
        if declaration.is_empty() {
            if trimmed.starts_with("#[derive")
                || trimmed.starts_with("#[non_exhaustive]")
                || trimmed.starts_with("#[must_use")
            {
                write!(attributes, "{trimmed} ").unwrap();
                continue;
            }
            let implementation = line.starts_with("impl") && !line.starts_with("impl Visitor");
            let named = trimmed.starts_with("pub ") && !trimmed.starts_with("pub use");
            let called = line.starts_with("open_enum! {") || line.starts_with("id!(");
            if !(implementation || named || called) {
                attributes.clear();
                continue;
            }
        }
        write!(declaration, " {trimmed}").unwrap();
        if !trimmed.ends_with(['{', ';', ',', '}']) || (trimmed.ends_with(',') && declaration.contains("fn "))
        {
            continue;
        }
        let found = mem::take(&mut declaration);
        let found = found.trim().trim_end_matches(['{', ';', ',']).trim_end();
        if found.starts_with("pub enum") || found.starts_with("pub trait") || found.starts_with("open_enum") {
            whole = Some(format!("{indent}}}"));
        }
        // What stands in brackets behind a name is private.
        let found = match found.split_once('(') {
            Some((name, _)) if found.starts_with("pub struct") => name,
            _ => found,
        };
        items.push(format!(
            "{}{}{found}",
            if indent.is_empty() { "" } else { "    " },
            mem::take(&mut attributes)
        ));
    }
    // An `impl` without anything public in it says nothing.
    let keep = |at: usize| {
        let bare = items[at].starts_with("impl") && !items[at].contains(" for ");
        !bare || items.get(at + 1).is_some_and(|next| next.starts_with("    "))
    };
    (0..items.len())
        .filter(|at| keep(*at))
        .map(|at| items[at].clone())
        .collect()
}
