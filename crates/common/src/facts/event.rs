//! One event about a pod, reduced to what a verdict quotes.
//!
//! The three producers date their events in three ways; the newest date counts.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

/// One event about a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// E.g. `FailedMount`.
    pub reason: String,
    /// Its text.
    pub message: String,
    /// The container that it is about, if it is about one.
    pub container: Option<String>,
    /// When it was last seen.
    pub at: Option<Timestamp>,
    /// Whether it is a warning.
    pub warning: bool,
}

// === impl EventFacts ===

impl EventFacts {
    pub(super) fn read(event: &Event) -> Self {
        let observed = event
            .series
            .as_ref()
            .and_then(|series| series.last_observed_time.as_ref());
        let times = [
            observed.map(|time| time.0),
            event.last_timestamp.as_ref().map(|time| time.0),
            event.event_time.as_ref().map(|time| time.0),
            event.first_timestamp.as_ref().map(|time| time.0),
        ];
        Self {
            reason: event.reason.clone().unwrap_or_default(),
            message: event.message.clone().unwrap_or_default(),
            container: event.involved_object.field_path.as_deref().and_then(container_of),
            at: times
                .into_iter()
                .flatten()
                .max()
                .or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0)),
            warning: event.type_.as_deref() == Some("Warning"),
        }
    }
}

/// The name in a field path such as `spec.containers{build}`.
fn container_of(path: &str) -> Option<String> {
    let (_, rest) = path.split_once('{')?;
    let (name, _) = rest.split_once('}')?;
    Some(name.to_owned())
}
