//! What is said about one pod.

use std::fmt;

use common::{
    facts::{Container, EventFacts, Facts, Role, Schedule, State},
    settings::Settings,
    verdict::{
        Actor, Explanation, Moment, Reason, Verdict, explain, explain_gone, in_its_time, quoted,
        recreated_message, waiting_message, wants_events,
    },
};
use jiff::Timestamp;
use serde::Serialize;

use super::input::Seen;

/// What decides beside the pods.
pub(super) struct Circumstances<'a> {
    pub(super) at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) container: Option<&'a str>,
    pub(super) events: Vec<EventFacts>,
    pub(super) settings: &'a Settings,
}

/// What is said about one pod. Its JSON is an interface: see `docs/VERDICTS.md`.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pod: String,
    verdict: &'static str,
    /// `running` or `ended` if nothing is wrong.
    reason: &'static str,
    actor: &'static str,
    /// Empty: the build is told nothing.
    message: String,
    #[serde(skip)]
    facts: Facts,
}

/// The events that had happened by then.
pub(super) fn happened(events: Vec<EventFacts>, at: Timestamp) -> Vec<EventFacts> {
    let begun = |event: &EventFacts| event.first_at.is_none_or(|first| first <= at);
    events.into_iter().filter(begun).collect()
}

// === impl Answer ===

impl Answer {
    pub(super) fn new(seen: Seen, circumstances: &Circumstances<'_>) -> Self {
        let (facts, deleted) = match seen {
            Seen::Pod(facts) => (facts, false),
            Seen::Deleted(facts) => (facts, true),
        };
        let facts = match circumstances.container {
            Some(name) => facts.with_build(name),
            None => facts,
        };
        let moment = circumstances.moment(&facts);
        let clocks = &circumstances.settings.checks.clocks;
        if deleted {
            let explanation = explain_gone(&facts, &moment);
            return Self {
                verdict: "gone",
                ..Self::of(explanation, facts, &moment, circumstances)
            };
        }
        let first = explain(&facts, &moment, clocks);
        if circumstances.events.is_empty() || !wants_events(&facts, &first.verdict) {
            return Self::of(first, facts, &moment, circumstances);
        }
        let facts = facts.knowing(&circumstances.events);
        Self::of(explain(&facts, &moment, clocks), facts, &moment, circumstances)
    }

    fn of(
        explanation: Explanation,
        facts: Facts,
        moment: &Moment,
        circumstances: &Circumstances<'_>,
    ) -> Self {
        Self {
            pod: facts.name.clone(),
            verdict: label(&explanation.verdict),
            reason: explanation
                .reason
                .map_or_else(|| well(&explanation.verdict), Reason::as_str),
            actor: actor(explanation.actor.unwrap_or(Actor::Nobody)),
            message: message(explanation.verdict, circumstances.is_late(moment)).unwrap_or_default(),
            facts,
        }
    }
}

fn label(verdict: &Verdict) -> &'static str {
    match verdict {
        // Of pods that are there these do not arise; they mean that there is none.
        Verdict::Missing | Verdict::NotCreated => "gone",
        known => known.as_str(),
    }
}

/// The reason where nothing is wrong.
fn well(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy { ended: false, .. } => "running",
        _ => "ended",
    }
}

fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::You => "user",
        Actor::ClusterAdmin => "admin",
        Actor::Nobody => "nobody",
    }
}

/// As a check would say it. `late`: at the init timeout or after it.
fn message(verdict: Verdict, late: bool) -> Option<String> {
    match verdict {
        Verdict::Failed(failure) => Some(failure.message),
        Verdict::Waiting { cause } => Some(in_its_time(waiting_message(Some(&cause)), late)),
        Verdict::Progressing { cause } => Some(in_its_time(cause, late)),
        Verdict::Terminating { cause } => Some(cause),
        Verdict::Recreate { cause, .. } => Some(recreated_message(&cause)),
        Verdict::Healthy { .. } | Verdict::NotCreated | Verdict::Missing => None,
    }
}

// === impl Circumstances ===

impl Circumstances<'_> {
    fn moment(&self, facts: &Facts) -> Moment {
        Moment {
            now: self.at,
            started_at: self.started_at.or(facts.created_at).unwrap_or(self.at),
            start_deadline: self.settings.start.deadline,
            recreated: facts.recreated,
        }
    }

    fn is_late(&self, moment: &Moment) -> bool {
        let late = moment.started_at.checked_add(self.settings.checks.init_timeout);
        late.is_ok_and(|late| late <= moment.now)
    }
}

// === impl Display ===

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { facts, .. } = self;
        writeln!(f, "pod        {}", quoted(&self.pod))?;
        writeln!(
            f,
            "verdict    {}, reason {}, actor {}",
            self.verdict, self.reason, self.actor
        )?;
        writeln!(
            f,
            "phase      {}{}",
            facts.phase.as_str(),
            told(facts.reason.as_ref(), facts.message.as_ref())
        )?;
        writeln!(f, "node       {}", node(facts))?;
        if let Some(due) = facts.deletion_due {
            writeln!(f, "deletion   due {due}")?;
        }
        if let Some(taken) = facts.disruption() {
            writeln!(
                f,
                "taken      {}",
                told(taken.reason.as_ref(), taken.message.as_ref()).trim_start()
            )?;
        }
        for container in &facts.containers {
            writeln!(
                f,
                "container  {} ({}): {}",
                quoted(&container.name),
                role(container),
                state(container)
            )?;
        }
        if !self.message.is_empty() {
            writeln!(f, "message    {}", self.message)?;
        }
        Ok(())
    }
}

fn node(facts: &Facts) -> String {
    match (&facts.node, &facts.schedule) {
        (Some(node), _) => quoted(node),
        (None, Schedule::Gated(text)) => format!("none, held back by a gate{}", told(None, text.as_ref())),
        (None, Schedule::Refused { reason, message }) => {
            format!("none{}", told(reason.as_ref(), message.as_ref()))
        }
        (None, Schedule::Unseen | Schedule::Bound) => "none, and no scheduler has spoken".to_owned(),
    }
}

fn role(container: &Container) -> &'static str {
    match container.role {
        Role::Init => "init container",
        Role::NativeSidecar => "native sidecar",
        Role::Build => "build",
        Role::Sidecar => "sidecar",
    }
}

fn state(container: &Container) -> String {
    let now = match &container.state {
        State::Absent => "no status".to_owned(),
        State::Waiting { reason, message } => format!("waits{}", told(reason.as_ref(), message.as_ref())),
        State::Running { since: Some(since) } => format!("runs since {since}"),
        State::Running { since: None } => "runs".to_owned(),
        State::Ended(ended) => format!(
            "ended with {}{}",
            ended.exit_code,
            told(ended.reason.as_ref(), ended.message.as_ref())
        ),
    };
    match container.restarts {
        0 => now,
        restarts => format!("{now}, restarted {restarts} times"),
    }
}

/// Words of the cluster, led by a space.
fn told(reason: Option<&String>, message: Option<&String>) -> String {
    let words = [reason, message].into_iter().flatten().map(|text| quoted(text));
    let words: Vec<_> = words.collect();
    match words.join(": ") {
        none if none.is_empty() => none,
        words => format!(" {words}"),
    }
}
