use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::Class;

mod end;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A question about nothing that its answer depends on.
const ANY: Question<'_> = Question {
    build: None,
    secrets: &[],
};

fn about(build: u64) -> Question<'static> {
    let build = Some(BuildId::try_from(build).unwrap());
    Question { build, ..ANY }
}

fn carrying<'a>(secrets: &'a [&'a str]) -> Question<'a> {
    Question { secrets, ..ANY }
}

/// An answer without headers.
fn plain(status: u16, body: &[u8]) -> Answer<'_> {
    static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &NONE,
        body,
    }
}

fn ask(build: u64, status: u16, body: &[u8]) -> Result<(), Error> {
    classify(about(build), plain(status, body), NOW)
}

fn said(status: u16, message: &str) -> Vec<u8> {
    json!({"statusCode": status, "error": "Reason", "message": message})
        .to_string()
        .into_bytes()
}

fn message_of(error: &Error) -> &str {
    match error {
        Error::Finished { message }
        | Error::Unauthorized { message }
        | Error::Forbidden { message }
        | Error::NotFound { message }
        | Error::Invalid { message, .. }
        | Error::Server { message, .. }
        | Error::Unexpected { message, .. } => message,
        other => panic!("no message in {other:?}"),
    }
}

/// Variant and class of what a status without a body comes to.
fn meaning(status: u16) -> String {
    match ask(1, status, b"") {
        Ok(()) => "Ok".to_owned(),
        Err(error) => {
            let variant = format!("{error:?}");
            let variant = variant.split([' ', '{', '(']).next().unwrap().to_owned();
            format!("{:?} ({variant})", error.class())
        }
    }
}

#[test]
fn every_status_has_a_meaning() {
    let mut runs: Vec<(RangeInclusive<u16>, String)> = Vec::new();
    for status in 100..=599 {
        let meaning = meaning(status);
        match runs.last_mut() {
            Some((run, same)) if *same == meaning => *run = *run.start()..=status,
            _ => runs.push((status..=status, meaning)),
        }
    }
    let mut table = String::new();
    for (run, meaning) in runs {
        writeln!(table, "{}-{}: {meaning}", run.start(), run.end()).unwrap();
    }
    insta::assert_snapshot!(table, @r"
    100-199: Environment (Unexpected)
    200-299: Ok
    300-399: Environment (Unexpected)
    400-400: Permanent (Invalid)
    401-401: Environment (Unauthorized)
    402-402: Permanent (Invalid)
    403-403: Environment (Forbidden)
    404-404: Environment (NotFound)
    405-407: Permanent (Invalid)
    408-408: Transient (Server)
    409-428: Permanent (Invalid)
    429-429: Transient (RateLimited)
    430-499: Permanent (Invalid)
    500-599: Transient (Server)
    ");
}

#[test]
fn messages_are_one_bounded_line() {
    let table: [(&[u8], &str); 6] = [
        (
            &said(400, "Invalid request payload input"),
            "Invalid request payload input",
        ),
        (
            &said(400, " two\r\n\tlines \u{1b}[31m red\u{0}"),
            "two lines [31m red",
        ),
        (b"<html>\n<h1>502</h1>\n</html>", "<html> <h1>502</h1> </html>"),
        (
            b"{\"message\":{\"not\":\"text\"}}",
            "{\"message\":{\"not\":\"text\"}}",
        ),
        (b"caf\xe9", "caf\u{fffd}"),
        (b" \n ", "Bad Request"),
    ];
    for (body, expected) in table {
        assert_eq!(message_of(&ask(1, 400, body).unwrap_err()), expected);
    }
    let long = "\u{e4}".repeat(400);
    assert_eq!(
        message_of(&ask(1, 400, &said(400, &long)).unwrap_err()),
        "\u{e4}".repeat(300)
    );
    assert_eq!(message_of(&ask(1, 499, b"").unwrap_err()), "no reason given");
}

#[test]
fn the_beginning_of_a_token_at_the_end_of_a_body_is_cut_off() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI4NjA5In0.c2lnbmF0dXJl";
    for length in LEAST_TELLING..token.len() {
        let body = format!("refused: Bearer {}", &token[..length]);
        let message = message(carrying(&[token]), plain(500, body.as_bytes()));
        assert_eq!(message, "refused: Bearer [redacted]");
    }
}

#[test]
fn an_echoed_token_is_cut_out_even_where_the_message_ends() {
    let token = "eyJ0.eyJ1.c2ln";
    let text = format!("{} Authorization: Bearer {token} refused", "x".repeat(270));
    for body in [said(500, &text), text.clone().into_bytes()] {
        let error = classify(carrying(&["", token]), plain(500, &body), NOW).unwrap_err();
        assert!(message_of(&error).contains("Bearer [redac"), "{error}");
        assert!(!format!("{error} {error:?}").contains("eyJ"), "{error:?}");
    }
}

#[test]
fn a_redirect_names_the_host_and_no_more() {
    let table = [
        (
            "https://login.example:8443/auth?session=secret",
            "redirect to https://login.example:8443",
        ),
        (
            "https://user:secret@login.example/",
            "redirect to https://login.example",
        ),
        ("/v4/builds/1/", "redirect to another path"),
        ("https://", "Permanent Redirect"),
    ];
    for (location, expected) in table {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
        let answer = Answer {
            headers: &headers,
            ..plain(308, b"")
        };
        let error = classify(ANY, answer, NOW).unwrap_err();
        assert_eq!(message_of(&error), expected);
        assert_eq!(error.class(), Class::Environment);
    }
}

#[test]
fn the_wait_that_the_api_asks_for_is_kept() {
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
    let ask = |status| {
        let answer = Answer {
            status,
            headers: &headers,
            body: b"",
        };
        classify(ANY, answer, NOW).unwrap_err()
    };
    let seven = Some(Duration::from_secs(7));
    for status in [StatusCode::REQUEST_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE] {
        assert!(matches!(ask(status), Error::Server { retry_after, .. } if retry_after == seven));
    }
    assert!(
        matches!(ask(StatusCode::TOO_MANY_REQUESTS), Error::RateLimited { retry_after } if retry_after == seven)
    );
}

proptest! {
    #[test]
    fn no_answer_panics_and_every_error_is_one_bounded_line(status in 100_u16..1000, body: Vec<u8>) {
        if let Err(error) = ask(1, status, &body) {
            let text = error.to_string();
            prop_assert!(!text.contains(char::is_control));
            prop_assert!(text.chars().count() <= LONGEST_MESSAGE + 100);
        }
    }
}
