//! How the client names what goes wrong beneath and around an answer, and that it keeps the token.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use screwdriver_api_client::{BuildUpdate, Class, Error, SetupError};
use tokio::task::JoinSet;
use url::Url;

use crate::api::{Api, answer, listen, scripted};
use crate::{build, builder, client, token};

async fn update(client: &screwdriver_api_client::Client, uri: &Url) -> Error {
    client
        .update_build(uri, build(), &token(), &BuildUpdate::message("waiting"))
        .await
        .unwrap_err()
}

/// The error of a call to a server that answers with these bytes and hangs up.
async fn after(bytes: &'static [u8]) -> Error {
    let (listener, uri) = listen().await;
    let mut server = JoinSet::new();
    server.spawn(scripted(listener, bytes));
    let error = update(&client(), &uri).await;
    server.join_all().await;
    error
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    // The kernel completes the connection; nobody takes it.
    let (_listener, uri) = listen().await;
    let client = builder().timeout(Duration::from_millis(100)).build().unwrap();
    let error = update(&client, &uri).await;
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_refused_connection_is_a_failure_to_connect() {
    let (listener, uri) = listen().await;
    drop(listener);
    let error = update(&client(), &uri).await;
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    assert_eq!(error.class(), Class::Transient);
    // The text leaves the cause to the chain, which ends at the operating system's own error.
    assert_eq!(error.to_string(), "no connection to the builds API");
    let mut cause = error.source().unwrap();
    while let Some(next) = cause.source() {
        cause = next;
    }
    assert!(cause.to_string().contains("refused"), "{cause}");
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_a_transport_error() {
    let error = after(b"").await;
    assert!(matches!(error, Error::Transport(_)), "{error:?}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_transport_error() {
    let error = after(b"220 mail.example ESMTP\r\n").await;
    assert!(matches!(error, Error::Transport(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_cut_in_its_body_is_judged_by_its_status() {
    let error = after(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 900\r\n\r\nupstream").await;
    assert!(
        matches!(&error, Error::Server { message, .. } if message == "upstream"),
        "{error:?}"
    );

    let (listener, uri) = listen().await;
    let mut server = JoinSet::new();
    server.spawn(scripted(
        listener,
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{",
    ));
    client().status(&uri).await.unwrap();
    server.join_all().await;
}

#[tokio::test]
async fn a_long_page_is_read_no_further_than_needed() {
    let api = Api::answering(|| answer(503, "page ".repeat(1024 * 1024))).await;
    let error = update(&client(), &api.uri).await;
    let Error::Server { message, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(message.chars().count(), 300);
}

#[tokio::test]
async fn no_error_holds_a_credential() {
    let echo = format!("refused: authorization: Bearer {}", token().expose());
    let api = Api::answering(move || answer(401, echo.clone())).await;
    let (listener, mut closed) = listen().await;
    drop(listener);
    closed.set_password(Some("hunter2")).unwrap();
    for uri in [&api.uri, &closed] {
        let error = update(&client(), uri).await;
        let text = format!("{error} {error:?}");
        assert!(!text.contains("eyJ") && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_http_is_refused_unsent() {
    let error = client()
        .status(&"ftp://api.sd.example".parse().unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Address { scheme } if scheme == "ftp"),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Permanent);
}

#[test]
fn mistakes_in_the_settings_are_errors() {
    let missing = builder().ca_file(PathBuf::from("/nonexistent/ca.pem"));
    assert!(matches!(missing.build(), Err(SetupError::CaFile { .. })));
    let agent = builder().user_agent("two\nlines");
    assert!(matches!(agent.build(), Err(SetupError::UserAgent(_))));
}
