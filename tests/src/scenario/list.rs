//! The list. Nothing but data; each scenario is a function, so that a reader finds it by its name.

pub mod catalogue;

use std::time::Duration;

use super::{Act, Expected, Message, SELECTIVE, Scenario, Sight};
use crate::{builds_api::Status, kubelet::Life};

const WAITING: &str = "Waiting for resources to be available.";
const DELAYED: &str = "Build initialization delayed - pod creation taking longer than expected";
const NOBODY_FITS: &str = "Waiting for resources to be available. No node fits the pod";

/// Older than any start that comes for the first time.
const OLD: Duration = Duration::from_mins(10);

/// The launcher says that the build runs, once it does; the workers see that too.
const RUNS: [Act; 3] = [
    Act::Await(Sight::Pod("Running")),
    Act::Launcher(Status::Running),
    Act::Await(Sight::Outcome("healthy")),
];

/// The launcher says that all steps are done.
const SUCCEEDS: Act = Act::Launcher(Status::Success);

/// Every scenario, in the order in which the demo starts them. The one that kills the workers comes last, when
/// the others are on their way.
pub fn all() -> Vec<Scenario> {
    vec![
        healthy(),
        sent_three_times(),
        no_node_yet(),
        slow_pull(),
        registry_down_for_a_while(),
        evicted_before_it_ran(),
        image_missing(),
        config_error(),
        start_error(),
        launcher_fails(),
        out_of_memory(),
        aborted_while_running(),
        aborted_before_start(),
        late_start(),
        workers_killed(),
    ]
}

fn healthy() -> Scenario {
    Scenario {
        name: "healthy",
        shows: "the build ends well, and the API's stop takes its pod away",
        image: "node:22",
        lives: vec![Life::healthy()],
        message: Message::default(),
        acts: runs_then(&[SUCCEEDS]),
        expected: Expected::success(),
    }
}

fn sent_three_times() -> Scenario {
    Scenario {
        name: "sent-three-times",
        shows: "the same start three times makes one pod",
        image: "golang:1.26",
        message: Message {
            copies: 3,
            ..Message::default()
        },
        expected: Expected::success(),
        ..healthy()
    }
}

fn no_node_yet() -> Scenario {
    let waits = [
        Act::Await(Sight::Told(NOBODY_FITS)),
        Act::Await(Sight::Told(DELAYED)),
        Act::AddNode,
    ];
    Scenario {
        name: "no-node-yet",
        shows: "without a node a build waits, told why, and is not failed",
        image: "ruby:3.4",
        message: Message {
            executor: Some(SELECTIVE),
            ..Message::default()
        },
        acts: waits.into_iter().chain(runs_then(&[SUCCEEDS])).collect(),
        expected: Expected::success()
            .told(&[WAITING, NOBODY_FITS, DELAYED])
            .outcomes(&["created", "rearmed", "rearmed", "rearmed", "healthy", "stopped"]),
        ..healthy()
    }
}

fn slow_pull() -> Scenario {
    Scenario {
        name: "slow-pull",
        shows: "a pull that outlasts the init timeout is told, not failed",
        image: "registry.example.com/team/huge:1",
        lives: vec![Life::slow_pull(Duration::from_secs(8))],
        expected: Expected::success()
            .told(&[DELAYED])
            .outcomes(&["created", "rearmed", "rearmed", "rearmed", "healthy", "stopped"]),
        ..healthy()
    }
}

fn registry_down_for_a_while() -> Scenario {
    Scenario {
        name: "registry-down",
        shows: "a registry that is down gets more time than a wrong name",
        image: "registry.example.com/team/tools:2",
        lives: vec![Life::registry_down(Duration::from_secs(4))],
        expected: Expected::success()
            .told(&["The registry of image"])
            .outcomes(&["created", "rearmed", "healthy", "stopped"]),
        ..healthy()
    }
}

fn evicted_before_it_ran() -> Scenario {
    Scenario {
        name: "evicted-early",
        shows: "a pod that never ran is made anew under the same name",
        image: "python:3.14",
        lives: vec![Life::evicted_before_it_ran(), Life::healthy()],
        expected: Expected::success()
            .pods(2)
            .told(&["The cluster lost the pod before the build began; starting it anew."])
            // When the second pod is made, the check that asked for it may not be settled yet.
            .outcomes(&["created", "recreating", "healthy", "stopped"]),
        ..healthy()
    }
}

fn image_missing() -> Scenario {
    Scenario {
        name: "image-missing",
        shows: "a missing image fails its build in the registry's words",
        image: "registry.example.com/team/tols:1",
        lives: vec![Life::image_missing()],
        acts: Vec::new(),
        expected: Expected::failure(&[
            "Build failed to start. Please check if your image is valid.",
            "You can mend it: check the image's name and tag",
            "registry.example.com/team/tols:1: not found",
        ]),
        ..healthy()
    }
}

fn config_error() -> Scenario {
    Scenario {
        name: "config-error",
        shows: "a missing Secret is the cluster admin's to mend",
        image: "registry.example.com/team/needs-secret:1",
        lives: vec![Life::create_container_config_error()],
        acts: Vec::new(),
        expected: Expected::failure(&[
            "Build failed to start. Please reach out to your cluster admin for help.",
            "Your cluster admin can mend it",
            "secret \"nosuch\" not found",
        ]),
        ..healthy()
    }
}

fn start_error() -> Scenario {
    Scenario {
        name: "start-error",
        shows: "a command that does not start is quoted",
        image: "registry.example.com/team/scratch:1",
        lives: vec![Life::start_error()],
        acts: Vec::new(),
        expected: Expected::failure(&[
            "Failed to create pod. Pod status is: failed.",
            "You can mend it",
            "stat /opt/sd/launcher_entrypoint.sh: no such file or directory",
        ]),
        ..healthy()
    }
}

fn launcher_fails() -> Scenario {
    Scenario {
        name: "launcher-fails",
        shows: "a launcher that fails is the cluster admin's to mend",
        image: "registry.example.com/team/tools:3",
        lives: vec![Life::launcher_fails()],
        acts: Vec::new(),
        expected: Expected::failure(&[
            "Failed to create pod. Pod status is: failed.",
            "failed before the build, with code 1",
            "Your cluster admin can mend it",
        ]),
        ..healthy()
    }
}

fn out_of_memory() -> Scenario {
    Scenario {
        name: "out-of-memory",
        shows: "a build out of memory reads which annotation to raise",
        image: "gradle:9",
        lives: vec![Life::out_of_memory_at_once()],
        acts: Vec::new(),
        expected: Expected::failure(&[
            "ran out of memory (limit 12",
            "You can mend it",
            "raise the annotation screwdriver.cd/ram",
        ]),
        ..healthy()
    }
}

fn aborted_while_running() -> Scenario {
    Scenario {
        name: "aborted-running",
        shows: "a stop takes the pod of a running build away",
        image: "maven:3",
        acts: runs_then(&[Act::Abort]),
        expected: Expected::aborted(&["created", "healthy", "stopped"]),
        ..healthy()
    }
}

fn aborted_before_start() -> Scenario {
    Scenario {
        name: "aborted-first",
        shows: "stop wins: the pod of a build aborted first goes at once",
        image: "rust:1.95",
        message: Message {
            status: Status::Aborted,
            ..Message::default()
        },
        acts: vec![
            Act::Await(Sight::Outcome("finished")),
            Act::Await(Sight::Checks(3)),
        ],
        expected: Expected::aborted(&["finished", "rearmed"]).spans(&[
            ("start-worker", "create pod"),
            ("start-worker", "delete pod"),
            ("verify-worker", "PUT /v4/builds/{id}"),
        ]),
        ..healthy()
    }
}

fn late_start() -> Scenario {
    Scenario {
        name: "late-start",
        shows: "an old start of a finished build makes no pod",
        image: "php:8",
        message: Message {
            status: Status::Success,
            age: OLD,
            ..Message::default()
        },
        acts: vec![Act::Await(Sight::Outcome("finished"))],
        expected: Expected {
            status: Status::Success,
            ..Expected::aborted(&["finished"]).pods(0).spans(&[
                ("start-worker", "get pod"),
                ("start-worker", "POST /v4/builds/{id}/token"),
            ])
        },
        ..healthy()
    }
}

fn workers_killed() -> Scenario {
    let killed = [
        Act::Await(Sight::Pod("PodInitializing")),
        Act::KillWorkers,
        Act::Release,
        Act::Await(Sight::CheckDue),
        Act::StartWorkers,
    ];
    Scenario {
        name: "workers-killed",
        shows: "checks fall due in the broker with both workers killed",
        image: "debian:13",
        lives: vec![Life::held()],
        acts: killed.into_iter().chain(runs_then(&[SUCCEEDS])).collect(),
        expected: Expected::success().outcomes(&["healthy", "stopped"]).spans(&[
            ("verify-worker", "get pod"),
            ("verify-worker", "PUT /v4/builds/{id}"),
        ]),
        ..healthy()
    }
}

fn runs_then(acts: &[Act]) -> Vec<Act> {
    RUNS.iter().chain(acts).copied().collect()
}
