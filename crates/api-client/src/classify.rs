//! What an answer of the builds API means: status, headers and body in, result out.
//!
//! Pure: no client and no clock. The only decisions made by text are those that the API leaves no other
//! way to make: that a build is finished, that it has started, that jobs have no builds. They trust only
//! the API's own JSON, never a page that some proxy put in its place.

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use crate::client::Wanted;
use crate::error::Error;
use crate::id::BuildId;
use crate::retry_after::retry_after;

/// How much of a text of the API is kept, in characters.
const LONGEST_MESSAGE: usize = 300;
/// Fewer characters of a token than these are the same in every token.
const LEAST_TELLING: usize = 8;

/// What was asked, as far as the meaning of an answer depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The build that the call was about.
    pub(crate) build: Option<BuildId>,
    /// What the call carried and nobody may read; cut out of anything that is quoted.
    pub(crate) secrets: &'a [&'a str],
}

/// A refusal of the API that is an answer: its status, and what its message says.
pub(crate) struct Words {
    status: StatusCode,
    said: &'static str,
}

/// To a request for a build's own token: the build has it, or needs none.
pub(crate) static STARTED: Words = Words {
    status: StatusCode::FORBIDDEN,
    said: "already running or finished",
};

/// To a question about jobs that have no builds.
pub(crate) static NO_BUILDS: Words = Words {
    status: StatusCode::NOT_FOUND,
    said: "Builds do not exist",
};

/// An answer: its status, headers and the beginning of its body.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The API's way to say no; `statusCode` and `error` repeat the status.
#[derive(Deserialize)]
struct Boom {
    message: String,
}

/// What an answer to an update or a plain read means.
pub(crate) fn classify(question: Question<'_>, answer: Answer<'_>, now: Timestamp) -> Result<(), Error> {
    let status = answer.status;
    if status.is_success() {
        return Ok(());
    }
    let message = message(question, answer);
    Err(match status.as_u16() {
        403 | 404 if finished(question, answer) => Error::Finished { message },
        401 => Error::Unauthorized { message },
        403 => Error::Forbidden { message },
        404 => Error::NotFound { message },
        429 => Error::RateLimited {
            retry_after: retry_after(answer.headers, now),
        },
        408 | 500..=599 => Error::Server {
            status,
            message,
            retry_after: retry_after(answer.headers, now),
        },
        400..=499 => Error::Invalid { status, message },
        _ => Error::Unexpected { status, message },
    })
}

/// What an answer to the request for a build's own token means.
pub(crate) fn wanted(question: Question<'_>, answer: Answer<'_>, now: Timestamp) -> Result<Wanted, Error> {
    if STARTED.are_in(answer) {
        return Ok(Wanted::RunningOrFinished);
    }
    classify(question, answer, now).map(|()| Wanted::Yes)
}

// === impl Words ===

impl Words {
    /// Whether the API itself says so.
    pub(crate) fn are_in(&self, answer: Answer<'_>) -> bool {
        answer.status == self.status && boom(answer.body).is_some_and(|text| text.contains(self.said))
    }
}

/// Whether the API itself says that the build takes no update any more.
fn finished(question: Question<'_>, answer: Answer<'_>) -> bool {
    let (Some(text), Some(build)) = (boom(answer.body), question.build) else {
        return false;
    };
    match answer.status {
        StatusCode::FORBIDDEN => text.starts_with("Can only update "),
        StatusCode::NOT_FOUND => text == format!("Build {build} does not exist"),
        _ => false,
    }
}

/// The message of the API's own JSON.
fn boom(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body).ok().map(|Boom { message }| message)
}

/// What is quoted of an answer: one bounded line without the token.
fn message(question: Question<'_>, answer: Answer<'_>) -> String {
    if answer.status.is_redirection()
        && let Some(target) = redirect_target(answer.headers)
    {
        return format!("redirect to {target}");
    }
    let mut text = boom(answer.body).unwrap_or_else(|| String::from_utf8_lossy(answer.body).into_owned());
    for secret in question.secrets.iter().filter(|secret| !secret.is_empty()) {
        // Before it is cut, which could leave a part of the secret behind.
        if text.contains(secret) {
            text = text.replace(secret, "[redacted]");
        }
        without_beginning(&mut text, secret);
    }
    let line = one_line(&text);
    if line.is_empty() {
        return answer
            .status
            .canonical_reason()
            .unwrap_or("no reason given")
            .to_owned();
    }
    line
}

/// Cuts the beginning of a secret off the end of a text: a body may end, or be cut, in the middle of one.
fn without_beginning(text: &mut String, secret: &str) {
    let beginnings = (LEAST_TELLING..secret.len()).rev();
    let left = beginnings
        .filter_map(|length| secret.get(..length))
        .find_map(|beginning| text.strip_suffix(beginning))
        .map(str::len);
    if let Some(left) = left {
        text.truncate(left);
        text.push_str("[redacted]");
    }
}

/// Scheme, host and port: the rest of a redirect's address may carry somebody's session.
fn redirect_target(headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    match Url::parse(location) {
        Ok(target) => Some(one_line(&target.origin().ascii_serialization())),
        Err(url::ParseError::RelativeUrlWithoutBase) => Some("another path".to_owned()),
        Err(_) => None,
    }
}

/// The text as one line: every run of white space and control characters becomes one space.
fn one_line(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if let Some((end, _)) = line.char_indices().nth(LONGEST_MESSAGE) {
            line.truncate(end);
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests;
