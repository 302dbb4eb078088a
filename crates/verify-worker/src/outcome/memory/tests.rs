use serde_json::{Value, json};

use super::*;
use crate::testing::{check, time};

fn facts(uid: &str) -> Facts {
    let pod = json!({ "metadata": { "name": "8609-abcde", "uid": uid } });
    Facts::read(&serde_json::from_value(pod).unwrap())
}

fn looked(uid: Option<&str>) -> CheckState {
    CheckState {
        uid: uid.map(str::to_owned),
        look: LastLook {
            phase: Some(Phase::Pulling),
            phase_since: Some(time("2026-01-01T11:56:00Z")),
            overdue_since: Some(time("2026-01-01T11:59:00Z")),
            ran: true,
            ..LastLook::default()
        },
        deletion: Some("drained".to_owned()),
        ..check()
    }
}

#[test]
fn another_pods_clocks_are_not_this_ones_but_a_build_that_ran_has_run() {
    let kept = looked(None).look;
    let fresh = LastLook {
        ran: true,
        ..LastLook::default()
    };
    let pod = facts("u1");
    let cases = [
        (Some("u1"), Some(&pod), &kept),
        (None, Some(&pod), &kept),
        (Some("u0"), Some(&pod), &fresh),
        (Some("u0"), None, &kept),
    ];
    for (uid, facts, expected) in cases {
        assert_eq!(
            last_look(&looked(uid), facts),
            *expected,
            "{uid:?} {}",
            facts.is_some()
        );
    }
}

#[test]
fn who_deletes_the_pod_is_remembered_until_a_pod_is_seen_again() {
    let pod = facts("u1");
    let terminating = Verdict::Terminating {
        cause: "evicted".to_owned(),
    };
    let waiting = Verdict::Waiting {
        cause: "no node".to_owned(),
    };
    let cases = [
        (&terminating, Some(&pod), Some("evicted")),
        (&waiting, Some(&pod), None),
        (&Verdict::Missing, None, Some("drained")),
    ];
    for (verdict, facts, expected) in cases {
        let seen = seen(&looked(Some("u1")), verdict, LastLook::default(), facts);
        assert_eq!(seen.deletion.as_deref(), expected, "{}", verdict.as_str());
    }
}

fn event(reason: &str, message: &str, at: &str) -> Value {
    json!({
        "metadata": {}, "involvedObject": { "uid": "u1" },
        "reason": reason, "message": message, "lastTimestamp": at,
    })
}

fn words(events: &[Value]) -> Option<String> {
    let events: Vec<Event> = events
        .iter()
        .map(|event| serde_json::from_value(event.clone()).unwrap())
        .collect();
    Words::of(&events).map(|words| words.as_str().to_owned())
}

#[test]
fn the_last_words_about_a_pod_are_of_whoever_took_it_away() {
    let pulled = event("Pulled", "present", "2026-01-01T11:59:59Z");
    let taint = event(
        "TaintManagerEviction",
        "Marking for deletion Pod builds/8609-abcde, token=abc",
        "2026-01-01T11:59:00Z",
    );
    let evicted = event("Evicted", "The node was low on resource", "2026-01-01T11:58:00Z");
    assert_eq!(words(&[]), None);
    assert_eq!(words(std::slice::from_ref(&pulled)), None);
    assert_eq!(
        words(&[evicted, taint, pulled]).as_deref(),
        Some("TaintManagerEviction: Marking for deletion Pod builds/8609-abcde, token=[hidden]")
    );
    let preempted = json!({
        "metadata": {}, "involvedObject": { "uid": "u1" }, "reason": "Preempted",
        "message": "by pod x", "eventTime": "2026-01-01T11:59:00.000000Z",
    });
    assert_eq!(words(&[preempted]).as_deref(), Some("Preempted: by pod x"));
}
