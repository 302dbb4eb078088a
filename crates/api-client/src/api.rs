//! One builds API with one credential: where all calls of tools begin. Resources have a handle each, in
//! rooms beneath; how a call is made, with token and retries, is in `send`.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::address;
use crate::api_token::ApiToken;
use crate::client::Client;
use crate::error::Error;
use crate::login::Login;
use crate::resource::{ServiceStatus, Versions};
use crate::retry::Retry;
use crate::token::BuildToken;

mod ask;
mod build_clusters;
mod builds;
mod download;
mod events;
mod jobs;
mod log_lines;
mod pipelines;
mod send;

pub use build_clusters::BuildClusters;
pub use builds::{Builds, Exchanged};
pub use download::Download;
pub use events::Events;
pub use jobs::Jobs;
pub use pipelines::{CacheScope, Pipelines};

use ask::Ask;

/// What calls are authorised with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing: enough to ask for status and versions.
    Anonymous,
    /// A token in hand: a build's own, or one that somebody else exchanged.
    Token(BuildToken),
    /// The API token of a user or pipeline. It is exchanged for a token at the first call, and again before
    /// that expires; it goes nowhere else.
    ApiToken(ApiToken),
}

/// A builds API. Cheap to clone; clones share connections and the token.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    retry: Retry,
}

struct Shared {
    client: Client,
    uri: Url,
    holder: Holder,
}

/// Who holds the token.
enum Holder {
    Nobody,
    Given(BuildToken),
    Login(Login),
}

// === impl Credential ===

impl From<BuildToken> for Credential {
    fn from(token: BuildToken) -> Self {
        Self::Token(token)
    }
}

impl From<ApiToken> for Credential {
    fn from(token: ApiToken) -> Self {
        Self::ApiToken(token)
    }
}

// === impl Client ===

impl Client {
    /// The API at this address, with this credential. Connects to nothing yet.
    ///
    /// # Errors
    /// [`Error::Address`] if the address is not one of HTTP or HTTPS.
    pub fn api(&self, api_uri: &Url, credential: impl Into<Credential>) -> Result<Api, Error> {
        let holder = match credential.into() {
            Credential::Anonymous => Holder::Nobody,
            Credential::Token(token) => Holder::Given(token),
            Credential::ApiToken(token) => Holder::Login(Login::new(token)),
        };
        let shared = Shared {
            client: self.clone(),
            uri: address::base(api_uri)?,
            holder,
        };
        Ok(Api {
            shared: Arc::new(shared),
            retry: Retry::default(),
        })
    }
}

// === impl Api ===

impl Api {
    /// The same API with other patience.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Builds, with their steps, logs and artifacts.
    pub fn builds(&self) -> Builds<'_> {
        Builds { api: self }
    }

    /// Events: what builds were started by.
    pub fn events(&self) -> Events<'_> {
        Events { api: self }
    }

    /// Jobs.
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs { api: self }
    }

    /// Pipelines, with what belongs to them.
    pub fn pipelines(&self) -> Pipelines<'_> {
        Pipelines { api: self }
    }

    /// The clusters that builds run on.
    pub fn build_clusters(&self) -> BuildClusters<'_> {
        BuildClusters { api: self }
    }

    /// The token that calls go out with now, after an exchange if that is due; `None` for an anonymous API.
    ///
    /// # Errors
    /// [`Error::Login`].
    pub async fn token(&self) -> Result<Option<BuildToken>, Error> {
        self.current_token().await
    }

    /// Whether the API answers: `GET /v4/status`.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn status(&self) -> Result<(), Error> {
        self.done(&Ask::get("/v4/status").anonymous()).await
    }

    /// How the API, its queue service and its store are: `GET /v4/status?exhaustive=true`.
    ///
    /// # Errors
    /// [`Error::Server`] if one of them does not answer; its message quotes what each says.
    pub async fn service_status(&self) -> Result<ServiceStatus, Error> {
        let ask = Ask::get("/v4/status").query("exhaustive", &true).anonymous();
        self.json(&ask).await
    }

    /// The versions of the API's own packages: `GET /v4/versions`.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn versions(&self) -> Result<Versions, Error> {
        self.json(&Ask::get("/v4/versions").anonymous()).await
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("uri", &self.shared.uri.as_str())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
