//! The client against real sockets: what it sends, and how it names what goes wrong.

#![expect(
    clippy::unwrap_used,
    reason = "this crate is a test; its helpers lie outside the test functions"
)]

mod answers;
mod anything;
mod api;
mod calls;
mod endpoints;
mod failures;
mod login;
mod pages;
mod redaction;
mod retries;
mod statuses;
mod streams;
mod surface;
mod tls;
mod words;

use std::sync::Once;
use std::time::Duration;

use screwdriver_api_client::{BuildId, BuildToken, Client, ClientBuilder, Retry};
use url::Url;

/// Long enough for a busy machine; only the tests of the timeout itself shorten it.
const PATIENCE: Duration = Duration::from_mins(1);

fn client() -> Client {
    builder().build().unwrap()
}

fn builder() -> ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
    Client::builder().timeout(PATIENCE)
}

/// The API at this address with a token in hand, which tries again without losing time.
fn tools(uri: &Url) -> screwdriver_api_client::Api {
    let quick = Retry::default().first_pause(Duration::from_millis(1));
    client().api(uri, token()).unwrap().retry(quick)
}

fn build() -> BuildId {
    BuildId::try_from(8609).unwrap()
}

fn token() -> BuildToken {
    "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VybmFtZSI6ODYwOX0.c2VjcmV0"
        .parse()
        .unwrap()
}
