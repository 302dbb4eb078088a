use common::job::{BuildConfig, StartState, StopState, message as ours};
use serde_json::json;

use super::*;
use crate::testing::{NOW, check, message, policy, time, with_config};

const HALF_A_DAY: i64 = 12 * 3_600;

fn plan_of(body: &str, policy: &Policy) -> Plan {
    plan(&Job::decode(body.as_bytes()).unwrap(), time(NOW), policy)
}

fn look_of(body: &str, policy: &Policy) -> Look {
    match plan_of(body, policy) {
        Plan::Look(look) => *look,
        other => panic!("no look: {other:?}"),
    }
}

fn place(executor: &str, selector: &str) -> Place {
    Place {
        executor: executor.to_owned(),
        selector: selector.to_owned(),
    }
}

fn body_of(check: &CheckState) -> String {
    with_config(|config| String::from_utf8(ours::check(config, check)).unwrap())
}

#[test]
fn a_check_of_ours_finds_its_pod_by_name() {
    let beta = policy(&[("EXECUTOR_PREFIX", "beta-")]);
    for (policy, label) in [(policy(&[]), "sdbuild=8609"), (beta, "sdbuild=beta-8609")] {
        let look = look_of(&body_of(&check()), &policy);
        assert_eq!((look.by, look.places), (By::Name, vec![place("k8s", label)]));
        assert_eq!(look.check, check());
    }
}

#[test]
fn a_predecessors_check_finds_its_pod_by_label() {
    let look = look_of(&message("verify", HALF_A_DAY, None), &policy(&[]));
    assert_eq!(
        (look.by, look.places),
        (By::Label, vec![place("k8s", "sdbuild=8609")])
    );
    let expected = CheckState {
        pod: String::new(),
        started_at: time(NOW),
        // Nobody knows whether it ran: it is not started again.
        look: LastLook {
            ran: true,
            ..LastLook::default()
        },
        trace_context: None,
        ..check()
    };
    assert_eq!(look.check, expected);
    // Nor is there a name in its next check, as long as no look has seen the pod.
    let next = CheckState {
        number: 1,
        ..expected
    };
    let look = look_of(&body_of(&next), &policy(&[]));
    assert_eq!((look.by, look.check), (By::Label, next));
}

/// It does not say which executor the predecessor drew.
#[test]
fn a_predecessors_pod_is_looked_for_in_every_place_once() {
    let executors = r#"{"executor":{"plugin":"k8s",
        "k8s":{"options":{"kubernetes":{"host":"a","jobsNamespace":"n"}}},
        "same":{"pluginName":"k8s","options":{"kubernetes":{"host":"a","jobsNamespace":"n"}}},
        "sandbox":{"pluginName":"k8s","options":{"prefix":"s-","kubernetes":{"host":"a","jobsNamespace":"n"}}},
        "far":{"pluginName":"k8s","options":{"kubernetes":{"host":"b","jobsNamespace":"n"}}}}}"#;
    let policy = policy(&[("NODE_CONFIG", executors)]);
    let look = look_of(&message("verify", HALF_A_DAY, None), &policy);
    let asked: Vec<(&str, &str)> = look
        .places
        .iter()
        .map(|place| (place.executor.as_str(), place.selector.as_str()))
        .collect();
    for expected in [
        ("k8s", "sdbuild=8609"),
        ("sandbox", "sdbuild=s-8609"),
        ("far", "sdbuild=8609"),
    ] {
        assert!(asked.contains(&expected), "{expected:?} in {asked:?}");
    }
    assert!(asked.iter().all(|(executor, _)| *executor != "same"), "{asked:?}");
}

#[test]
fn an_executor_that_is_gone_is_not_taken_for_another() {
    let lost = CheckState {
        executor: "gone".to_owned(),
        ..check()
    };
    let look = look_of(&body_of(&lost), &policy(&[]));
    assert_eq!((look.by, look.check.executor.as_str()), (By::Name, "gone"));
    assert_eq!(look.places, []);
}

#[test]
fn with_an_expired_token_nothing_can_be_told() {
    for (expires, parked) in [(-1, true), (0, true), (1, false)] {
        let plan = plan_of(&message("verify", expires, None), &policy(&[]));
        assert_eq!(
            matches!(plan, Plan::Park(ParkReason::TokenExpired)),
            parked,
            "{expires}"
        );
    }
}

#[test]
fn other_jobs_are_not_for_this_worker() {
    let start = |config: &BuildConfig<'_>| ours::start(config, &StartState::new(time(NOW), None));
    let stop = |config: &BuildConfig<'_>| ours::stop(config, &StopState::new(None));
    let clear = json!({ "job": "clear", "cacheConfig": {} }).to_string();
    let jobs = [with_config(start), with_config(stop), clear.into_bytes()];
    for body in jobs {
        let body = String::from_utf8(body).unwrap();
        assert!(
            matches!(plan_of(&body, &policy(&[])), Plan::Park(ParkReason::WrongQueue)),
            "{body}"
        );
    }
    assert!(matches!(plan_of(r#"{"job":"probe"}"#, &policy(&[])), Plan::Probe));
}
