use std::fmt::Write as _;

use common::{broker::PublishError, builds::ReportError, job::Recreate};
use serde_json::{Value, json};

use super::*;
use crate::testing::{NOW, first, message as body, policy, start_of, state_in, time, token, with_config};
use crate::{executor::ExecutorError, manifest::ManifestError};

mod told;

const TEXT: &str = "the server's words";

/// Errors by name. Those that wrap the client's own cannot be made here: `connection` and `undecodable` are
/// decided as `server` is, `certificate`, `setup` and `address` as `unauthorized`, since all but the texts is
/// decided by class.
fn error(name: &str) -> ClusterError {
    let message = TEXT.to_owned();
    match name {
        "already-exists" => ClusterError::AlreadyExists,
        "conflict" => ClusterError::Conflict { message },
        "not-found" => ClusterError::NotFound { message },
        "namespace" => ClusterError::Namespace { message },
        "quota" => ClusterError::Quota { message },
        "policy" => ClusterError::Policy { message },
        "forbidden" => ClusterError::Forbidden { message },
        "unauthorized" => ClusterError::Unauthorized { message },
        "invalid" => ClusterError::Invalid { message },
        "webhook" => ClusterError::Webhook { message },
        "busy" => ClusterError::Busy {
            retry_after: None,
            message,
        },
        "server" => ClusterError::Server { status: 500, message },
        "foreign" => ClusterError::Foreign { status: 403, message },
        "timeout" => ClusterError::Timeout {
            after: Duration::from_secs(10),
        },
        "address" => ClusterError::Address { host: message },
        other => panic!("{other}"),
    }
}

const TRANSIENT: &[&str] = &["already-exists", "conflict", "server", "timeout"];
const PERMANENT: &[&str] = &["policy", "invalid"];
const ENVIRONMENT: &[&str] = &[
    "not-found",
    "namespace",
    "forbidden",
    "unauthorized",
    "webhook",
    "foreign",
    "address",
];

/// A try with the default limit of 5, in time.
fn at(failed: u32) -> Circumstances {
    Circumstances {
        attempt: Attempt::counted(failed),
        limit: 5,
        now: time(NOW),
        took: Duration::from_millis(10_500),
        init_timeout: Duration::from_mins(15),
    }
}

/// A try a moment after the deadline of [`decide`]'s start.
fn past(failed: u32) -> Circumstances {
    Circumstances {
        now: time("2026-01-01T12:50:00Z"),
        ..at(failed)
    }
}

/// Decides about a start that came back with so many failed tries, no chain of checks and 70 s held.
fn decide(seen: Seen, at: &Circumstances) -> Decision {
    let state = json!({
        "executor": "k8s", "since": "2026-01-01T11:48:50Z", "held": 70_000, "attempt": at.attempt.failed,
        "recreate": { "uid": "u1", "n": 2 },
    });
    let body = body("start", &token(5, 12 * 3_600), Some(&state));
    let plan = start_of(&body, crate::testing::taken(at.attempt), &policy(&[]));
    with_config(&body, |config| of_start(&plan, config, seen, at))
}

fn own(name: &str, armed: bool) -> Seen {
    Seen::Refused {
        trouble: Trouble::Own(error(name)),
        armed,
    }
}

fn down(name: &str, armed: bool) -> Seen {
    Seen::Refused {
        trouble: Trouble::Down(Some(error(name))),
        armed,
    }
}

/// What comes back, in a line; what a start carries all the way is asserted.
fn again_line(again: &Again) -> String {
    let state = state_in(&again.body);
    assert_eq!(again.to, Room::Starts);
    assert_eq!(state.since, time("2026-01-01T11:48:50Z"));
    assert_eq!(state.executor, "k8s");
    assert_eq!(
        state.recreate,
        Some(Recreate {
            uid: Some("u1".to_owned()),
            n: 2
        })
    );
    format!(
        "{} s, attempt {}, armed {}, held {}",
        again.delay.as_secs(),
        state.attempt,
        state.armed,
        state.held
    )
}

/// The decision in a line, and the text that goes with it.
fn line(decision: Decision) -> (String, String) {
    match decision {
        Decision::Tell {
            outcome,
            executor,
            facts,
        } => (
            format!("tell {} in {executor} {}", outcome.as_str(), facts.is_some()),
            String::new(),
        ),
        Decision::End(outcome) => (format!("end {}", outcome.as_str()), String::new()),
        Decision::Back { outcome, text } => {
            let name = outcome.as_str();
            let (Outcome::Again(again) | Outcome::Held(again)) = outcome else {
                panic!("{name} does not come back")
            };
            let told = if text.is_some() { "told" } else { "silent" };
            (
                format!("{name} {}, {told}", again_line(&again)),
                text.unwrap_or_default(),
            )
        }
        Decision::Fail(Failing { text, again, .. }) => {
            (format!("FAILURE, else {}", again_line(&again)), text)
        }
    }
}

fn decided(seen: Seen, at: &Circumstances) -> String {
    line(decide(seen, at)).0
}

fn text_of(seen: Seen, at: &Circumstances) -> String {
    line(decide(seen, at)).1
}

/// First try, last try, past the deadline; each with the class's way.
fn assert_rows(names: &[&str], rows: &[(Circumstances, &str)]) {
    for name in names {
        for (at, expected) in rows {
            let case = format!("{name}, {} failed, {}", at.attempt.failed, at.now);
            assert_eq!(decided(own(name, true), at), *expected, "{case}");
        }
    }
}

#[test]
fn faults_that_pass_spend_attempts() {
    assert_rows(
        TRANSIENT,
        &[
            (at(0), "again 5 s, attempt 1, armed true, held 70000, silent"),
            (at(1), "again 15 s, attempt 2, armed true, held 70000, silent"),
            (at(3), "again 15 s, attempt 4, armed true, held 70000, silent"),
            (at(4), "again 60 s, attempt 5, armed true, held 70000, silent"),
            (at(5), "FAILURE, else 60 s, attempt 5, armed true, held 70000"),
            (at(9), "FAILURE, else 60 s, attempt 9, armed true, held 70000"),
            (past(0), "FAILURE, else 5 s, attempt 0, armed true, held 70000"),
        ],
    );
}

#[test]
fn the_messages_own_fault_is_final() {
    assert_rows(
        PERMANENT,
        &[
            (at(0), "FAILURE, else 60 s, attempt 0, armed true, held 70000"),
            (at(5), "FAILURE, else 60 s, attempt 5, armed true, held 70000"),
            (past(0), "FAILURE, else 60 s, attempt 0, armed true, held 70000"),
        ],
    );
}

/// The server says how long; the build need not know.
#[test]
fn a_busy_server_is_left_alone_and_costs_nothing_before_the_deadline() {
    for (asked, delay) in [(None, 15), (Some(1), 5), (Some(15), 15), (Some(600), 60)] {
        let busy = || Seen::Refused {
            trouble: Trouble::Own(ClusterError::Busy {
                retry_after: asked.map(Duration::from_secs),
                message: TEXT.to_owned(),
            }),
            armed: true,
        };
        for failed in [0, 5, 9] {
            let expected = format!("again {delay} s, attempt {failed}, armed true, held 70000, silent");
            assert_eq!(decided(busy(), &at(failed)), expected, "{asked:?}");
        }
        let expected = format!("FAILURE, else {delay} s, attempt 0, armed true, held 70000");
        assert_eq!(decided(busy(), &past(0)), expected, "{asked:?}");
    }
}

#[test]
fn a_full_or_faulty_executor_spends_nothing_before_the_deadline() {
    let rows = [
        (at(0), "again 60 s, attempt 0, armed true, held 70000, told"),
        (at(5), "again 60 s, attempt 5, armed true, held 70000, told"),
        (past(0), "FAILURE, else 60 s, attempt 0, armed true, held 70000"),
        (past(5), "FAILURE, else 60 s, attempt 5, armed true, held 70000"),
    ];
    assert_rows(&["quota"], &rows);
    assert_rows(ENVIRONMENT, &rows);
}

#[test]
fn an_outage_is_no_failure_whatever_the_clocks_say() {
    let held = 70_000 + 10_500 + 60_000;
    for name in TRANSIENT.iter().chain(PERMANENT).chain(ENVIRONMENT) {
        for at in [at(0), at(5), past(0), past(9)] {
            let attempt = at.attempt.failed;
            for armed in [false, true] {
                let expected = format!("held 60 s, attempt {attempt}, armed {armed}, held {held}, silent");
                assert_eq!(decided(down(name, armed), &at), expected, "{name}");
            }
        }
    }
}

/// Its chain may have heard that the build is finished, and have ended: a pod would be nobody's.
#[test]
fn an_armed_start_without_an_answer_of_the_builds_api_is_held() {
    let held = 70_000 + 10_500 + 60_000;
    for at in [at(0), at(5), past(9)] {
        let attempt = at.attempt.failed;
        let budget = Duration::from_secs(2);
        let unasked = Seen::Unasked(ReportError::Budget { budget });
        let expected = format!("held 60 s, attempt {attempt}, armed true, held {held}, silent");
        assert_eq!(decided(unasked, &at), expected);
    }
}

/// What a message says about time is foreign input.
#[test]
fn time_that_was_held_does_not_overflow() {
    let state = json!({ "executor": "k8s", "since": "2026-01-01T11:48:50Z", "held": u64::MAX });
    let body = body("start", &token(5, 12 * 3_600), Some(&state));
    let plan = start_of(&body, first(), &policy(&[]));
    let decision = with_config(&body, |config| {
        of_start(&plan, config, down("server", true), &at(0))
    });
    let Decision::Back {
        outcome: Outcome::Held(again),
        ..
    } = decision
    else {
        panic!("{decision:?}")
    };
    assert_eq!(state_in(&again.body).held, u64::MAX);
}

#[test]
fn a_limit_of_zero_fails_at_the_first_error_of_the_message() {
    let impatient = |failed| Circumstances {
        limit: 0,
        ..at(failed)
    };
    for name in TRANSIENT {
        let decision = decided(own(name, false), &impatient(0));
        assert!(decision.starts_with("FAILURE"), "{name}: {decision}");
    }
    for name in ENVIRONMENT.iter().chain(&["quota"]) {
        let decision = decided(own(name, false), &impatient(0));
        assert!(decision.starts_with("again"), "{name}: {decision}");
    }
}

/// A start that failed before its first check was published must not come back as one that has a chain.
#[test]
fn what_comes_back_knows_whether_a_chain_lives() {
    for name in ["server", "quota", "forbidden", "policy"] {
        for at in [at(0), at(5), past(0)] {
            for armed in [false, true] {
                let decision = decided(own(name, armed), &at);
                assert!(decision.contains(&format!("armed {armed}")), "{name}: {decision}");
            }
        }
    }
}

#[test]
fn a_name_that_is_taken_is_waited_for() {
    for armed in [false, true] {
        let expected = format!("again 15 s, attempt 5, armed {armed}, held 70000, silent");
        assert_eq!(decided(Seen::Occupied { armed }, &at(5)), expected);
        let expected = format!("FAILURE, else 15 s, attempt 5, armed {armed}, held 70000");
        assert_eq!(decided(Seen::Occupied { armed }, &past(5)), expected);
    }
    let text = text_of(Seen::Occupied { armed: true }, &past(0));
    assert!(text.starts_with("Build failed to start.") && text.contains("cluster admin"));
}

#[test]
fn a_start_without_a_possible_pod_fails_unless_its_executor_may_come_back() {
    let refusal = |name: &str| match name {
        "executor" => Refusal::Executor(ExecutorError::UnknownExecutor {
            asked: "gone".to_owned(),
            known: vec!["k8s".to_owned()],
        }),
        _ => Refusal::Manifest(ManifestError::MalformedToken),
    };
    let cases = [
        // Chosen at the first handling, and lost since.
        ("executor", "gone", NOW, "again 60 s, told"),
        ("executor", "gone", "2026-01-01T12:50:00Z", "FAILURE, else 15 s"),
        // Never there.
        ("executor", "", NOW, "FAILURE, else 15 s"),
        ("manifest", "k8s-vm", NOW, "FAILURE, else 15 s"),
    ];
    let body = body("start", &token(5, 12 * 3_600), None);
    for (name, executor, now, expected) in cases {
        let refused = Refused {
            refusal: refusal(name),
            places: Vec::new(),
            state: StartState {
                executor: executor.to_owned(),
                ..StartState::new(time("2026-01-01T11:50:00Z"), None)
            },
            deadline: time("2026-01-01T12:50:00Z"),
        };
        let at = Circumstances {
            now: time(now),
            ..at(9)
        };
        let decided = match with_config(&body, |config| of_refusal(&refused, config, &at)) {
            Decision::Back {
                outcome: Outcome::Again(again),
                text: Some(text),
            } => {
                assert!(text.contains("gone"), "{text}");
                format!("again {} s, told", again.delay.as_secs())
            }
            Decision::Fail(Failing { why, text, again }) => {
                assert_eq!(why, NoPod::Impossible);
                assert!(text.starts_with("Build failed to start. "), "{text}");
                assert_eq!(state_in(&again.body), refused.state);
                format!("FAILURE, else {} s", again.delay.as_secs())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(decided, expected, "{name} {executor} {now}");
    }
}

#[test]
fn a_fresh_start_comes_back_as_itself() {
    let fresh = body("start", &token(5, 12 * 3_600), None);
    let plan = start_of(&fresh, first(), &policy(&[]));
    let first_try = Circumstances {
        attempt: Attempt::default(),
        ..at(0)
    };
    let decision = with_config(&fresh, |config| {
        of_start(&plan, config, own("timeout", true), &first_try)
    });
    let Decision::Back {
        outcome: Outcome::Again(again),
        text: None,
    } = decision
    else {
        panic!("{decision:?}")
    };
    let expected = StartState {
        attempt: 1,
        armed: true,
        ..plan.state.clone()
    };
    assert_eq!(state_in(&again.body), expected);
    assert_eq!(expected.since, time(NOW));
}
