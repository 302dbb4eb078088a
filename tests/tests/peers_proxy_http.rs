//! The HTTP proxy in front of the stand-in for the builds API: what goes wrong is what the plan says, and what the
//! server has done is what it says.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use testbed::{
    builds_api::{BuildsApi, Identity, Scope, Status, token_for},
    http_client::{self, Answer},
    pki::Pki,
    poll,
    proxy::http::{Act, Answered, HttpProxy, On, Rule, Upstream},
};

const ID: u64 = 8609;
const SOON: Duration = Duration::from_secs(5);

/// A builds API with a build, and a proxy in front of it.
fn peers() -> (BuildsApi, HttpProxy) {
    let api = BuildsApi::start(None).expect("a free port");
    api.create_build(ID, Status::Queued);
    let upstream = Upstream {
        uri: api.uri(),
        ca: None,
    };
    let proxy = HttpProxy::builds_api(None, upstream).expect("a free port");
    (api, proxy)
}

fn update(proxy: &HttpProxy, text: &str) -> Request<Body> {
    #[expect(clippy::disallowed_methods, reason = "tokens are valid by the wall clock")]
    let now = Timestamp::now();
    let token = token_for(ID, Scope::Temporal, now, now + SignedDuration::from_hours(12));
    Request::put(format!("{}/v4/builds/{ID}", proxy.uri()))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(json!({ "statusMessage": text }).to_string()))
        .expect("a request")
}

async fn tell(proxy: &HttpProxy, text: &str) -> anyhow::Result<Answer> {
    http_client::send(update(proxy, text), None).await
}

fn told(api: &BuildsApi) -> Option<String> {
    api.build(ID).expect("the build").status_message
}

/// Waits until the call that `asking` makes is stalled; it must not end meanwhile.
async fn hangs(proxy: &HttpProxy, asking: impl Future<Output = anyhow::Result<Answer>>) {
    let before = proxy.calls().len();
    let stalled = poll::until("a stalled call", SOON, || async {
        match proxy.calls().get(before).map(|call| call.answered) {
            Some(Answered::Stalled) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    tokio::select! {
        answer = asking => panic!("{answer:?}"),
        stalled = stalled => stalled.unwrap(),
    }
}

#[tokio::test]
async fn calls_pass_and_are_counted_by_verb_template_and_status() {
    let (api, proxy) = peers();
    let answer = tell(&proxy, "Waiting").await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["statusMessage"]),
        (200, &json!("Waiting"))
    );
    http_client::get(&format!("{}/v4/status?x=1", proxy.uri()))
        .await
        .unwrap();
    let refused = http_client::get(&format!("{}/v4/builds/1/steps", proxy.uri()))
        .await
        .unwrap();
    let row =
        |verb: &str, template: &str, status| (verb.to_owned(), template.to_owned(), Answered::Status(status));
    let counts = proxy.counts();
    assert_eq!(counts.len(), 3, "{counts:?}");
    assert_eq!(counts[&row("PUT", "/v4/builds/{id}", 200)], 1);
    assert_eq!(counts[&row("GET", "/v4/status", 200)], 1);
    assert_eq!(
        counts[&row("GET", "/v4/builds/{id}/steps", refused.status.as_u16())],
        1
    );
    assert_eq!((proxy.count(On::UPDATE_BUILD), proxy.count(On::ANY)), (1, 3));
    assert_eq!(told(&api).as_deref(), Some("Waiting"));
    assert_eq!(proxy.fired(), 0);
}

#[tokio::test]
async fn an_answer_of_the_plan_is_not_the_servers() {
    let (api, proxy) = peers();
    let page = Act::answer(403, "from the office network only");
    proxy.plan([Rule::new(On::UPDATE_BUILD, page).nth(2).times(2)]);
    let mut statuses = Vec::new();
    for text in ["one", "two", "three", "four"] {
        statuses.push(tell(&proxy, text).await.unwrap().status.as_u16());
    }
    assert_eq!(statuses, [200, 403, 403, 200]);
    assert_eq!(api.accepted(ID).len(), 2);
    assert_eq!(proxy.fired(), 2);
}

#[tokio::test]
async fn a_cut_comes_before_or_after_the_server_has_done_it() {
    let (api, proxy) = peers();
    for (act, expected) in [(Act::Cut, None), (Act::CutAfter, Some("done"))] {
        proxy.plan([Rule::new(On::UPDATE_BUILD, act)]);
        assert!(tell(&proxy, "done").await.is_err());
        assert_eq!(told(&api).as_deref(), expected);
        assert_eq!(proxy.calls().last().unwrap().answered, Answered::Cut);
        proxy.heal();
    }
    assert_eq!(tell(&proxy, "again").await.unwrap().status.as_u16(), 200);
}

#[tokio::test]
async fn a_stall_comes_before_or_after_the_server_has_done_it() {
    let (api, proxy) = peers();
    for (act, expected) in [(Act::Stall, None), (Act::StallAfter, Some("done"))] {
        proxy.plan([Rule::new(On::UPDATE_BUILD, act)]);
        Box::pin(hangs(&proxy, tell(&proxy, "done"))).await;
        assert_eq!(told(&api).as_deref(), expected);
        proxy.heal();
    }
}

#[tokio::test]
async fn a_delay_is_as_long_as_the_plan_says() {
    let (_api, proxy) = peers();
    let late = Duration::from_millis(300);
    proxy.plan([Rule::new(On::ANY, Act::Delay(late))]);
    let begin = Instant::now();
    assert_eq!(tell(&proxy, "late").await.unwrap().status.as_u16(), 200);
    assert!(begin.elapsed() >= late);
}

#[tokio::test]
async fn a_server_that_is_gone_looks_gone_through_the_proxy() {
    let (api, proxy) = peers();
    drop(api);
    assert!(tell(&proxy, "anybody there?").await.is_err());
    assert_eq!(proxy.calls().last().unwrap().answered, Answered::Cut);
}

/// With TLS on both sides each certificate is verified: the proxy's by the client, the server's by the proxy.
#[tokio::test]
async fn tls_is_terminated_and_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (pki, foreign) = (
        Pki::create(&dir.path().join("one")).unwrap(),
        Pki::create(&dir.path().join("two")).unwrap(),
    );
    let identity = |pki: &Pki, name: &str| {
        let files = pki.server(name).unwrap();
        Identity {
            certificates: std::fs::read_to_string(files.certificate).unwrap(),
            key: std::fs::read_to_string(files.key).unwrap(),
        }
    };
    let api = BuildsApi::start(Some(&identity(&pki, "api"))).unwrap();
    for (authority, passes) in [(&pki, true), (&foreign, false)] {
        let upstream = Upstream {
            uri: api.uri(),
            ca: Some(authority.ca_pem()),
        };
        let proxy = HttpProxy::cluster(&identity(&pki, "proxy"), upstream).unwrap();
        let request = Request::get(format!("{}/v4/status", proxy.uri()))
            .body(Body::empty())
            .unwrap();
        let answer = http_client::send(request, Some(&pki.ca_pem())).await;
        assert_eq!(answer.is_ok_and(|answer| answer.status.as_u16() == 200), passes);
    }
}
