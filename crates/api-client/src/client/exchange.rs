//! One request and its answer: sent, read as far as it is needed, judged and shown to the middleware.

use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use url::Url;

use super::Client;
use crate::classify::Answer;
use crate::error::{Cause, Error};
use crate::middleware::{Answered, Call};

/// How much of a refusal or of an unwanted body is read, in bytes. The API's errors have a few hundred; a
/// proxy's page may have any number.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// How much of an answer is read, in bytes. Fifty events with their graphs have a few million.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// How long a stream may take in all. What ends a stream that stalls is its silence.
const LONGEST_STREAM: Duration = Duration::from_hours(24);

/// What to keep of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The beginning of a refusal. A success is read for the connection's sake, which can then be used again.
    Refusal,
    /// The whole of a success too.
    All,
}

/// An answer with its body, as much of it as was kept.
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What a request for a stream was answered with.
pub(crate) enum Opened {
    /// The stream.
    Here(Response),
    /// The place where the stream is; the address may hold a secret.
    Elsewhere(Url),
}

// === impl Client ===

impl Client {
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request, reads its answer and has it judged.
    pub(crate) async fn exchange<T>(
        &self,
        call: &Call,
        request: RequestBuilder,
        keep: Keep,
        judge: impl FnOnce(Whole) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let begin = Instant::now();
        let (status, result) = match self.with_headers(call, request).send().await {
            Ok(response) => (
                Some(response.status()),
                whole(response, keep).await.and_then(judge),
            ),
            Err(error) => (None, Err(Error::from_transport(error))),
        };
        self.observe(call, status, result.as_ref().err(), begin);
        result
    }

    /// Sends a request and returns its answer's body unread; `judge` makes an error of any other answer.
    pub(crate) async fn open(
        &self,
        call: &Call,
        request: RequestBuilder,
        judge: impl FnOnce(Whole) -> Error,
    ) -> Result<Opened, Error> {
        let begin = Instant::now();
        let request = self.with_headers(call, request).timeout(LONGEST_STREAM);
        let mut status = None;
        let answer = async {
            let response = request.send().await.map_err(Error::from_transport)?;
            status = Some(response.status());
            if response.status().is_success() {
                return Ok(Opened::Here(response));
            }
            if let Some(target) = redirected(&response) {
                return Ok(Opened::Elsewhere(target));
            }
            Err(judge(whole(response, Keep::Refusal).await?))
        };
        let result = tokio::time::timeout(self.timeout, answer)
            .await
            .unwrap_or_else(|_| Err(Error::Timeout(Cause::late())));
        self.observe(call, status, result.as_ref().err(), begin);
        result
    }

    /// Adds what the middleware has to add; the credential is not its business.
    fn with_headers(&self, call: &Call, request: RequestBuilder) -> RequestBuilder {
        let Some(middleware) = &self.middleware else {
            return request;
        };
        let mut headers = HeaderMap::new();
        middleware.on_request(call, &mut headers);
        headers.remove(AUTHORIZATION);
        request.headers(headers)
    }

    fn observe(&self, call: &Call, status: Option<StatusCode>, error: Option<&Error>, begin: Instant) {
        if let Some(middleware) = &self.middleware {
            let answered = Answered {
                status,
                error: error.map(Error::as_str),
                took: begin.elapsed(),
            };
            middleware.on_answer(call, &answered);
        }
    }
}

/// Where a download is, if the answer says that it is elsewhere. From https it leads to https only.
fn redirected(response: &Response) -> Option<Url> {
    let moved = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !moved.contains(&response.status()) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let target = response.url().join(location).ok()?;
    match (response.url().scheme(), target.scheme()) {
        (_, "https") | ("http", "http") => Some(target),
        _ => None,
    }
}

/// Reads a body. That of a refusal only as far as it comes and is allowed to: its status has said what
/// matters. That of a success that is wanted must be whole.
async fn whole(mut response: Response, keep: Keep) -> Result<Whole, Error> {
    let status = response.status();
    let wanted = status.is_success() && keep == Keep::All;
    let mut body = Vec::new();
    if wanted {
        while let Some(chunk) = response.chunk().await.map_err(Error::from_transport)? {
            if body.len().saturating_add(chunk.len()) > LONGEST_ANSWER {
                return Err(Error::TooLong {
                    limit: LONGEST_ANSWER,
                });
            }
            body.extend_from_slice(&chunk);
        }
    } else {
        let mut left = LONGEST_REFUSAL;
        while left > 0
            && let Ok(Some(chunk)) = response.chunk().await
        {
            let taken = chunk.get(..left).unwrap_or(&chunk);
            left = left.saturating_sub(taken.len());
            if !status.is_success() {
                body.extend_from_slice(taken);
            }
        }
    }
    Ok(Whole {
        status,
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

// === impl Whole ===

impl Whole {
    pub(crate) fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            headers: &self.headers,
            body: &self.body,
        }
    }
}
