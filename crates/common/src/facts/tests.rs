use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::pod_identity::ANNOTATION_RECREATED;

fn pod(value: Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

fn event(value: Value) -> Event {
    serde_json::from_value(value).unwrap()
}

/// A pod with container `build` in this status, and a sidecar that sorts before it.
fn with_build_status(phase: &str, build: &Value) -> Facts {
    Facts::read(&pod(json!({
        "spec": {"containers": [{"name": "build", "image": "i"}, {"name": "a", "image": "i"}], "nodeName": "n"},
        "status": {"phase": phase, "containerStatuses": [
            {"name": "a", "state": {"running": {}}, "ready": true, "restartCount": 7, "image": "", "imageID": ""},
            build,
        ]},
    })))
}

fn status(state: &Value, last: &Value, restarts: i32) -> Value {
    json!({
        "name": "build", "state": state, "lastState": last, "ready": false, "restartCount": restarts,
        "image": "", "imageID": "",
    })
}

#[test]
fn an_empty_pod_can_be_read() {
    let facts = Facts::read(&Pod::default());
    assert_eq!(facts.phase, PodPhase::Pending);
    assert_eq!(facts.schedule, Schedule::Unseen);
    assert_eq!(facts.build(), None);
    assert!(!facts.build_ran());
}

#[test]
fn the_build_container_is_found_by_name() {
    let cases = [
        ("beta_15", &["dind", "beta_15", "build"][..], Some("beta_15")),
        (
            "overridden",
            &["dind", "vm-launcher", "build"],
            Some("vm-launcher"),
        ),
        ("overridden", &["dind", "build"], Some("build")),
        ("overridden", &["15"], Some("15")),
        ("overridden", &["dind", "15"], None),
        ("", &["dind", "build"], Some("build")),
    ];
    for (label, names, expected) in cases {
        let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let facts = Facts::read(&pod(json!({
            "metadata": {"labels": {"sdbuild": label}},
            "spec": {"containers": containers},
        })));
        assert_eq!(
            facts.build().map(|it| it.name.as_str()),
            expected,
            "{label} in {names:?}"
        );
    }
}

#[test]
fn statuses_are_matched_by_name() {
    let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "no"}});
    let facts = with_build_status("Pending", &status(&waiting, &json!({}), 0));
    let expected = State::Waiting {
        reason: Some("ErrImagePull".into()),
        message: Some("no".into()),
    };
    assert_eq!(facts.build().unwrap().state, expected);
    assert_eq!(facts.containers[1].restarts, 7);
}

#[test]
fn roles_come_from_the_specification() {
    let facts = Facts::read(&pod(json!({"spec": {
        "initContainers": [{"name": "launcher"}, {"name": "dind", "restartPolicy": "Always"}],
        "containers": [{"name": "build", "resources": {"limits": {"memory": "2Gi"}}}, {"name": "kit"}],
    }})));
    let roles: Vec<_> = facts
        .containers
        .iter()
        .map(|it| (it.name.as_str(), it.role))
        .collect();
    let expected = [
        ("launcher", Role::Init),
        ("dind", Role::NativeSidecar),
        ("build", Role::Build),
        ("kit", Role::Sidecar),
    ];
    assert_eq!(roles, expected);
    assert_eq!(facts.build().unwrap().memory_limit.as_deref(), Some("2Gi"));
}

#[test]
fn whether_the_build_ran() {
    let none = json!({});
    let waiting = json!({"waiting": {"reason": "PodInitializing"}});
    let running = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
    let ended = json!({"terminated": {"exitCode": 1, "startedAt": "2026-01-01T00:00:00Z"}});
    let not_started = json!({"terminated": {
        "exitCode": 128, "reason": "StartError", "startedAt": "1970-01-01T00:00:00Z"}});
    let lost =
        json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": null}});
    let cases = [
        ("waiting", "Pending", status(&waiting, &none, 0), false),
        (
            "could not be started",
            "Failed",
            status(&not_started, &none, 0),
            false,
        ),
        (
            "could not be started before",
            "Pending",
            status(&waiting, &not_started, 0),
            false,
        ),
        ("running", "Pending", status(&running, &none, 0), true),
        ("ended", "Failed", status(&ended, &none, 0), true),
        ("ran before", "Failed", status(&waiting, &lost, 0), true),
        ("restarted", "Pending", status(&waiting, &none, 1), true),
        ("lost", "Failed", status(&lost, &none, 0), true),
    ];
    for (name, phase, build, expected) in cases {
        assert_eq!(with_build_status(phase, &build).build_ran(), expected, "{name}");
    }
}

#[test]
fn a_running_pod_without_statuses_may_have_run() {
    let spec = json!({"containers": [{"name": "build"}]});
    for (phase, expected) in [("Running", true), ("Pending", false), ("Failed", false)] {
        let facts = Facts::read(&pod(json!({"spec": spec, "status": {"phase": phase}})));
        assert_eq!(facts.build_ran(), expected, "{phase}");
    }
}

#[test]
fn how_far_the_scheduler_is() {
    let told = |reason: &str| json!({"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/1 nodes are available"});
    let text = || Some("0/1 nodes are available".to_owned());
    let cases = [
        (json!({"nodeName": "n"}), told("Unschedulable"), Schedule::Bound),
        (json!({}), told("SchedulingGated"), Schedule::Gated(text())),
        (
            json!({"schedulingGates": [{"name": "queue"}]}),
            json!({"type": "Ready", "status": "False"}),
            Schedule::Gated(None),
        ),
        (
            json!({}),
            told("SchedulerError"),
            Schedule::Refused {
                reason: Some("SchedulerError".into()),
                message: text(),
            },
        ),
        (
            json!({}),
            json!({"type": "PodScheduled", "status": "True"}),
            Schedule::Unseen,
        ),
    ];
    for (mut spec, condition, expected) in cases {
        spec["containers"] = json!([]);
        let facts = Facts::read(&pod(json!({"spec": spec, "status": {"conditions": [condition]}})));
        assert_eq!(facts.schedule, expected, "{spec}");
    }
}

#[test]
fn events_are_the_pods_own_in_order_of_time() {
    let facts = Facts::read(&pod(json!({"metadata": {"uid": "u1"}})));
    let facts = facts.with_events(&[
        event(json!({"metadata": {}, "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{build}"},
            "reason": "Failed", "message": "late", "type": "Warning", "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:00:09Z"})),
        event(json!({"metadata": {}, "involvedObject": {"uid": "u2"}, "reason": "Failed", "message": "other"})),
        event(json!({"metadata": {}, "involvedObject": {"uid": "u1"}, "reason": "FailedScheduling",
            "message": "early", "firstTimestamp": null, "eventTime": "2026-01-01T00:00:01.500000Z"})),
    ]);
    let texts: Vec<_> = facts
        .events
        .iter()
        .flatten()
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(texts, ["early", "late"]);
    let last = facts.last_event("Failed", Some("build")).unwrap();
    assert_eq!(
        last.at,
        Some("2026-01-01T00:00:09Z".parse::<Timestamp>().unwrap())
    );
    assert_eq!(facts.last_event("Failed", Some("launcher")), None);
}

#[test]
fn the_count_of_new_pods_is_read_from_the_annotation() {
    for (value, expected) in [("2", 2), (" 3 ", 3), ("-1", 0), ("many", 0), ("", 0)] {
        let facts = Facts::read(&pod(
            json!({"metadata": {"annotations": {ANNOTATION_RECREATED: value}}}),
        ));
        assert_eq!(facts.recreated, expected, "{value:?}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read(phase in ".*", reason in ".*", message in ".*", name in ".*", restarts: i32, code: i32) {
        let facts = Facts::read(&pod(json!({
            "metadata": {"name": name, "labels": {"sdbuild": name}},
            "spec": {"restartPolicy": reason, "containers": [{"name": name}]},
            "status": {"phase": phase, "reason": reason, "message": message, "containerStatuses": [{
                "name": name, "restartCount": restarts, "ready": false, "image": "", "imageID": "",
                "state": {"terminated": {"exitCode": code, "reason": reason, "message": message}},
            }]},
        })));
        prop_assert_eq!(&facts.build().unwrap().name, &name);
    }
}
