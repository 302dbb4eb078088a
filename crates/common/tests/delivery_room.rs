//! Nothing outside the broker's room can ack, but by `Delivery::settle`, and that once: shown with the compiler,
//! which must refuse each other way for the reason that is meant.
//!
//! Not a `compile_fail` doctest: on a stable compiler those pass whatever the error is.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use serde_json::Value;

/// What every piece of code begins with.
const USE: &str = "use common::{broker::Delivery, outcome::Settlement};\n";

/// One line each, and the error that it must give: private field, private function, not to be cloned, private name.
const REFUSED: [(&str, &str); 7] = [
    ("pub fn field(mine: Delivery) { let _ = mine.acker; }", "E0616"),
    (
        "pub fn channel(mine: &Delivery) { let _ = &mine.settling; }",
        "E0616",
    ),
    ("pub fn ack(mine: Delivery) { let _ = mine.ack(); }", "E0624"),
    ("pub fn nack(mine: Delivery) { let _ = mine.requeue(); }", "E0624"),
    ("pub fn made() { let _ = Delivery::new; }", "E0624"),
    (
        "pub fn twin(mine: Delivery) -> Delivery { Clone::clone(&mine) }",
        "E0277",
    ),
    ("pub fn raw(_: common::broker::session::Session) {}", "E0603"),
];

/// Moved by the first settlement; the compiler looks at this only when all types are right.
const SETTLED_TWICE: &str = "pub async fn settle(mine: Delivery) {
    let _ = mine.settle(Settlement::Ack).await;
    let _ = mine.settle(Settlement::Ack).await;
}";

const SETTLED_ONCE: &str =
    "pub async fn settle(mine: Delivery) { let _ = mine.settle(Settlement::Ack).await; }";

/// Where Cargo has put this crate's library, beside the running test.
fn dependencies() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

/// The library that was built last: other features give it another name.
fn library(dependencies: &Path) -> PathBuf {
    let built = |path: &PathBuf| -> SystemTime { path.metadata().unwrap().modified().unwrap() };
    let entries = std::fs::read_dir(dependencies).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let libraries = paths.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libcommon-") && name.ends_with(".rlib")
    });
    libraries.max_by_key(built).expect("the library of this crate")
}

/// The errors of `code`: line and name.
fn errors(code: &str) -> BTreeSet<(usize, String)> {
    let (directory, dependencies) = (tempfile::tempdir().unwrap(), dependencies());
    let source = directory.path().join("outside.rs");
    std::fs::write(&source, code).unwrap();
    let library = library(&dependencies);
    let compiler = Command::new(option_env!("RUSTC").unwrap_or("rustc"))
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "lib",
            "--emit",
            "metadata",
            "--error-format",
            "json",
        ])
        .arg("--extern")
        .arg(format!("common={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()))
        .arg("--out-dir")
        .arg(directory.path())
        .arg(&source)
        // The toolchain that built the library is the workspace's.
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8(compiler.stderr).unwrap();
    let messages = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(&said));
    let errors: BTreeSet<_> = messages
        .filter(|message| message["level"] == "error" && !message["spans"].as_array().unwrap().is_empty())
        .map(|message| {
            let spans = message["spans"].as_array().unwrap();
            let primary = spans.iter().find(|span| span["is_primary"] == true).unwrap();
            let line = primary["line_start"].as_u64().unwrap();
            let name = message["code"]["code"].as_str().unwrap_or("none");
            (usize::try_from(line).unwrap(), name.to_owned())
        })
        .collect();
    assert_eq!(compiler.status.success(), errors.is_empty(), "{said}");
    errors
}

#[test]
fn outside_the_brokers_room_nothing_but_settle_reaches_a_deliverys_ack() {
    let lines: Vec<&str> = REFUSED.iter().map(|(line, _)| *line).collect();
    // The first line is the one of the names.
    let expected: BTreeSet<(usize, String)> = REFUSED
        .iter()
        .enumerate()
        .map(|(number, (_, error))| (number + 2, (*error).to_owned()))
        .collect();
    assert_eq!(errors(&format!("{USE}{}", lines.join("\n"))), expected);
}

#[test]
fn a_delivery_is_settled_once() {
    let twice = errors(&format!("{USE}{SETTLED_TWICE}"));
    assert_eq!(twice, BTreeSet::from([(4, "E0382".to_owned())]));
    assert_eq!(errors(&format!("{USE}{SETTLED_ONCE}")), BTreeSet::new());
}
