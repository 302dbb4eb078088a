//! Pods that are made anew, looks beside the chain, and builds that are finished.

use common::job::{Job, Recreate, StartState};

use super::*;

/// The start that a recreate publishes.
fn start_in(decision: &Decision) -> StartState {
    let Then::Recreate(body, _) = &decision.then else {
        panic!("no recreate")
    };
    match Job::decode(body).unwrap() {
        Job::Start(job) => job.state.unwrap(),
        other => panic!("no start: {other:?}"),
    }
}

fn seen(recreated: u32) -> CheckState {
    CheckState {
        uid: Some("u1".to_owned()),
        recreated,
        held: 70_000,
        attempt: 3,
        report_due: true,
        message: Some("old".to_owned()),
        look: in_time(),
        ..numbered(1)
    }
}

#[test]
fn a_lost_pod_is_ordered_anew_and_the_chain_goes_on() {
    let decision = decide(&seen(0), lost(), LastLook::default(), Some(&facts("u1", 0)));
    let expected = StartState {
        executor: "k8s".to_owned(),
        attempt: 0,
        since: time("2026-01-01T11:55:00Z"),
        held: 70_000,
        armed: true,
        recreate: Some(Recreate {
            uid: Some("u1".to_owned()),
            n: 1,
        }),
        trace_context: Some(trace('2')),
    };
    assert_eq!(start_in(&decision), expected);
    let expected = CheckState {
        uid: None,
        recreated: 1,
        number: 2,
        attempt: 0,
        report_due: false,
        look: LastLook::default(),
        trace_context: Some(trace('2')),
        ..seen(0)
    };
    assert_eq!(next_of(decision), expected);
}

#[test]
fn a_dead_pod_counts_for_itself_however_often_its_replacement_was_ordered() {
    for (by_check, by_pod, n) in [(0, 0, 1), (1, 0, 1), (0, 2, 3), (1, 2, 3), (3, 2, 3)] {
        let decision = decide(
            &seen(by_check),
            lost(),
            LastLook::default(),
            Some(&facts("u1", by_pod)),
        );
        let recreate = start_in(&decision).recreate.unwrap();
        assert_eq!(recreate.n, n, "{by_check} {by_pod}");
        assert_eq!(next_of(decision).recreated, n, "{by_check} {by_pod}");
    }
}

#[test]
fn a_pod_that_is_gone_leaves_nothing_to_delete() {
    let decision = decide(&seen(1), lost(), LastLook::default(), None);
    let expected = Some(Recreate { uid: None, n: 2 });
    assert_eq!(start_in(&decision).recreate, expected);
    assert_eq!(follows(&decision), "recreate, check 2 after 240 s");
}

/// Even when the order was confirmed by a second look, the sequel is a step of the ladder.
#[test]
fn a_recreate_is_no_look_to_confirm() {
    let confirmed = CheckState {
        look: missing(),
        ..seen(0)
    };
    let decision = decide(&confirmed, lost(), missing(), None);
    assert_eq!(follows(&decision), "recreate, check 2 after 240 s");
    assert_eq!(next_of(decision).look, LastLook::default());
}

#[test]
fn a_look_beside_the_chain_arms_nothing() {
    let pod = facts("u1", 0);
    let pod = Some(&pod);
    // So young that a finished build without a pod would be looked at again.
    let once = CheckState {
        once: true,
        started_at: time("2026-01-01T11:59:45Z"),
        ..check()
    };
    let cases = [
        (healthy(), in_time(), pod, "end healthy"),
        (failed(), in_time(), pod, "end failed"),
        (waiting(), in_time(), pod, "end nothing"),
        (progressing(), overdue(), pod, "end nothing"),
        (terminating(), ending(), pod, "end nothing"),
        (Verdict::Missing, missing(), None, "end nothing"),
        (Verdict::NotCreated, LastLook::default(), None, "end nothing"),
        (lost(), LastLook::default(), pod, "end nothing"),
    ];
    for (verdict, look, facts, sequel) in cases {
        let name = verdict.as_str();
        let decision = decide(&once, verdict, look, facts);
        assert_eq!(follows(&decision), sequel, "{name}");
        assert_eq!(decision.if_finished, IfFinished::End, "{name}");
    }
}

/// The start may still be under way, and would leave a pod that nobody looks at.
#[test]
fn a_finished_build_without_a_pod_is_looked_at_for_a_minute() {
    let started = |at: &str| CheckState {
        started_at: time(at),
        ..check()
    };
    let cases = [
        ("2026-01-01T11:59:45Z", IfFinished::GoOn),
        ("2026-01-01T11:59:00Z", IfFinished::GoOn),
        ("2026-01-01T11:58:59Z", IfFinished::End),
        // Started by a machine whose clock is ahead of ours.
        ("2026-01-01T12:00:30Z", IfFinished::GoOn),
    ];
    let failed_early = decide(
        &started("2026-01-01T11:59:45Z"),
        failed(),
        LastLook::default(),
        None,
    );
    assert_eq!(failed_early.if_finished, IfFinished::End);
    for (started_at, expected) in cases {
        let decision = decide(
            &started(started_at),
            Verdict::NotCreated,
            LastLook::default(),
            None,
        );
        assert_eq!(decision.if_finished, expected, "{started_at}");
    }
}
