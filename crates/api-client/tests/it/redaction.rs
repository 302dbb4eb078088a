//! No secret is ever shown: not in an error, not in its causes, not in `Debug`, whatever the other side
//! does with it.

use std::error::Error as StdError;
use std::fmt::Write as _;

use screwdriver_api_client::{ApiToken, Credential, Error, Retry};
use tokio::task::JoinSet;
use url::Url;

use crate::api::{Api, answer, listen, refusal, scripted};
use crate::{build, client, token};

const SECRET: &str = "a+b/c=s3cret";
const ENCODED: &str = "a%2Bb%2Fc%3Ds3cret";

/// Everything that an error can be made to say.
fn said(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    text
}

fn assert_silent(error: &Error) {
    let text = said(error);
    for secret in [SECRET, ENCODED, "s3cret", token().expose(), "eyJ", "hunter2"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

async fn error_of(uri: &Url, credential: impl Into<Credential>) -> Error {
    let api = client().api(uri, credential).unwrap().retry(Retry::NEVER);
    let error = api.builds().get(build()).await.unwrap_err();
    assert!(!format!("{api:?}").contains("hunter2") && !format!("{api:?}").contains("s3cret"));
    error
}

fn api_token() -> ApiToken {
    SECRET.parse().unwrap()
}

#[tokio::test]
async fn an_answer_that_echoes_the_request_is_quoted_without_its_secrets() {
    // As a proxy's error page does, and as a strict API does in its JSON.
    for json in [false, true] {
        let echo = Api::routing(move |seen| {
            let authorization = seen.headers.get("authorization");
            let authorization = authorization.map_or("", |value| value.to_str().unwrap());
            let text = format!("cannot {} for {SECRET} {authorization}", seen.line);
            if json {
                refusal(400, &text)
            } else {
                answer(502, text)
            }
        })
        .await;
        for error in [
            error_of(&echo.uri, api_token()).await,
            error_of(&echo.uri, token()).await,
        ] {
            assert!(said(&error).contains("cannot GET /v4/"), "{error:?}");
            let text = said(&error);
            assert!(!text.contains("eyJ"), "{text}");
            if matches!(error, Error::Login(_)) {
                assert_silent(&error);
            }
        }
    }
}

#[tokio::test]
async fn a_broken_connection_is_told_without_the_query() {
    let (listener, mut closed) = listen().await;
    drop(listener);
    closed.set_password(Some("hunter2")).unwrap();
    let refused = error_of(&closed, api_token()).await;
    assert!(
        said(&refused).contains("/v4/auth/token"),
        "the address itself is told: {refused:?}"
    );
    assert_silent(&refused);

    for bytes in [
        b"".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{",
        b"SSH-2.0\r\n",
    ] {
        let (listener, uri) = listen().await;
        let mut server = JoinSet::new();
        server.spawn(scripted(listener, bytes));
        assert_silent(&error_of(&uri, api_token()).await);
        server.join_all().await;
    }
}

#[tokio::test]
async fn an_exchange_that_cannot_be_read_is_told_without_its_token() {
    for body in [
        format!(r#"{{"token":5,"x":"{}"}}"#, token().expose()),
        format!(r#"{{"token":"{} "}}"#, token().expose()),
        format!(r#""{}""#, token().expose()),
    ] {
        let server = Api::answering(move || answer(200, body.clone())).await;
        let error = error_of(&server.uri, api_token()).await;
        assert!(matches!(error, Error::Login(_)), "{error:?}");
        assert_silent(&error);
    }
}

#[test]
fn credentials_are_never_shown() {
    let credentials = [
        Credential::from(api_token()),
        Credential::from(token()),
        Credential::Anonymous,
    ];
    let shown = credentials.map(|credential| format!("{credential:?}"));
    assert_eq!(shown, ["ApiToken([redacted])", "Token([redacted])", "Anonymous"]);
}
