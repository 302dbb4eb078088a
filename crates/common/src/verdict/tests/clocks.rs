//! Time: graces, clocks, the second look, outages and deadlines.

use super::*;

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
