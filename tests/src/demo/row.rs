//! One build's line in the table. Pure: a story in, columns out.

use std::fmt;

use crate::{
    builds_api::Status,
    scenario::{Scenario, Story},
};

/// One line: a build, or the names of the columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    build: String,
    scenario: String,
    pod: String,
    checks: String,
    outcome: String,
    status: String,
    text: String,
}

// === impl Row ===

impl Row {
    /// The names of the columns.
    pub(super) fn header() -> String {
        let row = Self {
            build: "build".to_owned(),
            scenario: "scenario".to_owned(),
            pod: "pod".to_owned(),
            checks: "checks".to_owned(),
            outcome: "outcome".to_owned(),
            status: "status".to_owned(),
            text: "what its user reads".to_owned(),
        };
        row.to_string()
    }

    /// A build whose message is not published yet.
    pub(super) fn coming(scenario: &Scenario) -> Self {
        Self {
            build: String::new(),
            scenario: scenario.name.to_owned(),
            pod: String::new(),
            checks: String::new(),
            outcome: String::new(),
            status: String::new(),
            text: String::new(),
        }
    }

    /// A build as its story is so far.
    pub(super) fn of(scenario: &Scenario, story: &Story) -> Self {
        Self {
            build: story.build.id.to_string(),
            scenario: scenario.name.to_owned(),
            pod: story.pods.state().to_owned(),
            checks: story.checks().to_string(),
            outcome: (*story.outcomes().last().unwrap_or(&"")).to_owned(),
            status: status(story.build.status).to_owned(),
            text: text(story),
        }
    }

    /// What is worth a line of its own: everything but the pod's state. Empty before the message is published.
    pub(super) fn news(&self) -> String {
        let Self {
            build,
            scenario: _,
            pod: _,
            checks,
            outcome,
            status,
            text,
        } = self;
        [build, checks, outcome, status, text]
            .map(String::as_str)
            .join(" ")
            .trim()
            .to_owned()
    }
}

/// The columns; what is too long for one ends with an ellipsis, but for the last, which may be cut at will.
impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:<5}  {:<16}  {:<17}  {:>6}  {:<10}  {:<7}  {}",
            cut(&self.build, 5),
            cut(&self.scenario, 16),
            cut(&self.pod, 17),
            self.checks,
            cut(&self.outcome, 10),
            cut(&self.status, 7),
            self.text
        )
    }
}

/// As on the wire.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Aborted => "ABORTED",
        Status::Created => "CREATED",
        Status::Failure => "FAILURE",
        Status::Queued => "QUEUED",
        Status::Running => "RUNNING",
        Status::Success => "SUCCESS",
        Status::Blocked => "BLOCKED",
        Status::Unstable => "UNSTABLE",
        Status::Collapsed => "COLLAPSED",
        Status::Frozen => "FROZEN",
    }
}

/// The text on the build's page, or where the build runs if there is none.
fn text(story: &Story) -> String {
    match (&story.build.status_message, story.node()) {
        (Some(text), _) => text.clone(),
        (None, Some(node)) => format!("on {node}"),
        (None, None) => String::new(),
    }
}

/// At most so many characters, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most - 1).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::all;

    #[test]
    fn columns_stand_under_their_names() {
        let header = Row::header();
        let mut row = Row::coming(&all()[0]);
        row.pod = "CreateContainerConfigError".to_owned();
        row.text = "the text".to_owned();
        let line = row.to_string();
        let column = |line: &str, text: &str| line.find(text).map(|at| line[..at].chars().count());
        assert_eq!(column(&line, "the text"), column(&header, "what its user reads"));
        assert!(line.contains("CreateContainerC…"), "{line}");
    }

    #[test]
    fn every_name_fits_its_column() {
        for scenario in all() {
            let line = Row::coming(&scenario).to_string();
            assert!(line.contains(scenario.name), "{line}");
        }
    }
}
