use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::build::BuildStatus;

mod anything;

/// Reads `sent` and writes it again: nothing may be lost but nulls.
#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + Debug>(sent: Value) -> T {
    let read: T = serde_json::from_value(sent.clone()).unwrap();
    let mut expected = sent;
    let Value::Object(fields) = &mut expected else {
        panic!("no object")
    };
    fields.retain(|_, value| !value.is_null());
    assert_eq!(serde_json::to_value(&read).unwrap(), expected);
    read
}

#[test]
fn a_build_of_a_newer_api_survives() {
    let build: Build = round_trip(json!({
        "id": 8609, "status": "HIBERNATED", "statusMessage": "zz", "statusMessageType": "DREAM",
        "jobId": 777, "eventId": 4242, "number": 1_473_900_790_309_i64, "cause": "by hand", "container": "node:22",
        "sha": "ccc4", "createTime": "2024-05-06T07:08:09.123Z", "startTime": null, "parameters": {"a": {"value": 1}},
        "buildClusterName": "iris", "meta": {"deep": [1, 2.5, "x", null]}, "moons": ["io"], "warmth": {"unit": "K"},
        "stats": {"queueEnterTime": "2024-05-06T07:08:10.000Z", "hostname": "node-7", "cpu": 0.5},
        "steps": [{"name": "sd-setup-init", "code": 0, "startTime": "2017-01-06T01:49:50.384359267Z", "mood": "good"}],
    }));
    assert_eq!(build.status, BuildStatus::from("HIBERNATED"));
    assert!(!build.has_ended());
    assert_eq!(build.other["moons"].to_string(), r#"["io"]"#);
    assert_eq!(build.stats.other["cpu"].to_string(), "0.5");
    assert_eq!(build.steps[0].other["mood"].as_str(), Some("good"));
}

#[test]
fn everything_else_of_a_newer_api_survives() {
    let event: Event = round_trip(json!({
        "id": 4242, "pipelineId": 123, "groupEventId": 4000, "parentEventId": 4001, "type": "meteor",
        "status": "ORBITING", "startFrom": "~commit", "causeMessage": "", "sha": "ccc4", "prNum": 15,
        "createTime": "2024-05-06T07:08:09.000Z", "workflowGraph": {"nodes": []},
    }));
    assert_eq!(event.kind.unwrap().as_str(), "meteor");
    assert_eq!(event.status.unwrap().as_str(), "ORBITING");
    let job: Job = round_trip(json!({
        "id": 777, "name": "PR-15:main", "pipelineId": 123, "prParentJobId": 776, "state": "PAUSED", "archived": true,
        "stateChanger": "someone", "stateChangeTime": "2024-05-06T07:08:09.000Z", "stateChangeMessage": "flaky",
        "permutations": [{}],
    }));
    assert_eq!(job.state.unwrap().as_str(), "PAUSED");
    let pipeline: Pipeline = round_trip(json!({
        "id": 123, "name": "screwdriver-cd/guide", "scmUri": "github.com:1:main", "scmContext": "github:github.com",
        "createTime": "2024-05-06T07:08:09.000Z", "lastEventId": 4242, "configPipelineId": 7, "state": "ASLEEP",
        "admins": {"someone": true},
    }));
    assert_eq!(pipeline.state.unwrap().as_str(), "ASLEEP");
    round_trip::<BuildCluster>(json!({
        "name": "iris", "description": "the first", "isActive": true, "managedByScrewdriver": false,
        "maintainer": "someone@sd.example", "weightage": 12.5, "scmOrganizations": ["a"], "group": "blue", "id": 1,
    }));
    round_trip::<ServiceStatus>(json!({"api": "OK", "queue": "OK", "store": "OK", "oracle": "unsure"}));
    round_trip::<Versions>(json!({
        "versions": ["a@1"], "licenses": [{"name": "a", "repository": "b", "licenses": ["MIT"], "x": 1}], "y": 2,
    }));
    round_trip::<LogLine>(json!({"n": 7, "t": 1_472_084_645_330.5, "m": "text", "s": "init"}));
    round_trip::<JobStatuses>(json!({"jobId": 777, "builds": [], "z": 1}));
}

#[test]
fn little_is_required() {
    let build: Build =
        serde_json::from_value(json!({"id": "8609", "status": "SUCCESS", "stats": null, "steps": null}))
            .unwrap();
    assert!(build.has_ended() && build.steps.is_empty());
    let unstable: Build =
        serde_json::from_value(json!({"id": 1, "status": "UNSTABLE", "endTime": "2024-05-06T07:08:09Z"}))
            .unwrap();
    assert!(unstable.has_ended());
    for missing in [
        json!({"id": 1}),
        json!({"status": "SUCCESS"}),
        json!({"id": 0, "status": "SUCCESS"}),
    ] {
        assert!(
            serde_json::from_value::<Build>(missing.clone()).is_err(),
            "{missing}"
        );
    }
    let line: LogLine = serde_json::from_value(json!({"m": ""})).unwrap();
    assert_eq!((line.number, line.millis), (None, None));
}
