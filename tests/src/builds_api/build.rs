//! A build as the builds API keeps it: its fields, its steps, and what a change of status does to them.
//! Who may change it is decided in the neighbouring room `rules`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rules::Update;

/// The exit code of a step that was open when its build ended.
const ABORT_CODE: i32 = 130;

/// A build's status, spelt as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the API's own")]
pub enum Status {
    Aborted,
    Created,
    Failure,
    Queued,
    Running,
    Success,
    Blocked,
    Unstable,
    Collapsed,
    Frozen,
}

/// One step of a build. Every build has `sd-setup-init`, open from its creation until it runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    pub name: String,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Its exit code, once it ended.
    pub code: Option<i32>,
}

/// A build.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// Its id.
    pub id: u64,
    /// Its status.
    pub status: Status,
    /// The text shown to the user.
    pub status_message: Option<String>,
    /// ERROR, WARN or INFO.
    pub status_message_type: Option<String>,
    /// What the executor and others reported, merged key by key.
    pub stats: Map<String, Value>,
    /// The build's own results, set with a final status.
    pub meta: Value,
    /// When it was created.
    pub create_time: Timestamp,
    /// When it began to run.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Its event was aborted: the next accepted change, whatever it is, makes the build ABORTED.
    #[serde(skip)]
    pub event_aborted: bool,
}

// === impl Status ===

impl Status {
    /// Every status.
    pub const ALL: [Status; 10] = [
        Status::Aborted,
        Status::Created,
        Status::Failure,
        Status::Queued,
        Status::Running,
        Status::Success,
        Status::Blocked,
        Status::Unstable,
        Status::Collapsed,
        Status::Frozen,
    ];

    /// May a build in this status still be changed?
    pub fn open(self) -> bool {
        matches!(
            self,
            Self::Running | Self::Queued | Self::Blocked | Self::Unstable | Self::Frozen
        )
    }
}

// === impl Step ===

impl Step {
    /// Has begun and not ended.
    pub fn active(&self) -> bool {
        self.start_time.is_some() && self.end_time.is_none()
    }

    fn end(&mut self, code: i32, now: Timestamp) {
        self.end_time = Some(now);
        self.code = Some(code);
    }
}

// === impl Build ===

impl Build {
    pub(crate) fn new(id: u64, status: Status, now: Timestamp) -> Self {
        let init = Step {
            name: "sd-setup-init".to_owned(),
            start_time: Some(now),
            end_time: None,
            code: None,
        };
        Self {
            id,
            status,
            status_message: None,
            status_message_type: None,
            stats: Map::new(),
            meta: Value::Object(Map::new()),
            create_time: now,
            start_time: None,
            end_time: None,
            steps: vec![init],
            event_aborted: false,
        }
    }

    /// A statistic as text, if it is one.
    pub fn stat(&self, key: &str) -> Option<&str> {
        self.stats.get(key).and_then(Value::as_str)
    }

    /// Is nothing more expected of it, so that the API has it stopped?
    pub(super) fn done(&self) -> bool {
        match self.status {
            Status::Aborted | Status::Failure | Status::Success | Status::Collapsed => true,
            Status::Unstable => self.end_time.is_some(),
            Status::Created | Status::Queued | Status::Running | Status::Blocked | Status::Frozen => false,
        }
    }

    /// Applies an update that the rules have let through, sent by `username`.
    pub(super) fn apply(&mut self, update: &Update, username: &str, now: Timestamp) {
        let before = self.status;
        let wanted = if self.event_aborted {
            Some(Status::Aborted)
        } else {
            update.status
        };
        self.stats.extend(update.stats.clone());
        match wanted {
            None if before == Status::Unstable => self.say_if_given(update),
            Some(Status::Success | Status::Failure | Status::Aborted) => {
                self.meta = update.meta.clone().unwrap_or_else(|| Value::Object(Map::new()));
                self.end_time = Some(now);
            }
            Some(Status::Running) => self.start_time = Some(now),
            Some(Status::Blocked) => {
                self.stats
                    .entry("blockedStartTime")
                    .or_insert_with(|| now.to_string().into());
            }
            None
            | Some(
                Status::Created | Status::Queued | Status::Unstable | Status::Collapsed | Status::Frozen,
            ) => {}
        }
        if before != Status::Unstable {
            self.status = wanted.unwrap_or(before);
            self.say(before, update, username);
        }
        self.end_steps(wanted, now);
    }

    /// The text that follows from the new status: forced for an abort, kept by a final status that says
    /// nothing, and cleared by anything else that says nothing.
    fn say(&mut self, before: Status, update: &Update, username: &str) {
        match self.status {
            Status::Aborted if before == Status::Frozen => {
                self.status_message = Some(format!("Frozen build aborted by {username}"));
            }
            Status::Aborted => self.status_message = Some(format!("Aborted by {username}")),
            Status::Failure | Status::Success if update.status_message.is_none() => {}
            Status::Failure
            | Status::Success
            | Status::Created
            | Status::Queued
            | Status::Running
            | Status::Blocked
            | Status::Unstable
            | Status::Collapsed
            | Status::Frozen => {
                self.status_message.clone_from(&update.status_message);
                self.status_message_type.clone_from(&update.status_message_type);
            }
        }
    }

    fn say_if_given(&mut self, update: &Update) {
        if update.status_message.is_some() {
            self.status_message.clone_from(&update.status_message);
        }
        if update.status_message_type.is_some() {
            self.status_message_type.clone_from(&update.status_message_type);
        }
    }

    fn end_steps(&mut self, wanted: Option<Status>, now: Timestamp) {
        let code = match wanted {
            Some(Status::Running | Status::Collapsed | Status::Frozen) => 0,
            _ if self.done() => ABORT_CODE,
            _ => return,
        };
        self.steps
            .iter_mut()
            .filter(|step| step.active())
            .for_each(|step| step.end(code, now));
    }
}
