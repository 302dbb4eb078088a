//! Builds that run: heard once, then left alone or watched.

use super::*;

const PACE: Duration = Duration::from_secs(90);

fn watching() -> Ladder {
    ladder().watching(Some(PACE))
}

fn running() -> LastLook {
    LastLook {
        phase: Some(Phase::Running),
        phase_since: Some(time(NOW)),
        ran: true,
        ..LastLook::default()
    }
}

fn ended() -> Verdict {
    Verdict::Healthy {
        node: Some("node1".to_owned()),
        ended: true,
    }
}

/// A check that has told the build already that its pod u1 runs.
fn known() -> CheckState {
    CheckState {
        uid: Some("u1".to_owned()),
        look: running(),
        ..numbered(7)
    }
}

#[test]
fn a_running_build_is_watched_only_if_that_is_asked_for() {
    let pod = facts("u1", 0);
    for (ladder, verdict, sequel) in [
        (ladder(), healthy(), "end healthy"),
        (watching(), healthy(), "watch 2 after 90 s"),
        // Its launcher has told the rest.
        (watching(), ended(), "end healthy"),
    ] {
        let decision = decide_on(&ladder, &numbered(1), verdict, running(), Some(&pod));
        assert_eq!(follows(&decision), sequel);
        assert_eq!(said(&decision), r#"must {"stats":{"hostname":"node1"}}"#);
    }
}

/// A report without a text clears the text that the build's owner reads.
#[test]
fn a_build_hears_once_that_it_runs() {
    let pod = facts("u1", 0);
    let due = CheckState {
        report_due: true,
        ..known()
    };
    let another = CheckState {
        uid: Some("u0".to_owned()),
        ..known()
    };
    let cases = [
        ("known", known(), "nothing"),
        ("the report did not arrive", due, "must"),
        ("another pod", another, "must"),
        ("never seen", numbered(7), "must"),
    ];
    for (name, check, expected) in cases {
        let decision = decide_on(&watching(), &check, healthy(), running(), Some(&pod));
        assert_eq!(said(&decision).split(' ').next(), Some(expected), "{name}");
        assert_eq!(follows(&decision), "watch 8 after 90 s", "{name}");
    }
    // Nobody asks for it any more.
    let decision = decide(&known(), healthy(), running(), Some(&pod));
    assert_eq!(
        (said(&decision), follows(&decision)),
        ("nothing".to_owned(), "end healthy".to_owned())
    );
    let decision = decide_on(&watching(), &known(), ended(), running(), Some(&pod));
    assert_eq!(
        (said(&decision), follows(&decision)),
        ("nothing".to_owned(), "end healthy".to_owned())
    );
}

#[test]
fn a_watched_build_that_failed_hears_it_and_its_chain_ends() {
    let pod = facts("u1", 0);
    for facts in [Some(&pod), None] {
        let decision = decide_on(&watching(), &known(), failed(), running(), facts);
        assert!(said(&decision).starts_with(r#"must {"status":"FAILURE""#));
        assert_eq!(follows(&decision), "end failed");
        assert_eq!(decision.if_finished, IfFinished::End);
    }
}

/// A restarted kubelet reports a running pod for a moment without its containers.
#[test]
fn a_build_that_ran_is_not_told_that_it_is_being_set_up() {
    let pod = json!({
        "metadata": { "name": "8609-abcde", "uid": "u1", "labels": { "sdbuild": "8609" } },
        "spec": { "nodeName": "node1", "containers": [{ "name": "8609" }] },
        "status": { "phase": "Running" },
    });
    let pod = Facts::read(&serde_json::from_value(pod).unwrap());
    for verdict in [progressing(), waiting()] {
        let decision = decide_on(&watching(), &known(), verdict, in_time(), Some(&pod));
        assert_eq!(said(&decision), "nothing");
        assert_eq!(follows(&decision), "check 8 after 300 s");
    }
}

#[test]
fn a_look_beside_the_chain_watches_nothing() {
    let once = CheckState {
        once: true,
        ..check()
    };
    let pod = facts("u1", 0);
    let decision = decide_on(&watching(), &once, healthy(), running(), Some(&pod));
    assert_eq!(follows(&decision), "end healthy");
}
