//! The examples of the API client, run as a stranger would run them, against the stand-in for the builds API.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::{
    fs,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use testbed::{
    builds_api::{API_TOKEN, Asked, BuildsApi, CANARY, Fault, Scope, Status, token_for},
    http_client,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const SOON: Duration = Duration::from_secs(30);

/// The API, and a file with the token for it.
struct Scene {
    api: BuildsApi,
    dir: TempDir,
}

// === impl Scene ===

impl Scene {
    fn new(token: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), format!("{token}\n")).unwrap();
        let api = BuildsApi::start(None).unwrap();
        Self { api, dir }
    }

    /// An example with the address, the token's file and these arguments.
    fn example(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(example(name));
        command
            .env_clear()
            .arg(self.api.uri())
            .arg(self.dir.path().join("token"))
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, name: &str, arguments: &[&str]) -> Output {
        let run = self.example(name, arguments).output();
        let output = tokio::time::timeout(SOON, run).await.expect("it ends").unwrap();
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            assert!(
                !text.contains(CANARY) && !text.contains("eyJ"),
                "a token was printed: {text}"
            );
        }
        output
    }

    async fn says(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.run(name, arguments).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Where Cargo puts an example: the test runs from target/<profile>/deps.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let built = fs::metadata(&path).and_then(|found| found.modified()).ok();
    // Beside it Cargo writes what it is made of: `path: path path`.
    let made_of = fs::read_to_string(path.with_extension("d")).unwrap_or_default();
    let sources = made_of.split_whitespace().skip(1);
    let changed = sources
        .filter_map(|source| fs::metadata(source).ok()?.modified().ok())
        .max();
    assert!(
        built.is_some() && changed.is_some() && changed <= built,
        "{name} is not built, or of older sources: run `cargo build --workspace --examples`"
    );
    path
}

async fn next_of(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(SOON, lines.next_line()).await;
    line.expect("it says something in time")
        .unwrap()
        .expect("it goes on")
}

/// The API's own rate limit, which asks for this many seconds of peace.
fn limited(seconds: &str) -> Fault {
    let answer = Response::builder().status(429).header("retry-after", seconds);
    Fault::Answer(answer.body(String::new()).unwrap())
}

/// Writes a build's message, as a worker does.
#[expect(clippy::disallowed_methods, reason = "tokens are valid by the wall clock")]
async fn say(api: &BuildsApi, id: u64, message: &str) {
    let now = Timestamp::now();
    let token = token_for(id, Scope::Temporal, now, now + SignedDuration::from_hours(1));
    let request = Request::put(format!("{}/v4/builds/{id}", api.uri()))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(json!({ "statusMessage": message }).to_string()));
    let answer = http_client::send(request.unwrap(), None).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn a_build_is_watched_to_its_end() {
    let scene = Scene::new(API_TOKEN);
    scene.api.create_build(8609, Status::Queued);
    scene.api.log(8609, "sd-setup-init", "pod created");
    let mut watching = scene.example("watch_build", &["8609", "1"]);
    let mut watching: Child = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = async || next_of(&mut lines).await;
    assert_eq!(next().await, "QUEUED on no node yet");
    assert_eq!(next().await, "  sd-setup-init: pod created");
    scene.api.log(8609, "sd-setup-init", "image pulled");
    assert_eq!(next().await, "  sd-setup-init: image pulled");
    scene.api.set_status(8609, Status::Running).await.unwrap();
    assert_eq!(next().await, "RUNNING on no node yet");
    scene.api.set_status(8609, Status::Success).await.unwrap();
    assert_eq!(next().await, "SUCCESS on no node yet");
    assert_eq!(next().await, "the build ended as SUCCESS");
    let ended = tokio::time::timeout(SOON, watching.wait())
        .await
        .expect("it ends")
        .unwrap();
    assert!(ended.success(), "{ended}");
    let exchanges = scene.api.history();
    let exchanges = exchanges
        .iter()
        .filter(|asked| asked.path.starts_with("/v4/auth/token"));
    assert_eq!(exchanges.count(), 1);
}

#[tokio::test]
async fn whoever_watches_a_build_waits_as_long_as_the_api_asks_for() {
    const PAUSE: &str = "the API asks for a pause of 0 s";
    let scene = Scene::new(API_TOKEN);
    scene.api.create_build(8609, Status::Queued);
    scene.api.log(8609, "sd-setup-init", "pod created");
    // As often as the client tries by itself.
    let is_build = |_: &str, path: &str| path == "/v4/builds/8609";
    scene.api.fail_next(3, is_build, limited("0"));
    let mut watching = scene.example("watch_build", &["8609", "1"]);
    let mut watching: Child = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert_eq!(next_of(&mut lines).await, PAUSE);
    assert_eq!(next_of(&mut lines).await, "QUEUED on no node yet");
    assert_eq!(next_of(&mut lines).await, "  sd-setup-init: pod created");
    let is_log = |_: &str, path: &str| path.contains("/logs?");
    scene.api.fail_next(3, is_log, limited("0"));
    assert_eq!(next_of(&mut lines).await, PAUSE);
    scene.api.log(8609, "sd-setup-init", "image pulled");
    // Not the line before it once more.
    assert_eq!(next_of(&mut lines).await, "  sd-setup-init: image pulled");
    // Longer than the client waits by itself.
    scene.api.fail_next(1, is_build, limited("120"));
    assert_eq!(next_of(&mut lines).await, "the API asks for a pause of 120 s");
    assert!(watching.try_wait().unwrap().is_none(), "it waits");
}

#[tokio::test]
async fn builds_that_are_stuck_are_named_and_then_aborted() {
    let scene = Scene::new(API_TOKEN);
    // Of each status more than a page, so that the lists must be read on; the running ones stand between them.
    let waiting = |id: u64| match id % 3 {
        0 => Status::Queued,
        1 => Status::Blocked,
        _ => Status::Running,
    };
    for id in 1..=360 {
        scene.api.create_build(id, waiting(id));
    }
    let status = |id| scene.api.build(id).unwrap().status;

    let endless = scene
        .run("abort_stuck_builds", &["123", "999999999999999999", "--do-it"])
        .await;
    let said = String::from_utf8_lossy(&endless.stderr);
    assert_eq!(endless.status.code(), Some(1), "{said}");
    assert!(said.contains("more minutes than can be counted"), "{said}");
    let none = scene.says("abort_stuck_builds", &["123", "60", "--do-it"]).await;
    assert_eq!(none, "", "nobody has waited for an hour");
    let third = |asked: &Asked| asked.path.contains("page=3&");
    assert_eq!(scene.api.count(third), 2, "two lists of three pages");
    let named = scene.says("abort_stuck_builds", &["123", "0"]).await;
    assert_eq!(named.lines().count(), 240, "{named}");
    assert!((1..=360).all(|id| status(id) == waiting(id)), "only named");

    // The first answer gets lost: the second attempt is told that the build has ended.
    let is_update = |method: &str, _: &str| method == "PUT";
    scene.api.fail_next(1, is_update, Fault::CutAfter);
    let aborted = scene.says("abort_stuck_builds", &["123", "0", "--do-it"]).await;
    let (done, ended): (Vec<_>, Vec<_>) = aborted.lines().partition(|line| line.ends_with("aborted"));
    assert_eq!(
        (done.len(), ended),
        (239, vec!["build 1 has just ended"]),
        "{aborted}"
    );
    for id in 1..=360 {
        let expected = match waiting(id) {
            Status::Running => Status::Running,
            _ => Status::Aborted,
        };
        assert_eq!(status(id), expected, "build {id}");
    }
}

#[tokio::test]
async fn a_cache_is_cleared_by_its_scope() {
    let scene = Scene::new(API_TOKEN);
    for arguments in [
        ["123"].as_slice(),
        &["123", "job", "777"],
        &["123", "event", "4242"],
    ] {
        scene.says("clear_cache", arguments).await;
    }
    let asked = scene.api.history();
    let deleted: Vec<_> = asked.iter().filter(|asked| asked.method == "DELETE").collect();
    assert!(
        deleted.iter().all(|asked| asked.answered == Some(204)),
        "{deleted:?}"
    );
    let paths: Vec<_> = deleted.iter().map(|asked| asked.path.as_str()).collect();
    let expected = [
        "/v4/pipelines/123/caches?scope=pipelines&cacheId=123",
        "/v4/pipelines/123/caches?scope=jobs&cacheId=777",
        "/v4/pipelines/123/caches?scope=events&cacheId=4242",
    ];
    assert_eq!(paths, expected);
}

#[tokio::test]
async fn builds_that_wait_for_nodes_are_reported() {
    let scene = Scene::new(API_TOKEN);
    for (id, message) in [
        (
            1,
            "Waiting for resources to be available. 0/3 nodes are available: 3 Insufficient cpu.",
        ),
        (2, "Waiting for quota"),
        (3, "Waiting for resources to be available."),
        (
            4,
            "Build initialization delayed - pod creation taking longer than expected: \
             Waiting for resources to be available. 0/3 nodes are available: 3 Insufficient memory.",
        ),
    ] {
        scene.api.create_build(id, Status::Queued);
        say(&scene.api, id, message).await;
    }
    let report = scene.says("waiting_for_nodes", &[]).await;
    let lines: Vec<_> = report.lines().collect();
    assert_eq!(lines.len(), 4, "{report}");
    assert!(
        lines[0].trim().starts_with('1') && lines[0].contains("screwdriver-cd/guide"),
        "{report}"
    );
    assert!(
        lines[0].ends_with("0/3 nodes are available: 3 Insufficient cpu."),
        "{report}"
    );
    assert!(lines[1].trim().starts_with('3'), "{report}");
    assert!(lines[2].trim().starts_with('4'), "{report}");
    assert!(
        lines[2].ends_with("  0/3 nodes are available: 3 Insufficient memory."),
        "{report}"
    );
    assert_eq!(lines[3], "3 builds wait for a node");
}

#[tokio::test]
async fn a_wrong_token_is_told_without_being_shown() {
    let scene = Scene::new("wrong-CANARY-no-token-may-be-printed");
    let output = scene.run("clear_cache", &["123"]).await;
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Unauthorized"), "{said}");
    assert!(
        scene.api.history().iter().all(|asked| asked.method == "GET"),
        "nothing was deleted"
    );
}
