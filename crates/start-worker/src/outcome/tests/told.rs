//! What a build is told: texts, and where its pod is.

use super::*;

#[test]
fn what_needs_no_word() {
    assert_eq!(decided(Seen::Unwanted, &at(0)), "end finished");
    let refused = Seen::Unarmed(PublishError::NotConnected);
    assert_eq!(decided(refused, &at(5)), "end unsettled");
    let seen = |created, facts| Seen::Pod {
        created,
        executor: "k8s".to_owned(),
        facts,
    };
    assert_eq!(decided(seen(true, None), &at(5)), "tell created in k8s false");
    assert_eq!(decided(seen(false, None), &at(5)), "tell adopted in k8s false");
    let facts = Some(Box::new(facts(&json!({}))));
    assert_eq!(decided(seen(true, facts), &past(5)), "tell created in k8s true");
}

#[test]
fn what_users_read() {
    let mut table = String::new();
    let cases = [
        ("quota", at(0)),
        ("forbidden", at(0)),
        ("quota", past(0)),
        ("forbidden", past(0)),
        ("server", at(5)),
        ("policy", at(0)),
    ];
    for (name, at) in cases {
        writeln!(table, "{}", text_of(own(name, true), &at)).unwrap();
    }
    insta::assert_snapshot!(table, @"
    Waiting for quota: the namespace's quota is used up: the server's words
    Waiting for the cluster; the cluster admin must act: the worker's service account may not do this: the server's words
    Build failed to start. The quota of the build namespace stayed used up. Restart the build later, or ask your cluster admin for more quota. Cause: the namespace's quota is used up: the server's words
    Build failed to start. No pod could be created. Please reach out to your cluster admin for help, then restart the build. Cause: the worker's service account may not do this: the server's words
    Build failed to start. No pod could be created. Please reach out to your cluster admin for help, then restart the build. Cause: the API server answered 500: the server's words
    Build failed to start. The cluster refuses this build's pod. Check the job's settings, or ask your cluster admin. Cause: a policy of the cluster forbids this pod: the server's words
    ");
}

/// Start-worker knows why there is no pod, and says it after verify-worker has said that it takes long.
#[test]
fn a_build_that_waits_for_long_hears_that_too() {
    let delayed = "Build initialization delayed - pod creation taking longer than expected: Waiting for ";
    for (minutes, expected) in [(12, "Waiting for "), (11, delayed)] {
        let at = Circumstances {
            init_timeout: Duration::from_mins(minutes),
            ..at(0)
        };
        for name in ["quota", "forbidden"] {
            let text = text_of(own(name, true), &at);
            assert!(text.starts_with(expected), "{minutes} {text}");
        }
    }
}

#[test]
fn users_read_bounded_texts_without_secrets() {
    let secret = "eyJhbGciOiJIUzI1NiJ9.eyJidWlsZElkIjoxMjN9.c2lnbmF0dXJl";
    let message = format!("line one\nBearer {secret} {}", "x".repeat(10_000));
    let errors: [fn(String) -> ClusterError; 4] = [
        |message| ClusterError::Quota { message },
        |message| ClusterError::Policy { message },
        |message| ClusterError::Forbidden { message },
        |message| ClusterError::Server { status: 500, message },
    ];
    for error in errors {
        for at in [at(0), past(5)] {
            let trouble = Trouble::Own(error(message.clone()));
            let text = text_of(Seen::Refused { trouble, armed: true }, &at);
            assert!(text.chars().count() <= 1_000 && !text.contains('\n'), "{text}");
            assert!(!text.contains("eyJ") && !text.contains("c2lnb"), "{text}");
        }
    }
}

fn facts(more: &Value) -> Facts {
    let mut pod = json!({ "metadata": { "name": "8609-abcde", "uid": "u1" } });
    for (key, value) in more.as_object().unwrap() {
        pod[key] = value.clone();
    }
    Facts::read(&serde_json::from_value(pod).unwrap())
}

#[test]
fn a_build_whose_pod_exists_is_told_where_it_is() {
    let scheduled = |reason: &str, message: Value| {
        json!({ "status": { "phase": "Pending", "conditions": [
            { "type": "PodScheduled", "status": "False", "reason": reason, "message": message },
        ]}})
    };
    let waiting = "Waiting for resources to be available.";
    let cases = [
        (
            json!({ "spec": { "nodeName": "node1", "containers": [] } }),
            json!({ "stats": { "hostname": "node1", "imagePullStartTime": "2026-01-01T12:00:00.000Z" } }),
        ),
        (json!({}), json!({ "statusMessage": waiting })),
        (
            scheduled(
                "Unschedulable",
                json!("0/3 nodes are available: 3 Insufficient cpu."),
            ),
            json!({ "statusMessage": format!("{waiting} 0/3 nodes are available: 3 Insufficient cpu.") }),
        ),
        (
            scheduled("Unschedulable", json!("two\nlines, token=hidden-not")),
            json!({ "statusMessage": format!("{waiting} two lines, token=[hidden]") }),
        ),
        (
            scheduled("Unschedulable", Value::Null),
            json!({ "statusMessage": waiting }),
        ),
        (
            scheduled("SchedulingGated", json!("gate")),
            json!({ "statusMessage": waiting }),
        ),
    ];
    for (pod, expected) in cases {
        let update = told(&facts(&pod), Some(time(NOW)));
        assert_eq!(serde_json::to_value(update).unwrap(), expected, "{pod}");
    }
}

/// However often it is told: never the time of the telling.
#[test]
fn a_pod_that_was_found_has_the_pull_time_of_its_scheduling() {
    let pod = |status: &str| {
        json!({
            "spec": { "nodeName": "node1", "containers": [] },
            "status": { "conditions": [
                { "type": "PodScheduled", "status": status, "lastTransitionTime": "2026-01-01T11:58:00Z" },
            ]},
        })
    };
    let cases = [
        (
            "True",
            json!({ "hostname": "node1", "imagePullStartTime": "2026-01-01T11:58:00.000Z" }),
        ),
        ("False", json!({ "hostname": "node1" })),
    ];
    for (status, stats) in cases {
        let update = told(&facts(&pod(status)), None);
        assert_eq!(serde_json::to_value(update).unwrap(), json!({ "stats": stats }));
    }
}

/// A report without a text clears the launcher's.
#[test]
fn over_a_launcher_that_speaks_nothing_is_said() {
    let pod = |phase: &str| {
        facts(&json!({ "spec": { "nodeName": "node1", "containers": [] }, "status": { "phase": phase } }))
    };
    assert!(told(&pod("Running"), None).is_none());
    assert!(told(&pod("Succeeded"), None).is_none());
    assert!(told(&pod("Pending"), None).is_some());
    assert!(told(&pod("Running"), Some(time(NOW))).is_some());
}

/// What `sd_worker_verdicts_total` says of a build that gets no pod.
#[test]
fn a_failure_is_counted_by_what_stood_between_it_and_its_pod() {
    let why = |seen: Seen, at: &Circumstances| match decide(seen, at) {
        Decision::Fail(failing) => failing.why,
        other => panic!("{other:?}"),
    };
    let table = [
        ("policy", at(0), NoPod::Refused),
        ("invalid", at(0), NoPod::Invalid),
        ("quota", past(0), NoPod::Quota),
        ("forbidden", past(0), NoPod::Unavailable),
        ("webhook", past(0), NoPod::Unavailable),
        ("busy", past(0), NoPod::Unavailable),
        ("server", at(5), NoPod::Unavailable),
    ];
    for (name, at, expected) in table {
        assert_eq!(why(own(name, true), &at), expected, "{name}");
    }
    assert_eq!(why(Seen::Occupied { armed: true }, &past(0)), NoPod::NameTaken);
}
