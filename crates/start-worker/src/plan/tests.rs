use std::time::Duration;

use common::{
    attempt::{Attempt, Death},
    job::{DecodeError, StopState},
};
use serde_json::{Value, json};

use super::*;
use crate::testing::{NOW, first, jwt, message, plan_of, policy, start_of, taken, time, token, trace};

mod others;

const HALF_A_DAY: i64 = 12 * 3_600;

/// Three executors more than the three out of the box: in another namespace, with another prefix, on another
/// API server.
fn executors() -> String {
    json!({ "executor": {
        "elsewhere": { "pluginName": "k8s", "options": { "kubernetes": { "jobsNamespace": "other" } } },
        "prefixed": { "pluginName": "k8s", "options": { "prefix": "beta-" } },
        "abroad": { "pluginName": "k8s", "options": { "kubernetes": { "host": "two.example" } } },
    }})
    .to_string()
}

fn fresh() -> String {
    message("start", &token(5, HALF_A_DAY), None)
}

fn come_back(state: &Value) -> String {
    message("start", &token(5, HALF_A_DAY), Some(state))
}

fn state(more: &Value) -> Value {
    let mut state = json!({ "executor": "k8s", "since": "2026-01-01T11:50:00Z" });
    for (key, value) in more.as_object().unwrap() {
        state[key] = value.clone();
    }
    state
}

#[test]
fn only_a_first_delivery_with_a_fresh_token_needs_no_look() {
    let rejected = |count| Death {
        queue: "main".to_owned(),
        reason: "rejected".to_owned(),
        count,
    };
    let now = time(NOW).as_second();
    let issued_now = jwt(&json!({ "iat": now, "exp": now + HALF_A_DAY }));
    let no_iat = jwt(&json!({ "exp": now + HALF_A_DAY }));
    let once = Attempt::of_delivery("main", false, &[]);
    let cases = [
        ("first", issued_now, once, false),
        ("a minute old", token(60, HALF_A_DAY), once, false),
        ("older", token(61, HALF_A_DAY), once, true),
        ("a clock ahead of ours", token(-90, HALF_A_DAY), once, false),
        ("no iat", no_iat, once, true),
        ("no JWT", "opaque".to_owned(), once, true),
        (
            "redelivered",
            token(5, HALF_A_DAY),
            Attempt::of_delivery("main", true, &[]),
            true,
        ),
        (
            "a predecessor's retry",
            token(5, HALF_A_DAY),
            Attempt::of_delivery("main", false, &[rejected(2)]),
            true,
        ),
        ("come back", token(5, HALF_A_DAY), Attempt::counted(0), true),
    ];
    for (name, token, attempt, expected) in cases {
        let plan = start_of(&message("start", &token, None), taken(attempt), &policy(&[]));
        assert_eq!(plan.look_first, expected, "{name}");
        assert_eq!(plan.state.attempt, attempt.failed, "{name}");
    }
}

#[test]
fn with_an_expired_token_nothing_is_created() {
    for (expires, parked) in [(-3_600, true), (0, true), (1, false)] {
        let plan = plan_of(&message("start", &token(5, expires), None), first(), &policy(&[]));
        let is_parked = matches!(plan, Plan::Park(ParkReason::TokenExpired));
        assert_eq!(is_parked, parked, "{expires}");
    }
    // A pod is deleted all the same.
    let stop = message("stop", &token(5, -3_600), None);
    assert!(matches!(plan_of(&stop, first(), &policy(&[])), Plan::Stop(_)));
}

#[test]
fn a_chain_of_checks_is_armed_once() {
    let ladder = [("CHECK_LADDER", "20s")];
    let cases = [
        (fresh(), Some(Duration::from_secs(20))),
        (
            come_back(&state(&json!({ "armed": false }))),
            Some(Duration::from_secs(20)),
        ),
        (come_back(&state(&json!({ "armed": true }))), None),
    ];
    for (body, expected) in cases {
        let plan = start_of(&body, first(), &policy(&ladder));
        assert_eq!(plan.arm, expected, "{body}");
    }
}

#[test]
fn the_first_check_knows_what_the_start_knows() {
    let body = come_back(&state(
        &json!({ "held": 70_000, "recreate": { "uid": "u1", "n": 2 } }),
    ));
    let plan = start_of(&body, taken(Attempt::counted(3)), &policy(&[]));
    let expected = CheckState {
        executor: "k8s".to_owned(),
        pod: plan.place.name.clone(),
        uid: None,
        started_at: time("2026-01-01T11:50:00Z"),
        number: 0,
        attempt: 0,
        look: LastLook::default(),
        recreated: 2,
        deletion: None,
        message: None,
        report_due: false,
        held: 70_000,
        once: false,
        trace_context: Some(trace()),
    };
    assert_eq!(plan.first_check(), expected);
    assert!(
        plan.place.name.starts_with("8609-") && plan.place.label == "8609",
        "{plan:?}"
    );
}

#[test]
fn what_earlier_handlings_left_goes_on() {
    let earlier = json!({ "attempt": 1, "held": 70_000, "armed": true, "recreate": { "uid": "u1", "n": 2 } });
    let plan = start_of(
        &come_back(&state(&earlier)),
        taken(Attempt::counted(3)),
        &policy(&[]),
    );
    let expected = StartState {
        executor: "k8s".to_owned(),
        attempt: 3,
        since: time("2026-01-01T11:50:00Z"),
        held: 70_000,
        armed: true,
        recreate: Some(Recreate {
            uid: Some("u1".to_owned()),
            n: 2,
        }),
        trace_context: Some(trace()),
    };
    assert_eq!(plan.state, expected);
    let first = start_of(&fresh(), first(), &policy(&[]));
    let expected = StartState {
        executor: "k8s".to_owned(),
        ..StartState::new(time(NOW), Some(trace()))
    };
    assert_eq!(first.state, expected);
}

#[test]
fn the_executor_that_was_chosen_stays_chosen() {
    // A weight that came later would choose another now.
    let weighted = [("WEIGHT_K8S", "1"), ("EXECUTOR_PLUGIN", "k8s")];
    let carried = come_back(&state(&json!({ "executor": "k8s-sandbox" })));
    let plan = start_of(&carried, first(), &policy(&weighted));
    assert_eq!(plan.place.executor, "k8s-sandbox");
    assert_eq!(plan.state.executor, "k8s-sandbox");
    let elsewhere: Vec<_> = plan
        .elsewhere
        .iter()
        .map(|place| place.executor.as_str())
        .collect();
    assert_eq!(elsewhere, ["k8s", "k8s-vm"]);
    // One that panicked before there was a choice.
    let none = come_back(&state(&json!({ "executor": "" })));
    assert_eq!(start_of(&none, first(), &policy(&weighted)).place.executor, "k8s");
}

fn refused(body: &str, policy: &Policy) -> Refused {
    match plan_of(body, first(), policy) {
        Plan::Refuse(refused) => *refused,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_executor_that_is_no_longer_there_is_told_with_those_that_are() {
    let carried = state(&json!({ "executor": "gone", "armed": true }));
    let refused = refused(&come_back(&carried), &policy(&[]));
    assert_eq!(
        refused.refusal.to_string(),
        "This cluster has no executor gone; it has k8s, k8s-sandbox, k8s-vm."
    );
    assert_eq!(refused.state.executor, "gone");
    assert!(refused.state.armed);
}

#[test]
fn an_executor_that_there_never_was_is_told_with_those_that_there_are() {
    let mut body: Value = serde_json::from_str(&fresh()).unwrap();
    body["buildConfig"]["annotations"] = json!({ "screwdriver.cd/executor": "jenkins" });
    let weighted = policy(&[("WEIGHT_K8S", "1")]);
    let refused = refused(&body.to_string(), &weighted);
    assert_eq!(
        refused.refusal.to_string(),
        "This cluster has no executor jenkins; it has k8s, k8s-sandbox, k8s-vm."
    );
    // None was chosen, so nothing is waited for: the build fails.
    assert_eq!(refused.state.executor, "");
    assert_eq!(
        refused.places.len(),
        3,
        "an earlier handling, before the settings changed, may have made one"
    );
}

/// An earlier handling may have made one all the same.
#[test]
fn a_build_that_gives_no_pod_is_refused_and_its_pod_may_be_anywhere() {
    let no_image = policy(&[("EXECUTOR_PLUGIN", "k8s-vm")]);
    let refused = refused(&fresh(), &no_image);
    let text = refused.refusal.to_string();
    assert!(text.contains("K8S_BASE_IMAGE"), "{text}");
    assert_eq!(refused.state.executor, "k8s-vm");
    let places: Vec<_> = refused
        .places
        .iter()
        .map(|place| place.executor.as_str())
        .collect();
    assert_eq!(places, ["k8s", "k8s-sandbox", "k8s-vm"]);
    assert!(refused.places.iter().all(|place| place.name.starts_with("8609-")));
}

#[test]
fn a_recreated_pod_says_which_it_is() {
    let annotation = |body: &str| {
        let pod = start_of(body, first(), &policy(&[])).pod;
        let annotations = pod.metadata.annotations.unwrap_or_default();
        annotations
            .get(common::pod_identity::ANNOTATION_RECREATED)
            .cloned()
    };
    let body = come_back(&state(&json!({ "recreate": { "uid": "u1", "n": 2 } })));
    assert_eq!(annotation(&body).as_deref(), Some("2"));
    assert_eq!(annotation(&fresh()), None);
    let plan = start_of(&body, first(), &policy(&[]));
    assert_eq!(plan.recreate, plan.state.recreate);
    // The dead pod is gone already: whatever stands under the name is none that this start replaces.
    let gone = come_back(&state(&json!({ "recreate": { "n": 2 } })));
    let plan = start_of(&gone, first(), &policy(&[]));
    assert_eq!(plan.recreate.map(|recreate| recreate.uid), Some(None));
}

#[test]
fn the_trace_goes_on_in_the_pod() {
    let pod = start_of(&fresh(), first(), &policy(&[])).pod;
    let text = serde_json::to_string(&pod).unwrap();
    assert!(text.contains(&trace().traceparent()), "{text}");
}

#[test]
fn the_deadline_counts_from_the_first_handling_without_outages() {
    let cases = [
        (fresh(), "2026-01-01T13:00:00Z", 60),
        (come_back(&state(&json!({}))), "2026-01-01T12:50:00Z", 60),
        (
            come_back(&state(&json!({ "held": 600_000 }))),
            "2026-01-01T13:00:00Z",
            70,
        ),
        // Half an hour before the token expires.
        (
            message("start", &token(5, 45 * 60), None),
            "2026-01-01T12:15:00Z",
            15,
        ),
        (
            message("start", &token(5, 10 * 60), None),
            "2026-01-01T11:40:00Z",
            0,
        ),
    ];
    for (body, deadline, allowed) in cases {
        let plan = start_of(&body, first(), &policy(&[]));
        assert_eq!(plan.deadline, time(deadline), "{body}");
        assert_eq!(plan.allowed(), Duration::from_mins(allowed), "{body}");
    }
    let short = start_of(&fresh(), first(), &policy(&[("START_DEADLINE", "10m")]));
    assert_eq!(short.deadline, time("2026-01-01T12:10:00Z"));
}

#[test]
fn checks_are_not_for_this_worker() {
    let body = message("verify", &token(5, HALF_A_DAY), None);
    assert!(matches!(
        plan_of(&body, first(), &policy(&[])),
        Plan::Park(ParkReason::WrongQueue)
    ));
    assert!(matches!(
        plan_of(r#"{"job":"probe"}"#, first(), &policy(&[])),
        Plan::Probe
    ));
}

#[test]
fn no_debug_output_shows_the_token() {
    let token = token(5, HALF_A_DAY);
    let plan = plan_of(&message("start", &token, None), first(), &policy(&[]));
    let said = format!("{plan:?}");
    assert!(said.contains("8609-") && !said.contains(&token), "{said}");
}
