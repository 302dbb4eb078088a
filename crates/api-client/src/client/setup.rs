//! How a client is set up: trust, timeouts, and what it must not do with a token.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue};
use reqwest::{Certificate, redirect};
use rustls::crypto::CryptoProvider;

use super::Client;
use crate::error::Cause;
use crate::middleware::Middleware;

/// The API writes an update to its database and tells the queue before it answers; half a minute
/// would hold a caller up for longer than another attempt costs.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Node's server closes a connection that was idle for 5 s. Ours goes first, so that no request is
/// sent into a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

const DEFAULT_USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The settings of a [`Client`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    timeout: Duration,
    ca_file: Option<PathBuf>,
    user_agent: String,
    middleware: Option<Arc<dyn Middleware>>,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
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
        source: Cause,
    },
    /// The CA file holds no certificate at all.
    #[error("the CA file {} holds no certificate", path.display())]
    CaEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The user agent cannot be sent as a header.
    #[error("the user agent holds characters that no header may")]
    UserAgent(#[source] http::header::InvalidHeaderValue),
    /// TLS could not be set up; without any certificate of the platform, for instance.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] Cause),
}

// === impl ClientBuilder ===

impl ClientBuilder {
    /// How long a call may take in all, connecting and reading the answer included; of a stream, how long it
    /// may be silent. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A file of PEM certificates to trust beside those of the platform. Default: none.
    pub fn ca_file(mut self, path: impl Into<Option<PathBuf>>) -> Self {
        self.ca_file = path.into();
        self
    }

    /// What the client calls itself. Default: name and version of this crate.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Sees every attempt at a call, and may add headers to it. Default: none.
    pub fn middleware(mut self, middleware: impl Middleware + 'static) -> Self {
        self.middleware = Some(Arc::new(middleware));
        self
    }

    /// Sets the client up; reads the CA file and the platform's certificates, and connects to nothing.
    ///
    /// TLS is rustls with the cryptography that the process has chosen; if it has chosen none, ring is
    /// installed for the whole process.
    ///
    /// # Errors
    /// [`SetupError`], each a mistake in the settings or in the process's surroundings.
    pub fn build(self) -> Result<Client, SetupError> {
        // reqwest panics where rustls has no provider. That another thread was faster is as good.
        if CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let Self {
            timeout,
            ca_file,
            user_agent,
            middleware,
        } = self;
        let user_agent = HeaderValue::try_from(user_agent).map_err(SetupError::UserAgent)?;
        let certificates = ca_file.map(certificates).transpose()?.unwrap_or_default();
        let http = reqwest::Client::builder()
            .timeout(timeout)
            // Leaves time for the next address of a host whose first one does not answer.
            .connect_timeout(timeout.checked_div(2).unwrap_or(timeout))
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
            .map_err(|error| SetupError::Http(Cause::new(error)))?;
        Ok(Client {
            http,
            middleware,
            timeout,
        })
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            ca_file: None,
            user_agent: DEFAULT_USER_AGENT.to_owned(),
            middleware: None,
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
        Err(error) => Err(SetupError::CaFormat {
            path,
            source: Cause::new(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No unit test of this crate installs a provider, so this process has none.
    #[test]
    fn without_a_crypto_provider_ring_is_installed() {
        assert!(CryptoProvider::get_default().is_none());
        ClientBuilder::default().build().unwrap();
        assert!(CryptoProvider::get_default().is_some());
    }
}
