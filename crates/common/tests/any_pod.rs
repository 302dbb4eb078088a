//! Pods of a real kubelet with anything in them changed: whatever an API server sends, reading and judging it ends,
//! and says nothing that nobody may read.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data has to fail")]

#[path = "recordings/files.rs"]
mod files;

use std::{sync::LazyLock, time::Duration};

use common::{
    facts::{Facts, PodPhase, State},
    verdict::{Explanation, LastLook, Moment, Sight, Verdict, explain, judge, wants_events},
};
use k8s_openapi::api::core::v1::{Event, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use files::CLOCKS;

/// A pod as it was once, and the events of its whole life.
struct Seen {
    name: String,
    pod: Value,
    facts: Facts,
    events: Vec<Event>,
}

static ALL: LazyLock<Vec<Seen>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (name, text) in files::all() {
        let recording: Value = serde_json::from_slice(&text).unwrap();
        let events: Vec<Event> = serde_json::from_value(recording["events"].clone()).unwrap();
        for snapshot in recording["snapshots"].as_array().unwrap() {
            all.push(Seen {
                name: name.clone(),
                pod: snapshot["pod"].clone(),
                facts: serde_json::from_value(snapshot["pod"].clone()).unwrap(),
                events: events.clone(),
            });
        }
    }
    all
});

fn moment(facts: &Facts, after: u64) -> Moment {
    let started_at = facts.created_at.unwrap_or_default();
    Moment {
        // A pod may say that it was made at the end of time.
        now: started_at
            .saturating_add(Duration::from_secs(after))
            .unwrap_or(started_at),
        started_at,
        start_deadline: Duration::from_hours(1),
        recreated: 0,
    }
}

fn is_final(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_) | Verdict::Recreate { .. })
}

fn text(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Failed(failure) => &failure.message,
        Verdict::Waiting { cause }
        | Verdict::Progressing { cause }
        | Verdict::Terminating { cause }
        | Verdict::Recreate { cause, .. } => cause,
        Verdict::Healthy { .. } | Verdict::NotCreated | Verdict::Missing => "",
    }
}

/// The place in a value that so many steps lead to.
fn place<'a>(value: &'a mut Value, steps: &[usize]) -> &'a mut Value {
    let Some((step, rest)) = steps.split_first() else {
        return value;
    };
    let count = match value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if count == 0 {
        return value;
    }
    let next = match value {
        Value::Object(map) => map.values_mut().nth(step % count),
        Value::Array(items) => items.get_mut(step % count),
        _ => None,
    };
    place(next.unwrap(), rest)
}

/// Words that mean something somewhere in a pod.
const WORDS: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "CrashLoopBackOff",
    "PodInitializing",
    "Evicted",
    "NodeLost",
    "OOMKilled",
    "StartError",
    "ContainerStatusUnknown",
    "Error",
    "Failed",
    "Pending",
    "Running",
    "Unknown",
    "True",
    "False",
    "Always",
    "1970-01-01T00:00:00Z",
    "9999-12-30T00:00:00Z",
    "-000001-01-01T00:00:00Z",
    "",
];

/// What stands in a pod's place instead: of a kind that fits often enough.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
        ".*".prop_map(|text: String| Value::from(text)),
        Just(json!([])),
        Just(json!({})),
    ]
}

/// Some place of some pod, and what stands there instead.
fn changes() -> impl Strategy<Value = Vec<(Vec<usize>, Value)>> {
    let steps = prop::collection::vec(0_usize..12, 1..7);
    // Most of a pod is not looked at, so that most changes are made to its status.
    let steps = (prop::bool::weighted(0.7), steps).prop_map(|(status, mut steps)| {
        if status {
            steps.insert(0, usize::MAX);
        }
        steps
    });
    prop::collection::vec((steps, odd()), 1..6)
}

fn change(pod: &mut Value, changes: &[(Vec<usize>, Value)]) {
    for (steps, value) in changes {
        if let Some((&usize::MAX, rest)) = steps.split_first() {
            if let Some(status) = pod.get_mut("status") {
                *place(status, rest) = value.clone();
            }
        } else {
            *place(pod, steps) = value.clone();
        }
    }
}

#[test]
fn a_pod_is_read_the_same_whoever_decoded_it() {
    for seen in &*ALL {
        let typed: Pod = serde_json::from_value(seen.pod.clone()).unwrap();
        assert_eq!(Facts::read(&typed), seen.facts, "{}", seen.name);
    }
}

/// Once a pod is over, neither time nor what earlier looks saw makes it anything else; but past the start deadline
/// it gets no successor, and its build fails for the same reason.
#[test]
fn a_pod_that_is_over_stays_as_it_is() {
    for seen in &*ALL {
        let facts = seen.facts.with_events(&seen.events);
        if !matches!(facts.phase, PodPhase::Failed | PodPhase::Succeeded) {
            continue;
        }
        let mut last = LastLook::default();
        let first = judge(Sight::Pod(&facts), &last, &moment(&facts, 0), &CLOCKS).verdict;
        for after in [1, 60, 3_600, 86_400] {
            let judgement = judge(Sight::Pod(&facts), &last, &moment(&facts, after), &CLOCKS);
            match (&first, &judgement.verdict) {
                (Verdict::Recreate { reason, .. }, Verdict::Failed(failure)) if after >= 3_600 => {
                    assert_eq!(failure.reason, *reason, "{} after {after} s", seen.name);
                }
                (_, verdict) => assert_eq!(*verdict, first, "{} after {after} s", seen.name),
            }
            if !is_final(&judgement.verdict) {
                last = judgement.look;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_pod_can_be_judged(
        index in any::<prop::sample::Index>(),
        changes in changes(),
        looks in prop::collection::vec((0_u64..100_000, any::<bool>()), 1..5),
    ) {
        let seen = index.get(&ALL);
        let mut pod = seen.pod.clone();
        change(&mut pod, &changes);
        // What cannot be decoded is an error, and no pod.
        let Ok(facts) = serde_json::from_value::<Facts>(pod) else {
            return Ok(());
        };
        let told = facts.with_events(&seen.events);
        let mut last = LastLook::default();
        for (after, events) in looks {
            let facts = if events { &told } else { &facts };
            let at = moment(facts, after);
            let judgement = judge(Sight::Pod(facts), &last, &at, &CLOCKS);
            let Explanation { verdict: explained, reason, actor } = explain(facts, &at, &CLOCKS);
            for verdict in [&judgement.verdict, &explained] {
                let text = text(verdict);
                prop_assert!(!text.contains(char::is_control), "{text:?}");
                prop_assert!(text.chars().count() <= 1_000, "{text}");
                prop_assert!(!wants_events(&told, verdict));
            }
            let healthy = matches!(explained, Verdict::Healthy { .. });
            prop_assert_eq!((reason.is_none(), actor.is_none()), (healthy, healthy));
            let anew = matches!(judgement.verdict, Verdict::Recreate { .. });
            prop_assert!(!(last.ran && anew), "a build that ran is made anew");
            last = judgement.look;
        }
    }

    /// Whatever a look before it saw, and however late it is.
    #[test]
    fn a_healthy_build_is_never_failed(
        index in any::<prop::sample::Index>(),
        order in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..1_000_000), 1..8),
    ) {
        let running: Vec<&Seen> = ALL.iter().filter(|seen| runs(&seen.facts)).collect();
        let seen = index.get(&running);
        let facts = &seen.facts;
        let mut last = LastLook::default();
        for (earlier, after) in order {
            // The same pod at any time of its life, and others: a check may carry anything.
            let (other, at) = (&earlier.get(&ALL).facts, moment(facts, after));
            last = judge(Sight::Pod(other), &last, &at, &CLOCKS).look;
            let judgement = judge(Sight::Pod(facts), &last, &at, &CLOCKS);
            prop_assert_eq!(judgement.verdict.as_str(), "healthy", "{}", &seen.name);
            let Explanation { verdict, .. } = explain(facts, &at, &CLOCKS);
            prop_assert_eq!(verdict.as_str(), "healthy", "{}", &seen.name);
        }
    }
}

fn runs(facts: &Facts) -> bool {
    facts.deletion_due.is_none()
        && matches!(facts.phase, PodPhase::Pending | PodPhase::Running)
        && facts
            .build()
            .is_some_and(|build| matches!(build.state, State::Running { .. }))
}
