//! A recording, and what a chain of checks or a single look would make of it.

use std::{sync::LazyLock, time::Duration};

use common::{
    facts::{Facts, PodPhase, State},
    verdict::{Explanation, Judgement, LastLook, Moment, Sight, Verdict, explain, judge, wants_events},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde::Deserialize;

use crate::files::{self, CLOCKS};

/// After the last snapshot, when every grace and clock has run out; the second confirms the first.
const LATER: [Duration; 2] = [Duration::from_mins(20), Duration::from_mins(25)];

#[derive(Deserialize)]
pub(crate) struct Recording {
    pub(crate) scenario: String,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) events: Vec<Event>,
}

#[derive(Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) at: f64,
    pub(crate) r#type: String,
    pub(crate) pod: Pod,
}

/// One look of a replay.
pub(crate) struct Look {
    pub(crate) facts: Option<Facts>,
    pub(crate) after: Duration,
    pub(crate) verdict: Verdict,
}

/// A chain of looks at one build.
struct Chain<'a> {
    recording: &'a Recording,
    created: Timestamp,
    last: LastLook,
    looks: Vec<Look>,
}

// === impl Recording ===

impl Recording {
    /// Every file, under its own name: a few pods are called otherwise than their file.
    pub(crate) fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Recording>> = LazyLock::new(Recording::read_all);
        &ALL
    }

    fn read_all() -> Vec<Self> {
        let read = |(scenario, text): (String, Vec<u8>)| {
            let recording: Self = serde_json::from_slice(&text).unwrap();
            Self {
                scenario,
                ..recording
            }
        };
        files::all().into_iter().map(read).collect()
    }

    pub(crate) fn replay(&self) -> Vec<Look> {
        let first = Facts::read(&self.snapshots[0].pod);
        let mut chain = Chain {
            recording: self,
            created: first.created_at.unwrap(),
            last: LastLook::default(),
            looks: Vec::new(),
        };
        for snapshot in &self.snapshots {
            chain.look(snapshot, Duration::from_secs_f64(snapshot.at));
        }
        let end = self.snapshots.last().unwrap();
        for later in LATER {
            chain.look(end, Duration::from_secs_f64(end.at) + later);
        }
        chain.looks
    }

    /// What one look makes of the last pod that was seen, when every clock has run out.
    pub(crate) fn explain(&self) -> Look {
        let seen = self
            .snapshots
            .iter()
            .rev()
            .find(|snapshot| snapshot.r#type != "DELETED");
        let facts = Facts::read(&seen.unwrap().pod);
        let after = Duration::from_secs_f64(seen.unwrap().at) + LATER[1];
        let created = facts.created_at.unwrap();
        let at = Moment {
            now: created + after,
            started_at: created,
            start_deadline: Duration::from_hours(1),
            recreated: 0,
        };
        let Explanation { verdict, .. } = explain(&facts, &at, &CLOCKS);
        let (facts, verdict) = if wants_events(&facts, &verdict) {
            let facts = facts.with_events(&self.events);
            let Explanation { verdict, .. } = explain(&facts, &at, &CLOCKS);
            (facts, verdict)
        } else {
            (facts, verdict)
        };
        Look {
            facts: Some(facts),
            after,
            verdict,
        }
    }
}

// === impl Chain ===

impl Chain<'_> {
    fn look(&mut self, snapshot: &Snapshot, after: Duration) {
        let now = self.created + after;
        let mut facts = (snapshot.r#type != "DELETED").then(|| Facts::read(&snapshot.pod));
        let mut judgement = self.judge(facts.as_ref(), now);
        if let Some(known) = facts.take_if(|facts| wants_events(facts, &judgement.verdict)) {
            let known = known.with_events(&self.events_until(now));
            judgement = self.judge(Some(&known), now);
            facts = Some(known);
        }
        // A build that gets a new pod leaves the old one behind; the replay stays with the old one.
        if !matches!(judgement.verdict, Verdict::Recreate { .. }) {
            self.last = judgement.look;
        }
        self.looks.push(Look {
            facts,
            after,
            verdict: judgement.verdict,
        });
    }

    fn judge(&self, facts: Option<&Facts>, now: Timestamp) -> Judgement {
        let sight = facts.map_or(Sight::Absent { ever_seen: true }, Sight::Pod);
        let start_deadline = Duration::from_hours(1);
        let at = Moment {
            now,
            started_at: self.created,
            start_deadline,
            recreated: 0,
        };
        judge(sight, &self.last, &at, &CLOCKS)
    }

    fn events_until(&self, now: Timestamp) -> Vec<Event> {
        let mut events = self.recording.events.clone();
        events.retain(|event| {
            event
                .metadata
                .creation_timestamp
                .as_ref()
                .is_none_or(|time| time.0 <= now)
        });
        events
    }
}

// === impl Look ===

impl Look {
    pub(crate) fn build_state(&self) -> Option<&State> {
        Some(&self.facts.as_ref()?.build()?.state)
    }

    /// The build container runs, and neither the pod nor anybody who deletes it says otherwise.
    pub(crate) fn runs(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| {
            facts.deletion_due.is_none()
                && matches!(facts.phase, PodPhase::Pending | PodPhase::Running)
                && matches!(self.build_state(), Some(State::Running { .. }))
        })
    }

    pub(crate) fn text(&self) -> &str {
        match &self.verdict {
            Verdict::Failed(failure) => &failure.message,
            Verdict::Waiting { cause }
            | Verdict::Progressing { cause }
            | Verdict::Terminating { cause }
            | Verdict::Recreate { cause, .. } => cause,
            Verdict::Healthy { .. } | Verdict::NotCreated | Verdict::Missing => "",
        }
    }

    pub(crate) fn label(&self) -> String {
        let label = self.verdict.as_str();
        match &self.verdict {
            Verdict::Failed(failure) => {
                format!("{label} {} {}", failure.reason.as_str(), failure.actor.as_str())
            }
            Verdict::Recreate { reason, .. } => format!("{label} {}", reason.as_str()),
            Verdict::Healthy { ended, .. } => format!("{label} {}", if *ended { "ended" } else { "running" }),
            _ => label.to_owned(),
        }
    }
}
