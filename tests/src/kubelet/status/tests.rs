use serde_json::{Value, json};

use super::*;
use crate::kubelet::life::Life;

/// A pod in the shape of a build pod; `sidecar` adds a native one.
fn pod(sidecar: bool) -> Pod {
    let mut inits = vec![json!({"name": "launcher-7", "image": "launcher:1"})];
    if sidecar {
        inits.push(json!({"name": "dind", "image": "dind:1", "restartPolicy": "Always"}));
    }
    serde_json::from_value(json!({
        "metadata": {"name": "7-abcde", "namespace": "n", "uid": "u", "labels": {"sdbuild": "7"}},
        "spec": {"nodeName": "node", "initContainers": inits, "containers": [{"name": "7", "image": "tools:1"}]},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]},
    }))
    .unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// The statuses of a life's first round, one for each step that changes something.
fn statuses(pod: &Pod, life: &Life) -> Vec<Value> {
    let layout = Layout::of(pod).unwrap();
    let mut status = pod.status.clone().unwrap();
    let mut seen = Vec::new();
    for (second, step) in (0..).zip(life.steps.iter().chain(&life.forever)) {
        let next = after(status.clone(), pod, &layout, step, at(second));
        if next != status {
            seen.push(serde_json::to_value(&next).unwrap());
            status = next;
        }
    }
    seen
}

/// Phase, the build's state and the conditions that hold.
fn summary(status: &Value) -> (String, String, String) {
    let state = status["containerStatuses"][0]["state"].as_object().unwrap();
    let (kind, detail) = state.iter().next().unwrap();
    let build = format!("{kind} {}", detail["reason"].as_str().unwrap_or_default());
    let conditions = status["conditions"].as_array().unwrap().iter();
    let held: Vec<_> = conditions
        .filter(|one| one["status"] == "True")
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    (
        status["phase"].as_str().unwrap().to_owned(),
        build.trim_end().to_owned(),
        held.join(" "),
    )
}

#[test]
fn a_healthy_pod_passes_the_stages_of_the_recording() {
    let seen: Vec<_> = statuses(&pod(false), &Life::healthy())
        .iter()
        .map(summary)
        .collect();
    let expected = [
        ("Pending", "waiting PodInitializing", "PodScheduled"),
        (
            "Pending",
            "waiting PodInitializing",
            "PodScheduled PodReadyToStartContainers",
        ),
        (
            "Pending",
            "waiting PodInitializing",
            "PodScheduled PodReadyToStartContainers Initialized",
        ),
        (
            "Running",
            "running",
            "PodScheduled PodReadyToStartContainers Initialized Ready ContainersReady",
        ),
    ];
    assert_eq!(
        seen,
        expected.map(|(phase, build, held)| (phase.into(), build.into(), held.into()))
    );
}

#[test]
fn lives_end_in_the_state_of_their_recording() {
    use std::time::Duration;
    let soon = Duration::ZERO;
    let table = [
        (Life::runs_for(soon), "Succeeded", "terminated Completed"),
        (Life::image_missing(), "Pending", "waiting ImagePullBackOff"),
        (Life::start_error(), "Failed", "terminated StartError"),
        (
            Life::create_container_config_error(),
            "Pending",
            "waiting CreateContainerConfigError",
        ),
        (Life::oom(soon), "Failed", "terminated OOMKilled"),
        (Life::evicted(soon), "Failed", "terminated Error"),
        (Life::slow_pull(soon), "Running", "running"),
    ];
    for (life, phase, build) in table {
        let last = statuses(&pod(false), &life).pop().unwrap();
        let (seen_phase, seen_build, _) = summary(&last);
        assert_eq!(
            (seen_phase.as_str(), seen_build.as_str()),
            (phase, build),
            "{last:#}"
        );
    }
}

#[test]
fn a_start_error_is_dated_1970_and_an_eviction_names_itself() {
    let last = statuses(&pod(false), &Life::start_error()).pop().unwrap();
    let ended = &last["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&ended["exitCode"], &ended["startedAt"]),
        (&json!(128), &json!("1970-01-01T00:00:00Z"))
    );

    let last = statuses(&pod(false), &Life::evicted(std::time::Duration::ZERO))
        .pop()
        .unwrap();
    assert_eq!(last["reason"], "Evicted");
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .starts_with("Pod ephemeral local storage usage")
    );
}

#[test]
fn a_crashing_sidecar_keeps_the_build_waiting_and_counts() {
    let last = statuses(&pod(true), &Life::crash_loop_sidecar()).pop().unwrap();
    assert_eq!(
        (summary(&last).0.as_str(), summary(&last).1.as_str()),
        ("Pending", "waiting PodInitializing")
    );
    let sidecar = &last["initContainerStatuses"][1];
    assert_eq!(sidecar["restartCount"], 1);
    assert_eq!(sidecar["lastState"]["terminated"]["exitCode"], 1);
    let text = sidecar["state"]["waiting"]["message"].as_str().unwrap();
    assert!(text.ends_with("failed container=dind pod=7-abcde_n(u)"), "{text}");
    let unready = last["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["type"] == "Ready")
        .unwrap();
    assert_eq!(unready["message"], "containers with unready status: [dind 7]");
}

#[test]
fn a_rejected_pod_has_no_containers() {
    let rejected = Step::PhaseFailed {
        reason: "OutOfcpu".into(),
        message: "Pod was rejected: full".into(),
    };
    let last = statuses(&pod(false), &Life::new([rejected])).pop().unwrap();
    assert_eq!(
        (&last["phase"], &last["reason"]),
        (&json!("Failed"), &json!("OutOfcpu"))
    );
    assert_eq!(
        (&last["containerStatuses"], &last["conditions"][1]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_deleted_pod_is_killed_if_it_ran_and_unknown_if_it_did_not() {
    let table = [
        (Life::healthy(), 143, "Error"),
        (Life::image_missing(), 137, "ContainerStatusUnknown"),
    ];
    for (life, exit_code, reason) in table {
        let pod = pod(false);
        let last: PodStatus = serde_json::from_value(statuses(&pod, &life).pop().unwrap()).unwrap();
        let end = serde_json::to_value(stopped(last, &pod, at(99))).unwrap();
        let ended = &end["containerStatuses"][0]["state"]["terminated"];
        assert_eq!(
            (&ended["exitCode"], &ended["reason"]),
            (&json!(exit_code), &json!(reason))
        );
        assert_eq!(end["phase"], "Failed");
    }
}

#[test]
fn a_condition_keeps_its_time_until_it_turns() {
    let seen = statuses(&pod(false), &Life::healthy());
    let time = |status: &Value, kind: &str| {
        let mut all = status["conditions"].as_array().unwrap().iter();
        all.find(|one| one["type"] == kind).unwrap()["lastTransitionTime"].clone()
    };
    assert_eq!(time(&seen[0], "Ready"), time(&seen[2], "Ready"));
    assert_ne!(time(&seen[2], "Ready"), time(&seen[3], "Ready"));
}
