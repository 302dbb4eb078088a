//! What pods report and what it means, as one table.
//!
//! A row says where a reason stands, which texts narrow it down, what the build's fate is and what the user
//! reads. The first row that matches counts, so rows with texts stand above the row without. Reasons that no
//! row knows are no failures at first sight: they fall to the clock of their phase.

mod containers;
mod images;
mod pods;
mod rows;
mod surroundings;

pub(super) use self::rows::UNKNOWN;

use super::Reason;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// Where the reason stands.
    pub(super) scope: Scope,
    /// The reasons, exactly; a trailing `*` stands for any ending. The `Error` of a container that ended carries
    /// its exit code: `Error:137`.
    pub(super) reasons: &'static [&'static str],
    /// Lower-case texts of which the message holds one; none: any message.
    pub(super) texts: &'static [&'static str],
    /// The reason that we report.
    pub(super) reason: Reason,
    /// What it does to the build.
    pub(super) fate: Fate,
    /// Who can mend it, if the build's own container is concerned; for others it is the cluster admin.
    pub(super) actor: Actor,
    /// Which of the predecessor's texts a failure begins with.
    pub(super) lead: Lead,
    /// The cause in plain words, without a full stop. `{container}`, `{image}`, `{node}`, `{code}` and `{limit}`
    /// are filled in.
    pub(super) cause: &'static str,
    /// What to do about it, as an instruction without a full stop.
    pub(super) advice: &'static str,
}

/// Where in a pod a reason stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// `state.waiting` of a container.
    Waiting,
    /// `state.terminated` of a container that the build waits for and that ended badly; else see [`Scope::Ended`].
    InitEnded,
    /// `state.terminated` of a container that ended badly.
    Ended,
    /// `status.reason` of a pod that failed before its build began for certain; else see [`Scope::Pod`].
    PodBefore,
    /// `status.reason` of a pod that failed.
    Pod,
    /// The condition `DisruptionTarget`.
    Disruption,
    /// The condition `PodScheduled`, being false.
    Schedule,
    /// An event.
    Event,
    /// A phase of ours, when nothing else is known.
    Phase,
    /// What the absence of a pod means.
    Absence,
}

/// What a reason does to the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It fails at once.
    Fails,
    /// It fails when the reason stood for so many seconds over at least two looks.
    Grace(u16),
    /// It often mends itself: a clock of so many seconds, confirmed by two looks after it ran out.
    Clock(u16),
    /// No error: the clock of the phase, confirmed by two looks after it ran out.
    Phase,
    /// The cluster's doing: a build that never ran gets a new pod, at most so many times; others fail.
    Anew(u32),
}

/// Who can mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever owns the build.
    You,
    /// Whoever runs the cluster.
    ClusterAdmin,
    /// Nobody: it passes.
    Nobody,
}

/// The predecessor's texts, which users of the builds API match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// "... Please check if your image is valid."
    Image,
    /// "... Please reach out to your cluster admin for help."
    Admin,
    /// "Build failed to start."
    Start,
    /// Nothing: the build had started.
    None,
}

/// The whole table.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    [images::ROWS, containers::ROWS, pods::ROWS, surroundings::ROWS]
        .into_iter()
        .flatten()
}

/// The row for a reason and its text. `None`: no row knows it.
pub(super) fn find(scope: Scope, reason: &str, text: &str) -> Option<&'static Row> {
    let mut rows = all()
        .filter(|row| row.scope == scope && row.knows(reason))
        .peekable();
    if rows.peek()?.texts.is_empty() {
        return rows.next();
    }
    let text = masked(text);
    rows.find(|row| row.fits(&text))
}

/// The text in lower case without names, paths and addresses: an image may be called `not-found/timeout`.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for unquoted in text.split('"').step_by(2) {
        for word in unquoted.split_whitespace() {
            let name = word.contains('/')
                && !word.starts_with("i/o")
                && !word.starts_with("input/")
                && !word.starts_with("text/html");
            if !name {
                masked.push_str(word);
                masked.push(' ');
            }
        }
    }
    masked.make_ascii_lowercase();
    masked
}

// === impl Row ===

impl Row {
    fn knows(&self, reason: &str) -> bool {
        self.reasons.iter().any(|known| match known.strip_suffix('*') {
            Some(beginning) => reason.starts_with(beginning),
            None => reason == *known,
        })
    }

    /// Whether it takes whatever no row above it took.
    pub(super) fn takes_any(&self) -> bool {
        self.reasons == ["*"] && self.texts.is_empty()
    }

    fn fits(&self, masked: &str) -> bool {
        self.texts.is_empty() || self.texts.iter().any(|text| masked.contains(text))
    }
}

// === impl Actor ===

impl Actor {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::ClusterAdmin => "cluster_admin",
            Self::Nobody => "nobody",
        }
    }
}
