//! From a verdict to report and next check, row by row.

mod chain;
mod interleavings;
mod trouble;
mod watch;

use common::{
    ladder::SOON,
    verdict::{Actor, Failure, LastLook, Phase, Reason},
};
use serde_json::json;

use super::*;
use crate::testing::{NOW, check, time, trace, with_config};

const WAITING: &str = "Waiting for resources to be available.";
const DELAYED: &str = "Build initialization delayed - pod creation taking longer than expected";

/// The ladder out of the box: looks at 15 s, 60 s, 5 min, then every 5 min.
fn ladder() -> Ladder {
    Ladder::new(
        &[Duration::from_secs(15), Duration::from_mins(1)],
        Duration::from_mins(5),
    )
}

/// A look with the default limit of 5 tries that took 2.5 s.
fn at(failed: u32, ladder: &Ladder) -> Circumstances<'_> {
    Circumstances {
        attempt: Attempt::counted(failed),
        limit: 5,
        ladder,
        now: time(NOW),
        took: Duration::from_millis(2_500),
        trace: Some(trace('2')),
    }
}

/// The facts of a pod of this UID that was recreated so often.
fn facts(uid: &str, recreated: u32) -> Facts {
    let pod = json!({ "metadata": {
        "name": "8609-abcde", "uid": uid,
        "annotations": { "screwdriver.cd/recreated": recreated.to_string() },
    }});
    Facts::read(&serde_json::from_value(pod).unwrap())
}

/// What a look in time leaves: some phase, no clock run out.
fn in_time() -> LastLook {
    LastLook {
        phase: Some(Phase::Pulling),
        phase_since: Some(time("2026-01-01T11:56:00Z")),
        ..LastLook::default()
    }
}

fn overdue() -> LastLook {
    LastLook {
        overdue_since: Some(time(NOW)),
        ..in_time()
    }
}

fn ending() -> LastLook {
    LastLook {
        phase: Some(Phase::Terminating),
        ..in_time()
    }
}

fn missing() -> LastLook {
    LastLook {
        missing_since: Some(time(NOW)),
        ..LastLook::default()
    }
}

fn healthy() -> Verdict {
    Verdict::Healthy {
        node: Some("node1".to_owned()),
        ended: false,
    }
}

fn failed() -> Verdict {
    Verdict::Failed(Failure {
        reason: Reason::ImageNotFound,
        actor: Actor::You,
        message: "Build failed to start. No such image.".to_owned(),
    })
}

fn waiting() -> Verdict {
    Verdict::Waiting { cause: cause() }
}

fn progressing() -> Verdict {
    Verdict::Progressing { cause: cause() }
}

fn terminating() -> Verdict {
    Verdict::Terminating { cause: cause() }
}

fn lost() -> Verdict {
    Verdict::Recreate {
        reason: Reason::NodeShutdown,
        cause: cause(),
    }
}

fn cause() -> String {
    "the cause".to_owned()
}

fn decide(check: &CheckState, verdict: Verdict, look: LastLook, facts: Option<&Facts>) -> Decision {
    decide_on(&ladder(), check, verdict, look, facts)
}

fn decide_on(
    ladder: &Ladder,
    check: &CheckState,
    verdict: Verdict,
    look: LastLook,
    facts: Option<&Facts>,
) -> Decision {
    let judgement = Judgement { verdict, look };
    with_config(|config| of_look(check, config, judgement, facts, None, &at(0, ladder)))
}

/// What the build hears, in a line.
fn said(decision: &Decision) -> String {
    let json = |update: &BuildUpdate| serde_json::to_string(update).unwrap();
    match &decision.report {
        Report::Nothing => "nothing".to_owned(),
        Report::Must(update) => format!("must {}", json(update)),
        Report::Ask { update, text } => {
            assert_eq!(update.status_message(), Some(text.as_str()));
            format!("ask, else {text}")
        }
        Report::Note { update, text } => {
            assert_eq!(update.status_message(), text.as_deref());
            assert_eq!(update.status(), None);
            format!("note {}", text.as_deref().unwrap_or_default())
        }
    }
}

fn follows(decision: &Decision) -> String {
    let next = |next: &Next| format!("{} after {} s", next.check.number, next.delay.as_secs());
    match &decision.then {
        Then::End(outcome) => format!("end {}", outcome.as_str()),
        Then::Rearm(check) => format!("check {}", next(check)),
        Then::Watch(check) => format!("watch {}", next(check)),
        Then::Recreate(_, check) => format!("recreate, check {}", next(check)),
    }
}

fn next_of(decision: Decision) -> CheckState {
    match decision.then {
        Then::Rearm(next) | Then::Watch(next) | Then::Recreate(_, next) => next.check,
        Then::End(_) => panic!("no next check"),
    }
}

fn numbered(number: u32) -> CheckState {
    CheckState { number, ..check() }
}

/// Each row of the table of verdicts, at the second check.
#[test]
fn every_verdict_has_its_report_and_its_sequel() {
    let pod = facts("u1", 0);
    let pod = Some(&pod);
    let lost_text = "The cluster lost the pod before the build began; starting it anew. the cause";
    let cases = [
        (
            healthy(),
            in_time(),
            pod,
            r#"must {"stats":{"hostname":"node1"}}"#.to_owned(),
            "end healthy",
        ),
        (
            failed(),
            in_time(),
            pod,
            r#"must {"status":"FAILURE","statusMessage":"Build failed to start. No such image."}"#.to_owned(),
            "end failed",
        ),
        (
            waiting(),
            in_time(),
            pod,
            format!("note {WAITING} the cause"),
            "check 2 after 240 s",
        ),
        (
            progressing(),
            in_time(),
            pod,
            "note the cause".to_owned(),
            "check 2 after 240 s",
        ),
        // A clock that ran out is confirmed soon, by the same check.
        (
            progressing(),
            overdue(),
            pod,
            "note the cause".to_owned(),
            "check 1 after 15 s",
        ),
        // Its end is waited for, not a step of the ladder.
        (
            terminating(),
            ending(),
            pod,
            "nothing".to_owned(),
            "check 1 after 60 s",
        ),
        (
            Verdict::Missing,
            missing(),
            None,
            "nothing".to_owned(),
            "check 1 after 15 s",
        ),
        (
            Verdict::NotCreated,
            LastLook::default(),
            None,
            format!("ask, else {WAITING}"),
            "check 2 after 240 s",
        ),
        (
            lost(),
            LastLook::default(),
            pod,
            format!("note {lost_text}"),
            "recreate, check 2 after 240 s",
        ),
    ];
    for (verdict, look, facts, report, sequel) in cases {
        let name = verdict.as_str();
        let decision = decide(&numbered(1), verdict, look, facts);
        assert_eq!(said(&decision), report, "{name}");
        assert_eq!(follows(&decision), sequel, "{name}");
    }
}

#[test]
fn the_ladder_is_climbed_step_by_step() {
    let cases = [
        (0, "check 1 after 45 s"),
        (1, "check 2 after 240 s"),
        (2, "check 3 after 300 s"),
        (3, "check 4 after 300 s"),
        (99, "check 100 after 300 s"),
        (u32::MAX, "check 4294967295 after 300 s"),
    ];
    let pod = facts("u1", 0);
    for (number, sequel) in cases {
        let decision = decide(&numbered(number), progressing(), in_time(), Some(&pod));
        assert_eq!(follows(&decision), sequel, "{number}");
    }
}

#[test]
fn the_next_check_knows_what_this_look_saw() {
    let earlier = CheckState {
        number: 1,
        attempt: 3,
        report_due: true,
        recreated: 1,
        held: 70_000,
        message: Some("old".to_owned()),
        look: overdue(),
        ..check()
    };
    let expected = CheckState {
        uid: Some("u1".to_owned()),
        number: 2,
        attempt: 0,
        report_due: false,
        recreated: 2,
        look: in_time(),
        trace_context: Some(trace('2')),
        ..earlier.clone()
    };
    let pod = facts("u1", 2);
    let next = next_of(decide(&earlier, progressing(), in_time(), Some(&pod)));
    assert_eq!(next, expected);
}

#[test]
fn the_pod_that_is_there_is_adopted() {
    let seen = CheckState {
        uid: Some("u1".to_owned()),
        recreated: 2,
        ..numbered(1)
    };
    // Another pod under the name: the next look is for that one.
    let next = next_of(decide(&seen, progressing(), in_time(), Some(&facts("u2", 0))));
    assert_eq!((next.uid.as_deref(), next.recreated), (Some("u2"), 2));
    // None: what was seen once stays known.
    let next = next_of(decide(&seen, Verdict::Missing, missing(), None));
    assert_eq!(
        (next.uid.as_deref(), next.pod.as_str()),
        (Some("u1"), "8609-abcde")
    );
    assert_eq!(next.look, missing());
    // The name of a predecessor's pod is known from the first look on.
    let unnamed = CheckState {
        pod: String::new(),
        ..check()
    };
    let next = next_of(decide(&unnamed, progressing(), in_time(), Some(&facts("u1", 0))));
    assert_eq!(next.pod, "8609-abcde");
}

#[test]
fn from_the_init_timeout_on_a_build_that_waits_hears_that_it_takes_long() {
    let pod = facts("u1", 0);
    let waiting_text = format!("{WAITING} the cause");
    let delayed_text = format!("{DELAYED}: {waiting_text}");
    let cases = [
        (waiting(), 0, waiting_text.clone()),
        (waiting(), 1, waiting_text),
        (waiting(), 2, delayed_text.clone()),
        (waiting(), 3, delayed_text.clone()),
        (progressing(), 1, cause()),
        (progressing(), 2, format!("{DELAYED}: the cause")),
    ];
    for (verdict, number, text) in cases {
        let name = verdict.as_str();
        let decision = decide(&numbered(number), verdict, in_time(), Some(&pod));
        assert_eq!(said(&decision), format!("note {text}"), "{name} {number}");
    }
    let decision = decide(&numbered(2), healthy(), in_time(), Some(&pod));
    assert!(!said(&decision).contains("delayed"));
}

#[test]
fn a_build_without_a_pod_hears_only_once_that_it_takes_long() {
    let delayed = format!("{DELAYED}: {WAITING}");
    let ask = |text: &str| format!("ask, else {text}");
    let cases = [
        // Start-worker may have told it more: nothing is said over that.
        (0, None, ask(WAITING)),
        (1, Some(WAITING), ask(WAITING)),
        (1, Some("starting anew"), ask("starting anew")),
        (2, Some("starting anew"), format!("note {DELAYED}: starting anew")),
        (2, None, format!("note {delayed}")),
        (3, Some(delayed.as_str()), ask(&delayed)),
    ];
    for (number, message, expected) in cases {
        let check = CheckState {
            message: message.map(str::to_owned),
            ..numbered(number)
        };
        let decision = decide(&check, Verdict::NotCreated, LastLook::default(), None);
        assert_eq!(said(&decision), expected, "{number} {message:?}");
    }
}

#[test]
fn a_text_is_said_once() {
    let pod = facts("u1", 0);
    let known = |number, report_due, message: &str| CheckState {
        message: Some(message.to_owned()),
        report_due,
        ..numbered(number)
    };
    let cases = [
        ("unchanged", known(1, false, "the cause"), "nothing"),
        ("changed", known(1, false, "another"), "note the cause"),
        ("never told", numbered(1), "note the cause"),
        ("the first check", known(0, false, "the cause"), "note the cause"),
        ("a report is due", known(1, true, "the cause"), "note the cause"),
    ];
    for (name, check, expected) in cases {
        let decision = decide(&check, progressing(), in_time(), Some(&pod));
        assert_eq!(said(&decision), expected, "{name}");
    }
    // Its answer tells whether the build is still wanted, whatever the pod does.
    let decision = decide(&numbered(0), terminating(), in_time(), Some(&pod));
    assert_eq!(said(&decision), "note the cause");
}

#[test]
fn what_must_arrive_is_said_however_often_it_takes() {
    let pod = facts("u1", 0);
    for number in [0, 1, 2, 50] {
        for verdict in [healthy(), failed()] {
            let due = CheckState {
                report_due: true,
                ..numbered(number)
            };
            let decision = decide(&due, verdict, in_time(), Some(&pod));
            assert!(said(&decision).starts_with("must "), "{decision:?}");
            assert!(follows(&decision).starts_with("end "), "{decision:?}");
        }
    }
}
