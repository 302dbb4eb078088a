//! The builds API as the workers use it: the client, one outage watch per address, spans and counters.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use screwdriver_api_client::{
    Answered, BuildId, BuildToken, BuildUpdate, Call, Class, Client, Error as ApiError, Middleware,
    SetupError, Wanted,
};
use tracing::{Instrument, Span};
use url::Url;

use crate::{
    job::{BuildConfig, TokenLife},
    outage::{Outage, Probe, Trouble, Waiting},
    outcome::{Cause, ParkReason},
    settings::BuildsApiSettings,
    telemetry::{
        metrics::labels::{AnswerClass, Verb},
        propagation, spans,
    },
};

/// Addresses that outages are watched for. Messages name the address, so the number must have a bound.
const MAX_ADDRESSES: usize = 32;

/// The builds APIs that messages name. Cheap to clone.
#[derive(Clone)]
pub struct BuildsApi {
    client: Client,
    outages: Arc<Mutex<HashMap<Url, Arc<Outage<StatusProbe>>>>>,
    waiting: Waiting,
}

/// What a FAILURE report that did not arrive means for the message.
#[derive(Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The build is finished: there was nothing to report.
    Finished,
    /// Nobody can be told, now or later.
    Park(ParkReason),
    /// The API refuses us, or is down: come back in long steps, until the token expires.
    Later,
    /// The API failed this once: come back soon.
    Soon,
}

/// `GET /v4/status` of one address.
#[derive(Debug)]
struct StatusProbe {
    client: Client,
    api_uri: Url,
}

/// What every request carries, and what its span learns of the answer.
struct Told;

/// Why a report did not reach the build.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The message carries no token; decoding rules it out for jobs that report.
    #[error("the message carries no token")]
    NoToken,
    /// Nobody insists on the report, and the API took longer than it is worth.
    #[error("the builds API took longer than {budget:?}")]
    Budget {
        /// What the report was given.
        budget: Duration,
    },
    /// The API's certificate is not trusted.
    #[error("the builds API's certificate is not trusted: check API_CA_FILE")]
    Untrusted(#[source] ApiError),
    /// The API, or the way to it, failed.
    #[error(transparent)]
    Api(ApiError),
}

// === impl BuildsApi ===

impl BuildsApi {
    /// A client for `settings`.
    ///
    /// # Errors
    /// The file of certificate authorities cannot be used.
    pub fn new(settings: &BuildsApiSettings, waiting: Waiting) -> Result<Self, SetupError> {
        let client = Client::builder()
            .timeout(settings.timeout)
            .ca_file(settings.ca_file.clone())
            .middleware(Told)
            .build()?;
        Ok(Self {
            client,
            outages: Arc::default(),
            waiting,
        })
    }

    /// Sends `update`, whatever state the API is in, within `budget`.
    pub async fn update_within(
        &self,
        budget: Duration,
        config: &BuildConfig<'_>,
        update: &BuildUpdate,
    ) -> Result<(), ReportError> {
        let token = config.token.as_ref().ok_or(ReportError::NoToken)?;
        let sent = tokio::time::timeout(budget, async { Ok(self.put(config, token, update).await?) }).await;
        sent.unwrap_or(Err(ReportError::Budget { budget }))
    }

    /// Sends `update`; while the API is down, waits in place as long as deliveries are held.
    pub async fn update(
        &self,
        config: &BuildConfig<'_>,
        update: &BuildUpdate,
    ) -> Result<(), Trouble<ReportError>> {
        let token = config.token.as_ref().ok_or(Trouble::Own(ReportError::NoToken))?;
        let outage = self.outage(&config.api_uri);
        let is_transient =
            |error: &ReportError| matches!(error, ReportError::Api(e) if e.class() == Class::Transient);
        outage
            .call(is_transient, || async {
                Ok(self.put(config, token, update).await?)
            })
            .await
    }

    /// Whether the build still wants a pod, asked within `budget`.
    pub async fn wanted_within(
        &self,
        budget: Duration,
        config: &BuildConfig<'_>,
    ) -> Result<Wanted, ReportError> {
        let asked = tokio::time::timeout(budget, self.wanted(config)).await;
        asked.unwrap_or(Err(ReportError::Budget { budget }))
    }

    async fn wanted(&self, config: &BuildConfig<'_>) -> Result<Wanted, ReportError> {
        let token = config.token.as_ref().ok_or(ReportError::NoToken)?;
        let span = span("POST", "/v4/builds/{id}/token", &config.api_uri, config.build_id);
        let begin = tokio::time::Instant::now();
        let asked = self
            .client
            .wanted(&config.api_uri, config.build_id, token)
            .instrument(span.clone())
            .await;
        self.record(&span, Verb::AskWanted, asked.as_ref().err(), begin.elapsed());
        Ok(asked?)
    }

    async fn put(
        &self,
        config: &BuildConfig<'_>,
        token: &BuildToken,
        update: &BuildUpdate,
    ) -> Result<(), ApiError> {
        let span = span("PUT", "/v4/builds/{id}", &config.api_uri, config.build_id);
        let call = self
            .client
            .update_build(&config.api_uri, config.build_id, token, update);
        let begin = tokio::time::Instant::now();
        let result = call.instrument(span.clone()).await;
        self.record(&span, Verb::UpdateBuild, result.as_ref().err(), begin.elapsed());
        result
    }

    fn record(&self, span: &Span, verb: Verb, error: Option<&ApiError>, took: Duration) {
        // A finished build is an answer, not a fault.
        if let Some(error) = error.filter(|error| error.class() != Class::Finished) {
            spans::record_error(span, error.as_str());
        }
        self.waiting.metrics.call(verb, answer(error), took);
    }

    fn outage(&self, api_uri: &Url) -> Arc<Outage<StatusProbe>> {
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        if outages.len() >= MAX_ADDRESSES && !outages.contains_key(api_uri) {
            outages.clear();
        }
        let new = || {
            let probe = StatusProbe {
                client: self.client.clone(),
                api_uri: api_uri.clone(),
            };
            Arc::new(Outage::new(probe, self.waiting.clone()))
        };
        outages.entry(api_uri.clone()).or_insert_with(new).clone()
    }
}

/// How a call is counted. That a build is finished is what was asked for, whatever its status.
fn answer(error: Option<&ApiError>) -> AnswerClass {
    match error {
        None | Some(ApiError::Finished { .. }) => AnswerClass::Success,
        Some(error) => AnswerClass::of(error.status().map(|status| status.as_u16())),
    }
}

/// The span of a call about a build. The client asks the same address, without what may stand around its path.
fn span(method: &'static str, template: &'static str, api_uri: &Url, build: BuildId) -> Span {
    let span = spans::builds_api_span(method, template);
    spans::record_request(&span, method, || {
        let mut asked = api_uri.clone();
        let path = template.replace("{id}", &build.to_string());
        asked.set_path(&format!("{}{path}", api_uri.path().trim_end_matches('/')));
        asked.set_query(None);
        Some(asked)
    });
    span
}

impl Middleware for Told {
    fn on_request(&self, _call: &Call, headers: &mut HeaderMap) {
        propagation::inject_headers(headers);
    }

    fn on_answer(&self, _call: &Call, answered: &Answered) {
        if let Some(status) = answered.status {
            spans::record_status(&Span::current(), status.as_u16());
        }
    }
}

impl Probe for StatusProbe {
    async fn answers(&self) -> Result<(), Cause> {
        match self.client.status(&self.api_uri).await {
            Ok(()) => Ok(()),
            Err(error) => Err(ReportError::from(error).into()),
        }
    }
}

impl std::fmt::Debug for BuildsApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildsApi").finish_non_exhaustive()
    }
}

// === impl Undelivered ===

impl Undelivered {
    /// What an undelivered FAILURE means. Pure.
    pub fn of(trouble: &Trouble<ReportError>, token: TokenLife) -> Self {
        let error = match trouble {
            Trouble::Down(_) if token == TokenLife::Expired => return Self::expired(),
            Trouble::Down(_) => return Self::Later,
            Trouble::Own(error) => error,
        };
        match error {
            ReportError::NoToken => Self::Park(ParkReason::TokenRefused),
            ReportError::Budget { .. } if token == TokenLife::Expired => Self::expired(),
            ReportError::Budget { .. } => Self::Soon,
            ReportError::Api(error) | ReportError::Untrusted(error) => match error.class() {
                Class::Finished => Self::Finished,
                _ if token == TokenLife::Expired => Self::expired(),
                // Its end would be the end of all tries, and there is none.
                Class::Environment if token == TokenLife::Unknown => Self::Park(ParkReason::TokenRefused),
                Class::Environment => Self::Later,
                Class::Transient => Self::Soon,
                // The API calls our request invalid: no repetition makes it better, a person must look.
                Class::Permanent => Self::Park(ParkReason::ReportInvalid),
            },
        }
    }

    fn expired() -> Self {
        Self::Park(ParkReason::TokenExpired)
    }
}

// === impl ReportError ===

impl ReportError {
    /// Whether the API says that the build is finished.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Api(error) if error.class() == Class::Finished)
    }

    /// The error with its sources, for a log line.
    pub fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl From<ApiError> for ReportError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Certificate(_) => Self::Untrusted(error),
            error => Self::Api(error),
        }
    }
}

#[cfg(test)]
mod tests;
