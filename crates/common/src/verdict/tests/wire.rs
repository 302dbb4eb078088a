//! The look in a check: written by any version, read by any version.

use serde::{Deserialize, Serialize};

use super::*;

/// As the check embeds it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Check {
    executor: String,
    #[serde(flatten)]
    look: LastLook,
}

fn read(check: Value) -> LastLook {
    serde_json::from_value::<Check>(check).unwrap().look
}

#[test]
fn a_look_is_flattened_into_its_check() {
    let look = LastLook {
        phase: Some(Phase::PullFailing),
        phase_since: Some(after(15).now),
        cause: Some("b-1/image_not_found".into()),
        cause_since: Some(after(30).now),
        overdue_since: Some(after(60).now),
        missing_since: Some(after(75).now),
        ran: true,
    };
    let check = serde_json::to_value(Check {
        executor: "k8s".into(),
        look: look.clone(),
    })
    .unwrap();
    let expected = json!({
        "executor": "k8s", "phase": "pullFailing", "phaseSince": "2026-01-01T00:00:15Z",
        "cause": "b-1/image_not_found", "causeSince": "2026-01-01T00:00:30Z",
        "overdueSince": "2026-01-01T00:01:00Z", "missingSince": "2026-01-01T00:01:15Z", "ran": true,
    });
    assert_eq!(check, expected);
    assert_eq!(read(check), look);
}

#[test]
fn what_is_unknown_is_absent() {
    let check = serde_json::to_value(Check {
        executor: "k8s".into(),
        look: LastLook::default(),
    })
    .unwrap();
    assert_eq!(check, json!({"executor": "k8s", "ran": false}));
    assert_eq!(read(json!({"executor": "k8s"})), LastLook::default());
}

#[test]
fn odd_values_never_fail_a_check() {
    for odd in [
        json!("hibernating"),
        json!(7),
        json!(null),
        json!({"a": [1]}),
        json!([]),
        json!(true),
        json!(""),
    ] {
        let look = read(json!({
            "executor": "k8s", "phase": odd, "phaseSince": odd, "overdueSince": odd, "missingSince": odd,
            "new": odd,
        }));
        assert_eq!(look, LastLook::default(), "{odd}");
    }
}

#[test]
fn an_odd_ran_errs_to_having_run() {
    for (value, expected) in [
        (json!(true), true),
        (json!("yes"), true),
        (json!(1), true),
        (json!(false), false),
        (json!(null), false),
    ] {
        assert_eq!(
            read(json!({"executor": "k8s", "ran": value})).ran,
            expected,
            "{value}"
        );
    }
}

#[test]
fn phases_are_named_as_on_the_wire() {
    use Phase::*;
    for phase in [
        Gated,
        Scheduling,
        Initialising,
        Pulling,
        PullFailing,
        Starting,
        StartFailing,
        Running,
        Ended,
        Terminating,
    ] {
        assert_eq!(serde_json::to_value(phase).unwrap(), json!(phase.as_str()));
    }
}
