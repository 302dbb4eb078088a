//! One scenario for each class of reasons in the workers' catalogue, played from the recording of a real kubelet
//! where there is one. Nothing but data; the tests play them side by side, the demo does not.

use std::{path::PathBuf, time::Duration};

use super::healthy;
use crate::{
    builds_api::Status,
    kubelet::{Life, Role, Step},
    scenario::{Act, Expected, Message, SELECTIVE, Scenario, Sight},
};

const CHECK_IMAGE: &str = "Build failed to start. Please check if your image is valid.";
const ASK_ADMIN: &str = "Build failed to start. Please reach out to your cluster admin for help.";
const START: &str = "Build failed to start.";
const POD_FAILED: &str = "Failed to create pod. Pod status is: failed.";
const YOU: &str = "You can mend it";
const ADMIN: &str = "Your cluster admin can mend it";
const NOBODY: &str = "Nobody has to mend anything";

/// Fast enough for what happens at once in reality to have happened before the first check.
const AT_ONCE: f64 = 40.0;
/// Slow enough for a check to see the build run.
const SLOWLY: f64 = 6.0;
/// Slow enough for a check to see the pod being deleted.
const GENTLY: f64 = 2.0;
/// Longer than any test.
const FOR_EVER: Duration = Duration::from_hours(1);

/// Reasons that decide at first sight.
pub fn at_first_sight() -> anyhow::Result<Vec<Scenario>> {
    Ok(vec![
        fails(
            ["image-name", "sd/name:1", "invalid-image-name"],
            AT_ONCE,
            &[CHECK_IMAGE, YOU, "InvalidImageName", "invalid reference format"],
        )?,
        fails(
            ["launcher-image", "sd/launcher-name:1", "init-image-invalid"],
            AT_ONCE,
            &[ASK_ADMIN, ADMIN, "InvalidImageName"],
        )?,
        fails(
            ["command-missing", "sd/no-shell:1", "command-not-found-never"],
            AT_ONCE,
            &["does not run in image", YOU, "unable to start container process"],
        )?,
        fails(
            ["launcher-exits", "sd/launcher-exits:1", "init-fails-never"],
            AT_ONCE,
            // A look before the kubelet has called the whole pod failed begins otherwise.
            &["failed before the build, with code 2", ADMIN],
        )?,
        fails(
            ["launcher-memory", "sd/launcher-memory:1", "init-oom"],
            AT_ONCE,
            &["ran out of memory", "before the build", ADMIN],
        )?,
        fails(
            ["build-exits", "sd/exits:1", "exit-1-never"],
            AT_ONCE,
            // The same here.
            &["exited with code 1", YOU],
        )?,
        fails(
            ["post-start", "sd/post-start:1", "post-start-fails"],
            AT_ONCE,
            &["postStart hook", ADMIN, "FailedPostStartHook"],
        )?,
        fails(
            ["probe", "sd/probe:1", "liveness-never"],
            AT_ONCE,
            &["failed a probe", ADMIN, "Liveness probe failed"],
        )?,
        fails(
            ["sysctl", "sd/sysctl:1", "sysctl-forbidden"],
            AT_ONCE,
            &[POD_FAILED, ADMIN, "forbidden sysctl"],
        )?,
        anew("node-full", "sd/node-full:1", "outofcpu")?,
        anew("evicted-launcher", "sd/evicted:1", "evicted-node-low-init")?,
    ])
}

/// What ends builds that ran. Only watched builds are failed for it.
pub fn of_running_builds() -> anyhow::Result<Vec<Scenario>> {
    Ok(vec![
        runs_until(
            ["memory", "sd/memory:1", "oom"],
            SLOWLY,
            &[
                "ran out of memory",
                YOU,
                "raise the annotation screwdriver.cd/ram",
            ],
        )?,
        runs_until(
            ["storage", "sd/storage:1", "evicted-pod-ephemeral"],
            SLOWLY * 2.0,
            &[POD_FAILED, YOU, "more local storage than it may"],
        )?,
        runs_until(
            ["too-long", "sd/too-long:1", "deadline-running"],
            SLOWLY,
            &[POD_FAILED, YOU, "longer than the cluster lets it"],
        )?,
        runs_until(
            ["pre-empted", "sd/pre-empted:1", "preempted-by-kubelet"],
            SLOWLY,
            &[POD_FAILED, NOBODY, "Preempted in order to admit critical pod"],
        )?,
        runs_until(
            ["drained", "sd/drained:1", "evicted-by-api"],
            GENTLY,
            &["was drained", NOBODY, "Eviction API: evicting"],
        )?,
        runs_until(
            ["tainted", "sd/tainted:1", "taint-noexecute"],
            GENTLY,
            &["became unusable", NOBODY, "deleting due to NoExecute taint"],
        )?,
    ])
}

/// Reasons that stand for a while before they decide: thirty seconds, or a clock of their phase.
pub fn in_time() -> anyhow::Result<Vec<Scenario>> {
    Ok(vec![
        fails(
            ["image-absent", "sd/absent:1", "image-manifest-unknown"],
            AT_ONCE,
            &[CHECK_IMAGE, YOU, "not found"],
        )?,
        fails(
            ["image-denied", "sd/denied:1", "registry-403"],
            AT_ONCE,
            &[CHECK_IMAGE, YOU, "403 Forbidden"],
        )?,
        fails(
            ["never-pulled", "sd/never-pulled:1", "never-pull"],
            AT_ONCE,
            &[START, ADMIN, "ErrImageNeverPull"],
        )?,
        fails(
            ["secret", "sd/secret:1", "missing-secret-env"],
            AT_ONCE,
            &[ASK_ADMIN, ADMIN, "secret \"nosuch\" not found"],
        )?,
        fails(
            ["root", "sd/root:1", "run-as-non-root"],
            AT_ONCE,
            &[ASK_ADMIN, YOU, "runAsNonRoot"],
        )?,
        fails(
            ["volume", "sd/volume:1", "missing-secret-volume"],
            AT_ONCE,
            &[START, ADMIN, "FailedMount"],
        )?,
        fails(
            ["sandbox", "sd/sandbox:1", "sandbox-create-fails"],
            AT_ONCE,
            &[START, ADMIN, "FailedCreatePodSandBox"],
        )?,
        no_node(),
        slow(
            "pull",
            "sd/slow:1",
            Life::slow_pull(FOR_EVER),
            &[START, ADMIN, "is pulling image `sd/slow:1`"],
        ),
        slow(
            "start",
            "sd/stuck:1",
            Life::held_back([
                Step::normal(Role::Build, "Pulled", "Container image is present"),
                Step::normal(Role::Build, "Created", "Container created"),
            ]),
            &[START, ADMIN, "is about to start"],
        ),
    ])
}

/// A build that fails as in a recording, with these pieces in its text.
fn fails(
    [name, image, recording]: [&'static str; 3],
    speed: f64,
    pieces: &'static [&'static str],
) -> anyhow::Result<Scenario> {
    Ok(slow(name, image, recorded(recording, speed)?, pieces))
}

/// The same of a build whose launcher has said that it runs.
fn runs_until(
    recording: [&'static str; 3],
    speed: f64,
    pieces: &'static [&'static str],
) -> anyhow::Result<Scenario> {
    Ok(Scenario {
        message: Message {
            status: Status::Running,
            ..Message::default()
        },
        ..fails(recording, speed, pieces)?
    })
}

/// A build that fails in this life.
fn slow(name: &'static str, image: &'static str, life: Life, pieces: &'static [&'static str]) -> Scenario {
    Scenario {
        name,
        shows: "a class of reasons, its text and who acts",
        image,
        lives: vec![life],
        acts: Vec::new(),
        expected: Expected::failure(pieces),
        ..healthy()
    }
}

/// A build whose first pod the cluster takes before it ran, as in a recording.
fn anew(name: &'static str, image: &'static str, recording: &str) -> anyhow::Result<Scenario> {
    Ok(Scenario {
        name,
        shows: "a pod that never ran is made anew",
        image,
        lives: vec![recorded(recording, AT_ONCE)?, Life::healthy()],
        // Its chain goes on, since running builds are watched here.
        acts: vec![
            Act::Await(Sight::Pod("Running")),
            Act::Launcher(Status::Running),
            Act::Await(Sight::Outcome("watching")),
            Act::Launcher(Status::Success),
        ],
        expected: Expected::success()
            .pods(2)
            .told(&["The cluster lost the pod before the build began; starting it anew."])
            // The second pod may be made before the look that ordered it is settled.
            .outcomes(&["created", "recreating", "watching", "stopped"]),
        ..healthy()
    })
}

fn no_node() -> Scenario {
    Scenario {
        message: Message {
            executor: Some(SELECTIVE),
            ..Message::default()
        },
        ..slow(
            "no-node",
            "sd/nowhere:1",
            Life::healthy(),
            &[START, ADMIN, "0/", "nodes are available"],
        )
    }
}

fn recorded(name: &str, speed: f64) -> anyhow::Result<Life> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/recordings");
    Life::recording(&folder.join(format!("{name}.json")), speed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_images_are_unique_and_every_failure_says_who_acts() {
        let all: Vec<Scenario> = [at_first_sight(), of_running_builds(), in_time()]
            .into_iter()
            .flat_map(|part| part.expect("the recordings are there"))
            .collect();
        let images: BTreeSet<_> = all.iter().map(|scenario| scenario.image).collect();
        let names: BTreeSet<_> = all.iter().map(|scenario| scenario.name).collect();
        assert_eq!([images.len(), names.len()], [all.len(); 2]);
        for scenario in &all {
            let pieces = scenario.expected.message;
            let acts = pieces.iter().any(|piece| [YOU, ADMIN, NOBODY].contains(piece));
            assert_eq!(acts, scenario.lives.len() == 1, "{}", scenario.name);
        }
    }
}
