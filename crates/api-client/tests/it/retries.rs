//! What goes out twice and what does not, and what the middleware sees of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use screwdriver_api_client::{
    Answered, BuildStatus, BuildUpdate, Call, Error, Listing, Middleware, NewEvent, PipelineId, Retry,
};
use tokio::task::JoinSet;

use crate::api::{Api, answer, listen, refusal, scripted, with};
use crate::{build, builder, token, tools};

const EVENT: &str = r#"{"id":4242}"#;

/// Answers the first requests so, one each, and every other one with `then`.
async fn after(first: &'static [fn() -> Response], then: fn() -> Response) -> Api {
    let count = Arc::new(AtomicU32::new(0));
    Api::routing(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        first.get(number as usize).map_or_else(then, |answer| answer())
    })
    .await
}

fn limited() -> Response {
    with(refusal(429, "Too Many Requests"), "retry-after", "0")
}

fn unavailable() -> Response {
    refusal(503, "Service Unavailable")
}

fn back_soon() -> Response {
    with(unavailable(), "retry-after", "0")
}

fn restart() -> NewEvent {
    NewEvent::restart(build())
}

#[tokio::test]
async fn a_read_is_tried_again_and_then_given_up() {
    let server = after(&[unavailable, limited], || answer(200, "[]")).await;
    tools(&server.uri).builds().steps(build()).await.unwrap();
    assert_eq!(server.lines().len(), 3);
    let server = after(&[], unavailable).await;
    let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
    assert!(matches!(error, Error::Server { .. }), "{error:?}");
    assert_eq!(server.lines().len(), 3, "three attempts in all");
}

#[tokio::test]
async fn a_change_that_may_have_happened_goes_out_again_only_if_twice_is_once() {
    let server = after(&[unavailable], || {
        answer(200, r#"{"id":8609,"status":"ABORTED"}"#)
    })
    .await;
    let update = BuildUpdate::aborted();
    tools(&server.uri)
        .builds()
        .update(build(), &update)
        .await
        .unwrap();
    assert_eq!(server.lines(), ["PUT /v4/builds/8609", "PUT /v4/builds/8609"]);

    let server = after(&[unavailable], || answer(201, EVENT)).await;
    let error = tools(&server.uri).events().create(&restart()).await.unwrap_err();
    assert!(matches!(error, Error::Server { .. }), "{error:?}");
    assert_eq!(
        server.lines(),
        ["POST /v4/events"],
        "a second one would be another event"
    );
}

#[tokio::test]
async fn a_status_that_is_refused_where_it_is_so_goes_out_again_only_if_the_first_had_no_effect() {
    const BUILD: &str = r#"{"id":8609,"status":"RUNNING"}"#;
    for status in [BuildStatus::Running, BuildStatus::Blocked] {
        let update = BuildUpdate::to(status).with_message("on");
        let server = after(&[unavailable], || answer(200, BUILD)).await;
        let api = tools(&server.uri);
        let error = api.builds().update(build(), &update).await.unwrap_err();
        assert!(matches!(error, Error::Server { .. }), "{error:?}");
        assert_eq!(server.lines(), ["PUT /v4/builds/8609"]);

        // The answer is cut off after the change may have been made.
        let (listener, uri) = listen().await;
        let mut cut = JoinSet::new();
        cut.spawn(scripted(
            listener,
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
        ));
        let error = tools(&uri).builds().update(build(), &update).await.unwrap_err();
        assert!(matches!(error, Error::Transport(_)), "{error:?}");
        cut.join_all().await;

        let server = after(&[limited, back_soon], || answer(200, BUILD)).await;
        tools(&server.uri)
            .builds()
            .update(build(), &update)
            .await
            .unwrap();
        assert_eq!(server.lines().len(), 3, "these two had no effect");
    }
}

#[tokio::test]
async fn a_creation_goes_out_again_if_the_api_asks_for_it() {
    let server = after(&[limited, back_soon], || answer(201, EVENT)).await;
    tools(&server.uri).events().create(&restart()).await.unwrap();
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn an_api_that_asks_for_a_long_wait_is_left_alone() {
    let server = Api::answering(|| with(refusal(429, "Too Many Requests"), "retry-after", "31")).await;
    let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(31)));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_not_tried_again() {
    for status in [400, 401, 403, 404, 409, 422] {
        let server = Api::answering(move || refusal(status, "no")).await;
        let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(server.lines().len(), 1, "{status}");
    }
    let server = Api::answering(|| answer(200, r#"{"secret":"not a list"}"#)).await;
    let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
    assert!(matches!(error, Error::Undecodable { line: 1, .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    assert_eq!(server.lines().len(), 1);
}

/// Adds a header, and writes down what it sees.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Middleware for Diary {
    fn on_request(&self, call: &Call, headers: &mut HeaderMap) {
        headers.insert("attempt", call.attempt.into());
    }

    fn on_answer(&self, call: &Call, answered: &Answered) {
        assert!(answered.took > Duration::ZERO);
        let status = answered.status.map_or(0, |status| status.as_u16());
        let error = answered.error.unwrap_or("none");
        let line = format!(
            "{} {} #{}: {status} {error}",
            call.method, call.template, call.attempt
        );
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn the_middleware_sees_every_attempt_and_no_address() {
    let server = after(&[unavailable, limited], || answer(200, "[]")).await;
    let diary = Diary::default();
    let client = builder().middleware(diary.clone()).build().unwrap();
    let quick = Retry::default().first_pause(Duration::from_millis(1));
    let api = client.api(&server.uri, token()).unwrap().retry(quick);
    api.builds().steps(build()).await.unwrap();
    let attempts: Vec<_> = server
        .take()
        .iter()
        .map(|seen| seen.headers["attempt"].clone())
        .collect();
    assert_eq!(attempts, ["1", "2", "3"]);
    let pipeline = PipelineId::try_from(1).unwrap();
    api.pipelines()
        .jobs(pipeline, Listing::default())
        .all()
        .await
        .unwrap();
    api.builds()
        .artifact(build(), "a")
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    client
        .update_build(&server.uri, build(), &token(), &BuildUpdate::message("on"))
        .await
        .unwrap();
    let (listener, closed) = listen().await;
    drop(listener);
    let nobody = client.api(&closed, token()).unwrap().retry(quick);
    nobody.builds().steps(build()).await.unwrap_err();
    insta::assert_snapshot!(diary.0.lock().unwrap().join("\n"), @r"
    GET /v4/builds/{id}/steps #1: 503 server
    GET /v4/builds/{id}/steps #2: 429 rate-limited
    GET /v4/builds/{id}/steps #3: 200 none
    GET /v4/pipelines/{id}/jobs #1: 200 none
    GET /v4/builds/{id}/artifacts/{name*} #1: 200 none
    PUT /v4/builds/{id} #1: 200 none
    GET /v4/builds/{id}/steps #1: 0 connect
    GET /v4/builds/{id}/steps #2: 0 connect
    GET /v4/builds/{id}/steps #3: 0 connect
    ");
}
