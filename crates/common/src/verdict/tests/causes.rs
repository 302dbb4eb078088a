//! What restarts a clock: another cause, a pull that begins anew, and what events tell of them.

use super::*;

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
