//! How a client is set up: trust, timeouts, and what it must not do with a token.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue, InvalidHeaderValue};
use reqwest::{Certificate, redirect};
use rustls::crypto::CryptoProvider;

use super::{Client, OnRequest};

/// The API writes an update to its database and tells the queue before it answers; half a minute
/// would hold a caller up for longer than another attempt costs.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Node's server closes a connection that was idle for 5 s. Ours goes first, so that no request is
/// sent into a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

const DEFAULT_USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The settings of a [`Client`].
#[derive(Clone)]
pub struct ClientBuilder {
    /// How long a call may take in all, connecting and reading the answer included. Default: 10 s.
    pub timeout: Duration,
    /// A file of PEM certificates to trust beside those of the platform. Default: none.
    pub ca_file: Option<PathBuf>,
    /// What the client calls itself. Default: name and version of this crate.
    pub user_agent: String,
    /// Called for every request. Default: none.
    pub on_request: Option<OnRequest>,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The process has installed no cryptography for rustls.
    #[error("no rustls crypto provider is installed: install one first thing in main")]
    NoCryptoProvider,
    /// The CA file cannot be read.
    #[error("the CA file {} cannot be read", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The CA file is not PEM, or a certificate in it is broken.
    #[error("the CA file {} holds something other than PEM certificates", path.display())]
    CaFormat {
        /// The file.
        path: PathBuf,
        /// Why.
        source: reqwest::Error,
    },
    /// The CA file holds no certificate at all.
    #[error("the CA file {} holds no certificate", path.display())]
    CaEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The user agent cannot be sent as a header.
    #[error("the user agent holds characters that no header may")]
    UserAgent(#[source] InvalidHeaderValue),
    /// TLS could not be set up; without any certificate of the platform, for instance.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

// === impl ClientBuilder ===

impl ClientBuilder {
    /// Sets the client up; reads the CA file and the platform's certificates, and connects to nothing.
    ///
    /// # Errors
    /// [`SetupError`], each a mistake in the settings or in the process's surroundings.
    pub fn build(self) -> Result<Client, SetupError> {
        // reqwest panics where rustls has no provider.
        if CryptoProvider::get_default().is_none() {
            return Err(SetupError::NoCryptoProvider);
        }
        let Self {
            timeout,
            ca_file,
            user_agent,
            on_request,
        } = self;
        let user_agent = HeaderValue::try_from(user_agent).map_err(SetupError::UserAgent)?;
        let certificates = ca_file.map(certificates).transpose()?.unwrap_or_default();
        let http = reqwest::Client::builder()
            .timeout(timeout)
            // Leaves time for the next address of a host whose first one does not answer.
            .connect_timeout(timeout / 2)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(user_agent)
            .default_headers(HeaderMap::from_iter([(
                ACCEPT,
                HeaderValue::from_static("application/json"),
            )]))
            .tls_certs_merge(certificates)
            // The token is for the address in the message. A redirect or a proxy from the
            // environment would hand it to somebody else.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(SetupError::Http)?;
        Ok(Client { http, on_request })
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            ca_file: None,
            user_agent: DEFAULT_USER_AGENT.to_owned(),
            on_request: None,
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("timeout", &self.timeout)
            .field("ca_file", &self.ca_file)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

fn certificates(path: PathBuf) -> Result<Vec<Certificate>, SetupError> {
    let pem = match fs::read(&path) {
        Ok(pem) => pem,
        Err(source) => return Err(SetupError::CaFile { path, source }),
    };
    match Certificate::from_pem_bundle(&pem) {
        Ok(none) if none.is_empty() => Err(SetupError::CaEmpty { path }),
        Ok(certificates) => Ok(certificates),
        Err(source) => Err(SetupError::CaFormat { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No unit test of this crate installs a provider, so this process has none.
    #[test]
    fn without_a_crypto_provider_there_is_an_error_and_no_panic() {
        assert!(matches!(
            ClientBuilder::default().build(),
            Err(SetupError::NoCryptoProvider)
        ));
    }
}
