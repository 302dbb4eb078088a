//! What our own messages carry beside the build: the memory of earlier handlings.
//!
//! It travels in the message so that no process has to remember anything. Only queues of ours ever hold
//! these messages. Times are RFC 3339, spans of time are milliseconds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    telemetry::propagation::{TraceContext, lenient},
    verdict::LastLook,
};

/// The `check` object: which pod to look at, and what earlier looks saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckState {
    /// The executor that started the build.
    pub executor: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's UID, once a look has seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// When the start was first handled.
    pub started_at: Timestamp,
    /// Which check of the ladder this is, from 0.
    pub number: u32,
    /// Which try of this check this is, from 0.
    #[serde(default)]
    pub attempt: u32,
    /// What the last look saw and since when.
    #[serde(flatten)]
    pub look: LastLook,
    /// How often the pod was recreated.
    #[serde(default)]
    pub recreated: u32,
    /// Why the pod was being deleted, if that is how the last look at it found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<String>,
    /// The last text sent to the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A report could not be delivered and is still due.
    #[serde(default)]
    pub report_due: bool,
    /// Milliseconds that outages took; the start deadline does not count them.
    #[serde(default)]
    pub held: u64,
    /// An extra look beside the chain: it reports what it finds and arms no other check.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// The trace that armed the check.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub trace_context: Option<TraceContext>,
}

/// The `start` object: what earlier tries of a start left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartState {
    /// The executor that was chosen at the first handling.
    pub executor: String,
    /// Tries that failed by the message's own fault.
    #[serde(default)]
    pub attempt: u32,
    /// When the start was first handled.
    pub since: Timestamp,
    /// Milliseconds that outages took; the start deadline does not count them.
    #[serde(default)]
    pub held: u64,
    /// A chain of checks lives already.
    #[serde(default)]
    pub armed: bool,
    /// The dead pod to replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recreate: Option<Recreate>,
    /// The trace of the first handling.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub trace_context: Option<TraceContext>,
}

/// A pod that never ran and is to be replaced under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recreate {
    /// UID of the dead pod; `None` when it is gone already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Which replacement this is, from 1.
    pub n: u32,
}

/// The `stop` object: which look of a stop this is, or which try of a clear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopState {
    /// 1, or 2 for the second look of a stop.
    pub pass: u8,
    /// Tries of this pass that failed.
    #[serde(default)]
    pub attempt: u32,
    /// Milliseconds that outages took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held: u64,
    /// The trace of the first handling.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub trace_context: Option<TraceContext>,
}

// === impl StartState ===

impl StartState {
    /// The state of a start that was handled for the first time at `since`, before an executor was chosen.
    pub fn new(since: Timestamp, trace_context: Option<TraceContext>) -> Self {
        Self {
            executor: String::new(),
            attempt: 0,
            since,
            held: 0,
            armed: false,
            recreate: None,
            trace_context,
        }
    }
}

// === impl StopState ===

impl StopState {
    /// The state of a stop or clear that was never handled before.
    pub fn new(trace_context: Option<TraceContext>) -> Self {
        Self {
            pass: 1,
            attempt: 0,
            held: 0,
            trace_context,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
