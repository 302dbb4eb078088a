//! The bearer token of every request. Whoever rotates it writes its file anew, a service account's about once an hour;
//! the old one is refused soon after.
//!
//! kube reads such files again too, but takes the line feed at their end for a part of the token and then sends none.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::settings::Secret;

/// How long a file's content counts as what it still holds.
const FRESH: Duration = Duration::from_secs(1);

/// Puts the token into requests.
#[derive(Clone)]
pub(super) struct Bearer {
    secret: Secret,
    last: Arc<Mutex<Last>>,
}

/// What was read last.
struct Last {
    header: HeaderValue,
    at: Instant,
}

// === impl Bearer ===

impl Bearer {
    /// Of `secret`.
    ///
    /// # Errors
    /// It has characters that no header carries.
    pub(super) fn new(secret: Secret) -> kube::Result<Self> {
        let header = header(&secret.now()).map_err(kube::client::AuthError::InvalidBearerToken);
        let last = Last {
            header: header.map_err(kube::Error::Auth)?,
            at: Instant::now(),
        };
        Ok(Self {
            secret,
            last: Arc::new(Mutex::new(last)),
        })
    }

    /// `request` with the token of now.
    pub(super) fn authorise<B>(&self, mut request: Request<B>) -> Request<B> {
        request.headers_mut().insert(AUTHORIZATION, self.header());
        request
    }

    fn header(&self) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.elapsed() >= FRESH {
            // While there is nothing that can be sent, what held so far.
            if let Ok(header) = header(&self.secret.now()) {
                last.header = header;
            }
            last.at = Instant::now();
        }
        last.header.clone()
    }
}

fn header(token: &SecretString) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sent(bearer: &Bearer) -> String {
        let request = bearer.authorise(Request::new(()));
        request.headers()[AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_written_anew_is_sent_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "one\n").unwrap();
        let bearer = Bearer::new(Secret::in_file(&path).unwrap()).unwrap();
        let clone = bearer.clone();
        assert_eq!(sent(&bearer), "Bearer one");
        let cases: [(Option<&str>, &str); 5] = [
            (Some("two"), "Bearer two"),
            (Some(""), "Bearer two"),
            (Some("th\u{7}ree"), "Bearer two"),
            (None, "Bearer two"),
            (Some("four\r\n"), "Bearer four"),
        ];
        for (content, expected) in cases {
            match content {
                Some(content) => fs::write(&path, content).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            tokio::time::advance(FRESH).await;
            assert_eq!(
                (sent(&bearer).as_str(), sent(&clone).as_str()),
                (expected, expected),
                "{content:?}"
            );
        }
    }

    #[test]
    fn a_token_that_no_header_carries_is_refused_without_quoting_it() {
        let error = Bearer::new(SecretString::from("s3\ncret").into()).err().unwrap();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("cret"), "{text}");
    }
}
