//! The calls to the builds API.
//!
//! One attempt each, under one timeout: whoever calls knows what the build is worth and when to try
//! again. What an answer means is decided in `classify`; how the connection is set up, in `setup`.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use reqwest::{RequestBuilder, Response};
use serde::Serialize;
use url::Url;

use crate::build::BuildUpdate;
use crate::classify::{self, Answer, Question};
use crate::error::Error;
use crate::id::BuildId;
use crate::token::BuildToken;

mod setup;

pub use setup::{ClientBuilder, SetupError};

/// How much of a body is read, in bytes. The API's errors have a few hundred; a proxy's page may
/// have any number.
const LONGEST_BODY: usize = 64 * 1024;

/// Adds headers to a request, such as the context of a trace. It sees no headers of the client's own,
/// and cannot replace the credential.
pub type OnRequest = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

/// A client of any number of builds APIs: each call names the address. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    on_request: Option<OnRequest>,
}

/// Whether a build still waits for a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Wanted {
    /// It is queued or blocked.
    Yes,
    /// It runs already or has ended: a pod would be one too many.
    RunningOrFinished,
}

/// The body of the request for a build's own token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    /// In minutes. The token is thrown away, so any valid number does; this is the API's usual one.
    build_timeout: u32,
}

// === impl Client ===

impl Client {
    /// A builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Reports on a build: `PUT {api_uri}/v4/builds/{build}`.
    ///
    /// # Errors
    /// [`Error::Finished`] if the build takes no update any more; any other error as documented there.
    pub async fn update_build(
        &self,
        api_uri: &Url,
        build: BuildId,
        token: &BuildToken,
        update: &BuildUpdate,
    ) -> Result<(), Error> {
        let url = endpoint(api_uri, &["v4", "builds", &build.to_string()])?;
        let request = self
            .request(Method::PUT, url)
            .bearer_auth(token.expose())
            .json(update);
        let question = Question {
            build: Some(build),
            token: Some(token),
        };
        exchange(request, question, classify::classify).await
    }

    /// Asks whether a build still waits for a pod: `POST {api_uri}/v4/builds/{build}/token`.
    ///
    /// A build cannot be read with the token of its message. Asking for the build's own token tells
    /// queued from started all the same and changes nothing; the answer's token is never looked at.
    ///
    /// # Errors
    /// As [`Error`] documents; none of them says anything about the build.
    pub async fn wanted(&self, api_uri: &Url, build: BuildId, token: &BuildToken) -> Result<Wanted, Error> {
        let url = endpoint(api_uri, &["v4", "builds", &build.to_string(), "token"])?;
        let body = TokenRequest { build_timeout: 90 };
        let request = self
            .request(Method::POST, url)
            .bearer_auth(token.expose())
            .json(&body);
        let question = Question {
            build: Some(build),
            token: Some(token),
        };
        exchange(request, question, classify::wanted).await
    }

    /// Asks whether the API answers at all: `GET {api_uri}/v4/status`, without a credential.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn status(&self, api_uri: &Url) -> Result<(), Error> {
        let url = endpoint(api_uri, &["v4", "status"])?;
        let question = Question {
            build: None,
            token: None,
        };
        exchange(self.request(Method::GET, url), question, classify::classify).await
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(add) = &self.on_request {
            add(&mut headers);
            headers.remove(AUTHORIZATION);
        }
        self.http.request(method, url).headers(headers)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// The address of a resource beneath the API's own, which may have a path and a slash at its end.
///
/// A user and password in it are dropped: they would go out as a second credential beside the token,
/// and every error quotes the address.
fn endpoint(api_uri: &Url, path: &[&str]) -> Result<Url, Error> {
    let address = || Error::Address {
        scheme: api_uri.scheme().to_owned(),
    };
    if !matches!(api_uri.scheme(), "http" | "https") {
        return Err(address());
    }
    let mut url = api_uri.clone();
    url.set_username("").map_err(|()| address())?;
    url.set_password(None).map_err(|()| address())?;
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut()
        .map_err(|()| address())?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// Sends a request and has its answer judged.
async fn exchange<T>(
    request: RequestBuilder,
    question: Question<'_>,
    judge: fn(Question<'_>, Answer<'_>, Timestamp) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut response = request.send().await.map_err(Error::from_transport)?;
    let status = response.status();
    // The body of a success is read for the connection's sake, which can then be used again.
    let body = read(
        &mut response,
        if status.is_success() {
            Keep::Nothing
        } else {
            Keep::Beginning
        },
    )
    .await;
    judge(
        question,
        Answer {
            status,
            headers: response.headers(),
            body: &body,
        },
        now(),
    )
}

/// What to keep of a body that is read.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Nothing,
    Beginning,
}

/// Reads a body as far as it comes and is allowed to: the status has said what matters.
async fn read(response: &mut Response, keep: Keep) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut left = LONGEST_BODY;
    while left > 0
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let taken = chunk.len().min(left);
        left -= taken;
        if keep == Keep::Beginning {
            kept.extend_from_slice(&chunk[..taken]);
        }
    }
    kept
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads the clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_lie_beneath_the_address_of_the_api() {
        let table = [
            ("https://api.sd.example", "https://api.sd.example/v4/status"),
            ("https://api.sd.example/", "https://api.sd.example/v4/status"),
            ("http://127.0.0.1:8080/sd", "http://127.0.0.1:8080/sd/v4/status"),
            (
                "http://127.0.0.1:8080/sd/api/",
                "http://127.0.0.1:8080/sd/api/v4/status",
            ),
            (
                "https://api.sd.example/sd?x=1#y",
                "https://api.sd.example/sd/v4/status",
            ),
        ];
        for (api_uri, expected) in table {
            let url = endpoint(&api_uri.parse().unwrap(), &["v4", "status"]).unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn only_http_addresses_are_called() {
        for api_uri in [
            "ftp://api.sd.example/",
            "mailto:someone@sd.example",
            "unix:/run/api.sock",
        ] {
            let error = endpoint(&api_uri.parse().unwrap(), &["v4", "status"]).unwrap_err();
            assert!(matches!(error, Error::Address { .. }), "{api_uri}");
        }
    }
}
