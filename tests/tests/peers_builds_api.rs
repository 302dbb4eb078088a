//! The stand-in for the builds API, asked over real connections.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use testbed::{
    builds_api::{BuildsApi, CANARY, Down, Fault, Identity, Scope, Status, token_for},
    http_client::{self, Answer},
    poll,
};

const ID: u64 = 8609;
const SOON: Duration = Duration::from_secs(5);

#[expect(clippy::disallowed_methods, reason = "tokens are valid by the wall clock")]
fn token(scope: Scope) -> String {
    let now = Timestamp::now();
    token_for(ID, scope, now, now + SignedDuration::from_hours(12))
}

async fn ask(api: &BuildsApi, method: &str, path: &str, body: serde_json::Value) -> anyhow::Result<Answer> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", api.uri()))
        .header("authorization", format!("Bearer {}", token(Scope::Temporal)))
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .body(Body::from(body.to_string()))?;
    http_client::send(request, None).await
}

async fn put(api: &BuildsApi, body: serde_json::Value) -> anyhow::Result<Answer> {
    ask(api, "PUT", &format!("/v4/builds/{ID}"), body).await
}

fn api() -> BuildsApi {
    let api = BuildsApi::start(None).expect("a free port");
    api.create_build(ID, Status::Queued);
    api
}

#[tokio::test]
async fn an_update_is_kept_answered_and_remembered() {
    let api = api();
    let answer = put(
        &api,
        json!({ "statusMessage": "Waiting", "stats": { "hostname": "n" } }),
    )
    .await
    .unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["statusMessage"], "Waiting");
    assert_eq!(answer.json()["steps"][0]["name"], "sd-setup-init");
    let build = api.build(ID).unwrap();
    assert_eq!(
        (build.status_message.as_deref(), build.stat("hostname")),
        (Some("Waiting"), Some("n"))
    );
    let asked = &api.accepted(ID)[0];
    assert_eq!((asked.message(), asked.answered), (Some("Waiting"), Some(200)));
    assert!(asked.traceparent.as_deref().unwrap().starts_with("00-0af7"));
    assert!(
        !format!("{:?}", api.history()).contains(CANARY),
        "a token was kept"
    );
}

#[tokio::test]
async fn routes_answer_as_the_scope_allows() {
    let api = api();
    let rows = [
        ("GET", "/v4/status", json!(null), 200),
        ("GET", "/v4/builds/8609", json!(null), 403),
        ("GET", "/v4/builds/8609/steps", json!(null), 200),
        ("GET", "/v4/builds/1/steps", json!(null), 403),
        (
            "POST",
            "/v4/builds/8609/token",
            json!({ "buildTimeout": 90 }),
            200,
        ),
        ("POST", "/v4/builds/1/token", json!({ "buildTimeout": 90 }), 404),
        ("PUT", "/v4/builds/1", json!({}), 403),
        ("PUT", "/v4/builds/8609", json!({ "unknown": 1 }), 400),
        ("PUT", "/v4/builds/zero", json!({}), 400),
        ("GET", "/elsewhere", json!(null), 404),
    ];
    for (method, path, body, status) in rows {
        let answer = ask(&api, method, path, body).await.unwrap();
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {}",
            answer.text()
        );
        if status >= 400 {
            assert_eq!(answer.json()["statusCode"], status, "{method} {path}");
        }
    }
    let active = ask(&api, "GET", "/v4/builds/8609/steps?status=active", json!(null))
        .await
        .unwrap();
    let failed = ask(&api, "GET", "/v4/builds/8609/steps?status=failure", json!(null))
        .await
        .unwrap();
    assert_eq!(
        (active.json().as_array().unwrap().len(), failed.json()),
        (1, json!([]))
    );
    let unauthorized = http_client::get(&format!("{}/v4/builds/{ID}/steps", api.uri()))
        .await
        .unwrap();
    assert_eq!(unauthorized.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_stop_is_published_before_the_final_status_is_written() {
    let api = Arc::new(api());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (looking, kept) = (Arc::downgrade(&api), Arc::clone(&seen));
    api.on_stop(move |id| {
        let status = looking
            .upgrade()
            .and_then(|api| api.build(id))
            .map(|build| build.status);
        kept.lock().unwrap().push((id, status, Instant::now()));
        async {}
    });
    let gap = Duration::from_millis(150);
    api.set_stop_gap(gap);
    let answer = put(&api, json!({ "stats": { "hostname": "n" } })).await.unwrap();
    assert_eq!(
        (answer.status, seen.lock().unwrap().len()),
        (StatusCode::OK, 0),
        "no stop for an open build"
    );
    let answer = put(&api, json!({ "status": "FAILURE", "statusMessage": "no image" }))
        .await
        .unwrap();
    assert_eq!(
        (answer.status, api.build(ID).unwrap().status),
        (StatusCode::OK, Status::Failure)
    );
    let (id, status, stopped) = seen.lock().unwrap().pop().unwrap();
    assert_eq!(
        (id, status),
        (ID, Some(Status::Queued)),
        "at the stop the build is as before"
    );
    assert!(stopped.elapsed() >= gap, "the status is written after the gap");
    assert!(api.build(ID).unwrap().end_time.is_some());
    let late = put(&api, json!({ "stats": { "hostname": "m" } })).await.unwrap();
    assert!(
        late.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("Can only update ")
    );
}

#[tokio::test]
async fn launcher_and_user_change_the_status_as_the_api_lets_them() {
    let api = api();
    api.set_status(ID, Status::Running).await.unwrap();
    assert!(
        api.set_status(ID, Status::Running).await.is_err(),
        "a second pod's launcher"
    );
    api.set_status(ID, Status::Aborted).await.unwrap();
    assert_eq!(
        api.build(ID).unwrap().status_message.as_deref(),
        Some("Aborted by someone")
    );
    assert!(
        api.set_status(ID, Status::Success).await.is_err(),
        "it is finished"
    );
    assert!(api.history().is_empty(), "the test's own calls are no requests");
}

#[tokio::test]
async fn faults_come_as_planned_and_then_no_more() {
    let api = api();
    let message = |text: &str| json!({ "statusMessage": text });
    let said = || api.build(ID).unwrap().status_message;
    api.fail_next(
        2,
        |method, path| method == "PUT" && path.ends_with("8609"),
        Fault::Status(503),
    );
    for _ in 0..2 {
        let answer = put(&api, message("refused")).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.json()["statusCode"].as_u64()),
            (503, Some(503))
        );
    }
    assert_eq!(said(), None);
    api.fail_next(1, |_, _| true, Fault::Cut);
    assert!(put(&api, message("cut")).await.is_err());
    assert_eq!(said(), None);
    api.fail_next(1, |_, _| true, Fault::CutAfter);
    assert!(put(&api, message("cut after")).await.is_err());
    assert_eq!(said().as_deref(), Some("cut after"));
    let page = http::Response::builder()
        .status(403)
        .body("<html>proxy</html>".to_owned())
        .unwrap();
    api.fail_next(1, |_, _| true, Fault::Answer(page));
    assert_eq!(
        put(&api, message("page")).await.unwrap().text(),
        "<html>proxy</html>"
    );
    api.fail_next(1, |_, path| path == "/v4/status", Fault::Status(500));
    assert_eq!(
        put(&api, message("at last")).await.unwrap().status,
        StatusCode::OK,
        "not this request's fault"
    );
    let answered: Vec<_> = api.history().iter().map(|asked| asked.answered).collect();
    assert_eq!(answered, [Some(503), Some(503), None, None, Some(403), Some(200)]);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_undo_its_request() {
    let api = api();
    api.fail_next(1, |_, _| true, Fault::Delay(Duration::from_millis(200)));
    let impatient = tokio::time::timeout(
        Duration::from_millis(50),
        put(&api, json!({ "status": "FAILURE" })),
    );
    assert!(impatient.await.is_err());
    assert_eq!(api.build(ID).unwrap().status, Status::Queued);
    poll::until("the change", SOON, || async {
        let status = api.build(ID).unwrap().status;
        if status == Status::Failure {
            Ok(())
        } else {
            Err(format!("{status:?}"))
        }
    })
    .await
    .unwrap();
    api.fail_next(1, |_, _| true, Fault::Stall);
    let stalled = tokio::time::timeout(Duration::from_millis(200), put(&api, json!({})));
    assert!(stalled.await.is_err());
    assert_eq!(api.history().last().unwrap().answered, None);
}

#[tokio::test]
async fn a_server_that_is_down_is_down_for_every_request() {
    let api = api();
    let status = || ask(&api, "GET", "/v4/status", json!(null));
    api.set_down(Some(Down::Unavailable));
    assert_eq!(status().await.unwrap().status.as_u16(), 503);
    api.set_down(Some(Down::Closes));
    assert!(status().await.is_err());
    api.set_down(None);
    assert_eq!(status().await.unwrap().status.as_u16(), 200);
}

#[tokio::test]
async fn it_speaks_tls_with_the_identity_given() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let identity = Identity {
        certificates: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    };
    assert!(!format!("{identity:?}").contains("PRIVATE KEY"));
    let api = BuildsApi::start(Some(&identity)).unwrap();
    let request = || {
        Request::get(format!("{}/v4/status", api.uri()))
            .body(Body::empty())
            .unwrap()
    };
    assert!(api.uri().starts_with("https://"));
    let answer = http_client::send(request(), Some(&identity.certificates))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    assert!(
        http_client::send(request(), Some(&stranger.cert.pem()))
            .await
            .is_err(),
        "not vouched for"
    );
}
