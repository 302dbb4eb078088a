//! Pods that are gone, or going.

use super::*;

fn absent(last: &LastLook, at: &Moment) -> Judgement {
    judge(Sight::Absent { ever_seen: true }, last, at, &CLOCKS)
}

#[test]
fn a_pod_is_gone_after_two_looks_fifteen_seconds_apart() {
    for (ran, expected) in [(false, "recreate"), (true, "failed")] {
        let last = LastLook {
            ran,
            ..LastLook::default()
        };
        let first = absent(&last, &after(100));
        let early = absent(&first.look, &after(114));
        let second = absent(&early.look, &after(115));
        let labels = [&first, &early, &second].map(|judgement| judgement.verdict.as_str());
        assert_eq!(labels, ["missing", "missing", expected]);
    }
}

#[test]
fn a_pod_that_is_back_was_not_gone() {
    let first = absent(&LastLook::default(), &after(100));
    let seen = look(&pod("Running", &json!({"running": {}})), &first.look, &after(115));
    assert_eq!(seen.look.missing_since, None);
    assert!(seen.look.ran);
    assert_eq!(absent(&seen.look, &after(130)).verdict, Verdict::Missing);
}

#[test]
fn a_pod_that_disappears_again_and_again_fails_its_build() {
    let first = absent(&LastLook::default(), &after(100));
    let at = Moment {
        recreated: 3,
        ..after(115)
    };
    assert_eq!(
        failure(&absent(&first.look, &at).verdict).reason,
        Reason::Disappeared
    );
}

#[test]
fn a_build_without_a_pod_fails_at_the_start_deadline() {
    let never = |seconds| {
        judge(
            Sight::Absent { ever_seen: false },
            &LastLook::default(),
            &after(seconds),
            &CLOCKS,
        )
        .verdict
    };
    assert_eq!(never(3_599), Verdict::NotCreated);
    let message = failure(&never(3_600)).message.clone();
    assert!(
        message.starts_with("Build failed to start. No pod could be created."),
        "{message}"
    );
}

#[test]
fn a_pod_that_is_being_deleted_is_left_alone_until_the_start_deadline() {
    let mut now = pod("Running", &json!({"running": {}}));
    now["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:10:00Z");
    now["status"]["conditions"] =
        json!([{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]);
    let verdicts = chain(&[(60, &now), (3_599, &now), (3_600, &now)]);
    assert_eq!(labels(&verdicts), ["terminating", "terminating", "failed"]);
    let failure = failure(&verdicts[2]);
    assert_eq!(failure.reason, Reason::NodeLost);
    assert!(
        failure.message.contains("DeletionByTaintManager"),
        "{}",
        failure.message
    );
    // A build that ran for hours may use its grace period.
    now["metadata"]["deletionTimestamp"] = json!("2026-01-01T03:00:30Z");
    assert_eq!(labels(&chain(&[(3 * 3_600, &now)])), ["terminating"]);
}

#[test]
fn a_pod_that_was_deleted_and_is_over_is_no_longer_waited_for() {
    let mut now = pod("Failed", &ended("Error", 143));
    now["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:10:00Z");
    assert_eq!(failure(&first_look(&now).verdict).reason, Reason::Deleted);
}
