//! Stops and clears.

use super::*;

fn stop_of(body: &str, policy: &Policy) -> StopPlan {
    match plan_of(body, first(), policy) {
        Plan::Stop(plan) => plan,
        other => panic!("no stop: {other:?}"),
    }
}

#[test]
fn a_stop_reaches_every_place_once() {
    let stop = message("stop", &token(5, HALF_A_DAY), None);
    let one_place = stop_of(&stop, &policy(&[]));
    assert_eq!(one_place.targets, [("k8s".to_owned(), "sdbuild=8609".to_owned())]);
    let four_places = stop_of(&stop, &policy(&[("NODE_CONFIG", &executors())]));
    let targets: Vec<_> = four_places
        .targets
        .iter()
        .map(|(executor, label)| (executor.as_str(), label.as_str()))
        .collect();
    assert_eq!(
        targets,
        [
            ("k8s", "sdbuild=8609"),
            ("elsewhere", "sdbuild=8609"),
            ("prefixed", "sdbuild=beta-8609"),
            ("abroad", "sdbuild=8609"),
        ]
    );
}

#[test]
fn a_stop_has_two_passes() {
    let earlier = [
        (None, 1, 0, 0),
        (Some(json!({ "pass": 1, "attempt": 4 })), 1, 4, 0),
        (
            Some(json!({ "pass": 2, "attempt": 0, "held": 60_000 })),
            2,
            0,
            60_000,
        ),
    ];
    for (state, pass, attempt, held) in earlier {
        let body = message("stop", &token(5, HALF_A_DAY), state.as_ref());
        let expected = StopState {
            pass,
            attempt,
            held,
            trace_context: Some(trace()),
        };
        assert_eq!(stop_of(&body, &policy(&[])).state, expected, "{body}");
    }
}

fn clear(pipeline: &Value, state: Option<&Value>) -> String {
    let config = json!({
        "resource": "caches", "action": "delete", "scope": "pipelines", "pipelineId": pipeline, "id": pipeline,
    });
    let mut body = json!({ "job": "clear", "cacheConfig": config });
    if let Some(state) = state {
        body["stop"] = state.clone();
    }
    body.to_string()
}

#[test]
fn a_clear_names_one_folder_or_is_parked() {
    let on_disk = policy(&[("CACHE_STRATEGY", "disk"), ("CACHE_PATH", "/cache")]);
    let Plan::Clear(plan) = plan_of(&clear(&json!("7"), None), first(), &on_disk) else {
        panic!("not cleared")
    };
    assert_eq!(plan.folder.to_string(), "pipelines/7");
    assert_eq!(plan.state, StopState::new(Some(trace())));
    for unsafe_id in ["..", "7/../..", "", "undefined"] {
        assert!(matches!(
            plan_of(&clear(&json!(unsafe_id), None), first(), &on_disk),
            Plan::Park(ParkReason::UnsafePath)
        ));
    }
    assert!(matches!(
        plan_of(&clear(&Value::Null, None), first(), &on_disk),
        Plan::Park(ParkReason::Undecodable(DecodeError::Missing { .. }))
    ));
    assert!(matches!(
        plan_of(&clear(&json!("7"), None), first(), &policy(&[])),
        Plan::NoDiskCache
    ));
}

#[test]
fn a_clear_counts_its_tries() {
    let on_disk = policy(&[("CACHE_STRATEGY", "disk"), ("CACHE_PATH", "/cache")]);
    let state = json!({ "pass": 1, "attempt": 4 });
    for (state, failed) in [(None, 2), (Some(&state), 4)] {
        let attempt = Attempt::counted(failed);
        let Plan::Clear(plan) = plan_of(&clear(&json!(7), state), taken(attempt), &on_disk) else {
            panic!("not cleared")
        };
        assert_eq!((plan.state.pass, plan.state.attempt), (1, failed));
    }
}
