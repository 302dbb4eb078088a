//! Replays every recording of a real kubelet and judges it as a chain of checks would.
//!
//! Each snapshot is judged at its own time, with what the look before it left. Two more looks follow when the
//! graces and clocks have run out. What comes of it is a table for people to read:
//! `snapshots/recordings__verdicts.snap`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot read its data has to fail"
)]

#[path = "recordings/files.rs"]
mod files;
#[path = "recordings/replay.rs"]
mod replay;

use std::fmt::Write as _;

use common::{
    facts::State,
    verdict::{Actor, Verdict},
};
use replay::{Look, Recording};

/// The recording's first look that ends a chain of checks, else its last one.
fn fate(looks: &[Look]) -> &Look {
    let ends = |look: &&Look| matches!(look.verdict, Verdict::Failed(_) | Verdict::Recreate { .. });
    looks.iter().find(ends).or(looks.last()).unwrap()
}

fn assert_fates(expected: &[(&str, &str)]) {
    let all = Recording::all();
    for (name, label) in expected {
        let recording = all
            .iter()
            .find(|recording| recording.scenario == *name)
            .expect(name);
        assert_eq!(fate(&recording.replay()).label(), *label, "{name}");
    }
}

#[test]
fn every_recording_is_here() {
    assert_eq!(Recording::all().len(), 107);
}

#[test]
fn a_running_build_is_healthy_in_every_snapshot() {
    let mut seen = 0;
    for recording in Recording::all() {
        for look in recording.replay().iter().filter(|look| look.runs()) {
            let at = look.after;
            assert_eq!(
                look.label(),
                "healthy running",
                "{} at {at:?}",
                recording.scenario
            );
            seen += 1;
        }
    }
    assert!(seen > 80, "only {seen} looks at running builds");
}

#[test]
fn a_build_that_ran_is_never_made_anew() {
    for recording in Recording::all() {
        let mut ran = false;
        for look in recording.replay() {
            let began = |state: &State| match state {
                State::Running { .. } => true,
                State::Ended(ended) => ended.reason.as_deref() != Some("StartError"),
                State::Absent | State::Waiting { .. } => false,
            };
            ran |= look.build_state().is_some_and(began);
            let anew = matches!(look.verdict, Verdict::Recreate { .. });
            assert!(
                !(ran && anew),
                "{} at {:?}: {}",
                recording.scenario,
                look.after,
                look.text()
            );
        }
    }
}

#[test]
fn a_build_that_will_run_is_not_given_up_before() {
    // With `restartPolicy: Always`, which no build pod has, a build runs again after it failed.
    for recording in Recording::all()
        .iter()
        .filter(|recording| !recording.scenario.ends_with("-always"))
    {
        let looks = recording.replay();
        let runs = looks.iter().rposition(Look::runs).unwrap_or(0);
        for look in &looks[..runs] {
            let given_up = matches!(look.verdict, Verdict::Failed(_) | Verdict::Recreate { .. });
            assert!(
                !given_up,
                "{} at {:?}: {}",
                recording.scenario,
                look.after,
                look.text()
            );
        }
    }
}

#[test]
fn texts_are_single_bounded_lines_without_queries() {
    for recording in Recording::all() {
        for look in recording.replay() {
            let text = look.text();
            assert!(text.chars().count() <= 1_000, "{}: {text}", recording.scenario);
            assert!(
                !text.contains(char::is_control),
                "{}: {text:?}",
                recording.scenario
            );
            assert!(!text.contains('?'), "{}: {text}", recording.scenario);
        }
    }
}

#[test]
fn users_are_told_who_can_mend_it() {
    for recording in Recording::all() {
        for look in recording.replay() {
            if let Verdict::Failed(failure) = &look.verdict {
                let who = match failure.actor {
                    Actor::You => "You can mend it: ",
                    Actor::ClusterAdmin => "Your cluster admin can mend it: ",
                    Actor::Nobody => "Nobody has to mend anything: ",
                };
                assert!(
                    failure.message.contains(who),
                    "{}: {}",
                    recording.scenario,
                    failure.message
                );
            }
        }
    }
}

#[test]
fn healthy_builds_end_healthy() {
    let ended = [
        "healthy",
        "native-sidecar-ok",
        "missing-volume-not-mounted",
        "no-such-user",
        "init-long",
        "oom-child-exit0",
        "outof-gpu",
        "node-lost-new-pod",
        "node-lost-exit-while-down",
        "node-lost-unscheduled-pod",
        "all-nodes-lost-new-pod",
        "all-nodes-lost-exit-while-down",
        "all-nodes-lost-unscheduled-pod",
    ];
    let running = [
        "oom-child-running",
        "readiness-fails",
        "sidecar-fails",
        "node-lost-default",
        "all-nodes-lost-default",
        "all-nodes-lost-short-toleration",
        "outofcpu-race",
    ];
    assert_fates(&ended.map(|name| (name, "healthy ended")));
    assert_fates(&running.map(|name| (name, "healthy running")));
}

#[test]
fn images_that_cannot_be_pulled_fail() {
    assert_fates(&[
        ("image-manifest-unknown", "failed image_not_found you"),
        ("image-name-unknown", "failed image_not_found you"),
        ("image-digest-unknown", "failed image_not_found you"),
        ("two-containers-one-image-missing", "failed image_not_found you"),
        ("all-nodes-lost-pulling", "failed image_not_found you"),
        ("invalid-image-name", "failed image_name you"),
        ("init-image-invalid", "failed image_name cluster_admin"),
        ("never-pull", "failed image_absent cluster_admin"),
        ("registry-403", "failed image_denied you"),
        ("registry-basic-401", "failed image_denied you"),
        ("registry-token-401", "failed image_denied you"),
        ("registry-429", "failed registry cluster_admin"),
        ("registry-503", "failed registry cluster_admin"),
        ("registry-hang", "failed registry cluster_admin"),
        ("registry-refused", "failed registry cluster_admin"),
        ("registry-tls-unknown-ca", "failed registry cluster_admin"),
        ("registry-unresolvable", "failed registry cluster_admin"),
        ("registry-blob-corrupt", "failed image_damaged cluster_admin"),
        ("registry-blob-missing", "failed image_damaged cluster_admin"),
    ]);
}

#[test]
fn containers_that_cannot_start_fail() {
    assert_fates(&[
        ("missing-secret-env", "failed container_config cluster_admin"),
        ("missing-configmap-env", "failed container_config cluster_admin"),
        ("missing-envfrom", "failed container_config cluster_admin"),
        ("init-missing-secret-env", "failed container_config cluster_admin"),
        ("subpath-fails", "failed container_config cluster_admin"),
        ("run-as-non-root", "failed container_config you"),
        ("command-not-found-never", "failed start_error you"),
        ("command-not-found-always", "failed start_error you"),
        ("command-not-in-path", "failed start_error you"),
        ("workdir-is-file", "failed start_error you"),
        ("hostpath-mount-file-over-dir", "failed start_error cluster_admin"),
        ("memory-limit-tiny", "failed out_of_memory you"),
        ("init-oom", "failed out_of_memory cluster_admin"),
        ("init-fails-never", "failed init cluster_admin"),
        ("init-command-not-found", "failed start_error cluster_admin"),
        ("post-start-fails", "failed post_start_hook cluster_admin"),
        ("native-sidecar-startup-probe", "failed crash_loop cluster_admin"),
        ("missing-secret-volume", "failed volume cluster_admin"),
        ("missing-configmap-volume", "failed volume cluster_admin"),
        ("hostpath-missing", "failed volume cluster_admin"),
        ("sandbox-create-fails", "failed node_fault cluster_admin"),
        ("runtimeclass-no-handler", "failed node_fault cluster_admin"),
    ]);
}

#[test]
fn builds_that_ran_and_ended_badly_fail() {
    assert_fates(&[
        ("exit-1-never", "failed exited you"),
        ("exit-message", "failed exited you"),
        ("command-wrong-arch", "failed exited you"),
        ("sidecar-outlives-failed-build", "failed exited you"),
        ("oom", "failed out_of_memory you"),
        ("kill9-outside", "failed killed nobody"),
        ("shim-killed", "failed killed nobody"),
        ("node-lost-container-removed", "failed node_lost nobody"),
        ("liveness-never", "failed killed cluster_admin"),
        ("evicted-container-ephemeral", "failed storage_limit you"),
        ("evicted-pod-ephemeral", "failed storage_limit you"),
        ("evicted-node-low", "failed evicted nobody"),
        ("rejected-after-kubelet-restart", "failed evicted nobody"),
        ("preempted-by-kubelet", "failed preempted nobody"),
        ("deadline-running", "failed deadline_exceeded you"),
        ("deadline-init", "failed deadline_exceeded cluster_admin"),
        ("deleted-while-running", "failed deleted nobody"),
        ("deleted-while-running-trap", "failed deleted nobody"),
        ("deleted-force", "failed disappeared nobody"),
        ("evicted-by-api", "failed drained nobody"),
        ("taint-noexecute", "failed node_lost nobody"),
        ("node-lost-short-toleration", "failed node_lost nobody"),
    ]);
}

#[test]
fn builds_that_no_node_takes_fail() {
    assert_fates(
        &[
            "affinity",
            "cpu",
            "deadline",
            "disk-pressure",
            "memory",
            "selector",
            "taint",
        ]
        .map(|what| format!("unschedulable-{what}"))
        .each_ref()
        .map(|name| (name.as_str(), "failed unscheduled cluster_admin")),
    );
}

#[test]
fn a_pod_that_the_cluster_took_before_the_build_ran_is_made_anew() {
    assert_fates(&[
        ("outofcpu", "recreate node_full"),
        ("outof-ephemeral", "recreate node_full"),
        ("node-affinity", "recreate node_refused"),
        ("nodename-taint", "recreate node_refused"),
        ("evicted-node-low-init", "recreate evicted"),
        ("node-gone", "recreate node_lost"),
        ("unschedulable-deleted", "recreate disappeared"),
    ]);
    // The pod's owner asked for what no node allows: a new pod would fare no better.
    assert_fates(&[
        ("apparmor", "failed node_refused cluster_admin"),
        ("sysctl-forbidden", "failed node_refused cluster_admin"),
    ]);
}

/// One look at the last pod that was seen, long after, knows what a chain of looks found out, but for this.
const DIFFERENT: &[(&str, &str, &str)] = &[
    // The chain saw the pod gone, which nobody sees in a pod.
    ("deleted-force", "failed disappeared nobody", "terminating"),
    ("unschedulable-deleted", "recreate disappeared", "terminating"),
    // The chain looked before the container that never ran ended as one of which nobody knows whether it did.
    (
        "evicted-node-low-pulling",
        "recreate evicted",
        "failed evicted nobody",
    ),
    // The chain had failed the build before its node was lost.
    (
        "node-lost-pulling",
        "failed image_not_found you",
        "failed node_lost nobody",
    ),
];

#[test]
fn one_look_knows_what_a_chain_of_looks_finds_out() {
    for recording in Recording::all() {
        let looks = recording.replay();
        let chain = fate(&looks).label();
        let explained = recording.explain().label();
        let name = recording.scenario.as_str();
        let expected = match DIFFERENT.iter().find(|(known, ..)| *known == name) {
            Some((_, known, other)) => {
                assert_eq!(chain, *known, "{name}");
                *other
            }
            None => chain.as_str(),
        };
        // Whether a build has ended by then tells the time, not the verdict.
        let of = |label: &str| {
            label
                .strip_suffix(" ended")
                .or(label.strip_suffix(" running"))
                .unwrap_or(label)
                .to_owned()
        };
        assert_eq!(of(&explained), of(expected), "{name}");
    }
}

/// What becomes of every recording and what its user reads, on one screen.
#[test]
fn verdicts() {
    let mut table = String::new();
    for recording in Recording::all() {
        let looks = recording.replay();
        let end = fate(&looks);
        let after = end.after.as_secs_f64();
        writeln!(
            table,
            "{:<34} {} after {after:.1} s",
            recording.scenario,
            end.label()
        )
        .unwrap();
        if !end.text().is_empty() {
            writeln!(table, "    {}", end.text()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
