//! Recordings of a real kubelet (tests/data/recordings/) as steps, and what a recorded status or event reads
//! like on another pod. Pure apart from reading the file.

mod origin;

use std::{path::Path, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{events::Occurrence, layout::Layout, life::Step};
use origin::Origin;

/// What is another's to say (the API server's class, the scheduler's binding) or depends on the node's build.
const LEFT_OUT: [&str; 8] = [
    "qosClass",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "resources",
    "allocatedResources",
    "nominatedNodeName",
];

/// What a status loses when a recorded one without it follows.
const CLEARED: [&str; 6] = [
    "reason",
    "message",
    "conditions",
    "initContainerStatuses",
    "containerStatuses",
    "startTime",
];

/// Who says on its own what the recording says too: the real scheduler is at work here.
const SPEAKS_FOR_ITSELF: &str = "default-scheduler";

/// Something from a recording, and how to read it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What it is.
    pub(super) what: What,
    /// How the recorded pod differs from the one it is played on.
    origin: Origin,
}

/// A change that the recording saw.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// A status of the pod.
    Status(Value),
    /// An event at its first or last time, with the count by then.
    Event(Value, i64),
    /// Somebody deleted the pod with this grace period, in seconds.
    Delete(u32),
    /// The object is gone.
    Gone,
}

#[derive(Deserialize)]
struct File {
    snapshots: Vec<Snapshot>,
    events: Vec<Value>,
}

#[derive(Deserialize)]
struct Snapshot {
    at: f64,
    #[serde(rename = "type")]
    kind: String,
    pod: Value,
}

/// The steps of the recording in `path` from the pod's binding on.
pub(super) fn steps(path: &Path, speed: f64) -> anyhow::Result<Vec<Step>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let file: File = serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))?;
    timeline(&file, speed).with_context(|| format!("play {}", path.display()))
}

fn timeline(file: &File, speed: f64) -> anyhow::Result<Vec<Step>> {
    anyhow::ensure!(speed > 0.0, "a speed of {speed} is not positive");
    let bound = file
        .snapshots
        .iter()
        .find(|snapshot| snapshot.pod["spec"]["nodeName"].is_string());
    let bound = bound.context("the recorded pod never had a node")?;
    let origin = Origin::of(&bound.pod, speed)?;
    let mut changes: Vec<(f64, What)> = Vec::new();
    let (mut last, mut terminating) = (Value::Null, false);
    for snapshot in file.snapshots.iter().filter(|snapshot| snapshot.at >= bound.at) {
        let (status, metadata) = (&snapshot.pod["status"], &snapshot.pod["metadata"]);
        if snapshot.kind == "DELETED" {
            changes.push((snapshot.at, What::Gone));
            break;
        }
        if metadata["deletionTimestamp"].is_string() && !terminating {
            terminating = true;
            let grace = metadata["deletionGracePeriodSeconds"]
                .as_u64()
                .unwrap_or_default();
            changes.push((snapshot.at, What::Delete(u32::try_from(grace)?)));
        }
        if *status != last {
            last = status.clone();
            changes.push((snapshot.at, What::Status(status.clone())));
        }
    }
    for event in &file.events {
        changes.extend(occurrences(event, origin.created));
    }
    changes.sort_by(|one, other| one.0.total_cmp(&other.0));
    Ok(paced(changes, bound.at, &origin))
}

/// An event's first time and, if it came again, its last.
fn occurrences(event: &Value, created: Timestamp) -> Vec<(f64, What)> {
    if event["reportingComponent"] == SPEAKS_FOR_ITSELF {
        return Vec::new();
    }
    let count = event["count"].as_i64().unwrap_or(1);
    let since = |field: &str| {
        let time: Timestamp = event[field].as_str()?.parse().ok()?;
        Some(time.duration_since(created).as_secs_f64())
    };
    let first = since("firstTimestamp").map(|at| (at, What::Event(event.clone(), 1)));
    let last = since("lastTimestamp")
        .filter(|_| count > 1)
        .map(|at| (at, What::Event(event.clone(), count)));
    first.into_iter().chain(last).collect()
}

/// With the waits between them, `speed` times shorter than they were.
fn paced(changes: Vec<(f64, What)>, start: f64, origin: &Origin) -> Vec<Step> {
    let mut now = start;
    let mut steps = Vec::new();
    for (at, what) in changes {
        if at > now {
            steps.push(Step::Wait(Duration::from_secs_f64((at - now) / origin.speed)));
            now = at;
        }
        steps.push(Step::Recorded(Recorded {
            what,
            origin: origin.clone(),
        }));
    }
    steps
}

// === impl Recorded ===

impl Recorded {
    /// A recorded status as a strategic merge patch's `status`, on a pod bound at `start`.
    pub(super) fn status(&self, recorded: &Value, layout: &Layout, start: Timestamp) -> Value {
        let mut status = recorded.clone();
        if let Some(fields) = status.as_object_mut() {
            fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
            for name in CLEARED {
                fields.entry(name).or_insert(Value::Null);
            }
        }
        for list in ["initContainerStatuses", "containerStatuses"] {
            self.origin.rename(&mut status[list], layout);
        }
        self.origin.adapt("", &mut status, layout, start);
        if let Some(conditions) = status["conditions"].as_array_mut() {
            // Otherwise the API server would merge them with those that the recording no longer has.
            conditions.insert(0, serde_json::json!({"$patch": "replace"}));
        }
        status
    }

    /// A recorded event on another pod; none if it is about a container that the pod does not have.
    pub(super) fn occurrence(&self, recorded: &Value, count: i64, layout: &Layout) -> Option<Occurrence> {
        let text = |name: &str| recorded[name].as_str().unwrap_or_default();
        let path = recorded["involvedObject"]["fieldPath"].as_str();
        let container = path.and_then(|path| path.split(['{', '}']).nth(1));
        let field_path = match container {
            Some(container) => Some(layout.field_path(self.origin.role(container)?)?),
            None => None,
        };
        Some(Occurrence {
            field_path,
            kind: if text("type") == "Warning" {
                "Warning"
            } else {
                "Normal"
            },
            reason: text("reason").to_owned(),
            message: self.origin.text(text("message"), layout),
            component: Some(text("reportingComponent").to_owned()).filter(|name| name != "kubelet"),
            count: i32::try_from(count).ok(),
        })
    }
}

#[cfg(test)]
mod tests;
