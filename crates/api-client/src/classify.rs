//! From an answer to its meaning. Pure: status, headers and body go in.

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};
use jiff::{Timestamp, fmt::rfc2822};
use serde::Deserialize;

use crate::{BuildId, Error};

/// Longest wait that an answer may ask for: a mistake there must not stop us for a day.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Longest text of an answer that is kept.
const LONGEST_TEXT: usize = 300;

/// What the API says when it refuses: Boom's JSON.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// The meaning of an answer to a call about `build`.
pub(crate) fn classify(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    build: BuildId,
    now: Timestamp,
) -> Result<(), Error> {
    match status {
        200..=299 => Ok(()),
        401 => Err(Error::Unauthorized),
        403 | 404 => Err(refused(status, &text(body), build)),
        429 => Err(Error::RateLimited {
            retry_after: retry_after(headers, now),
        }),
        408 | 500..=599 => Err(Error::Server {
            status,
            retry_after: retry_after(headers, now),
        }),
        400..=499 => Err(Error::Invalid {
            status,
            message: text(body),
        }),
        _ => Err(Error::Unexpected { status }),
    }
}

/// Whether a 403 says that the build runs or is finished already: the answer to a request for its token.
pub(crate) fn is_running_or_finished(error: &Error) -> bool {
    matches!(error, Error::Forbidden { message } if message.starts_with("Build is already running or finished"))
}

/// Finished means exactly these two texts. Any other 403 or 404 is about us, or was said by a proxy: taking
/// it for an end would delete the pods of builds that run.
fn refused(status: u16, message: &str, build: BuildId) -> Error {
    let finished = match status {
        403 => message.starts_with("Can only update "),
        _ => message == format!("Build {build} does not exist"),
    };
    match status {
        _ if finished => Error::Finished { status },
        403 => Error::Forbidden {
            message: message.to_owned(),
        },
        _ => Error::NotFound {
            message: message.to_owned(),
        },
    }
}

/// The answer's text in one bounded line; empty when it is not the API's JSON.
fn text(body: &[u8]) -> String {
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        return String::new();
    };
    let line: String = refusal
        .message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.chars().take(LONGEST_TEXT).collect()
}

/// `Retry-After` in seconds or as a date; a date that is past, or anything else, is no wish.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(at.duration_since(now)).ok()?
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use http::HeaderValue;

    use super::*;
    use crate::Class;

    fn build() -> BuildId {
        BuildId::new(8609).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-25T00:00:00Z".parse().unwrap()
    }

    fn answer(status: u16, message: &str) -> Result<(), Error> {
        let body = serde_json::json!({ "statusCode": status, "error": "x", "message": message }).to_string();
        classify(status, &HeaderMap::new(), body.as_bytes(), build(), now())
    }

    #[test]
    fn every_status_has_its_class() {
        let mut ranges: Vec<(u16, u16, &str, Option<Class>)> = Vec::new();
        for status in 100..=599 {
            let result = answer(status, "text");
            let (name, class) = match &result {
                Ok(()) => ("ok", None),
                Err(error) => (error.as_str(), Some(error.class())),
            };
            match ranges.last_mut() {
                Some(last) if (last.2, last.3) == (name, class) => last.1 = status,
                _ => ranges.push((status, status, name, class)),
            }
        }
        let mut table = String::new();
        for (first, last, name, class) in ranges {
            writeln!(table, "{first}-{last} {name} {class:?}").unwrap();
        }
        insta::assert_snapshot!(table, @r"
        100-199 unexpected Some(Environment)
        200-299 ok None
        300-399 unexpected Some(Environment)
        400-400 invalid Some(Permanent)
        401-401 unauthorized Some(Environment)
        402-402 invalid Some(Permanent)
        403-403 forbidden Some(Environment)
        404-404 not-found Some(Environment)
        405-407 invalid Some(Permanent)
        408-408 server Some(Transient)
        409-428 invalid Some(Permanent)
        429-429 rate-limited Some(Transient)
        430-499 invalid Some(Permanent)
        500-599 server Some(Transient)
        ");
    }

    #[test]
    fn finished_means_exactly_two_texts() {
        let cases = [
            (
                403,
                "Can only update RUNNING, QUEUED, BLOCKED, FROZEN, or UNSTABLE builds",
                Class::Finished,
            ),
            (404, "Build 8609 does not exist", Class::Finished),
            (403, "Credential only valid for 8610", Class::Environment),
            (403, "You Can only update RUNNING", Class::Environment),
            (403, "Insufficient scope", Class::Environment),
            (404, "Build 86090 does not exist", Class::Environment),
            (404, "Build 860 does not exist", Class::Environment),
            (404, "Not Found", Class::Environment),
            (404, "Can only update ", Class::Environment),
            (403, "Build 8609 does not exist", Class::Environment),
        ];
        for (status, message, class) in cases {
            assert_eq!(
                answer(status, message).unwrap_err().class(),
                class,
                "{status} {message}"
            );
        }
        let page = b"<html>Can only update </html>";
        let error = classify(403, &HeaderMap::new(), page, build(), now()).unwrap_err();
        assert_eq!(error.class(), Class::Environment);
    }

    #[test]
    fn texts_are_one_bounded_line() {
        let Err(Error::Invalid { message, .. }) = answer(400, &format!("a\nb{}", "x".repeat(1000))) else {
            panic!()
        };
        assert!(message.starts_with("a b") && message.chars().count() == LONGEST_TEXT);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let wait = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers, now()).map(|wait| wait.as_secs())
        };
        let cases = [
            ("5", Some(5)),
            (" 5 ", Some(5)),
            ("86400", Some(600)),
            ("Wed, 25 Nov 2026 00:01:00 GMT", Some(60)),
            ("Tue, 24 Nov 2026 00:01:00 GMT", None),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(wait(text), expected, "{text:?}");
        }
    }
}
