//! API tokens: exchanged once for all callers, sent nowhere else, and exchanged anew when the API does not
//! take the token any more. (When a token is renewed by time, its own room's tests show on a paused clock.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::response::Response;
use screwdriver_api_client::{Api as Tools, ApiToken, Class, Error, Retry};
use tokio::task::JoinSet;
use url::Url;

use crate::api::{Api, Seen, answer, refusal};
use crate::{build, client};

const SECRET: &str = "a+b/c=secret";

fn tools(uri: &Url) -> Tools {
    let token: ApiToken = SECRET.parse().unwrap();
    client().api(uri, token).unwrap().retry(Retry::NEVER)
}

fn is_exchange(seen: &Seen) -> bool {
    seen.line.starts_with("GET /v4/auth/token")
}

fn number(count: &AtomicU32) -> u32 {
    count.fetch_add(1, Ordering::SeqCst) + 1
}

/// A server whose n-th exchange gives token `n`, and that answers calls as told.
async fn server(call: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Api {
    let exchanges = Arc::new(AtomicU32::new(0));
    Api::routing(move |seen| {
        if is_exchange(seen) {
            return answer(200, format!(r#"{{"token":"token-{}"}}"#, number(&exchanges)));
        }
        call(seen)
    })
    .await
}

#[tokio::test]
async fn an_api_token_is_exchanged_once_and_sent_nowhere_else() {
    let server = server(|_| answer(200, "[]")).await;
    let api = tools(&server.uri);
    assert_eq!(api.token().await.unwrap().unwrap().expose(), "token-1");
    for _ in 0..3 {
        api.builds().steps(build()).await.unwrap();
    }
    api.clone().builds().steps(build()).await.unwrap();
    let (exchanges, calls): (Vec<_>, Vec<_>) = server.take().into_iter().partition(is_exchange);
    assert_eq!(exchanges.len(), 1);
    assert_eq!(
        exchanges[0].line,
        "GET /v4/auth/token?api_token=a%2Bb%2Fc%3Dsecret"
    );
    assert!(!exchanges[0].headers.contains_key("authorization"));
    assert_eq!(calls.len(), 4);
    for seen in calls {
        assert_eq!(seen.headers["authorization"], "Bearer token-1");
        assert!(!format!("{seen:?}").contains("secret"), "{seen:?}");
    }
}

#[tokio::test]
async fn callers_that_come_together_share_one_exchange() {
    let server = server(|_| answer(200, "[]")).await;
    let api = tools(&server.uri);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let api = api.clone();
        callers.spawn(async move { api.builds().steps(build()).await.unwrap() });
    }
    callers.join_all().await;
    let seen = server.take();
    assert_eq!(
        (seen.iter().filter(|seen| is_exchange(seen)).count(), seen.len()),
        (1, 51)
    );
}

#[tokio::test]
async fn a_refusal_right_after_the_exchange_is_no_reason_for_another() {
    // The API answers 401 to a lack of permission as well.
    let server = server(|_| refusal(401, "Token does not have permission to this pipeline")).await;
    let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_failed_exchange_is_told_as_such_with_its_cause() {
    let server = Api::answering(|| refusal(401, "Unauthorized")).await;
    let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
    let Error::Login(cause) = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(**cause, Error::Unauthorized { .. }), "{cause:?}");
    assert_eq!(
        (error.class(), error.status().unwrap().as_u16()),
        (Class::Environment, 401)
    );

    let server = Api::answering(|| refusal(503, "Service Unavailable")).await;
    let error = tools(&server.uri).builds().steps(build()).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(server.lines().len(), 1, "the call itself was never made");
}
