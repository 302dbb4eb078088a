//! What make does to documents, with programs that stand in for those that write them.

use std::{fs, process::Command};

use super::{markdown::root, runner::program_file};

/// Where the program that writes a document fails, the document stays as it was.
#[test]
fn make_leaves_a_document_whole_that_cannot_be_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::copy(root().join("Makefile"), at("Makefile")).unwrap();
    for made in ["docs", "bin", "built/debug/examples"] {
        fs::create_dir_all(at(made)).unwrap();
    }
    program_file(&at("bin/cargo"), "exit 0");
    for page in ["CONFIGURATION", "METRICS", "TELEMETRY"] {
        fs::write(at(&format!("docs/{page}.md")), "old\n").unwrap();
        let program = at("built/debug/examples").join(page.to_lowercase());
        let fate = if page == "METRICS" { "exit 1" } else { "exit 0" };
        program_file(&program, &format!("echo new\n{fate}"));
    }
    let made = Command::new("make")
        .arg("docs")
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", at("bin").display()))
        .env("CARGO_TARGET_DIR", at("built"))
        .output()
        .unwrap();
    assert!(!made.status.success(), "{made:?}");
    let read = |page: &str| fs::read_to_string(at(&format!("docs/{page}.md"))).unwrap();
    assert_eq!(read("CONFIGURATION"), "new\n");
    assert_eq!(
        (read("METRICS"), read("TELEMETRY")),
        ("old\n".to_owned(), "old\n".to_owned())
    );
    assert_eq!(
        fs::read_dir(at("docs")).unwrap().count(),
        3,
        "nothing is left behind"
    );
}
