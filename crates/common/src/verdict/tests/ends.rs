//! How pods end: whose doing it was, where several ends speak at once.

use super::*;

fn with_events(pod: &Value, events: &[(&str, Option<&str>, &str)]) -> Verdict {
    let events: Vec<_> = events
        .iter()
        .map(|(reason, container, message)| {
            let path = container.map(|name| format!("spec.containers{{{name}}}"));
            let event = json!({
                "metadata": {}, "involvedObject": {"uid": "u1", "fieldPath": path}, "reason": reason, "message": message,
            });
            serde_json::from_value(event).unwrap()
        })
        .collect();
    let facts = facts(pod).with_events(&events);
    judge(Sight::Pod(&facts), &LastLook::default(), &after(60), &CLOCKS).verdict
}

fn ended_at(reason: &str, code: i32, finished: &str) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": code, "startedAt": START, "finishedAt": finished}})
}

#[test]
fn a_build_that_ended_after_it_was_told_to_was_taken_away() {
    let reason = |state: &Value| {
        let mut now = pod("Failed", state);
        now["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:10:30Z");
        now["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        failure(&first_look(&now).verdict).reason
    };
    // A process may take SIGTERM as it likes.
    assert_eq!(
        reason(&ended_at("Error", 1, "2026-01-01T00:10:02Z")),
        Reason::Deleted
    );
    assert_eq!(
        reason(&ended_at("Error", 1, "2026-01-01T00:09:59Z")),
        Reason::Exited
    );
    assert_eq!(
        reason(&ended_at("OOMKilled", 137, "2026-01-01T00:10:02Z")),
        Reason::OutOfMemory
    );
}

#[test]
fn a_condition_tells_since_when_the_pod_was_taken_away() {
    let reason = |since: &str| {
        let mut now = pod("Failed", &ended_at("Error", 1, "2026-01-01T00:10:00Z"));
        now["status"]["conditions"] = json!([{"type": "DisruptionTarget", "status": "True",
            "reason": "EvictionByEvictionAPI", "lastTransitionTime": since}]);
        failure(&first_look(&now).verdict).reason
    };
    assert_eq!(reason("2026-01-01T00:09:58Z"), Reason::Drained);
    assert_eq!(reason("2026-01-01T00:10:01Z"), Reason::Exited);
}

#[test]
fn a_deadline_before_the_build_began_is_not_the_builds_fault() {
    let actor = |state: &Value| {
        let mut now = pod("Failed", state);
        now["status"]["reason"] = json!("DeadlineExceeded");
        let judgement = first_look(&now);
        let failure = failure(&judgement.verdict);
        assert_eq!(failure.reason, Reason::DeadlineExceeded);
        failure.actor
    };
    assert_eq!(actor(&waiting("PodInitializing", "")), Actor::ClusterAdmin);
    let lost =
        json!({"terminated": {"reason": "ContainerStatusUnknown", "exitCode": 137, "startedAt": null}});
    assert_eq!(actor(&lost), Actor::ClusterAdmin);
    assert_eq!(actor(&ended("Error", 137)), Actor::You);
}

#[test]
fn a_kill_is_explained_by_what_happened_to_the_pod() {
    let killed = pod("Failed", &ended("Error", 137));
    let cases: &[(&str, Option<&str>, Reason, Actor)] = &[
        (
            "FailedPostStartHook",
            Some("b-1"),
            Reason::PostStartHook,
            Actor::ClusterAdmin,
        ),
        ("NodeNotReady", None, Reason::NodeLost, Actor::Nobody),
        ("Killing", Some("b-1"), Reason::Killed, Actor::Nobody),
        ("Killing", Some("a-sidecar"), Reason::Killed, Actor::Nobody),
        ("Pulled", Some("b-1"), Reason::Killed, Actor::Nobody),
    ];
    for (event, container, reason, actor) in cases {
        let verdict = with_events(&killed, &[(event, *container, "text")]);
        let failure = failure(&verdict);
        assert_eq!((failure.reason, failure.actor), (*reason, *actor), "{event}");
    }
    // What ended on its own account is nobody else's doing.
    let exited = pod("Failed", &ended("Error", 1));
    let verdict = with_events(
        &exited,
        &[("Killing", Some("b-1"), ""), ("NodeNotReady", None, "")],
    );
    assert_eq!(failure(&verdict).reason, Reason::Exited);
    // 255 is what a shim that was killed leaves behind, and what a foreign platform gives.
    let unclear = pod("Failed", &ended("Error", 255));
    assert_eq!(
        failure(&with_events(&unclear, &[("Killing", Some("b-1"), "")])).reason,
        Reason::Killed
    );
    let verdict = with_events(&unclear, &[]);
    let text = &failure(&verdict).message;
    assert!(text.contains("platform"), "{text}");
}

#[test]
fn a_launcher_that_the_node_lost_is_no_fault_of_the_build() {
    let mut now = pod("Failed", &waiting("PodInitializing", ""));
    now["status"]["initContainerStatuses"] =
        json!([container("launcher", &ended("ContainerStatusUnknown", 137))]);
    assert_eq!(first_look(&now).verdict.as_str(), "recreate");
    now["status"]["initContainerStatuses"] = json!([container("launcher", &ended("Error", 137))]);
    assert_eq!(failure(&first_look(&now).verdict).reason, Reason::Init);
}

#[test]
fn a_pod_that_its_lost_node_holds_is_terminating() {
    let mut now = pod("Running", &json!({"running": {}}));
    now["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:10:00Z");
    now["status"]["reason"] = json!("NodeLost");
    let Verdict::Terminating { cause } = first_look(&now).verdict else {
        panic!("not terminating");
    };
    assert!(cause.starts_with("Node `node1` stopped answering"), "{cause}");
}

#[test]
fn a_sidecar_without_its_image_is_no_judge() {
    let with_sidecar = |state: &Value| {
        let mut now = pod("Pending", state);
        now["status"]["containerStatuses"][0]["state"] = waiting("ImagePullBackOff", "not found");
        now
    };
    for state in [
        json!({"running": {}}),
        ended("Completed", 0),
        ended("OOMKilled", 0),
    ] {
        let verdicts = chain(&[
            (0, &with_sidecar(&state)),
            (60, &with_sidecar(&state)),
            (6_000, &with_sidecar(&state)),
        ]);
        assert_eq!(labels(&verdicts), ["healthy"; 3], "{state}");
    }
    let failed = first_look(&with_sidecar(&ended("Error", 1))).verdict;
    assert_eq!(failure(&failed).reason, Reason::Exited);
    let waits = with_sidecar(&waiting("PodInitializing", ""));
    assert_eq!(first_look(&waits).verdict.as_str(), "progressing");
}

#[test]
fn the_three_forms_of_evicted() {
    let evicted = |text: &str, state: &Value| {
        let mut now = pod("Failed", state);
        now["status"]["reason"] = json!("Evicted");
        now["status"]["message"] = json!(text);
        now
    };
    let cases = [
        (
            "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ",
            Reason::StorageLimit,
        ),
        (
            "Container build exceeded its local ephemeral storage limit \"1Gi\". ",
            Reason::StorageLimit,
        ),
        (
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Gi\". ",
            Reason::StorageLimit,
        ),
        ("The node was low on resource: memory. ", Reason::Evicted),
        (
            "Pod was rejected: The node had condition: [DiskPressure]. ",
            Reason::Evicted,
        ),
    ];
    for (text, expected) in cases {
        let ran = first_look(&evicted(text, &ended("Error", 137))).verdict;
        assert_eq!(failure(&ran).reason, expected, "{text}");
        let anew = first_look(&evicted(text, &waiting("PodInitializing", ""))).verdict;
        let expected = if expected == Reason::Evicted {
            "recreate"
        } else {
            "failed"
        };
        assert_eq!(anew.as_str(), expected, "{text}");
    }
}

#[test]
fn no_clock_fails_a_build_that_its_restarted_kubelet_forgot() {
    let bare = {
        let mut now = pod("Running", &json!({}));
        now["status"] = json!({"phase": "Running"});
        now
    };
    let without_main = {
        let mut now = pod("Running", &json!({}));
        now["status"]["containerStatuses"] = json!([]);
        now
    };
    let waits_again = {
        let mut now = pod("Pending", &waiting("PodInitializing", ""));
        let status = &mut now["status"]["containerStatuses"][1];
        status["lastState"] = json!({"terminated": {"reason": "ContainerStatusUnknown", "exitCode": 137}});
        status["restartCount"] = json!(1);
        now
    };
    for (name, now) in [
        ("no statuses", bare),
        ("none of containers", without_main),
        ("waits", waits_again),
    ] {
        let verdicts = chain(&[(0, &now), (1_200, &now), (9_000, &now), (9_060, &now)]);
        assert_eq!(labels(&verdicts), ["healthy"; 4], "{name}");
        let alone = explain(&facts(&now), &after(9_000), &CLOCKS);
        assert_eq!(alone.verdict.as_str(), "healthy", "{name}");
    }
}

#[test]
fn a_launcher_that_the_cluster_killed_did_not_fail() {
    let mut now = pod("Pending", &waiting("PodInitializing", ""));
    now["status"]["initContainerStatuses"] = json!([container("launcher", &ended("Error", 143))]);
    assert_eq!(failure(&first_look(&now).verdict).reason, Reason::Init);
    let evicted = [("Evicted", None, "The node was low on resource: memory.")];
    assert_eq!(with_events(&now, &evicted).as_str(), "recreate");
    now["status"]["conditions"] =
        json!([{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]);
    assert_eq!(first_look(&now).verdict.as_str(), "recreate");
}

#[test]
fn the_builds_own_end_comes_before_a_later_end_of_its_pod() {
    let cases = [
        ("Evicted", ended("Error", 7), Reason::Exited),
        ("DeadlineExceeded", ended("Error", 7), Reason::Exited),
        ("DeadlineExceeded", ended("OOMKilled", 137), Reason::OutOfMemory),
        ("DeadlineExceeded", ended("Error", 137), Reason::DeadlineExceeded),
        ("Evicted", ended("Error", 143), Reason::Evicted),
        ("Evicted", ended("ContainerStatusUnknown", 137), Reason::Evicted),
        // A process that is told to stop may end as it likes.
        ("Terminated", ended("Error", 7), Reason::NodeShutdown),
    ];
    for (reason, state, expected) in cases {
        let mut now = pod("Failed", &state);
        now["status"]["reason"] = json!(reason);
        assert_eq!(
            failure(&first_look(&now).verdict).reason,
            expected,
            "{reason} {state}"
        );
    }
    let evicted = |since: &str| {
        let mut now = pod("Failed", &ended_at("Error", 7, "2026-01-01T00:10:00Z"));
        now["status"]["reason"] = json!("Evicted");
        now["status"]["conditions"] = json!([{"type": "DisruptionTarget", "status": "True",
            "reason": "TerminationByKubelet", "lastTransitionTime": since}]);
        failure(&first_look(&now).verdict).reason
    };
    assert_eq!(evicted("2026-01-01T00:09:58Z"), Reason::Evicted);
    assert_eq!(evicted("2026-01-01T00:20:00Z"), Reason::Exited);
}

#[test]
fn a_launcher_that_ended_for_a_new_reason_is_no_build() {
    let mut now = pod("Pending", &waiting("PodInitializing", ""));
    now["status"]["initContainerStatuses"] = json!([container("launcher", &ended("BrandNew", 9))]);
    let judgement = first_look(&now);
    let failure = failure(&judgement.verdict);
    assert_eq!(
        (failure.reason, failure.actor),
        (Reason::Init, Actor::ClusterAdmin)
    );
    assert!(failure.message.contains("BrandNew"), "{}", failure.message);
}

#[test]
fn a_build_that_is_started_again_crashes() {
    for policy in ["Always", "OnFailure"] {
        let mut now = pod("Running", &ended("Error", 1));
        now["spec"]["restartPolicy"] = json!(policy);
        let verdicts = chain(&[(0, &now), (29, &now), (31, &now)]);
        assert_eq!(labels(&verdicts), ["progressing", "progressing", "failed"]);
        assert_eq!(failure(&verdicts[2]).reason, Reason::CrashLoop);
        now["status"]["phase"] = json!("Failed");
        assert_eq!(failure(&first_look(&now).verdict).reason, Reason::Exited);
    }
}

#[test]
fn an_old_event_explains_no_end() {
    let killed = pod("Failed", &ended_at("Error", 137, "2026-01-01T01:00:00Z"));
    let told = |reason: &str, at: &str| {
        let event = json!({
            "metadata": {}, "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{b-1}"}, "reason": reason,
            "message": "Liveness probe failed", "firstTimestamp": at, "lastTimestamp": at,
        });
        let facts = facts(&killed).with_events(&[serde_json::from_value(event).unwrap()]);
        let judgement = judge(Sight::Pod(&facts), &LastLook::default(), &after(3_700), &CLOCKS);
        failure(&judgement.verdict).actor
    };
    assert_eq!(told("Unhealthy", "2026-01-01T00:59:20Z"), Actor::ClusterAdmin);
    assert_eq!(told("Unhealthy", "2026-01-01T00:10:00Z"), Actor::Nobody);
}
