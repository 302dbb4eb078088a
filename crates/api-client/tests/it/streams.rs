//! Logs and artifacts: they come as they are read, from the store if the API says so, and a cut is an error
//! and never an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use screwdriver_api_client::{Error, Items, LogLine};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::{Api, answer, head, listen, refusal, scripted, with};
use crate::{build, builder, token, tools};

fn lines(range: std::ops::Range<u64>) -> String {
    let lines: Vec<_> = range
        .map(|n| format!(r#"{{"n":{n},"t":1472084645330,"m":"line {n}"}}"#))
        .collect();
    format!("[{}]", lines.join(","))
}

async fn numbers(log: Items<LogLine>) -> Vec<u64> {
    let lines = log.all().await.unwrap();
    lines.iter().map(|line| line.number.unwrap()).collect()
}

#[tokio::test]
async fn a_log_is_read_on_while_the_api_has_more() {
    let server = Api::routing(
        |seen| match seen.line.rsplit_once("from=").unwrap().1.split(' ').next() {
            Some("0") => with(answer(200, lines(0..3)), "X-More-Data", "true"),
            Some("3") => with(answer(200, lines(3..5)), "X-More-Data", "false"),
            other => panic!("{other:?}"),
        },
    )
    .await;
    let log = tools(&server.uri).builds().log(build(), "sd-setup-init");
    assert_eq!(numbers(log).await, [0, 1, 2, 3, 4]);
    let expected = [
        "GET /v4/builds/8609/steps/sd-setup-init/logs?from=0",
        "GET /v4/builds/8609/steps/sd-setup-init/logs?from=3",
    ];
    assert_eq!(server.lines(), expected);
}

#[tokio::test]
async fn the_log_of_a_running_step_ends_where_it_is_or_is_followed_to_its_end() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    // Two lines; twice nothing new; the last one.
    let server = Api::routing(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => with(answer(200, lines(0..2)), "X-More-Data", "true"),
        1 | 2 => with(answer(200, "[]"), "X-More-Data", "true"),
        // A server that begins anew is no reason to say things twice.
        _ => with(answer(200, lines(0..3)), "X-More-Data", "false"),
    })
    .await;
    assert_eq!(
        numbers(tools(&server.uri).builds().log(build(), "test")).await,
        [0, 1]
    );
    asked.store(0, Ordering::SeqCst);
    let begun = Instant::now();
    let followed = tools(&server.uri)
        .builds()
        .follow_log(build(), "test", Duration::ZERO);
    assert_eq!(numbers(followed).await, [0, 1, 2]);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // After the lines too, and not only where there were none.
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn what_a_running_step_said_long_ago_is_read_without_a_pause() {
    let server = Api::routing(
        |seen| match seen.line.rsplit_once("from=").unwrap().1.split(' ').next() {
            Some("0") => with(answer(200, lines(0..1000)), "X-More-Data", "true"),
            Some("1000") => with(answer(200, lines(1000..1001)), "X-More-Data", "false"),
            other => panic!("{other:?}"),
        },
    )
    .await;
    let never = Duration::from_hours(1);
    let log = tools(&server.uri).builds().follow_log(build(), "test", never);
    let all = tokio::time::timeout(crate::PATIENCE, numbers(log)).await;
    assert_eq!(all.expect("it does not pause").len(), 1001);
}

#[tokio::test]
async fn artifacts_are_listed_and_downloaded() {
    let server = Api::routing(|seen| match seen.line.split(['?', ' ']).nth(1).unwrap() {
        "/v4/builds/8609/artifacts/manifest.txt" => answer(200, "./logs/a b.txt\n./report.html\n\n"),
        "/v4/builds/8609/artifacts/logs/a%20b.txt" => {
            with(answer(200, "contents"), "content-type", "text/plain")
        }
        "/v4/builds/8609/artifacts" => answer(200, "PK"),
        _ => refusal(404, "File not found"),
    })
    .await;
    let api = tools(&server.uri);
    let names = api.builds().artifacts(build()).await.unwrap();
    assert_eq!(names, ["logs/a b.txt", "report.html"]);
    let file = api.builds().artifact(build(), &names[0]).await.unwrap();
    assert_eq!(
        (file.length(), file.content_type()),
        (Some(8), Some("text/plain"))
    );
    assert_eq!(file.text().await.unwrap(), "contents");
    let archive = api.builds().all_artifacts(build()).await.unwrap();
    assert_eq!(archive.chunks().all().await.unwrap().concat(), b"PK");
    let missing = api.builds().artifact(build(), "gone").await.unwrap_err();
    assert!(matches!(&missing, Error::NotFound { message } if message == "File not found"));
    let outside = api
        .builds()
        .artifact(build(), "../../8610/artifacts/x")
        .await
        .unwrap_err();
    assert!(matches!(outside, Error::Part { .. }), "{outside:?}");
}

#[tokio::test]
async fn an_artifact_in_the_store_is_fetched_there_without_the_token() {
    let store = Api::answering(|| answer(200, "from the store")).await;
    let location = format!("{}v1/builds/8609/ARTIFACTS/a.txt?token=store-secret", store.uri);
    let server = Api::answering(move || with(answer(302, ""), "location", &location)).await;
    let file = tools(&server.uri)
        .builds()
        .artifact(build(), "a.txt")
        .await
        .unwrap();
    assert_eq!(file.text().await.unwrap(), "from the store");
    let seen = store.take();
    assert_eq!(
        seen[0].line,
        "GET /v1/builds/8609/ARTIFACTS/a.txt?token=store-secret"
    );
    assert!(!seen[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_store_is_the_end_of_the_way_and_its_address_is_kept_secret() {
    let echo = Api::routing(|seen| refusal(403, &seen.line.replace('"', ""))).await;
    let location = format!("{}a?token=store-secret", echo.uri);
    let server = Api::answering(move || with(answer(302, ""), "location", &location)).await;
    let refused = tools(&server.uri)
        .builds()
        .artifact(build(), "a")
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Forbidden { .. }), "{refused:?}");

    let (listener, closed) = listen().await;
    drop(listener);
    let location = format!("{closed}a?token=store-secret");
    let server = Api::answering(move || with(answer(302, ""), "location", &location)).await;
    let closed = tools(&server.uri)
        .builds()
        .artifact(build(), "a")
        .await
        .unwrap_err();
    assert!(matches!(closed, Error::Connect(_)), "{closed:?}");

    let circle = Api::answering(|| with(answer(302, ""), "location", "/again?token=store-secret")).await;
    let again = tools(&circle.uri)
        .builds()
        .artifact(build(), "a")
        .await
        .unwrap_err();
    assert!(matches!(again, Error::Unexpected { .. }), "{again:?}");
    assert_eq!(circle.lines().len(), 2);
    for error in [refused, closed, again] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("store-secret"), "{text}");
    }
    // A page that cannot be left: no other scheme than HTTP is followed.
    let elsewhere = Api::answering(|| with(answer(302, ""), "location", "file:///etc/passwd")).await;
    let error = tools(&elsewhere.uri)
        .builds()
        .artifact(build(), "a")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
}

#[tokio::test]
async fn a_store_may_quote_any_part_of_its_address_in_any_spelling() {
    const QUERY: &str = "type=download&token=store%2Dsecret.one&sign=other+secret";
    let quotes = [
        QUERY,
        "type=download&amp;token=store%2Dsecret.one&amp;sign=other+secret",
        "invalid token store%2Dsecret.one",
        "invalid token store-secret.one",
        "invalid signature other secret",
    ];
    for quote in quotes {
        let store = Api::answering(move || refusal(403, quote)).await;
        let location = format!("{}a?{QUERY}", store.uri);
        let server = Api::answering(move || with(answer(302, ""), "location", &location)).await;
        let api = tools(&server.uri);
        let error = api.builds().artifact(build(), "a").await.unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("secret") && text.contains("[redacted]"), "{text}");
    }
}

#[tokio::test]
async fn a_download_that_is_cut_midway_is_an_error_after_what_came() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nfirst".as_slice(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n".as_slice(),
    ] {
        let (listener, uri) = listen().await;
        let mut server = JoinSet::new();
        server.spawn(scripted(listener, bytes));
        let file = tools(&uri).builds().artifact(build(), "a").await.unwrap();
        let mut chunks = file.chunks();
        assert_eq!(chunks.next().await.unwrap().unwrap().as_ref(), b"first");
        let error = chunks.next().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Transport(_)), "{error:?}");
        assert!(chunks.next().await.is_none());
        server.join_all().await;
    }
}

#[tokio::test]
async fn json_that_is_cut_midway_is_fetched_again() {
    let (listener, uri) = listen().await;
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        head(&mut first).await;
        first
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n[{")
            .await
            .unwrap();
        first.shutdown().await.unwrap();
        drop(first);
        scripted(listener, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").await;
    });
    assert!(tools(&uri).builds().steps(build()).await.unwrap().is_empty());
    server.join_all().await;
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_a_timeout() {
    let (listener, uri) = listen().await;
    let mut server = JoinSet::new();
    let (go_on, mut wanted) = tokio::sync::mpsc::channel::<()>(1);
    server.spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        head(&mut connection).await;
        let begin = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nfirst";
        connection.write_all(begin).await.unwrap();
        // Silent until the test has ended.
        wanted.recv().await;
    });
    let client = builder().timeout(Duration::from_secs(1)).build().unwrap();
    let api = client.api(&uri, token()).unwrap();
    let mut chunks = api.builds().artifact(build(), "a").await.unwrap().chunks();
    assert_eq!(chunks.next().await.unwrap().unwrap().as_ref(), b"first");
    let error = chunks.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    drop(go_on);
    server.join_all().await;
}

#[tokio::test]
async fn a_download_that_never_begins_is_a_timeout() {
    let (_listener, uri) = listen().await;
    let client = builder().timeout(Duration::from_millis(100)).build().unwrap();
    let api = client
        .api(&uri, token())
        .unwrap()
        .retry(screwdriver_api_client::Retry::NEVER);
    let error = api.builds().artifact(build(), "a").await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
}
