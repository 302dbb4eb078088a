//! All that was seen of one build: what the API keeps, what it was told, its pods, and what the workers say
//! about their messages. Pure: how it is gathered is the stage's business.

use super::{Line, Sighting};
use crate::builds_api::{Asked, Build};

/// All that was seen of one build so far.
#[derive(Debug, Clone)]
pub struct Story {
    /// The build as the API has it now.
    pub build: Build,
    /// The updates that the API has accepted from the workers and the launcher.
    pub updates: Vec<Asked>,
    /// Its pods.
    pub pods: Sighting,
    /// The workers' log lines about its messages, one a delivery.
    pub lines: Vec<Line>,
}

// === impl Story ===

impl Story {
    /// The texts that the user was told, in order.
    pub fn texts(&self) -> Vec<&str> {
        self.updates.iter().filter_map(Asked::message).collect()
    }

    /// How often FAILURE was reported and accepted.
    pub fn failures(&self) -> usize {
        let failures = self
            .updates
            .iter()
            .filter(|update| update.status() == Some("FAILURE"));
        failures.count()
    }

    /// How many checks were handled.
    pub fn checks(&self) -> usize {
        self.lines.iter().filter(|line| line.job == "check").count()
    }

    /// The outcomes of the build's messages, by time.
    pub fn outcomes(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.outcome.as_str()).collect()
    }

    /// The node, once the API knows it.
    pub fn node(&self) -> Option<&str> {
        self.build.stat("hostname")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::builds_api::Status;

    /// A build with one pod on a node, of which none is left.
    pub(in crate::scenario) fn story(status: Status, texts: &[&str], outcomes: &[&str]) -> Story {
        let at = Timestamp::UNIX_EPOCH;
        let mut build = Build::new(1, status, at);
        build.stats.insert("hostname".to_owned(), "node-a".into());
        let update = |text: &&str| Asked {
            at,
            method: "PUT".to_owned(),
            path: "/v4/builds/1".to_owned(),
            body: json!({ "statusMessage": text }),
            traceparent: None,
            answered: Some(200),
        };
        let line = |outcome: &&str| Line {
            at,
            build: 1,
            job: "check".to_owned(),
            outcome: (*outcome).to_owned(),
        };
        Story {
            build,
            updates: texts.iter().map(update).collect(),
            pods: Sighting::gone(1),
            lines: outcomes.iter().map(line).collect(),
        }
    }

    #[test]
    fn a_story_counts_what_was_seen() {
        let story = story(Status::Queued, &["one", "two"], &["rearmed", "healthy"]);
        assert_eq!(
            (story.texts(), story.failures(), story.checks()),
            (vec!["one", "two"], 0, 2)
        );
        assert_eq!(
            (story.outcomes(), story.node()),
            (vec!["rearmed", "healthy"], Some("node-a"))
        );
    }
}
