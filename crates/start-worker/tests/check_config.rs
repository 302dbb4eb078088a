//! `start-worker --check-config` as an operator calls it.

use std::{
    io,
    process::{Command, Output},
};

fn check(arguments: &[&str], variables: &[(&str, &str)]) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_start-worker"))
        .args(["--config-dir", "/nonexistent"])
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_holds_is_printed_and_warnings_are_told() {
    let variables = [
        ("RABBITMQ_PASSWORD", "s3cret"),
        ("RABBITMQ_QUEUE", "builds"),
        ("URI", "http://a.example"),
    ];
    let output = check(&["--check-config"], &variables).unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stdout.contains("rabbitmq.queue = \"builds\"  # RABBITMQ_QUEUE\n"),
        "{stdout}"
    );
    assert!(
        stdout.contains("rabbitmq.password = [redacted]  # RABBITMQ_PASSWORD\n"),
        "{stdout}"
    );
    assert!(stderr.contains("warning: URI has no effect"), "{stderr}");
    assert!(!stdout.contains("s3cret") && !stderr.contains("s3cret"));
}

#[test]
fn all_problems_are_told_at_once_and_nothing_is_printed() {
    let output = check(
        &["--check-config"],
        &[("RABBITMQ_PORT", "s3cret"), ("OUTAGE_HOLD", "s3cret")],
    )
    .unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!((output.status.code(), stdout.as_str()), (Some(64), ""));
    assert!(stderr.contains("2 problems in the settings:"), "{stderr}");
    assert!(
        stderr.contains("RABBITMQ_PORT: ") && stderr.contains("OUTAGE_HOLD: "),
        "{stderr}"
    );
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_worker_with_wrong_settings_ends_with_the_same_words() {
    let wrong = [
        ("EXECUTOR_PLUGIN", "jenkins"),
        ("EXECUTOR_JENKINS_HOST", "ci.example"),
    ];
    let (checked, started) = (
        check(&["--check-config"], &wrong).unwrap(),
        check(&[], &wrong).unwrap(),
    );
    assert_eq!(started.status.code(), Some(64));
    let (_, started) = texts(&started);
    assert!(started.contains("Jenkins is not supported"), "{started}");
    assert!(texts(&checked).1.ends_with(&started), "{started}");
}

/// As `head` leaves after ten lines.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_start-worker"))
        .args(["--config-dir", "/nonexistent", "--check-config"])
        .env_clear()
        .stdout(writer)
        .output()
        .unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}
