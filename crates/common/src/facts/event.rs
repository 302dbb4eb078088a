//! One event about a pod, reduced to what a verdict quotes.
//!
//! The three producers date their events in three ways; the newest date counts.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use serde::Deserialize;

use super::wire;

/// One event about a pod. Decodes from an event as the API server writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "wire::Event")]
pub struct EventFacts {
    /// The UID of what it is about.
    pub about: Option<String>,
    /// E.g. `FailedMount`.
    pub reason: String,
    /// Its text.
    pub message: String,
    /// The container that it is about, if it is about one.
    pub container: Option<String>,
    /// When it was first seen.
    pub first_at: Option<Timestamp>,
    /// When it was last seen.
    pub at: Option<Timestamp>,
    /// Whether it is a warning.
    pub warning: bool,
}

// === impl EventFacts ===

impl EventFacts {
    pub(super) fn read(event: &Event) -> Self {
        wire::Event::from(event).into()
    }
}

impl From<wire::Event> for EventFacts {
    fn from(event: wire::Event) -> Self {
        let observed = event.series.and_then(|series| series.last_observed_time);
        let times = [observed, event.last_timestamp, event.at, event.first_timestamp];
        let created = event.metadata.creation_timestamp;
        Self {
            about: event.involved_object.uid,
            reason: event.reason.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
            container: event.involved_object.field_path.as_deref().and_then(container_of),
            first_at: times.into_iter().flatten().min().or(created),
            at: times.into_iter().flatten().max().or(created),
            warning: event.r#type.as_deref() == Some("Warning"),
        }
    }
}

/// The name in a field path such as `spec.containers{build}`.
fn container_of(path: &str) -> Option<String> {
    let (_, rest) = path.split_once('{')?;
    let (name, _) = rest.split_once('}')?;
    Some(name.to_owned())
}
