//! Why a call to the builds API did not succeed, by meaning, and what that asks of the caller.
//!
//! Texts are lower-case and leave the cause to the source chain. What the API said is kept as a
//! bounded single line without the token. Nothing here decides whether or when to try again.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

mod cause;

pub use cause::Cause;

/// Why a call did not succeed. `message` is what the API said, as one line of at most 300 characters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The build has ended or is gone: it takes no update any more.
    #[error("the build is finished: {message}")]
    Finished {
        /// What the API said.
        message: String,
    },
    /// 401: the token is expired, or signed with a key that the API does not know.
    #[error("the builds API does not accept the token: {message}")]
    Unauthorized {
        /// What the API said.
        message: String,
    },
    /// 403 for any reason but a finished build: another build's token, a missing scope, a proxy.
    #[error("the builds API refuses the call: {message}")]
    Forbidden {
        /// What the API said.
        message: String,
    },
    /// 404 for any reason but a missing build: a wrong address, a proxy.
    #[error("the builds API does not know the resource: {message}")]
    NotFound {
        /// What the API said.
        message: String,
    },
    /// Any other 4xx: the same call will be refused again.
    #[error("the builds API takes the call for invalid ({status}): {message}")]
    Invalid {
        /// The answer's status.
        status: StatusCode,
        /// What the API said.
        message: String,
    },
    /// 429: too many calls with this token.
    #[error("the builds API asks for fewer calls")]
    RateLimited {
        /// How long the API asks to wait, at most ten minutes.
        retry_after: Option<Duration>,
    },
    /// 408 or 5xx: the API, or what stands before it, could not answer now.
    #[error("the builds API failed ({status}): {message}")]
    Server {
        /// The answer's status.
        status: StatusCode,
        /// What the API said.
        message: String,
        /// How long the API asks to wait, at most ten minutes.
        retry_after: Option<Duration>,
    },
    /// A status that the builds API never gives, such as a redirect: something else answered.
    #[error("this is no answer of a builds API ({status}): {message}")]
    Unexpected {
        /// The answer's status.
        status: StatusCode,
        /// Where a redirect leads (scheme, host and port only), or what the answer said.
        message: String,
    },
    /// No answer in time. Whether the call had its effect is unknown.
    #[error("the builds API did not answer in time")]
    Timeout(#[source] Cause),
    /// No connection: the name does not resolve, nothing listens, or it does not speak TLS.
    #[error("no connection to the builds API")]
    Connect(#[source] Cause),
    /// The API's certificate is not trusted, has expired, or is for another name.
    #[error("the certificate of the builds API is not valid")]
    Certificate(#[source] Cause),
    /// The connection broke during the call. Whether the call had its effect is unknown.
    #[error("the connection to the builds API broke")]
    Transport(#[source] Cause),
    /// The API's address is not one of HTTP or HTTPS.
    #[error("the address of the builds API begins with {scheme}, not with http or https")]
    Address {
        /// What the address begins with.
        scheme: String,
    },
    /// A name of the caller's that no path can carry: empty, or one that leads elsewhere.
    #[error("{part:?} cannot be a part of an address")]
    Part {
        /// The name.
        part: String,
    },
    /// The request could not be put together.
    #[error("the request to the builds API cannot be built")]
    Request(#[source] Cause),
    /// A success whose body is not what this release expects. The body itself is not quoted.
    #[error("the answer of the builds API cannot be read (line {line}, column {column})")]
    Undecodable {
        /// Where reading stopped, from 1.
        line: usize,
        /// Where in that line reading stopped.
        column: usize,
    },
    /// A success whose body is longer than anything the API has to say.
    #[error("the answer of the builds API is longer than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// The same page came twice: the list has no end that could be reached.
    #[error("the builds API answers page {page} with the page before it")]
    SamePage {
        /// The page that was asked for.
        page: u32,
    },
    /// The API token could not be exchanged. All callers that waited for it share the cause.
    #[error("the API token could not be exchanged for a token")]
    Login(#[source] Arc<Error>),
}

/// What an [`Error`] asks of the caller. These four are all: whoever handles them has handled every error,
/// those of later releases too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The build takes no update any more: stop working for it.
    Finished,
    /// Later may be better: try again.
    Transient,
    /// The call itself is wrong: trying again cannot help.
    Permanent,
    /// The surroundings are wrong (token, key, address, proxy, certificate): someone must mend them.
    Environment,
}

// === impl Error ===

impl Error {
    /// What the error asks of the caller.
    pub fn class(&self) -> Class {
        match self {
            Self::Finished { .. } => Class::Finished,
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Timeout(_)
            | Self::Connect(_)
            | Self::Transport(_) => Class::Transient,
            Self::Invalid { .. }
            | Self::Address { .. }
            | Self::Part { .. }
            | Self::Request(_)
            | Self::Undecodable { .. }
            | Self::TooLong { .. }
            | Self::SamePage { .. } => Class::Permanent,
            Self::Login(cause) => cause.class(),
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Unexpected { .. }
            | Self::Certificate(_) => Class::Environment,
        }
    }

    /// The error's name, for metrics and spans.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Finished { .. } => "finished",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not-found",
            Self::Invalid { .. } => "invalid",
            Self::RateLimited { .. } => "rate-limited",
            Self::Server { .. } => "server",
            Self::Unexpected { .. } => "unexpected",
            Self::Timeout(_) => "timeout",
            Self::Certificate(_) => "certificate",
            Self::Connect(_) => "connect",
            Self::Transport(_) => "transport",
            Self::Address { .. } => "address",
            Self::Part { .. } => "part",
            Self::Request(_) => "request",
            Self::Undecodable { .. } => "undecodable",
            Self::TooLong { .. } => "too-long",
            Self::SamePage { .. } => "same-page",
            Self::Login(_) => "login",
        }
    }

    /// The answer's status; `None` if there was no answer. A finished build is told by 403 or 404: 403 stands
    /// for both.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Invalid { status, .. } | Self::Server { status, .. } | Self::Unexpected { status, .. } => {
                Some(*status)
            }
            Self::Finished { .. } | Self::Forbidden { .. } => Some(StatusCode::FORBIDDEN),
            Self::Unauthorized { .. } => Some(StatusCode::UNAUTHORIZED),
            Self::NotFound { .. } => Some(StatusCode::NOT_FOUND),
            Self::RateLimited { .. } => Some(StatusCode::TOO_MANY_REQUESTS),
            Self::Login(cause) => cause.status(),
            Self::Timeout(_)
            | Self::Certificate(_)
            | Self::Connect(_)
            | Self::Transport(_)
            | Self::Address { .. }
            | Self::Part { .. }
            | Self::Request(_)
            | Self::Undecodable { .. }
            | Self::TooLong { .. }
            | Self::SamePage { .. } => None,
        }
    }

    /// Names a failure to send or to be answered.
    pub(crate) fn from_transport(error: reqwest::Error) -> Self {
        let (builder, timeout, connect) = (error.is_builder(), error.is_timeout(), error.is_connect());
        let cause = Cause::new(error);
        if builder {
            Self::Request(cause)
        } else if cause.rejects_certificate() {
            // Before `connect`, which holds for a failed handshake too.
            Self::Certificate(cause)
        } else if timeout {
            Self::Timeout(cause)
        } else if connect {
            Self::Connect(cause)
        } else {
            Self::Transport(cause)
        }
    }

    /// Names where reading a success stopped. The reader's own text may quote the body, so it is dropped.
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn undecodable(error: serde_json::Error) -> Self {
        Self::Undecodable {
            line: error.line(),
            column: error.column(),
        }
    }

    /// How long the API asks to wait before the next call, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Server { retry_after, .. } => *retry_after,
            Self::Login(cause) => cause.retry_after(),
            _ => None,
        }
    }
}
