//! What a build is in and what may be said about it: the status, and the body of an update.
//!
//! An update that names nothing does not exist: the API would take an empty body and clear the
//! build's message, which nobody can have meant.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// Where a build stands, as the API knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BuildStatus {
    /// Its steps run.
    Running,
    /// Handed to a build cluster, not running yet.
    Queued,
    /// Ended well.
    Success,
    /// Ended badly, or could not be started.
    Failure,
    /// Stopped by a user.
    Aborted,
    /// Known, but waiting for other builds of its event.
    Created,
    /// Held back by another build of the same or of a blocking job.
    Blocked,
    /// Runs or ended with a warning; the status does not change any more.
    Unstable,
    /// Superseded by a later build of the same job before it started.
    Collapsed,
    /// Held back by a freeze window.
    Frozen,
}

/// The body of `PUT /v4/builds/{id}`: at least one of status, message and stats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<BuildStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// Where and when a build started. The API merges what is given into what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// The node that the build's pod is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// When the node began to pull the build's image; sent in UTC with milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "with_milliseconds")]
    pub image_pull_start_time: Option<Timestamp>,
}

/// The form that JavaScript's `toISOString` gives, which is what the API stores and shows.
#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn with_milliseconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&format_args!("{time:.3}")),
        None => serializer.serialize_none(),
    }
}

// === impl BuildStatus ===

impl BuildStatus {
    /// The status as the API spells it, in upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Queued => "QUEUED",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Aborted => "ABORTED",
            Self::Created => "CREATED",
            Self::Blocked => "BLOCKED",
            Self::Unstable => "UNSTABLE",
            Self::Collapsed => "COLLAPSED",
            Self::Frozen => "FROZEN",
        }
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// === impl BuildUpdate ===

impl BuildUpdate {
    /// Ends the build as FAILURE. The API then sends a stop, which deletes the build's pod.
    pub fn failure(message: impl Into<String>) -> Self {
        Self {
            status: Some(BuildStatus::Failure),
            status_message: Some(message.into()),
            stats: None,
        }
    }

    /// Tells the user what the build waits for; its status stays.
    pub fn message(text: impl Into<String>) -> Self {
        Self {
            status: None,
            status_message: Some(text.into()),
            stats: None,
        }
    }

    /// Tells where the build runs; its status stays. The API clears the message of a build that has
    /// not ended when an update brings none.
    pub fn stats(stats: Stats) -> Self {
        Self {
            status: None,
            status_message: None,
            stats: Some(stats),
        }
    }

    /// The status that the build is to get, if the update changes it.
    pub fn status(&self) -> Option<BuildStatus> {
        self.status
    }

    /// The text for the user, if the update brings one.
    pub fn status_message(&self) -> Option<&str> {
        self.status_message.as_deref()
    }

    /// The stats, if the update brings any (`stats` is the constructor).
    pub fn given_stats(&self) -> Option<&Stats> {
        self.stats.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statuses_are_spelt_alike_everywhere() {
        const ALL: [BuildStatus; 10] = [
            BuildStatus::Running,
            BuildStatus::Queued,
            BuildStatus::Success,
            BuildStatus::Failure,
            BuildStatus::Aborted,
            BuildStatus::Created,
            BuildStatus::Blocked,
            BuildStatus::Unstable,
            BuildStatus::Collapsed,
            BuildStatus::Frozen,
        ];
        for status in ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), json!(status.as_str()));
            assert_eq!(
                serde_json::from_value::<BuildStatus>(json!(status.to_string())).unwrap(),
                status
            );
        }
        assert!(serde_json::from_str::<BuildStatus>("\"running\"").is_err());
    }

    #[test]
    fn an_update_says_only_what_it_was_given() {
        let time: Timestamp = "2024-05-06T07:08:09.012999Z".parse().unwrap();
        let table = [
            (
                BuildUpdate::failure("image not found"),
                json!({"status": "FAILURE", "statusMessage": "image not found"}),
            ),
            (
                BuildUpdate::message("waiting"),
                json!({"statusMessage": "waiting"}),
            ),
            (
                BuildUpdate::stats(Stats {
                    hostname: Some("node-7".to_owned()),
                    image_pull_start_time: Some(time),
                }),
                json!({"stats": {"hostname": "node-7", "imagePullStartTime": "2024-05-06T07:08:09.012Z"}}),
            ),
            (
                BuildUpdate::stats(Stats {
                    hostname: Some("node-7".to_owned()),
                    ..Stats::default()
                }),
                json!({"stats": {"hostname": "node-7"}}),
            ),
        ];
        for (update, expected) in table {
            assert_eq!(serde_json::to_value(&update).unwrap(), expected);
        }
    }

    #[test]
    fn whole_seconds_keep_their_milliseconds() {
        let stats = Stats {
            hostname: None,
            image_pull_start_time: Some(Timestamp::UNIX_EPOCH),
        };
        assert_eq!(
            serde_json::to_value(stats).unwrap(),
            json!({"imagePullStartTime": "1970-01-01T00:00:00.000Z"})
        );
    }
}
