//! What can go wrong, by meaning, and what to do next.

use std::{error::Error as StdError, time::Duration};

/// What an error says about what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The build is finished: there is nothing left to say about it.
    Finished,
    /// Later may be better.
    Transient,
    /// The request itself is wrong: no repetition is better.
    Permanent,
    /// Something around us is wrong (a key, a proxy, a certificate): a person must mend it.
    Environment,
}

/// Why a call failed. No variant and no text holds a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The build is in a final state, or does not exist.
    #[error("the build is finished")]
    Finished {
        /// 403 or 404.
        status: u16,
    },
    /// The token is expired, or signed by another key.
    #[error("the API refuses the token")]
    Unauthorized,
    /// The token is for another build, or lacks a scope; or something in between answered.
    #[error("the API forbids this: {message}")]
    Forbidden {
        /// The answer's text, in one bounded line.
        message: String,
    },
    /// There is no such address; or something in between answered.
    #[error("the API does not know the address: {message}")]
    NotFound {
        /// The answer's text, in one bounded line.
        message: String,
    },
    /// The request is not valid.
    #[error("the API refuses the request with status {status}: {message}")]
    Invalid {
        /// Another 4xx.
        status: u16,
        /// The answer's text, in one bounded line.
        message: String,
    },
    /// Too many requests.
    #[error("the API asks for patience")]
    RateLimited {
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The server could not do it now.
    #[error("the API answered with status {status}")]
    Server {
        /// 408 or 5xx.
        status: u16,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// An answer that no API of this kind gives, such as a redirection.
    #[error("the API answered with status {status}, which is no answer")]
    Unexpected {
        /// The status.
        status: u16,
    },
    /// No answer in time; the call may have been carried out all the same.
    #[error("the API did not answer in time")]
    Timeout,
    /// The server's certificate is not trusted.
    #[error("the API's certificate is not trusted")]
    Certificate(#[source] Box<dyn StdError + Send + Sync>),
    /// No connection could be made.
    #[error("no connection to the API")]
    Connect(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection broke; the call may have been carried out all the same.
    #[error("the connection to the API broke")]
    Transport(#[source] Box<dyn StdError + Send + Sync>),
    /// The address cannot be made into a request.
    #[error("the API's address cannot be used")]
    Address,
    /// The client cannot be made.
    #[error("the client of the API cannot be made")]
    Setup(#[source] Box<dyn StdError + Send + Sync>),
}

// === impl Error ===

impl Error {
    /// What to do next.
    pub fn class(&self) -> Class {
        match self {
            Self::Finished { .. } => Class::Finished,
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Timeout
            | Self::Connect(_)
            | Self::Transport(_) => Class::Transient,
            Self::Invalid { .. } | Self::Address => Class::Permanent,
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Unexpected { .. }
            | Self::Certificate(_)
            | Self::Setup(_) => Class::Environment,
        }
    }

    /// The error's name, for metrics and spans.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Finished { .. } => "finished",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not-found",
            Self::Invalid { .. } => "invalid",
            Self::RateLimited { .. } => "rate-limited",
            Self::Server { .. } => "server",
            Self::Unexpected { .. } => "unexpected",
            Self::Timeout => "timeout",
            Self::Certificate(_) => "certificate",
            Self::Connect(_) => "connect",
            Self::Transport(_) => "transport",
            Self::Address => "address",
            Self::Setup(_) => "setup",
        }
    }

    /// The HTTP status; `None` when there was no answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Finished { status }
            | Self::Invalid { status, .. }
            | Self::Server { status, .. }
            | Self::Unexpected { status } => Some(*status),
            Self::Unauthorized => Some(401),
            Self::Forbidden { .. } => Some(403),
            Self::NotFound { .. } => Some(404),
            Self::RateLimited { .. } => Some(429),
            Self::Timeout
            | Self::Certificate(_)
            | Self::Connect(_)
            | Self::Transport(_)
            | Self::Address
            | Self::Setup(_) => None,
        }
    }

    /// How long the API asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
