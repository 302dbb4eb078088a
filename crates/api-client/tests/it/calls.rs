//! What the client sends, byte for byte where it matters, and how it reads the usual answers.

use std::fmt::Write as _;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use screwdriver_api_client::{BuildUpdate, Class, Error, Stats, Wanted};
use url::Url;

use crate::api::{Api, Seen, answer};
use crate::{build, builder, client, token};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Request line, headers and body, without what differs between runs and releases.
fn show(seen: &Seen, api: &Url) -> String {
    let mut text = format!("{}\n", seen.line);
    let mut headers: Vec<_> = seen
        .headers
        .iter()
        .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()))
        .collect();
    headers.sort();
    for header in headers {
        writeln!(text, "{header}").unwrap();
    }
    write!(text, "\n{}", seen.body).unwrap();
    text.replace(&format!("127.0.0.1:{}", api.port().unwrap()), "api.sd.example")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[tokio::test]
async fn an_update_is_put_with_the_builds_token() {
    let api = Api::answering(|| answer(200, "{}")).await;
    let start = "2024-05-06T07:08:09.5Z".parse().unwrap();
    let stats = Stats::new(Some("node-7".to_owned()), Some(start));
    client()
        .update_build(&api.uri, build(), &token(), &BuildUpdate::stats(stats))
        .await
        .unwrap();
    insta::assert_snapshot!(show(&api.take()[0], &api.uri), @r#"
    PUT /v4/builds/8609
    accept: application/json
    authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJ1c2VybmFtZSI6ODYwOX0.c2VjcmV0
    content-length: 79
    content-type: application/json
    host: api.sd.example
    user-agent: screwdriver-api-client/VERSION

    {"stats":{"hostname":"node-7","imagePullStartTime":"2024-05-06T07:08:09.500Z"}}
    "#);
}

#[tokio::test]
async fn whether_a_build_is_wanted_is_asked_with_its_token() {
    let api = Api::answering(|| answer(200, r#"{"token":"eyJ"}"#)).await;
    assert_eq!(
        client().wanted(&api.uri, build(), &token()).await.unwrap(),
        Wanted::Yes
    );
    insta::assert_snapshot!(show(&api.take()[0], &api.uri), @r#"
    POST /v4/builds/8609/token
    accept: application/json
    authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJ1c2VybmFtZSI6ODYwOX0.c2VjcmV0
    content-length: 19
    content-type: application/json
    host: api.sd.example
    user-agent: screwdriver-api-client/VERSION

    {"buildTimeout":90}
    "#);
}

#[tokio::test]
async fn the_status_of_the_api_is_asked_without_a_token() {
    let api = Api::answering(|| answer(204, "")).await;
    client().status(&api.uri).await.unwrap();
    insta::assert_snapshot!(show(&api.take()[0], &api.uri), @r#"
    GET /v4/status
    accept: application/json
    host: api.sd.example
    user-agent: screwdriver-api-client/VERSION
    "#);
}

#[tokio::test]
async fn an_address_may_have_a_path_and_a_slash_at_its_end() {
    let api = Api::answering(|| answer(200, "{}")).await;
    let update = BuildUpdate::message("waiting");
    for path in ["/sd/api", "/sd/api/"] {
        let uri = api.uri.join(path).unwrap();
        client()
            .update_build(&uri, build(), &token(), &update)
            .await
            .unwrap();
        let _ = client().wanted(&uri, build(), &token()).await.unwrap();
        client().status(&uri).await.unwrap();
        let lines: Vec<_> = api.take().into_iter().map(|seen| seen.line).collect();
        let expected = [
            "PUT /sd/api/v4/builds/8609",
            "POST /sd/api/v4/builds/8609/token",
            "GET /sd/api/v4/status",
        ];
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn the_hook_adds_headers_but_neither_sees_nor_sets_the_credential() {
    let api = Api::answering(|| answer(200, "{}")).await;
    let hook = |headers: &mut http::HeaderMap| {
        assert!(headers.is_empty());
        headers.insert("traceparent", HeaderValue::from_static(PARENT));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer other"));
    };
    let client = builder().middleware(hook).user_agent("worker/1").build().unwrap();
    client
        .update_build(&api.uri, build(), &token(), &BuildUpdate::failure("gone"))
        .await
        .unwrap();
    client.status(&api.uri).await.unwrap();

    let seen = api.take();
    assert_eq!(seen[0].headers["traceparent"], PARENT);
    assert_eq!(seen[0].headers["user-agent"], "worker/1");
    let credentials: Vec<_> = seen[0].headers.get_all(AUTHORIZATION).iter().collect();
    assert_eq!(credentials, [&format!("Bearer {}", token().expose())]);
    assert_eq!(seen[1].headers["traceparent"], PARENT);
    assert!(!seen[1].headers.contains_key(AUTHORIZATION));
}

#[tokio::test]
async fn refusals_are_read_from_the_answer() {
    let closed =
        r#"{"statusCode":403,"error":"Forbidden","message":"Can only update RUNNING, QUEUED builds"}"#;
    let api = Api::answering(move || answer(403, closed)).await;
    let update = BuildUpdate::failure("gone");
    let error = client()
        .update_build(&api.uri, build(), &token(), &update)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Finished { .. }), "{error:?}");

    let started =
        r#"{"statusCode":403,"error":"Forbidden","message":"Build is already running or finished."}"#;
    let api = Api::answering(move || answer(403, started)).await;
    assert_eq!(
        client().wanted(&api.uri, build(), &token()).await.unwrap(),
        Wanted::RunningOrFinished
    );
}

#[tokio::test]
async fn a_redirect_is_an_error_and_the_token_stays_here() {
    let elsewhere = Api::answering(|| answer(200, "{}")).await;
    let location = HeaderValue::from_str(elsewhere.uri.as_str()).unwrap();
    let api = Api::answering(move || {
        let mut answer = answer(307, "");
        answer.headers_mut().insert("location", location.clone());
        answer
    })
    .await;
    let update = BuildUpdate::message("waiting");
    let error = client()
        .update_build(&api.uri, build(), &token(), &update)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Environment, "{error:?}");
    assert!(elsewhere.take().is_empty());
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_long_answer() {
    let api = Api::answering(|| answer(200, "x".repeat(60 * 1024))).await;
    let client = client();
    for _ in 0..3 {
        client
            .update_build(&api.uri, build(), &token(), &BuildUpdate::message("waiting"))
            .await
            .unwrap();
    }
    assert_eq!((api.take().len(), api.connections()), (3, 1));
}
