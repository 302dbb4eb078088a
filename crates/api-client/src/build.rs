//! What can be said about a build.

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize, Serializer};

/// The state of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BuildStatus {
    /// Stopped by a person.
    Aborted,
    /// Waits for another build of its job.
    Blocked,
    /// Replaced by a later build before it began.
    Collapsed,
    /// Not queued yet.
    Created,
    /// Ended badly.
    Failure,
    /// Waits for a freeze window to end.
    Frozen,
    /// Waits to be started.
    Queued,
    /// Under way.
    Running,
    /// Ended well.
    Success,
    /// Ended, and said itself that it is not to be trusted.
    Unstable,
}

/// A change of a build. There is no way to make one that changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<BuildStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// What is known about a build's start. The API merges these into what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// When the images began to be pulled.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds")]
    pub image_pull_start_time: Option<Timestamp>,
}

// === impl BuildUpdate ===

impl BuildUpdate {
    /// The build failed, for this reason.
    pub fn failure(message: impl Into<String>) -> Self {
        Self {
            status: Some(BuildStatus::Failure),
            status_message: Some(message.into()),
            stats: None,
        }
    }

    /// The build is where it was; people read this.
    pub fn message(text: impl Into<String>) -> Self {
        Self {
            status: None,
            status_message: Some(text.into()),
            stats: None,
        }
    }

    /// What is known about the start. The API clears the build's message with it.
    pub fn stats(stats: Stats) -> Self {
        Self {
            status: None,
            status_message: None,
            stats: Some(stats),
        }
    }

    /// The new status, if it changes.
    pub fn status(&self) -> Option<BuildStatus> {
        self.status
    }

    /// The new message, if it changes.
    pub fn status_message(&self) -> Option<&str> {
        self.status_message.as_deref()
    }
}

/// As JavaScript writes dates: the API's schema is stricter than RFC 3339.
fn milliseconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => {
            let rounded = time.round(Unit::Millisecond).unwrap_or(*time);
            serializer.collect_str(&format_args!("{rounded:.3}"))
        }
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_sent() {
        let json = |update: &BuildUpdate| serde_json::to_string(update).unwrap();
        assert_eq!(json(&BuildUpdate::message("text")), r#"{"statusMessage":"text"}"#);
        assert_eq!(
            json(&BuildUpdate::failure("why")),
            r#"{"status":"FAILURE","statusMessage":"why"}"#
        );
        let stats = Stats {
            hostname: Some("node-1".into()),
            image_pull_start_time: None,
        };
        assert_eq!(
            json(&BuildUpdate::stats(stats)),
            r#"{"stats":{"hostname":"node-1"}}"#
        );
        let stats = Stats {
            hostname: None,
            image_pull_start_time: Some("2026-11-25T01:02:03.456789Z".parse().unwrap()),
        };
        assert_eq!(
            json(&BuildUpdate::stats(stats)),
            r#"{"stats":{"imagePullStartTime":"2026-11-25T01:02:03.457Z"}}"#
        );
    }
}
