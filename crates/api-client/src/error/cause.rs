//! What lies beneath an error of the connection. A type of its own, so that the HTTP client is no part of
//! this crate's interface; it never holds an address's query, where secrets travel.

use std::error::Error as StdError;
use std::{fmt, io, iter};

/// Why the connection or the request failed. Its text and its sources are for people.
pub struct Cause(Kind);

enum Kind {
    Http(reqwest::Error),
    /// Our own clock ran out, not that of the HTTP client.
    Late,
}

// === impl Cause ===

impl Cause {
    /// Drops the query of the address that the HTTP client's error quotes.
    pub(crate) fn new(mut error: reqwest::Error) -> Self {
        if let Some(url) = error.url_mut() {
            url.set_query(None);
            url.set_fragment(None);
        }
        Self(Kind::Http(error))
    }

    pub(crate) fn late() -> Self {
        Self(Kind::Late)
    }

    /// Whether TLS refused a certificate.
    pub(crate) fn rejects_certificate(&self) -> bool {
        match &self.0 {
            Kind::Http(error) => chain(error).any(rejects_certificate),
            Kind::Late => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Http(error) => error.fmt(f),
            Kind::Late => f.write_str("nothing came in time"),
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Http(error) => error.fmt(f),
            Kind::Late => f.write_str("Late"),
        }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Http(error) => error.source(),
            Kind::Late => None,
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
