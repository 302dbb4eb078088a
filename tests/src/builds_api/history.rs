//! What the builds API was asked and what it answered, for assertions.

use jiff::Timestamp;
use serde_json::Value;

/// One request. Its token is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// When it arrived.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body as JSON; null if there was none.
    pub body: Value,
    /// The trace context that it carried.
    pub traceparent: Option<String>,
    /// The status answered; none while it is not answered, and for ever if it was stalled or cut.
    pub answered: Option<u16>,
}

// === impl Asked ===

impl Asked {
    /// Is it an update of this build?
    pub fn updates(&self, build: u64) -> bool {
        self.method == "PUT" && self.path == format!("/v4/builds/{build}")
    }

    /// The statusMessage that it sent.
    pub fn message(&self) -> Option<&str> {
        self.body["statusMessage"].as_str()
    }

    /// The status that it wanted.
    pub fn status(&self) -> Option<&str> {
        self.body["status"].as_str()
    }
}
