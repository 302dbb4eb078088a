//! How a scenario has to end, and what is missing from that in a story. Pure.

use super::Story;
use crate::{builds_api::Status, collector::Span};

/// The end of a scenario.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The build's status in the API. FAILURE must have been reported exactly once, or never for any other.
    pub status: Status,
    /// Pieces of the last text that the user sees, in any order.
    pub message: &'static [&'static str],
    /// How texts begin that the user was told on the way, in order.
    pub told: &'static [&'static str],
    /// How many pods were made for the build, in all.
    pub pods: usize,
    /// Whether the API must know the node.
    pub hostname: bool,
    /// Outcomes of the build's messages, in order, others between them.
    pub outcomes: &'static [&'static str],
    /// Spans that belong to the build's one trace: service and name.
    pub spans: &'static [(&'static str, &'static str)],
}

/// What every trace holds in which a pod was made, checked and told of.
const SPANS: &[(&str, &str)] = &[
    ("start-worker", "create pod"),
    ("verify-worker", "get pod"),
    ("verify-worker", "PUT /v4/builds/{id}"),
];

// === impl Expected ===

impl Expected {
    /// One pod that ran, and a build that ended well.
    pub(super) fn success() -> Self {
        Self {
            status: Status::Success,
            message: &[],
            told: &[],
            pods: 1,
            hostname: true,
            outcomes: &["created", "healthy", "stopped"],
            spans: SPANS,
        }
    }

    /// One pod, and a FAILURE whose text holds these pieces.
    pub(super) fn failure(message: &'static [&'static str]) -> Self {
        Self {
            status: Status::Failure,
            message,
            hostname: false,
            outcomes: &["created", "failed", "stopped"],
            ..Self::success()
        }
    }

    /// One pod at most, and a build that a user ended.
    pub(super) fn aborted(outcomes: &'static [&'static str]) -> Self {
        Self {
            status: Status::Aborted,
            message: &[],
            hostname: false,
            outcomes,
            ..Self::success()
        }
    }

    /// The same with this many pods made.
    pub(super) fn pods(mut self, pods: usize) -> Self {
        self.pods = pods;
        self
    }

    /// The same with these texts told on the way.
    pub(super) fn told(mut self, told: &'static [&'static str]) -> Self {
        self.told = told;
        self
    }

    /// The same with other outcomes.
    pub(super) fn outcomes(mut self, outcomes: &'static [&'static str]) -> Self {
        self.outcomes = outcomes;
        self
    }

    /// The same with other spans.
    pub(super) fn spans(mut self, spans: &'static [(&'static str, &'static str)]) -> Self {
        self.spans = spans;
        self
    }

    /// What is not, or not yet, as it has to be at the end. No pod may be left: every build here has ended.
    pub fn unmet(&self, story: &Story) -> Vec<String> {
        let mut unmet = self.unmet_by_the_api(story);
        unmet.extend(self.unmet_by_the_pods(story));
        let outcomes = story.outcomes();
        if !in_order(self.outcomes, &outcomes, |wanted, outcome| wanted == outcome) {
            unmet.push(format!("the outcomes are {outcomes:?}, not {:?}", self.outcomes));
        }
        unmet
    }

    fn unmet_by_the_api(&self, story: &Story) -> Vec<String> {
        let mut unmet = Vec::new();
        let status = story.build.status;
        if status != self.status {
            unmet.push(format!("the build is {status:?}, not {:?}", self.status));
        }
        let failures = story.failures();
        if failures != usize::from(self.status == Status::Failure) {
            unmet.push(format!("FAILURE was reported {failures} times"));
        }
        let message = story.build.status_message.as_deref().unwrap_or_default();
        let missing = self.message.iter().filter(|piece| !message.contains(**piece));
        unmet.extend(missing.map(|piece| format!("the user does not read {piece:?} but {message:?}")));
        let texts = story.texts();
        if !in_order(self.told, &texts, |wanted, text| text.starts_with(wanted)) {
            unmet.push(format!("the user was told {texts:?}, not {:?}", self.told));
        }
        if self.hostname && story.node().is_none() {
            unmet.push("the API was not told the node".to_owned());
        }
        unmet
    }

    fn unmet_by_the_pods(&self, story: &Story) -> Vec<String> {
        let mut unmet = Vec::new();
        let [made, left] = [story.pods.made(), story.pods.left()];
        if made != self.pods {
            unmet.push(format!("{made} pods were made, not {}", self.pods));
        }
        if left != 0 {
            unmet.push(format!("{left} pods are left"));
        }
        if story.pods.names() > 1 {
            unmet.push("its pods had different names".to_owned());
        }
        unmet
    }

    /// The spans that the build's trace lacks.
    pub fn missing_spans(&self, trace: &[Span]) -> Vec<String> {
        let has = |(service, name): &(&str, &str)| {
            trace
                .iter()
                .any(|span| span.service == *service && span.name == *name)
        };
        let missing = self.spans.iter().filter(|span| !has(span));
        missing
            .map(|(service, name)| format!("{service}: {name}"))
            .collect()
    }
}

/// Whether each of `wanted` fits something in `seen`, in the same order.
fn in_order(wanted: &[&str], seen: &[&str], fits: impl Fn(&str, &str) -> bool) -> bool {
    let mut seen = seen.iter();
    wanted.iter().all(|wanted| seen.any(|seen| fits(wanted, seen)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::story::tests::story;

    #[test]
    fn a_story_as_expected_lacks_nothing() {
        let met = story(
            Status::Success,
            &["Waiting"],
            &["created", "rearmed", "healthy", "stopped"],
        );
        assert_eq!(Expected::success().unmet(&met), Vec::<String>::new());
        assert_eq!(
            Expected::success().told(&["Wait"]).unmet(&met),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_difference_is_named() {
        let met = story(Status::Success, &[], &["created", "healthy", "stopped"]);
        let differences = [
            (Expected::failure(&["no such image"]), 4),
            (Expected::success().pods(2), 1),
            (Expected::success().told(&["Waiting"]), 1),
            (Expected::success().outcomes(&["healthy", "created"]), 1),
        ];
        for (expected, count) in differences {
            let unmet = expected.unmet(&met);
            assert_eq!(unmet.len(), count, "{unmet:?}");
        }
    }

    #[test]
    fn order_counts_and_gaps_do_not() {
        let same = |wanted: &str, seen: &str| wanted == seen;
        assert!(in_order(&["a", "c"], &["a", "b", "c"], same));
        assert!(!in_order(&["c", "a"], &["a", "b", "c"], same));
        assert!(!in_order(&["a", "a"], &["a"], same));
    }
}
