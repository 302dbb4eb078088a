//! The client: a connection pool for any number of builds APIs, and the three calls that a build's
//! worker makes with the token of its message.
//!
//! One attempt each, under one timeout: whoever calls knows what the build is worth and when to try
//! again. What an answer means is decided in `classify`; how it is fetched, in `exchange`; how the
//! connection is set up, in `setup`. [`Api`](crate::Api) is for everybody else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use crate::address;
use crate::build::BuildUpdate;
use crate::classify::{self, Question};
use crate::error::Error;
use crate::id::BuildId;
use crate::middleware::{Call, Middleware};
use crate::token::BuildToken;

mod exchange;
mod setup;

pub(crate) use exchange::{Keep, Opened, Whole};
pub use setup::{ClientBuilder, SetupError};

/// A client of any number of builds APIs. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    middleware: Option<Arc<dyn Middleware>>,
    /// How long an answer may take, or a stream be silent.
    pub(crate) timeout: Duration,
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
pub(crate) struct TokenRequest {
    /// How long the token is to live, in minutes.
    pub(crate) build_timeout: u32,
}

// === impl Client ===

impl Client {
    /// A builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Reports on a build: `PUT {api_uri}/v4/builds/{build}`. One attempt; the answer's build is not read.
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
        let url = address::of(api_uri, &["v4", "builds", &build.to_string()])?;
        let call = Call {
            method: Method::PUT,
            template: "/v4/builds/{id}",
            attempt: 1,
        };
        let request = self.http.put(url).bearer_auth(token.expose()).json(update);
        let question = Question {
            build: Some(build),
            secrets: &[token.expose()],
        };
        let judge = |whole: Whole| classify::classify(question, whole.answer(), now());
        self.exchange(&call, request, Keep::Refusal, judge).await
    }

    /// Asks whether a build still waits for a pod: `POST {api_uri}/v4/builds/{build}/token`. One attempt.
    ///
    /// A build cannot be read with the token of its message. Asking for the build's own token tells
    /// queued from started all the same and changes nothing; the answer's token is never looked at.
    ///
    /// # Errors
    /// As [`Error`] documents; none of them says anything about the build.
    pub async fn wanted(&self, api_uri: &Url, build: BuildId, token: &BuildToken) -> Result<Wanted, Error> {
        let url = address::of(api_uri, &["v4", "builds", &build.to_string(), "token"])?;
        let call = Call {
            method: Method::POST,
            template: "/v4/builds/{id}/token",
            attempt: 1,
        };
        // The token is thrown away, so any valid number does; this is the API's usual one.
        let body = TokenRequest { build_timeout: 90 };
        let request = self.http.post(url).bearer_auth(token.expose()).json(&body);
        let question = Question {
            build: Some(build),
            secrets: &[token.expose()],
        };
        let judge = |whole: Whole| classify::wanted(question, whole.answer(), now());
        self.exchange(&call, request, Keep::Refusal, judge).await
    }

    /// Asks whether the API answers at all: `GET {api_uri}/v4/status`, without a credential. One attempt.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn status(&self, api_uri: &Url) -> Result<(), Error> {
        let url = address::of(api_uri, &["v4", "status"])?;
        let call = Call {
            method: Method::GET,
            template: "/v4/status",
            attempt: 1,
        };
        let question = Question {
            build: None,
            secrets: &[],
        };
        let judge = |whole: Whole| classify::classify(question, whole.answer(), now());
        self.exchange(&call, self.http.get(url), Keep::Refusal, judge)
            .await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads the clock"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
