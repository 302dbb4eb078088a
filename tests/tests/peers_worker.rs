//! Worker processes, with this very test executable in the part of the worker: it shows what a worker sees
//! of its environment, and ends the ways that workers end.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use testbed::worker::{Kind, Worker, binary};

const SOON: Duration = Duration::from_secs(20);

/// A binary that runs [`a_worker`] of this executable.
fn stand_in(dir: &Path) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = dir.join("stand-in");
    let script = format!(
        "#!/bin/sh\nexec '{}' --ignored --exact a_worker --nocapture\n",
        test.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_worker_is_started_asked_terminated_and_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = env(&[
        ("RABBITMQ_PORT", "1"),
        ("RABBITMQ_PORT", "2"),
        ("RABBITMQ_PASSWORD", "secret-word"),
    ]);
    let mut worker = Worker::launch_from(&stand_in(dir.path()), Kind::Start, pairs, dir.path()).unwrap();
    worker.ready(SOON).await.unwrap();
    let metrics = worker.metrics().await.unwrap();
    let seen: BTreeMap<&str, &str> = metrics.lines().filter_map(|line| line.split_once('=')).collect();
    assert_eq!((seen["RABBITMQ_PORT"], seen["HOST"]), ("2", "127.0.0.1"));
    assert!(
        !seen.contains_key("CARGO_PKG_NAME") && !seen.contains_key("HOME"),
        "{seen:?}"
    );
    assert!(!format!("{worker:?}").contains("secret-word"));
    assert_eq!(worker.get("/elsewhere").await.unwrap().status.as_u16(), 404);
    assert!(worker.log_tail(50).contains("worker listens"), "{}", worker.log());

    let first = worker.pid();
    let status = worker.terminate(SOON).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", worker.log_tail(20));
    worker.restart().await.unwrap();
    assert_ne!(worker.pid(), first);
    assert_eq!(
        worker.log().matches("worker listens").count(),
        2,
        "one log for both lives"
    );
    worker.kill();
    assert!(worker.metrics().await.is_err());
}

#[tokio::test]
async fn a_worker_that_ends_or_never_gets_ready_is_told_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let stand_in = stand_in(dir.path());
    let pairs = env(&[("ENDS_WITH", "64")]);
    let mut ends = Worker::launch_from(&stand_in, Kind::Verify, pairs, dir.path()).unwrap();
    let error = format!("{:#}", ends.ready(SOON).await.unwrap_err());
    assert!(
        error.contains("verify-worker has ended") && error.contains("bad settings"),
        "{error}"
    );
    assert_eq!(ends.exit(SOON).await.unwrap().code(), Some(64));
    let pairs = env(&[("UNREADY", "no queue")]);
    let mut unready = Worker::launch_from(&stand_in, Kind::Verify, pairs, dir.path()).unwrap();
    let error = format!("{:#}", unready.ready(Duration::from_secs(2)).await.unwrap_err());
    assert!(error.contains("503") && error.contains("no queue"), "{error}");
}

#[test]
fn the_binary_is_looked_for_where_it_is_built() {
    let worker = binary(Kind::Start);
    let built = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .with_file_name("start-worker");
    match worker {
        Ok(path) => assert_eq!(path, built),
        Err(error) => assert!(
            error.to_string().contains("cargo build -p start-worker"),
            "{error}"
        ),
    }
}

/// The part of the worker: readiness, and its environment for metrics.
#[tokio::test]
#[ignore = "a helper that the tests above start as a worker"]
#[expect(
    clippy::disallowed_methods,
    reason = "it plays a process that reads its environment"
)]
async fn a_worker() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        signal::unix::{SignalKind, signal},
    };
    let variable = |name: &str| std::env::var(name).ok();
    if let Some(code) = variable("ENDS_WITH") {
        println!("bad settings");
        std::process::exit(code.parse().unwrap());
    }
    let port: u16 = variable("PORT").unwrap().parse().unwrap();
    let listener = tokio::net::TcpListener::bind((variable("HOST").unwrap(), port))
        .await
        .unwrap();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    println!("worker listens");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminated.recv() => return,
        };
        let (mut stream, _) = accepted.unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        let (status, body) = match (request.split(' ').nth(1), variable("UNREADY")) {
            (Some("/readyz"), Some(why)) => (503, why),
            (Some("/readyz"), None) => (200, String::new()),
            (Some("/metrics"), _) => {
                let variables = std::env::vars().map(|(name, value)| format!("{name}={value}"));
                (200, variables.collect::<Vec<_>>().join("\n"))
            }
            _ => (404, String::new()),
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
}
