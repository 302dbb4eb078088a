//! Verdicts as metrics know them: a closed set, whatever a cluster writes.

use std::collections::BTreeSet;

use super::{
    NoPod, Reason, Verdict,
    catalogue::{self, Actor, Fate},
};

/// What stands where a verdict has no reason, or nobody whose turn it is.
const NONE: &str = "none";

/// The labels of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    /// What is the case.
    pub verdict: &'static str,
    /// Why, of a build that failed or needs a new pod.
    pub reason: &'static str,
    /// Who can mend it, of a build that failed.
    pub actor: &'static str,
}

/// Every combination that there is of starts that fail.
pub fn labels_of_starts() -> BTreeSet<Labels> {
    NoPod::ALL.into_iter().map(Labels::no_pod).collect()
}

/// Every combination that there is of pods, by the catalogue.
pub fn labels() -> BTreeSet<Labels> {
    let plain = [
        "healthy",
        "waiting",
        "progressing",
        "terminating",
        "not_created",
        "missing",
    ];
    let plain = plain.into_iter().map(Labels::plain);
    let rows = catalogue::all().chain([&catalogue::UNKNOWN]).flat_map(|row| {
        // Beside the build's own container it is the cluster admin's business.
        let actors = match row.actor {
            Actor::You => vec![Actor::You, Actor::ClusterAdmin],
            actor => vec![actor],
        };
        let anew = matches!(row.fate, Fate::Anew(_)).then(|| Labels::anew(row.reason));
        let failed = actors.into_iter().map(|actor| Labels::failed(row.reason, actor));
        failed.chain(anew)
    });
    plain.chain(rows).collect()
}

// === impl Labels ===

impl Labels {
    fn plain(verdict: &'static str) -> Self {
        Self {
            verdict,
            reason: NONE,
            actor: NONE,
        }
    }

    fn failed(reason: Reason, actor: Actor) -> Self {
        Self {
            verdict: "failed",
            reason: reason.as_str(),
            actor: actor.as_str(),
        }
    }

    /// Those of a start that failed.
    pub fn no_pod(why: NoPod) -> Self {
        Self {
            verdict: "failed",
            reason: why.as_str(),
            actor: why.actor().as_str(),
        }
    }

    fn anew(reason: Reason) -> Self {
        Self {
            verdict: "recreate",
            reason: reason.as_str(),
            actor: NONE,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Its labels: one of [`labels`].
    pub fn labels(&self) -> Labels {
        match self {
            Self::Failed(failure) => Labels::failed(failure.reason, failure.actor),
            Self::Recreate { reason, .. } => Labels::anew(*reason),
            Self::Healthy { .. }
            | Self::Waiting { .. }
            | Self::Progressing { .. }
            | Self::Terminating { .. }
            | Self::NotCreated
            | Self::Missing => Labels::plain(self.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_a_pod_can_be_counted_and_there_are_not_too_many_series() {
        let all = labels();
        let counted: BTreeSet<&str> = all.iter().map(|labels| labels.reason).collect();
        let uncounted = Reason::ALL
            .iter()
            .filter(|reason| !counted.contains(reason.as_str()));
        let uncounted: Vec<&Reason> = uncounted.collect();
        assert!(uncounted.is_empty(), "{uncounted:?}");
        assert!(all.is_disjoint(&labels_of_starts()), "two causes under one name");
        assert!(all.len() < 100, "{} series of one counter", all.len());
    }
}
