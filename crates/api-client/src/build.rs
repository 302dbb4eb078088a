//! What a build is in and what may be said about it: the status, and the body of an update.
//!
//! An update that names nothing does not exist: the API would take an empty body and clear the
//! build's message, which nobody can have meant.

use serde::{Serialize, Serializer};

use crate::timestamp::Timestamp;
use crate::unknown::open_enum;

open_enum! {
    /// Where a build stands, as the API knows it.
    BuildStatus {
        /// Its steps run.
        Running = "RUNNING",
        /// Handed to a build cluster, not running yet.
        Queued = "QUEUED",
        /// Ended well.
        Success = "SUCCESS",
        /// Ended badly, or could not be started.
        Failure = "FAILURE",
        /// Stopped by a user.
        Aborted = "ABORTED",
        /// Known, but waiting for other builds of its event.
        Created = "CREATED",
        /// Held back by another build of the same or of a blocking job.
        Blocked = "BLOCKED",
        /// Runs or ended with a warning; the status does not change any more.
        Unstable = "UNSTABLE",
        /// Superseded by a later build of the same job before it started.
        Collapsed = "COLLAPSED",
        /// Held back by a freeze window.
        Frozen = "FROZEN",
    }
}

open_enum! {
    /// How a build's message is to be taken.
    MessageType {
        /// Something failed.
        Error = "ERROR",
        /// Something may fail.
        Warn = "WARN",
        /// Nothing is wrong.
        Info = "INFO",
    }
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
    status_message_type: Option<MessageType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// Where and when a build started. The API merges what is given into what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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
        Some(time) => serializer.collect_str(&format_args!("{:.3}", time.inner())),
        None => serializer.serialize_none(),
    }
}

// === impl BuildStatus ===

impl BuildStatus {
    /// Whether nothing follows any more. An UNSTABLE build may still run: its end time tells. Nothing is
    /// known about a status that this release does not know, so that is not taken for the last one.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failure | Self::Aborted | Self::Collapsed
        )
    }
}

// === impl BuildUpdate ===

impl BuildUpdate {
    /// Ends the build as FAILURE. The API then sends a stop, which deletes the build's pod.
    pub fn failure(message: impl Into<String>) -> Self {
        let message = Some(message.into());
        Self::of(Some(BuildStatus::Failure), message, None)
    }

    /// Aborts the build: the one update that a user may make. The API itself writes who did it.
    pub fn aborted() -> Self {
        Self::to(BuildStatus::Aborted)
    }

    /// Changes the build's status. Which changes are allowed depends on the token.
    pub fn to(status: BuildStatus) -> Self {
        Self::of(Some(status), None, None)
    }

    /// Tells the user what the build waits for; its status stays.
    pub fn message(text: impl Into<String>) -> Self {
        Self::of(None, Some(text.into()), None)
    }

    /// Tells where the build runs; its status stays. The API clears the message of a build that has
    /// not ended when an update brings none.
    pub fn stats(stats: Stats) -> Self {
        Self::of(None, None, Some(stats))
    }

    fn of(status: Option<BuildStatus>, status_message: Option<String>, given: Option<Stats>) -> Self {
        Self {
            status,
            status_message,
            status_message_type: None,
            stats: given,
        }
    }

    /// The same update with this text for the user.
    #[must_use]
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        self.status_message = Some(text.into());
        self
    }

    /// The same update, its text marked as an error, a warning or for information.
    #[must_use]
    pub fn with_message_type(mut self, kind: MessageType) -> Self {
        self.status_message_type = Some(kind);
        self
    }

    /// The status that the build is to get, if the update changes it.
    pub fn status(&self) -> Option<&BuildStatus> {
        self.status.as_ref()
    }

    /// Whether the API refuses the update once it has been made.
    pub(crate) fn is_refused_twice(&self) -> bool {
        matches!(self.status(), Some(BuildStatus::Running | BuildStatus::Blocked))
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

// === impl Stats ===

impl Stats {
    /// Says what is known; what is not, the API keeps as it has it.
    pub fn new(hostname: Option<String>, image_pull_start_time: Option<Timestamp>) -> Self {
        Self {
            hostname,
            image_pull_start_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_known_end_is_final() {
        let statuses = [
            "RUNNING",
            "QUEUED",
            "SUCCESS",
            "FAILURE",
            "ABORTED",
            "CREATED",
            "BLOCKED",
            "UNSTABLE",
            "COLLAPSED",
            "FROZEN",
            "HIBERNATED",
        ];
        let ends = statuses
            .map(BuildStatus::from)
            .into_iter()
            .filter(BuildStatus::is_final);
        let ends: Vec<_> = ends.map(|status| status.to_string()).collect();
        assert_eq!(ends, ["SUCCESS", "FAILURE", "ABORTED", "COLLAPSED"]);
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
                BuildUpdate::stats(Stats::new(Some("node-7".to_owned()), Some(time))),
                json!({"stats": {"hostname": "node-7", "imagePullStartTime": "2024-05-06T07:08:09.012Z"}}),
            ),
            (
                BuildUpdate::stats(Stats::new(Some("node-7".to_owned()), None)),
                json!({"stats": {"hostname": "node-7"}}),
            ),
            (BuildUpdate::aborted(), json!({"status": "ABORTED"})),
            (
                BuildUpdate::to(BuildStatus::Running)
                    .with_message("hot")
                    .with_message_type(MessageType::Warn),
                json!({"status": "RUNNING", "statusMessage": "hot", "statusMessageType": "WARN"}),
            ),
        ];
        for (update, expected) in table {
            assert_eq!(serde_json::to_value(&update).unwrap(), expected);
        }
    }

    #[test]
    fn whole_seconds_keep_their_milliseconds() {
        let stats = Stats::new(None, Some("1970-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(
            serde_json::to_value(stats).unwrap(),
            json!({"imagePullStartTime": "1970-01-01T00:00:00.000Z"})
        );
    }
}
