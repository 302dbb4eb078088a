//! Time: graces, clocks, the second look, outages and deadlines.

use super::*;

const NOT_FOUND: &str = "failed to resolve image: node:22: not found";
const BUSY: &str = "unexpected status from HEAD request to https://r/v2/: 503 Service Unavailable";

#[test]
fn back_off_and_error_are_one_phase_with_one_clock() {
    let error = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    let back_off = pod(
        "Pending",
        &waiting(
            "ImagePullBackOff",
            &format!("Back-off: ErrImagePull: {NOT_FOUND}"),
        ),
    );
    let verdicts = chain(&[(15, &error), (40, &back_off), (46, &error)]);
    assert_eq!(labels(&verdicts), ["progressing", "progressing", "failed"]);
}

#[test]
fn a_grace_takes_two_looks() {
    let error = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    assert_eq!(labels(&chain(&[(3_000, &error)])), ["progressing"]);
    assert_eq!(
        labels(&chain(&[(15, &error), (60, &error)])),
        ["progressing", "failed"]
    );
}

#[test]
fn every_phase_has_its_clock_confirmed_by_a_second_look() {
    let silent = |name: &str| pod("Pending", &waiting(name, ""));
    let mut launcher_runs = silent("PodInitializing");
    launcher_runs["status"]["initContainerStatuses"] =
        json!([container("launcher", &json!({"running": {}}))]);
    let cases = [
        ("scheduling", unscheduled("Unschedulable", "0/1"), 900, "waiting"),
        (
            "scheduler error",
            unscheduled("SchedulerError", "bad"),
            60,
            "waiting",
        ),
        ("initialising", launcher_runs, 300, "progressing"),
        ("pulling", silent("PodInitializing"), 1_200, "progressing"),
        ("unheard of", silent("SomethingNew"), 240, "progressing"),
        (
            "registry",
            pod("Pending", &waiting("ErrImagePull", BUSY)),
            300,
            "progressing",
        ),
        ("sandbox", silent("CreatePodSandboxError"), 180, "progressing"),
    ];
    for (name, pod, clock, before) in cases {
        let verdicts = chain(&[
            (10, &pod),
            (9 + clock, &pod),
            (10 + clock, &pod),
            (24 + clock, &pod),
            (25 + clock, &pod),
            (26 + clock, &pod),
        ]);
        assert_eq!(
            labels(&verdicts),
            [before, before, before, before, "failed", "failed"],
            "{name}"
        );
    }
}

#[test]
fn another_phase_starts_another_clock() {
    let scheduling = unscheduled("Unschedulable", "0/1");
    let pulling = pod("Pending", &waiting("PodInitializing", ""));
    let verdicts = chain(&[
        (0, &scheduling),
        (900, &scheduling),
        (915, &pulling),
        (1_800, &pulling),
    ]);
    assert_eq!(
        labels(&verdicts),
        ["waiting", "waiting", "progressing", "progressing"]
    );
}

#[test]
fn unknown_reasons_are_quoted_when_their_clock_runs_out() {
    let pod = pod("Pending", &waiting("SomethingNew", "the flux is low"));
    let verdicts = chain(&[(0, &pod), (300, &pod), (600, &pod)]);
    let message = &failure(&verdicts[2]).message;
    assert!(message.contains("SomethingNew: the flux is low"), "{message}");
}

#[test]
fn a_gate_stops_the_clock_until_the_start_deadline() {
    let gated = unscheduled("SchedulingGated", "");
    let open = unscheduled("Unschedulable", "0/1");
    let verdicts = chain(&[
        (0, &gated),
        (3_000, &gated),
        (3_060, &open),
        (3_599, &gated),
        (3_600, &gated),
    ]);
    assert_eq!(
        labels(&verdicts),
        ["waiting", "waiting", "waiting", "waiting", "failed"]
    );
    assert_eq!(failure(&verdicts[4]).reason, Reason::Gated);
}

#[test]
fn an_outage_runs_no_clock_and_confirms_nothing() {
    let hour = Duration::from_hours(1);
    // A silent phase: the clock is shifted, and the look that found it run out is forgotten.
    let pulling = pod("Pending", &waiting("PodInitializing", ""));
    let first = look(&pulling, &LastLook::default(), &after(0)).look;
    let overdue = look(&pulling, &first, &after(1_200)).look;
    assert!(overdue.overdue_since.is_some());
    let resumed = look(&pulling, &overdue.after_outage(hour), &after(1_300 + 3_600));
    assert_eq!(resumed.verdict.as_str(), "progressing");
    let confirmed = look(&pulling, &resumed.look, &after(1_320 + 3_600));
    assert_eq!(confirmed.verdict.as_str(), "failed");
    // An error has to be seen twice again: it may have been mended meanwhile.
    let error = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    let seen = look(&error, &LastLook::default(), &after(15))
        .look
        .after_outage(hour);
    let again = look(&error, &seen, &after(3_700));
    assert_eq!(again.verdict.as_str(), "progressing");
    assert_eq!(
        look(&error, &again.look, &after(3_730)).verdict.as_str(),
        "failed"
    );
}

#[test]
fn a_clock_that_is_ahead_of_ours_starts_now() {
    let pulling = pod("Pending", &waiting("PodInitializing", ""));
    let last = LastLook {
        phase: Some(Phase::Pulling),
        phase_since: Some(after(9_000).now),
        overdue_since: Some(after(9_000).now),
        ..LastLook::default()
    };
    let judgement = look(&pulling, &last, &after(60));
    assert_eq!(judgement.verdict.as_str(), "progressing");
    assert_eq!(judgement.look.phase_since, Some(after(60).now));
}

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

fn with_launcher(state: &Value) -> Value {
    let mut now = pod("Pending", &waiting("PodInitializing", ""));
    now["status"]["initContainerStatuses"] = json!([container("launcher", state)]);
    now
}

#[test]
fn every_step_of_setting_up_restarts_its_clock() {
    let mut first = with_launcher(&json!({"running": {"startedAt": "2026-01-01T00:00:01Z"}}));
    first["spec"]["initContainers"] = json!([{"name": "launcher"}, {"name": "second"}]);
    let mut second = first.clone();
    second["status"]["initContainerStatuses"] = json!([
        container(
            "launcher",
            &json!({"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:04:00Z"}})
        ),
        container(
            "second",
            &json!({"running": {"startedAt": "2026-01-01T00:04:00Z"}})
        ),
    ]);
    let verdicts = chain(&[
        (2, &first),
        (230, &first),
        (310, &second),
        (539, &second),
        (540, &second),
        (555, &second),
    ]);
    let expected = [
        "progressing",
        "progressing",
        "progressing",
        "progressing",
        "progressing",
        "failed",
    ];
    assert_eq!(labels(&verdicts), expected);
}

#[test]
fn a_container_that_is_started_again_and_again_gets_nowhere() {
    let crashed = |at: &str, restarts: u32| {
        let mut now = with_launcher(&json!({"running": {"startedAt": at}}));
        now["spec"]["initContainers"] = json!([{"name": "launcher", "restartPolicy": "Always"}]);
        let status = &mut now["status"]["initContainerStatuses"][0];
        status["restartCount"] = json!(restarts);
        status["lastState"] = json!({"terminated": {"exitCode": 0}});
        now
    };
    let looks = [
        (60, crashed("2026-01-01T00:00:30Z", 1)),
        (300, crashed("2026-01-01T00:04:30Z", 5)),
        (360, crashed("2026-01-01T00:05:30Z", 6)),
        (400, crashed("2026-01-01T00:06:30Z", 7)),
    ];
    let looks: Vec<_> = looks.iter().map(|(after, pod)| (*after, pod)).collect();
    assert_eq!(
        labels(&chain(&looks)),
        ["progressing", "progressing", "progressing", "failed"]
    );
}

fn event(reason: &str, at: &str, message: &str) -> Value {
    json!({
        "metadata": {}, "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{b-1}"}, "reason": reason,
        "message": message, "firstTimestamp": at, "lastTimestamp": at,
    })
}

fn told(pod: &Value, events: &[Value]) -> Facts {
    let events: Vec<_> = events
        .iter()
        .map(|event| serde_json::from_value(event.clone()).unwrap())
        .collect();
    facts(pod).with_events(&events)
}

fn chain_of_facts(looks: &[(u64, &Facts)]) -> Vec<Verdict> {
    let mut last = LastLook::default();
    let judged = looks.iter().map(|(seconds, facts)| {
        let judgement = judge(Sight::Pod(facts), &last, &after(*seconds), &CLOCKS);
        last = judgement.look;
        judgement.verdict
    });
    judged.collect()
}

#[test]
fn a_pull_that_begins_anew_restarts_its_clock() {
    let silent = pod("Pending", &waiting("PodInitializing", ""));
    let once = told(&silent, &[event("Pulling", "2026-01-01T00:00:01Z", "")]);
    let again = told(&silent, &[event("Pulling", "2026-01-01T00:15:00Z", "")]);
    let verdicts = chain_of_facts(&[
        (10, &once),
        (1_190, &once),
        (1_300, &again),
        (2_099, &again),
        (2_101, &again),
    ]);
    assert_eq!(labels(&verdicts), ["progressing"; 5]);
    let verdicts = chain_of_facts(&[(10, &once), (1_210, &once), (1_225, &once)]);
    assert_eq!(labels(&verdicts), ["progressing", "progressing", "failed"]);
}

#[test]
fn another_cause_gets_a_grace_of_its_own() {
    let busy = pod("Pending", &waiting("ErrImagePull", BUSY));
    let absent = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    let verdicts = chain(&[
        (0, &busy),
        (240, &busy),
        (290, &absent),
        (319, &absent),
        (320, &absent),
    ]);
    assert_eq!(
        labels(&verdicts),
        [
            "progressing",
            "progressing",
            "progressing",
            "progressing",
            "failed"
        ]
    );
}

#[test]
fn causes_that_take_turns_last_no_longer_than_their_phase() {
    let busy = pod("Pending", &waiting("ErrImagePull", BUSY));
    let absent = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    let turns = |until: u64| {
        let looks: Vec<_> = (0..=until / 20)
            .map(|turn| (turn * 20, if turn % 2 == 0 { &busy } else { &absent }))
            .collect();
        chain(&looks).pop().unwrap().as_str()
    };
    assert_eq!(turns(1_200), "progressing");
    assert_eq!(turns(1_220), "failed");
}

#[test]
fn a_back_off_without_its_cause_changes_nothing() {
    let absent = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    let bare = pod(
        "Pending",
        &waiting("ImagePullBackOff", "Back-off pulling image \"node:22\""),
    );
    let verdicts = chain(&[(0, &absent), (20, &bare), (31, &absent)]);
    assert_eq!(labels(&verdicts), ["progressing", "progressing", "failed"]);
    // The clock starts at the first of either.
    let verdicts = chain(&[(0, &bare), (31, &absent)]);
    assert_eq!(labels(&verdicts), ["progressing", "failed"]);
}

#[test]
fn what_only_an_event_says_is_told_and_fails_nothing_in_its_grace() {
    let silent = pod("Pending", &waiting("PodInitializing", ""));
    let text = format!("Failed to pull image \"node:22\": {NOT_FOUND}");
    let failed = told(
        &silent,
        &[
            event("Pulling", "2026-01-01T00:00:01Z", ""),
            event("Failed", "2026-01-01T00:00:02Z", &text),
        ],
    );
    let verdicts = chain_of_facts(&[(15, &failed), (60, &failed)]);
    let Verdict::Progressing { cause } = &verdicts[1] else {
        panic!("{:?}", verdicts[1]);
    };
    assert!(
        cause.starts_with("The registry does not have image `node:22`"),
        "{cause}"
    );
    // The status confirms it: the clock has run since the event was seen.
    let status = facts(&pod("Pending", &waiting("ErrImagePull", NOT_FOUND)));
    let verdicts = chain_of_facts(&[(15, &failed), (60, &status)]);
    assert_eq!(labels(&verdicts), ["progressing", "failed"]);
}

#[test]
fn operators_set_graces() {
    let graces = |reason, seconds| Clocks {
        graces: BTreeMap::from([(reason, Duration::from_secs(seconds))]),
        ..CLOCKS
    };
    let verdict = |pod: &Value, clocks: &Clocks, times: &[u64]| {
        let mut last = LastLook::default();
        let mut verdict = "";
        for seconds in times {
            let judgement = judge(Sight::Pod(&facts(pod)), &last, &after(*seconds), clocks);
            last = judgement.look;
            verdict = judgement.verdict.as_str();
        }
        verdict
    };
    let absent = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    assert_eq!(
        verdict(&absent, &graces(Reason::ImageNotFound, 120), &[0, 119]),
        "progressing"
    );
    assert_eq!(
        verdict(&absent, &graces(Reason::ImageNotFound, 120), &[0, 120]),
        "failed"
    );
    assert_eq!(
        verdict(&absent, &graces(Reason::ImageDenied, 120), &[0, 30]),
        "failed"
    );
    // A clock stays one that is confirmed, and a reason that fails at once may be given time.
    let busy = pod("Pending", &waiting("ErrImagePull", BUSY));
    assert_eq!(
        verdict(&busy, &graces(Reason::Registry, 60), &[0, 60]),
        "progressing"
    );
    assert_eq!(
        verdict(&busy, &graces(Reason::Registry, 60), &[0, 60, 75]),
        "failed"
    );
    let name = pod("Pending", &waiting("InvalidImageName", "no"));
    assert_eq!(verdict(&name, &CLOCKS, &[0]), "failed");
    assert_eq!(
        verdict(&name, &graces(Reason::ImageName, 60), &[0]),
        "progressing"
    );
    assert_eq!(verdict(&name, &graces(Reason::ImageName, 60), &[0, 60]), "failed");
}

#[test]
fn a_check_of_an_earlier_version_goes_on() {
    let absent = pod("Pending", &waiting("ErrImagePull", NOT_FOUND));
    let last = LastLook {
        phase: Some(Phase::PullFailing),
        phase_since: Some(after(15).now),
        ..LastLook::default()
    };
    assert_eq!(look(&absent, &last, &after(60)).verdict.as_str(), "failed");
}

#[test]
fn one_look_counts_for_two_where_nothing_else_is_known() {
    let explained = |pod: &Value, seconds: u64| {
        let facts = facts(pod);
        explain(&facts, &after(seconds), &CLOCKS).verdict.as_str()
    };
    let mut waits = unscheduled("Unschedulable", "0/1");
    waits["metadata"]["creationTimestamp"] = json!(START);
    assert_eq!(explained(&waits, 899), "waiting");
    assert_eq!(explained(&waits, 900), "failed");
    let mut pulls = pod("Pending", &waiting("PodInitializing", ""));
    pulls["status"]["initContainerStatuses"][0]["state"]["terminated"]["finishedAt"] =
        json!("2026-01-01T00:01:00Z");
    assert_eq!(explained(&pulls, 1_259), "progressing");
    assert_eq!(explained(&pulls, 1_260), "failed");
    pulls["status"]["containerStatuses"][1]["state"] = waiting("ErrImagePull", NOT_FOUND);
    assert_eq!(explained(&pulls, 89), "progressing");
    assert_eq!(explained(&pulls, 90), "failed");
    let name = pod("Pending", &waiting("InvalidImageName", "no"));
    assert_eq!(explained(&name, 0), "failed");
}

#[test]
fn a_gate_that_opened_late_starts_the_clock_late() {
    let mut waits = unscheduled("Unschedulable", "0/1");
    waits["metadata"]["creationTimestamp"] = json!(START);
    waits["metadata"]["uid"] = json!("u1");
    let opened = json!({
        "metadata": {}, "involvedObject": {"uid": "u1"}, "reason": "FailedScheduling",
        "eventTime": "2026-01-01T02:00:00Z",
    });
    let facts = told(&waits, &[opened]);
    let verdict = |seconds| explain(&facts, &after(seconds), &CLOCKS).verdict.as_str();
    assert_eq!(verdict(2 * 3_600 + 899), "waiting");
    assert_eq!(verdict(2 * 3_600 + 900), "failed");
}

#[test]
fn an_error_after_a_long_pull_is_new() {
    let text = format!("Failed to pull image \"node:22\": {NOT_FOUND}");
    let cases = [
        (
            waiting("ErrImagePull", NOT_FOUND),
            event("Failed", "2026-01-01T00:10:00Z", &text),
        ),
        (
            waiting("CreateContainerConfigError", "secret \"x\" not found"),
            event("Failed", "2026-01-01T00:10:00Z", "Error: secret \"x\" not found"),
        ),
        (
            waiting("CreateContainerError", "words"),
            event("Pulled", "2026-01-01T00:10:00Z", ""),
        ),
        (
            waiting("SomethingNew", "words"),
            event("Pulled", "2026-01-01T00:10:00Z", ""),
        ),
    ];
    for (state, last) in cases {
        let mut now = pod("Pending", &state);
        now["metadata"]["creationTimestamp"] = json!(START);
        let facts = told(&now, &[event("Pulling", "2026-01-01T00:00:05Z", ""), last]);
        let verdict = |seconds| explain(&facts, &after(seconds), &CLOCKS).verdict.as_str();
        assert_eq!(verdict(610), "progressing", "{state}");
        assert_eq!(verdict(900), "failed", "{state}");
    }
}

#[test]
fn events_without_a_pull_show_that_there_is_none() {
    let mut silent = pod("Pending", &waiting("PodInitializing", ""));
    silent["metadata"]["creationTimestamp"] = json!(START);
    let scheduled = told(&silent, &[event("Scheduled", START, "")]);
    let explained = |facts: &Facts, seconds| explain(facts, &after(seconds), &CLOCKS).verdict;
    assert_eq!(explained(&scheduled, 299).as_str(), "progressing");
    assert_eq!(failure(&explained(&scheduled, 300)).reason, Reason::Initialising);
    // Nobody who has not seen events may claim a pull.
    for facts in [facts(&silent), told(&silent, &[])] {
        let Verdict::Progressing { cause } = explained(&facts, 600) else {
            panic!("not progressing");
        };
        assert!(cause.contains("or creating container"), "{cause}");
    }
    let pulling = told(&silent, &[event("Pulling", START, "")]);
    let Verdict::Progressing { cause } = explained(&pulling, 600) else {
        panic!("not progressing");
    };
    assert!(!cause.contains("creating"), "{cause}");
}
