//! Whatever answers, no call panics: any status, any headers and any body, to every call there is.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use screwdriver_api_client::{
    ApiToken, BuildStatus, BuildUpdate, CacheScope, Call, Client, EventId, JobId, JobState, Listing,
    Middleware, NewEvent, PipelineId, Retry, StepState,
};
use url::Url;

use crate::api::Api;
use crate::surface::listed_calls;
use crate::{build, builder, token};

/// An answer as data.
#[derive(Debug, Clone)]
struct Any {
    status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

/// Places of a download. None of them leaves this machine.
const PLACES: [&str; 8] = [
    "",
    "/a?b#c",
    "//",
    "http://",
    "http://[",
    "file:///etc/passwd",
    "http://127.0.0.1:1/",
    "%zz",
];

/// Bodies that get beyond the first brace: of the right shape for some call, and odd in their values.
const BODIES: [&str; 11] = [
    "[]",
    "[{}]",
    "{}",
    "null",
    r#"[{"n":18446744073709551615,"m":"x"}]"#,
    r#"[{"id":1,"name":"a","status":"SUCCESS","jobId":1}]"#,
    r#"{"id":1,"name":"a","status":"SUCCESS","m":"x"}"#,
    r#"{"token":"e30.eyJpYXQiOi05ZTE4LCJleHAiOjI1MzQwMjMwMDc5OX0.c2ln"}"#,
    r#"{"token":"\u0000"}"#,
    r#"{"message":"Build 8609 does not exist"}"#,
    r#"{"message":"\ud800"}"#,
];

fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let bytes = any::<Vec<u8>>();
    let place = select(PLACES.as_slice()).prop_map(|place| place.as_bytes().to_vec());
    let more = select(["true", "false", "TRUE"].as_slice()).prop_map(|more| more.as_bytes().to_vec());
    prop_oneof![
        (Just("location"), place),
        (Just("x-more-data"), more),
        (
            select(["retry-after", "content-type", "set-cookie"].as_slice()),
            bytes
        ),
    ]
}

fn answers() -> impl Strategy<Value = Any> {
    let status = prop_oneof![Just(200_u16), 200..600_u16];
    let headers = prop::collection::vec(header(), 0..3);
    let body = prop_oneof![
        select(BODIES.as_slice()).prop_map(|text| text.as_bytes().to_vec()),
        any::<Vec<u8>>(),
    ];
    (status, headers, body).prop_map(|(status, headers, body)| Any {
        status,
        headers,
        body,
    })
}

// === impl Any ===

impl Any {
    fn answer(&self) -> Response {
        let mut answer = Response::new(self.body.clone().into());
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                answer.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        answer
    }
}

/// How often each call was made, as `METHOD template`; but for the store's, which is no call of the API's.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<BTreeMap<String, u32>>>);

impl Middleware for Made {
    fn on_request(&self, call: &Call, _headers: &mut HeaderMap) {
        if call.template.starts_with('/') {
            let name = format!("{} {}", call.method, call.template);
            *self.0.lock().unwrap().entry(name).or_default() += 1;
        }
    }
}

/// Every call once; what comes of it is no matter.
async fn call_everything(client: &Client, uri: &Url) {
    let (job, event) = (JobId::try_from(777).unwrap(), EventId::try_from(4242).unwrap());
    let pipeline = PipelineId::try_from(123).unwrap();
    let update = BuildUpdate::message("waiting");
    let _ = client.update_build(uri, build(), &token(), &update).await;
    let _ = client.wanted(uri, build(), &token()).await;
    let _ = client.status(uri).await;

    let api_token: ApiToken = "a+b/c=".parse().unwrap();
    let login = client.api(uri, api_token).unwrap().retry(Retry::NEVER);
    let _ = login.token().await;
    let _ = login.builds().get(build()).await;

    let api = client.api(uri, token()).unwrap().retry(Retry::NEVER);
    let builds = api.builds();
    let _ = builds.get(build()).await;
    let _ = builds.update(build(), &update).await;
    let _ = builds.steps(build()).await;
    let _ = builds.steps_in(build(), StepState::Active).await;
    let _ = builds.step(build(), "test").await;
    let _ = builds.log(build(), "test").first(3).await;
    // It waits for lines that may never come.
    let followed = builds.follow_log(build(), "test", Duration::ZERO).first(3);
    let _ = tokio::time::timeout(Duration::from_millis(50), followed).await;
    let _ = builds.artifacts(build()).await;
    let _ = builds.statuses(&[job], 1).await;
    let _ = builds.exchange_token(build(), 90).await;
    let files = [
        builds.artifact(build(), "a/b").await,
        builds.all_artifacts(build()).await,
    ];
    for file in files.into_iter().flatten() {
        let _ = file.text().await;
    }
    let events = api.events();
    let _ = events.create(&NewEvent::restart(build())).await;
    let _ = events.get(event).await;
    let _ = events.builds(event).await;
    let _ = events.stop(event).await;
    let jobs = api.jobs();
    let _ = jobs.get(job).await;
    let _ = jobs.builds(job, Listing::default()).first(3).await;
    let _ = jobs.latest_build(job, Some(&BuildStatus::Success)).await;
    let _ = jobs.last_successful_meta(job).await;
    let _ = jobs.set_state(job, &JobState::Enabled, None).await;
    let pipelines = api.pipelines();
    let _ = pipelines.list(Listing::default()).first(3).await;
    let _ = pipelines.get(pipeline).await;
    let _ = pipelines.jobs(pipeline, Listing::default()).first(3).await;
    let _ = pipelines.events(pipeline, Listing::default()).first(3).await;
    let _ = pipelines.builds(pipeline, Listing::default()).first(3).await;
    let _ = pipelines.latest_build(pipeline, "main", None).await;
    let _ = pipelines.latest_commit_event(pipeline).await;
    let _ = pipelines.last_successful_event(pipeline).await;
    let _ = pipelines.delete_cache(pipeline, CacheScope::Pipeline).await;
    let _ = api.build_clusters().list().await;
    let _ = api.build_clusters().get("iris").await;
    let _ = api.status().await;
    let _ = api.service_status().await;
    let _ = api.versions().await;
}

#[test]
fn no_answer_makes_a_call_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = Arc::new(Mutex::new(None::<Any>));
    let given = Arc::clone(&answer);
    let server = runtime.block_on(Api::routing(move |_| {
        given.lock().unwrap().as_ref().unwrap().answer()
    }));
    let made = Made::default();
    let client = builder().middleware(made.clone()).build().unwrap();
    let ask = |any: Any| {
        *answer.lock().unwrap() = Some(any);
        runtime.block_on(call_everything(&client, &server.uri));
    };
    for body in BODIES {
        ask(Any {
            status: 200,
            headers: vec![("x-more-data", b"true".to_vec())],
            body: body.as_bytes().to_vec(),
        });
    }
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&answers(), |any| {
            ask(any);
            Ok(())
        })
        .unwrap();
    let mut made = mem::take(&mut *made.0.lock().unwrap());
    made.retain(|_, times| *times > 64);
    let made: BTreeSet<String> = made.into_keys().collect();
    assert_eq!(made, listed_calls(), "every call went out every time");
}

#[tokio::test]
async fn no_time_is_too_long() {
    let server = Api::answering(|| crate::api::answer(200, "[]")).await;
    let patient = builder().timeout(Duration::MAX).build().unwrap();
    let retry = Retry::default()
        .attempts(u32::MAX)
        .first_pause(Duration::MAX)
        .longest_pause(Duration::MAX);
    let api = patient.api(&server.uri, token()).unwrap().retry(retry);
    assert!(api.builds().steps(build()).await.unwrap().is_empty());
    let file = api.builds().artifact(build(), "a").await.unwrap();
    assert_eq!(file.text().await.unwrap(), "[]");
}
