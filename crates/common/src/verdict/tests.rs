//! Pods are written as the API server writes them, so that facts and verdict are tested together.

mod absence;
mod causes;
mod clocks;
mod documentation;
mod ends;
mod fates;
mod properties;
mod reasons;
mod texts;
mod wire;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{facts::Facts, settings::Clocks};

pub(super) const CLOCKS: Clocks = Clocks {
    scheduling: Duration::from_mins(15),
    pulling: Duration::from_mins(20),
    initialising: Duration::from_mins(5),
    starting: Duration::from_mins(4),
    graces: BTreeMap::new(),
};

const START: &str = "2026-01-01T00:00:00Z";

const NOT_FOUND: &str = "failed to resolve image: node:22: not found";
const BUSY: &str = "unexpected status from HEAD request to https://r/v2/: 503 Service Unavailable";

/// So many seconds after the build's start was first handled.
pub(super) fn after(seconds: u64) -> Moment {
    let started_at: Timestamp = START.parse().unwrap();
    Moment {
        now: started_at + Duration::from_secs(seconds),
        started_at,
        start_deadline: Duration::from_hours(1),
        recreated: 0,
    }
}

/// A build pod on a node, with its launcher done and the build container in this state.
pub(super) fn pod(phase: &str, state: &Value) -> Value {
    let running = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": START}});
    json!({
        "metadata": {"name": "b-1", "uid": "u1", "labels": {"sdbuild": "b-1"}},
        "spec": {
            "nodeName": "node1", "restartPolicy": "Never",
            "initContainers": [{"name": "launcher", "image": "launcher:1"}],
            "containers": [
                {"name": "b-1", "image": "node:22", "resources": {"limits": {"memory": "2Gi"}}},
                {"name": "a-sidecar", "image": "dind:1"},
            ],
        },
        "status": {
            "phase": phase,
            "initContainerStatuses": [container("launcher", &running)],
            "containerStatuses": [container("a-sidecar", &json!({"running": {}})), container("b-1", state)],
        },
    })
}

pub(super) fn container(name: &str, state: &Value) -> Value {
    json!({"name": name, "state": state, "ready": false, "restartCount": 0, "image": "", "imageID": ""})
}

/// A pod that no node has taken, with this condition `PodScheduled`.
pub(super) fn unscheduled(reason: &str, message: &str) -> Value {
    json!({
        "metadata": {"name": "b-1", "uid": "u1"},
        "spec": {"containers": [{"name": "b-1", "image": "node:22"}]},
        "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}]},
    })
}

pub(super) fn waiting(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

pub(super) fn ended(reason: &str, code: i32) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": code, "startedAt": START}})
}

pub(super) fn facts(pod: &Value) -> Facts {
    Facts::read(&serde_json::from_value(pod.clone()).unwrap())
}

/// The judgement of a first look.
pub(super) fn first_look(pod: &Value) -> Judgement {
    look(pod, &LastLook::default(), &after(15))
}

pub(super) fn look(pod: &Value, last: &LastLook, at: &Moment) -> Judgement {
    judge(Sight::Pod(&facts(pod)), last, at, &CLOCKS)
}

/// The verdicts of a chain of looks at pods, so many seconds after the start.
pub(super) fn chain(looks: &[(u64, &Value)]) -> Vec<Verdict> {
    let mut last = LastLook::default();
    let judged = looks.iter().map(|(seconds, pod)| {
        let judgement = look(pod, &last, &after(*seconds));
        last = judgement.look;
        judgement.verdict
    });
    judged.collect()
}

pub(super) fn labels(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(Verdict::as_str).collect()
}

pub(super) fn failure(verdict: &Verdict) -> &Failure {
    match verdict {
        Verdict::Failed(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

fn event(reason: &str, at: &str, message: &str) -> Value {
    json!({
        "metadata": {}, "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{b-1}"}, "reason": reason,
        "message": message, "firstTimestamp": at, "lastTimestamp": at,
    })
}

fn told(pod: &Value, events: &[Value]) -> Facts {
    let events: Vec<_> = events
        .iter()
        .map(|event| serde_json::from_value(event.clone()).unwrap())
        .collect();
    facts(pod).with_events(&events)
}
