//! The predecessor's table, row by row, and what decides between a failure and a new pod.

use super::*;

#[test]
fn the_predecessors_table() {
    let running = json!({"running": {"startedAt": START}});
    let cases = [
        ("running", pod("Running", &running), "healthy"),
        (
            "running, a sidecar keeps the pod pending",
            pod("Pending", &running),
            "healthy",
        ),
        ("succeeded", pod("Succeeded", &ended("Completed", 0)), "healthy"),
        (
            "ended well, the phase lags",
            pod("Running", &ended("Completed", 0)),
            "healthy",
        ),
        (
            "ended well, a sidecar failed",
            pod("Failed", &ended("Completed", 0)),
            "healthy",
        ),
        (
            "a child ran out of memory",
            pod("Succeeded", &ended("OOMKilled", 0)),
            "healthy",
        ),
        ("failed", pod("Failed", &ended("Error", 1)), "failed"),
        (
            "failed, the phase lags",
            pod("Running", &ended("Error", 1)),
            "failed",
        ),
        (
            "image name",
            pod("Pending", &waiting("InvalidImageName", "no")),
            "failed",
        ),
        (
            "image",
            pod("Pending", &waiting("ErrImagePull", "not found")),
            "progressing",
        ),
        (
            "image again",
            pod("Pending", &waiting("ImagePullBackOff", "Back-off")),
            "progressing",
        ),
        (
            "config",
            pod("Pending", &waiting("CreateContainerConfigError", "secret")),
            "progressing",
        ),
        (
            "create",
            pod("Pending", &waiting("CreateContainerError", "")),
            "progressing",
        ),
        (
            "crash",
            pod("Pending", &waiting("CrashLoopBackOff", "")),
            "progressing",
        ),
        (
            "unheard of",
            pod("Pending", &waiting("SomethingNew", "oops")),
            "progressing",
        ),
        (
            "initialising",
            pod("Pending", &waiting("PodInitializing", "")),
            "progressing",
        ),
        (
            "creating",
            pod("Pending", &waiting("ContainerCreating", "")),
            "progressing",
        ),
        ("no state at all", pod("Pending", &json!({})), "progressing"),
        ("no node", unscheduled("Unschedulable", "0/1 nodes"), "waiting"),
        ("gated", unscheduled("SchedulingGated", ""), "waiting"),
        (
            "just created",
            json!({"spec": {"containers": [{"name": "b-1"}]}}),
            "waiting",
        ),
    ];
    for (name, pod, expected) in cases {
        assert_eq!(first_look(&pod).verdict.as_str(), expected, "{name}");
    }
}

#[test]
fn a_phase_that_tells_nothing_leaves_it_to_the_container() {
    let running = json!({"running": {"startedAt": START}});
    let cases = [
        (
            "unknown",
            pod("Unknown", &waiting("PodInitializing", "")),
            "failed",
        ),
        ("unknown, and it runs", pod("Unknown", &running), "healthy"),
        (
            "a phase that nobody knows",
            pod("Sleeping", &waiting("PodInitializing", "")),
            "progressing",
        ),
        (
            "a phase that nobody knows, and it runs",
            pod("Sleeping", &running),
            "healthy",
        ),
    ];
    for (name, pod, expected) in cases {
        assert_eq!(first_look(&pod).verdict.as_str(), expected, "{name}");
    }
}

#[test]
fn a_healthy_build_tells_its_node() {
    let Verdict::Healthy { node, ended } = first_look(&pod("Running", &json!({"running": {}}))).verdict
    else {
        panic!("not healthy");
    };
    assert_eq!((node.as_deref(), ended), (Some("node1"), false));
}

#[test]
fn without_a_known_build_container_the_phase_decides() {
    let mut two = pod("Running", &json!({}));
    two["metadata"]["labels"] = json!({});
    assert_eq!(first_look(&two).verdict.as_str(), "healthy");
    two["status"]["phase"] = json!("Pending");
    assert_eq!(first_look(&two).verdict.as_str(), "progressing");
}

/// A pod that the cluster failed for this reason before the build container ran.
fn taken(reason: &str, message: &str) -> Value {
    let mut pod = pod("Failed", &waiting("PodInitializing", ""));
    pod["status"]["reason"] = json!(reason);
    pod["status"]["message"] = json!(message);
    pod
}

#[test]
fn the_clusters_reasons_give_a_build_that_never_ran_a_new_pod() {
    let cases = [
        (
            "Evicted",
            "The node was low on resource: memory.",
            Some(Reason::Evicted),
        ),
        (
            "Evicted",
            "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi.",
            None,
        ),
        (
            "Evicted",
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Gi\".",
            None,
        ),
        (
            "Preempting",
            "Preempted in order to admit critical pod",
            Some(Reason::Preempted),
        ),
        (
            "NodeShutdown",
            "Pod was rejected as the node is shutting down.",
            Some(Reason::NodeShutdown),
        ),
        (
            "Terminated",
            "Pod was terminated in response to imminent node shutdown.",
            Some(Reason::NodeShutdown),
        ),
        (
            "OutOfcpu",
            "Pod was rejected: Node didn't have enough resource: cpu",
            Some(Reason::NodeFull),
        ),
        (
            "OutOfnvidia.com/gpu",
            "Node didn't have enough resource",
            Some(Reason::NodeFull),
        ),
        (
            "UnexpectedAdmissionError",
            "Allocate failed",
            Some(Reason::NodeRefused),
        ),
        (
            "NodeAffinity",
            "Predicate NodeAffinity failed",
            Some(Reason::NodeRefused),
        ),
        (
            "BrandNewPredicate",
            "Pod was rejected: because",
            Some(Reason::NodeRefused),
        ),
        (
            "DeadlineExceeded",
            "Pod was active on the node longer than the specified deadline",
            None,
        ),
        ("SysctlForbidden", "Pod was rejected: forbidden sysctl", None),
        ("NobodyKnows", "no text that we know", None),
    ];
    for (reason, message, expected) in cases {
        let found = match first_look(&taken(reason, message)).verdict {
            Verdict::Recreate { reason, .. } => Some(reason),
            _ => None,
        };
        assert_eq!(found, expected, "{reason}: {message}");
    }
}

#[test]
fn a_build_that_ran_fails_for_the_same_reasons() {
    let mut now = taken("Evicted", "The node was low on resource: memory.");
    assert_eq!(first_look(&now).verdict.as_str(), "recreate");
    // An earlier look saw it run.
    let ran = LastLook {
        ran: true,
        ..LastLook::default()
    };
    assert_eq!(
        failure(&look(&now, &ran, &after(60)).verdict).reason,
        Reason::Evicted
    );
    // Its status says so itself, even if it shows a waiting container.
    now["status"]["containerStatuses"][1]["lastState"] = ended("ContainerStatusUnknown", 137);
    now["status"]["containerStatuses"][1]["restartCount"] = json!(1);
    assert_eq!(failure(&first_look(&now).verdict).actor, Actor::Nobody);
}

#[test]
fn a_new_pod_is_made_three_times_at_most() {
    let pod = taken(
        "OutOfcpu",
        "Pod was rejected: Node didn't have enough resource: cpu",
    );
    for (check, annotation, expected) in [
        (0, 0, "recreate"),
        (2, 1, "recreate"),
        (3, 0, "failed"),
        (0, 3, "failed"),
    ] {
        let mut pod = pod.clone();
        pod["metadata"]["annotations"] = json!({"screwdriver.cd/recreated": annotation.to_string()});
        let at = Moment {
            recreated: check,
            ..after(15)
        };
        let judgement = look(&pod, &LastLook::default(), &at);
        assert_eq!(judgement.verdict.as_str(), expected, "{check} and {annotation}");
        if let Verdict::Failed(failure) = judgement.verdict {
            assert!(
                failure.message.contains("made anew 3 times"),
                "{}",
                failure.message
            );
            assert!(
                failure.message.contains("Node didn't have enough resource"),
                "{}",
                failure.message
            );
        }
    }
}

/// Whoever would make the new pod may not try any longer.
#[test]
fn past_the_start_deadline_there_is_no_new_pod() {
    let pod = taken(
        "OutOfcpu",
        "Pod was rejected: Node didn't have enough resource: cpu",
    );
    let before = after(15);
    let deadline = Moment {
        start_deadline: Duration::from_secs(15),
        ..before
    };
    assert_eq!(
        look(&pod, &LastLook::default(), &before).verdict.as_str(),
        "recreate"
    );
    let judgement = look(&pod, &LastLook::default(), &deadline);
    let message = &failure(&judgement.verdict).message;
    assert!(message.contains("Node didn't have enough resource"), "{message}");
}

#[test]
fn a_new_pod_starts_with_a_clean_look() {
    let pod = taken("OutOfcpu", "");
    let last = LastLook {
        phase: Some(Phase::Scheduling),
        phase_since: Some(after(1).now),
        ..LastLook::default()
    };
    assert_eq!(look(&pod, &last, &after(15)).look, LastLook::default());
}

#[test]
fn a_disruption_explains_a_killed_container_and_not_a_failed_one() {
    let disrupted = |state: &Value| {
        let mut pod = pod("Failed", state);
        pod["status"]["conditions"] =
            json!([{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]);
        failure(&first_look(&pod).verdict).reason
    };
    assert_eq!(disrupted(&ended("Error", 137)), Reason::Drained);
    assert_eq!(disrupted(&ended("Error", 143)), Reason::Drained);
    assert_eq!(disrupted(&ended("Error", 1)), Reason::Exited);
    assert_eq!(disrupted(&ended("OOMKilled", 137)), Reason::OutOfMemory);
}

#[test]
fn init_containers_fail_a_build_only_when_they_are_not_started_again() {
    let mut now = pod("Pending", &waiting("PodInitializing", ""));
    now["status"]["initContainerStatuses"] = json!([container("launcher", &ended("Error", 2))]);
    assert_eq!(failure(&first_look(&now).verdict).actor, Actor::ClusterAdmin);
    now["spec"]["restartPolicy"] = json!("Always");
    assert_eq!(first_look(&now).verdict.as_str(), "progressing");
}

#[test]
fn a_native_sidecar_is_no_init_container() {
    let mut now = pod("Pending", &waiting("PodInitializing", ""));
    now["spec"]["initContainers"] = json!([{"name": "dind", "image": "dind:1", "restartPolicy": "Always"}]);
    now["status"]["initContainerStatuses"] = json!([container("dind", &ended("Error", 1))]);
    assert_eq!(first_look(&now).verdict.as_str(), "progressing");
    now["status"]["containerStatuses"][1]["state"] = json!({"running": {}});
    assert_eq!(first_look(&now).verdict.as_str(), "healthy");
}

#[test]
fn another_containers_image_is_not_the_users_business() {
    let mut now = pod("Pending", &waiting("PodInitializing", ""));
    let launcher = container("launcher", &waiting("InvalidImageName", "no"));
    now["status"]["initContainerStatuses"] = json!([launcher]);
    let judgement = first_look(&now);
    let failure = failure(&judgement.verdict);
    assert_eq!(
        (failure.reason, failure.actor),
        (Reason::ImageName, Actor::ClusterAdmin)
    );
    assert!(
        failure.message.contains("Please reach out to your cluster admin"),
        "{}",
        failure.message
    );
}

#[test]
fn events_are_wanted_where_they_tell_more() {
    let cases = [
        ("silent", pod("Pending", &waiting("PodInitializing", "")), true),
        (
            "outspoken",
            pod(
                "Pending",
                &waiting("CreateContainerConfigError", "secret \"s\" not found"),
            ),
            false,
        ),
        (
            "cause in the back-off",
            pod(
                "Pending",
                &waiting("ImagePullBackOff", "Back-off: ErrImagePull: no"),
            ),
            false,
        ),
        (
            "back-off without a cause",
            pod("Pending", &waiting("ImagePullBackOff", "Back-off")),
            true,
        ),
        ("failed", pod("Failed", &ended("Error", 1)), true),
        ("healthy", pod("Running", &json!({"running": {}})), false),
        ("waiting", unscheduled("Unschedulable", "0/1"), false),
    ];
    for (name, pod, expected) in cases {
        let facts = facts(&pod);
        let verdict = first_look(&pod).verdict;
        assert_eq!(wants_events(&facts, &verdict), expected, "{name}");
        assert!(
            !wants_events(&facts.with_events(&[]), &verdict),
            "{name}, with events"
        );
    }
}

#[test]
fn an_older_kubelets_back_off_gets_its_cause_from_the_event() {
    let now = facts(&pod(
        "Pending",
        &waiting("ImagePullBackOff", "Back-off pulling image \"node:22\""),
    ));
    let event = serde_json::from_value(json!({
        "metadata": {}, "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{b-1}"}, "reason": "Failed",
        "message": "Failed to pull image \"node:22\": 403 Forbidden"}))
    .unwrap();
    let now = now.with_events(&[event]);
    let first = judge(Sight::Pod(&now), &LastLook::default(), &after(15), &CLOCKS);
    let second = judge(Sight::Pod(&now), &first.look, &after(60), &CLOCKS);
    assert_eq!(failure(&second.verdict).reason, Reason::ImageDenied);
}
