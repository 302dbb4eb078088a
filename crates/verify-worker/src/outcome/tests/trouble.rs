//! Pods that cannot be read, peers that are down, reports that do not arrive.

use common::{
    cluster::ClusterError,
    job::Job,
    ladder::LATER,
    outage::Trouble,
    outcome::{ParkReason, Room},
    verdict::LastLook,
};

use super::*;
use crate::testing::{check_in, message};

const TEXT: &str = "the server's words";

fn error(name: &str) -> ClusterError {
    let message = TEXT.to_owned();
    match name {
        "conflict" => ClusterError::Conflict { message },
        "not-found" => ClusterError::NotFound { message },
        "forbidden" => ClusterError::Forbidden { message },
        "unauthorized" => ClusterError::Unauthorized { message },
        "policy" => ClusterError::Policy { message },
        "quota" => ClusterError::Quota { message },
        "busy" => ClusterError::Busy {
            retry_after: None,
            message,
        },
        "server" => ClusterError::Server { status: 500, message },
        "foreign" => ClusterError::Foreign { status: 404, message },
        "timeout" => ClusterError::Timeout {
            after: Duration::from_secs(10),
        },
        other => panic!("{other}"),
    }
}

const OWN: &[&str] = &["conflict", "policy", "quota", "server", "timeout"];
const ENVIRONMENT: &[&str] = &["not-found", "forbidden", "unauthorized", "foreign"];

/// A check with everything in it that must not get lost.
fn full() -> CheckState {
    CheckState {
        uid: Some("u1".to_owned()),
        number: 2,
        look: overdue(),
        recreated: 1,
        message: Some("old".to_owned()),
        report_due: true,
        held: 70_000,
        ..check()
    }
}

fn trouble(trouble: Trouble<ClusterError>, failed: u32, limit: u32) -> Decision {
    let ladder = ladder();
    let at = Circumstances {
        limit,
        ..at(failed, &ladder)
    };
    with_config(|config| of_trouble(&full(), config, trouble, &at))
}

fn own(name: &str, failed: u32) -> Decision {
    trouble(Trouble::Own(error(name)), failed, 5)
}

/// What comes back: the outcome's name, its delay and the check.
fn back(decision: Decision) -> (&'static str, u64, CheckState) {
    assert!(matches!(decision.report, Report::Nothing), "{decision:?}");
    let Then::End(outcome) = decision.then else {
        panic!("nothing comes back: {decision:?}")
    };
    back_of(outcome)
}

fn back_of(outcome: Outcome) -> (&'static str, u64, CheckState) {
    let name = outcome.as_str();
    let (Outcome::Again(again) | Outcome::Held(again)) = outcome else {
        panic!("{name}")
    };
    assert_eq!(again.to, Room::Checks);
    (name, again.delay.as_secs(), check_in(&again.body))
}

#[test]
fn a_failed_look_is_tried_again_and_spends_attempts() {
    for name in OWN {
        for (failed, delay) in [(0, 15), (1, 15), (3, 15), (4, 60)] {
            let expected = CheckState {
                attempt: failed + 1,
                ..full()
            };
            assert_eq!(
                back(own(name, failed)),
                ("again", delay, expected),
                "{name} {failed}"
            );
        }
    }
}

#[test]
fn at_the_limit_a_build_that_cannot_be_looked_at_fails() {
    for name in OWN {
        for (failed, limit) in [(5, 5), (9, 5), (0, 0)] {
            let decision = trouble(Trouble::Own(error(name)), failed, limit);
            assert_eq!(follows(&decision), "end failed", "{name}");
            let said = said(&decision);
            assert!(
                said.starts_with(r#"must {"status":"FAILURE","statusMessage":"Build failed to start. "#),
                "{said}"
            );
            assert!(said.contains("could not be verified"), "{said}");
            assert!(said.contains(TEXT) || *name == "timeout", "{said}");
        }
    }
}

#[test]
fn our_own_trouble_spends_nothing_and_fails_nobody() {
    for name in ENVIRONMENT {
        for failed in [0, 5, 9] {
            let expected = CheckState {
                attempt: failed,
                ..full()
            };
            assert_eq!(
                back(own(name, failed)),
                ("again", 60, expected),
                "{name} {failed}"
            );
        }
    }
}

#[test]
fn a_busy_server_is_left_alone_and_fails_nobody() {
    for (asked, delay) in [(None, 15), (Some(15), 15), (Some(16), 60)] {
        for failed in [0, 5, 9] {
            let busy = ClusterError::Busy {
                retry_after: asked.map(Duration::from_secs),
                message: TEXT.to_owned(),
            };
            let expected = CheckState {
                attempt: failed,
                ..full()
            };
            assert_eq!(
                back(trouble(Trouble::Own(busy), failed, 5)),
                ("again", delay, expected),
                "{asked:?} {failed}"
            );
        }
    }
}

#[test]
fn an_outage_stops_the_clocks() {
    let length = Duration::from_millis(62_500);
    for name in OWN.iter().chain(ENVIRONMENT) {
        for (failed, limit) in [(0, 5), (9, 5), (0, 0)] {
            let decision = trouble(Trouble::Down(Some(error(name))), failed, limit);
            let expected = CheckState {
                held: 132_500,
                look: full().look.after_outage(length),
                ..full()
            };
            assert_eq!(back(decision), ("held", 60, expected), "{name}");
        }
    }
    // The phase began later by as long, and the look before it confirms nothing.
    let look = full().look.after_outage(length);
    assert_eq!(look.phase_since, Some(time("2026-01-01T11:57:02.5Z")));
    assert_eq!(look.overdue_since, None);
}

#[test]
fn held_time_saturates() {
    let long = CheckState {
        held: u64::MAX,
        ..full()
    };
    let ladder = ladder();
    let outcome = with_config(|config| held(&long, config, "down".into(), &at(0, &ladder)));
    assert_eq!(back_of(outcome).2.held, u64::MAX);
}

#[test]
fn with_an_expired_token_a_failed_look_is_the_last() {
    let body = message("verify", 0, None);
    let job = Job::decode(body.as_bytes()).unwrap();
    let ladder = ladder();
    for name in OWN.iter().chain(ENVIRONMENT) {
        let decision = of_trouble(
            &full(),
            job.config().unwrap(),
            Trouble::Own(error(name)),
            &at(1, &ladder),
        );
        assert!(
            matches!(
                decision.then,
                Then::End(Outcome::Parked(ParkReason::TokenExpired))
            ),
            "{name}: {decision:?}"
        );
        assert!(matches!(decision.report, Report::Nothing), "{name}");
    }
}

/// A build that ran must not be started again because the API did not take the report about it.
#[test]
fn a_report_that_did_not_arrive_keeps_the_facts_and_no_verdict() {
    let ran = LastLook {
        phase: Some(Phase::Running),
        phase_since: Some(time(NOW)),
        ran: true,
        ..LastLook::default()
    };
    let before = CheckState {
        number: 1,
        attempt: 2,
        message: Some("old".to_owned()),
        ..check()
    };
    let decision = decide(&before, healthy(), ran.clone(), Some(&facts("u2", 2)));
    let seen = CheckState {
        uid: Some("u2".to_owned()),
        recreated: 2,
        look: ran.clone(),
        ..before
    };
    assert_eq!(decision.seen, seen);
    let due = CheckState {
        report_due: true,
        ..seen.clone()
    };
    for delay in [SOON, LATER] {
        let outcome = with_config(|config| report_due(config, &decision.seen, delay, "down".into()));
        assert_eq!(back_of(outcome), ("again", delay.as_secs(), due.clone()));
    }
    let ladder = ladder();
    let outcome = with_config(|config| held(&decision.seen, config, "down".into(), &at(0, &ladder)));
    let (_, _, back) = back_of(outcome);
    assert_eq!((back.uid, back.recreated, back.look.ran), (seen.uid, 2, true));
}

/// Before the look nothing is known but what earlier looks saw.
#[test]
fn a_look_that_failed_changes_nothing_that_is_known() {
    assert_eq!(own("server", 0).seen, full());
}

#[test]
fn users_read_bounded_texts_without_secrets() {
    let secret = "eyJhbGciOiJIUzI1NiJ9.eyJidWlsZElkIjoxMjN9.c2lnbmF0dXJl";
    let message = format!("line one\nBearer {secret} {}", "x".repeat(10_000));
    let error = ClusterError::Server { status: 500, message };
    let decision = trouble(Trouble::Own(error), 5, 5);
    let Report::Must(update) = &decision.report else {
        panic!("{decision:?}")
    };
    let text = update.status_message().unwrap();
    assert!(text.chars().count() <= 1_000 && !text.contains('\n'), "{text}");
    assert!(!text.contains("eyJ") && !text.contains("c2lnb"), "{text}");
}

/// What the look saw stays, so that the pod is not forgotten; no try is spent, and no clock stops.
#[test]
fn as_long_as_the_builds_api_does_not_answer_there_is_no_new_pod() {
    let check = CheckState {
        attempt: 2,
        look: missing(),
        held: 7,
        ..numbered(3)
    };
    let dead = facts("u1", 1);
    for facts in [None, Some(&dead)] {
        let outcome = with_config(|config| unasked(&check, config, &lost(), facts));
        let Outcome::Again(again) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((again.to, again.delay), (Room::Checks, LATER));
        let expected = CheckState {
            uid: facts.and_then(|facts| facts.uid.clone()),
            pod: facts.map_or_else(|| check.pod.clone(), |facts| facts.name.clone()),
            recreated: facts.map_or(0, |facts| facts.recreated),
            ..check.clone()
        };
        assert_eq!(check_in(&again.body), expected);
    }
}
