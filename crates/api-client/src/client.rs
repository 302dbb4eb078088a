//! The calls. Each is bounded in time; none is repeated in here.

use std::{error::Error as StdError, fmt, path::PathBuf, sync::Arc, time::Duration};

use http::HeaderMap;
use jiff::Timestamp;
use reqwest::{Certificate, Method, RequestBuilder, Response, redirect};
use url::Url;

use crate::{
    BuildId, BuildToken, BuildUpdate, Error,
    classify::{classify, is_running_or_finished},
};

/// Most of an error's body that is read: what answers may not be the API.
const LONGEST_BODY: usize = 64 * 1024;
/// Minutes that the token of the wanted probe would be valid; it is dropped unread.
const PROBE_BUILD_TIMEOUT: u32 = 90;

/// Called with the headers of every request before it is sent, e.g. to add a trace context.
pub type RequestHook = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

/// A client of the builds API. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    on_request: Option<RequestHook>,
}

/// How a client is made.
#[derive(Clone)]
#[must_use = "nothing is made before `build`"]
pub struct ClientBuilder {
    timeout: Duration,
    ca_file: Option<PathBuf>,
    user_agent: String,
    on_request: Option<RequestHook>,
}

/// Whether a build still wants a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It waits to be started.
    Yes,
    /// It runs already, or is finished.
    RunningOrFinished,
}

// === impl Client ===

impl Client {
    /// A builder with the platform's certificate authorities and a timeout of 10 s.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            timeout: Duration::from_secs(10),
            ca_file: None,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            on_request: None,
        }
    }

    /// `PUT /v4/builds/{id}`.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Timeout`] and [`Error::Transport`] the update may have been made.
    pub async fn update_build(
        &self,
        api_uri: &Url,
        build: BuildId,
        token: &BuildToken,
        update: &BuildUpdate,
    ) -> Result<(), Error> {
        let url = endpoint(api_uri, &["v4", "builds", &build.to_string()])?;
        let request = self
            .http
            .request(Method::PUT, url)
            .bearer_auth(token.expose())
            .json(update);
        meaning(self.send(request).await?, build).await
    }

    /// Whether the build still wants a pod, asked without any effect: `POST /v4/builds/{id}/token`.
    ///
    /// A message's token may not read its build. It may ask for the build's own token, which the API grants
    /// only while the build waits to be started; the answer's token is dropped unread.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn wanted(&self, api_uri: &Url, build: BuildId, token: &BuildToken) -> Result<Wanted, Error> {
        let url = endpoint(api_uri, &["v4", "builds", &build.to_string(), "token"])?;
        let body = serde_json::json!({ "buildTimeout": PROBE_BUILD_TIMEOUT });
        let request = self
            .http
            .request(Method::POST, url)
            .bearer_auth(token.expose())
            .json(&body);
        match meaning(self.send(request).await?, build).await {
            Ok(()) => Ok(Wanted::Yes),
            Err(error) if is_running_or_finished(&error) => Ok(Wanted::RunningOrFinished),
            Err(error) => Err(error),
        }
    }

    /// Whether the API answers at all: `GET /v4/status`, which needs no token.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self, api_uri: &Url) -> Result<(), Error> {
        let request = self
            .http
            .request(Method::GET, endpoint(api_uri, &["v4", "status"])?);
        let status = self.send(request).await?.status();
        match status.is_success() {
            true => Ok(()),
            false => Err(Error::Server {
                status: status.as_u16(),
                retry_after: None,
            }),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let mut request = request.build().map_err(|_| Error::Address)?;
        if let Some(hook) = &self.on_request {
            hook(request.headers_mut());
        }
        self.http.execute(request).await.map_err(failure)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// The address of an endpoint below `api_uri`, which may have a path of its own.
fn endpoint(api_uri: &Url, path: &[&str]) -> Result<Url, Error> {
    let mut url = api_uri.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut()
        .map_err(|()| Error::Address)?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

async fn meaning(mut response: Response, build: BuildId) -> Result<(), Error> {
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(());
    }
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_BODY - body.len())]);
        if body.len() == LONGEST_BODY {
            break;
        }
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "only for Retry-After as a date; this crate stands alone"
    )]
    let now = Timestamp::now();
    classify(status, &headers, &body, build, now)
}

/// A failure without an answer. The error's own text could name the address, so it loses it.
fn failure(error: reqwest::Error) -> Error {
    let error = error.without_url();
    if error.is_timeout() {
        Error::Timeout
    } else if is_certificate(&error) {
        Error::Certificate(Box::new(error))
    } else if error.is_connect() {
        Error::Connect(Box::new(error))
    } else {
        Error::Transport(Box::new(error))
    }
}

fn is_certificate(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        // An I/O error hides what it carries from `source`.
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    false
}

// === impl ClientBuilder ===

impl ClientBuilder {
    /// Longest that one call may take, connecting included.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// A PEM file with certificate authorities to trust beside the platform's.
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        Self {
            ca_file: Some(path.into()),
            ..self
        }
    }

    /// The `User-Agent` header.
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            ..self
        }
    }

    /// Called with the headers of every request before it is sent.
    pub fn on_request(self, hook: RequestHook) -> Self {
        Self {
            on_request: Some(hook),
            ..self
        }
    }

    /// The client.
    ///
    /// # Errors
    /// [`Error::Setup`]: the CA file cannot be read, or the process has no TLS provider installed.
    pub fn build(self) -> Result<Client, Error> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Error::Setup(
                "the process has installed no TLS provider (rustls::crypto)".into(),
            ));
        }
        let mut http = reqwest::Client::builder()
            .timeout(self.timeout)
            .user_agent(self.user_agent)
            // A redirection would carry the token to wherever an answer points.
            .redirect(redirect::Policy::none());
        if let Some(path) = &self.ca_file {
            let pem = std::fs::read(path).map_err(|error| Error::Setup(Box::new(error)))?;
            let authorities =
                Certificate::from_pem_bundle(&pem).map_err(|error| Error::Setup(Box::new(error)))?;
            http = http.tls_certs_merge(authorities);
        }
        let http = http.build().map_err(|error| Error::Setup(Box::new(error)))?;
        Ok(Client {
            http,
            on_request: self.on_request,
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
