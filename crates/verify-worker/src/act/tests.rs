use serde_json::json;

use super::*;

fn pod(name: &str, phase: &str, made: u8, going: bool) -> Pod {
    let going = going.then_some("2026-01-01T12:00:00Z");
    serde_json::from_value(json!({
        "metadata": {
            "name": name, "labels": { "sdbuild": "8609" },
            "creationTimestamp": format!("2026-01-01T11:00:{made:02}Z"), "deletionTimestamp": going,
        },
        "status": { "phase": phase },
    }))
    .unwrap()
}

/// The predecessor made a new pod at each try (D15), and let any that failed fail the build (D8).
#[test]
fn of_several_pods_the_one_that_still_runs_decides() {
    let cases = [
        (vec![], None),
        (
            vec![("a", "Failed", 1, false), ("b", "Running", 0, false)],
            Some("b"),
        ),
        (
            vec![("a", "Running", 0, false), ("b", "Failed", 1, false)],
            Some("a"),
        ),
        (
            vec![("a", "Succeeded", 0, false), ("b", "Pending", 1, false)],
            Some("a"),
        ),
        (
            vec![("a", "Failed", 1, false), ("b", "Pending", 0, false)],
            Some("b"),
        ),
        (
            vec![("a", "Pending", 0, false), ("b", "Pending", 1, false)],
            Some("b"),
        ),
        (
            vec![("a", "Failed", 1, false), ("b", "Failed", 0, false)],
            Some("a"),
        ),
        (
            vec![("a", "Running", 1, true), ("b", "Failed", 0, false)],
            Some("b"),
        ),
        (
            vec![("a", "Running", 0, true), ("b", "Running", 1, true)],
            Some("b"),
        ),
    ];
    for (pods, expected) in cases {
        let made = pods
            .iter()
            .map(|(name, phase, made, going)| pod(name, phase, *made, *going));
        let picked = pick(made.collect()).and_then(|pod| pod.metadata.name);
        assert_eq!(picked.as_deref(), expected, "{pods:?}");
    }
}

#[test]
fn a_strangers_pod_is_not_the_builds() {
    let place = |selector: &str| Place {
        executor: "k8s".to_owned(),
        selector: selector.to_owned(),
    };
    let pod = pod("8609-abcde", "Running", 0, false);
    assert!(place("sdbuild=8609").holds(&pod));
    assert!(!place("sdbuild=beta-8609").holds(&pod));
    assert!(!place("sdbuild=8609").holds(&Pod::default()));
}
