//! Why a call to the builds API did not succeed, by meaning, and what that asks of the caller.
//!
//! Texts are lower-case and leave the cause to the source chain. What the API said is kept as a
//! bounded single line without the token. Nothing here decides whether or when to try again.

use std::error::Error as StdError;
use std::io;
use std::iter;
use std::time::Duration;

use http::StatusCode;

/// Why a call did not succeed. `message` is what the API said, as one line of at most 300 characters.
#[derive(Debug, thiserror::Error)]
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
    Timeout(#[source] reqwest::Error),
    /// No connection: the name does not resolve, nothing listens, or it does not speak TLS.
    #[error("no connection to the builds API")]
    Connect(#[source] reqwest::Error),
    /// The API's certificate is not trusted, has expired, or is for another name.
    #[error("the certificate of the builds API is not valid")]
    Certificate(#[source] reqwest::Error),
    /// The connection broke during the call. Whether the call had its effect is unknown.
    #[error("the connection to the builds API broke")]
    Transport(#[source] reqwest::Error),
    /// The API's address is not one of HTTP or HTTPS.
    #[error("the address of the builds API begins with {scheme}, not with http or https")]
    Address {
        /// What the address begins with.
        scheme: String,
    },
    /// The request could not be put together.
    #[error("the request to the builds API cannot be built")]
    Request(#[source] reqwest::Error),
}

/// What an [`Error`] asks of the caller.
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
            Self::Invalid { .. } | Self::Address { .. } | Self::Request(_) => Class::Permanent,
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
            Self::Request(_) => "request",
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
            Self::Timeout(_)
            | Self::Certificate(_)
            | Self::Connect(_)
            | Self::Transport(_)
            | Self::Address { .. }
            | Self::Request(_) => None,
        }
    }

    /// Names a failure to send or to be answered.
    pub(crate) fn from_transport(error: reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Request(error)
        } else if chain(&error).any(rejects_certificate) {
            // Before `is_connect`, which holds for a failed handshake too.
            Self::Certificate(error)
        } else if error.is_timeout() {
            Self::Timeout(error)
        } else if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Transport(error)
        }
    }
}

/// The error and all that lie beneath it.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| beneath(*error))
}

/// The source of an `io::Error` skips the error that it wraps, which is where rustls' own is.
fn beneath<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn rejects_certificate(error: &(dyn StdError + 'static)) -> bool {
    matches!(
        error.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_certificate_error_is_found_beneath_io_errors() {
        let rustls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = Outer(io::Error::other(io::Error::new(
            io::ErrorKind::InvalidData,
            rustls,
        )));
        assert!(chain(&error).any(rejects_certificate));
    }

    #[test]
    fn other_tls_errors_say_nothing_about_the_certificate() {
        let error = Outer(io::Error::other(rustls::Error::DecryptError));
        assert!(!chain(&error).any(rejects_certificate));
        assert!(!chain(&Outer(io::ErrorKind::ConnectionReset.into())).any(rejects_certificate));
    }
}
