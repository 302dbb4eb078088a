//! Lives that many tests need, in the words of a real kubelet (tests/data/recordings/).
//!
//! They are quicker than reality: nobody waits 15 s for the first word about a missing image.

use std::time::Duration;

use super::life::{Life, Role, Step};

/// Between two words about the same failed pull; a real kubelet doubles from 10 s to 300 s.
const BACK_OFF: Duration = Duration::from_millis(500);

const PRESENT: &str = "Container image \"{image}\" already present on machine and can be accessed by the pod";
const PULLING: &str = "Pulling image \"{image}\"";
const NOT_FOUND: &str = "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed \
    to resolve image: {image}: not found";
const NO_ENTRYPOINT: &str = "failed to create containerd task: failed to create shim task: OCI runtime create \
    failed: runc create failed: unable to start container process: error during container init: exec: \
    \"/opt/sd/launcher_entrypoint.sh\": stat /opt/sd/launcher_entrypoint.sh: no such file or directory";
const UNAVAILABLE: &str = "rpc error: code = Unavailable desc = failed to pull and unpack image \"{image}\": failed \
    to resolve image: unexpected status from HEAD request: 503 Service Unavailable";
const NODE_LOW: &str = "The node was low on resource: ephemeral-storage. Threshold quantity: 54606Mi, available: \
    54067500Ki. Container launcher was using 32Ki, request is 0, has larger consumption of ephemeral-storage. ";
const NODE_FULL: &str = "Node didn't have enough resource: cpu, requested: 6000, used: 3000, capacity: 8000";
const SHUTTING_DOWN: &str = "Pod was rejected as the node is shutting down.";
const EVICTED: &str = "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ";

impl Life {
    /// Set up and running at once, for as long as it may.
    pub fn healthy() -> Self {
        Self::new(launched())
            .then([Step::normal(Role::Build, "Pulled", PRESENT)])
            .then(running())
    }

    /// Healthy, and done after `duration`: exit code 0.
    pub fn runs_for(duration: Duration) -> Self {
        let done = Step::terminated(Role::Build, 0, "Completed");
        Self::healthy().then([
            Step::Wait(duration),
            done,
            Step::terminated(Role::Sidecar, 0, "Completed"),
        ])
    }

    /// Running only once the test says so ([`super::Kubelet::release`]): initialising until then.
    pub fn held() -> Self {
        Self::new(launched())
            .then([Step::Hold, Step::normal(Role::Build, "Pulled", PRESENT)])
            .then(running())
    }

    /// After its launcher these steps, and then nothing more.
    pub fn held_back(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::new(launched()).then(steps)
    }

    /// Healthy after a pull of `duration`, during which only an event tells what is going on.
    pub fn slow_pull(duration: Duration) -> Self {
        let pulled = format!(
            "Successfully pulled image \"{{image}}\" in {duration:?} ({duration:?} including waiting). Image \
             size: 1099793 bytes."
        );
        Self::new(launched())
            .then([
                Step::normal(Role::Build, "Pulling", PULLING),
                Step::Wait(duration),
            ])
            .then([Step::normal(Role::Build, "Pulled", &pulled)])
            .then(running())
    }

    /// The build's image does not exist: `ErrImagePull` and `ImagePullBackOff` in turn, for ever.
    pub fn image_missing() -> Self {
        let back_off = format!("Back-off pulling image \"{{image}}\": ErrImagePull: {NOT_FOUND}");
        Self::new(launched()).then_forever([
            Step::normal(Role::Build, "Pulling", PULLING),
            failed(&format!("Failed to pull image \"{{image}}\": {NOT_FOUND}")),
            failed("Error: ErrImagePull"),
            Step::waiting(Role::Build, "ErrImagePull", NOT_FOUND),
            Step::Wait(BACK_OFF),
            Step::normal(Role::Build, "BackOff", "Back-off pulling image \"{image}\""),
            failed("Error: ImagePullBackOff"),
            Step::waiting(Role::Build, "ImagePullBackOff", &back_off),
            Step::Wait(BACK_OFF),
        ])
    }

    /// The build's command does not exist in its image: `StartError`, exit code 128, started in 1970.
    pub fn start_error() -> Self {
        let ended = Step::Terminated {
            container: Role::Build,
            exit_code: 128,
            reason: "StartError".to_owned(),
            message: Some(NO_ENTRYPOINT.to_owned()),
        };
        Self::new(launched()).then([
            Step::normal(Role::Build, "Pulled", PRESENT),
            Step::normal(Role::Build, "Created", "Container created"),
            failed(&format!("Error: {NO_ENTRYPOINT}")),
            ended,
        ])
    }

    /// A Secret that the build's environment needs is missing, for ever.
    pub fn create_container_config_error() -> Self {
        let text = "secret \"nosuch\" not found";
        Self::new(launched()).then_forever([
            Step::normal(Role::Build, "Pulled", PRESENT),
            failed(&format!("Error: {text}")),
            Step::waiting(Role::Build, "CreateContainerConfigError", text),
            Step::Wait(BACK_OFF),
        ])
    }

    /// The sidecar (a native one) crashes at each start; the build behind it never begins.
    pub fn crash_loop_sidecar() -> Self {
        let text = "Back-off restarting failed container {container} in pod {pod}_{namespace}({uid})";
        Self::new(launched()).then_forever([
            Step::Running(Role::Sidecar),
            Step::CrashLoop {
                container: Role::Sidecar,
                exit_code: 1,
            },
            Step::warning(Some(Role::Sidecar), "BackOff", text),
            Step::Wait(BACK_OFF),
        ])
    }

    /// Runs for `duration`, then the kernel kills it for its memory.
    pub fn oom(duration: Duration) -> Self {
        let killed = Step::terminated(Role::Build, 137, "OOMKilled");
        Self::healthy().then([
            Step::Wait(duration),
            killed,
            Step::terminated(Role::Sidecar, 0, "Completed"),
        ])
    }

    /// The kernel kills the build for its memory before anybody has seen it run.
    pub fn out_of_memory_at_once() -> Self {
        Self::new(launched()).then([
            Step::normal(Role::Build, "Pulled", PRESENT),
            Step::terminated(Role::Build, 137, "OOMKilled"),
            Step::terminated(Role::Sidecar, 0, "Completed"),
        ])
    }

    /// The registry answers 503 for `duration`; after that the build runs.
    pub fn registry_down(duration: Duration) -> Self {
        Self::new(launched())
            .then([
                Step::normal(Role::Build, "Pulling", PULLING),
                failed(&format!("Failed to pull image \"{{image}}\": {UNAVAILABLE}")),
                failed("Error: ErrImagePull"),
                Step::waiting(Role::Build, "ErrImagePull", UNAVAILABLE),
                Step::Wait(duration),
                Step::normal(Role::Build, "Pulling", PULLING),
                Step::normal(
                    Role::Build,
                    "Pulled",
                    "Successfully pulled image \"{image}\" in 1s",
                ),
            ])
            .then(running())
    }

    /// The init container that brings the launcher fails; the build behind it never begins.
    pub fn launcher_fails() -> Self {
        Self::new([
            Step::Admitted,
            Step::normal(Role::Launcher, "Pulled", PRESENT),
            Step::Running(Role::Launcher),
            Step::terminated(Role::Launcher, 1, "Error"),
        ])
    }

    /// The node runs low on disk and evicts the pod while its launcher is still at work.
    pub fn evicted_before_it_ran() -> Self {
        Self::new([
            Step::Admitted,
            Step::normal(Role::Launcher, "Pulled", PRESENT),
            Step::Running(Role::Launcher),
            Step::warning(None, "Evicted", NODE_LOW),
            Step::PhaseFailed {
                reason: "Evicted".to_owned(),
                message: NODE_LOW.to_owned(),
            },
        ])
    }

    /// Its node is full by the time the pod comes, and does not admit it.
    pub fn node_full() -> Self {
        Self::new([
            Step::warning(None, "OutOfcpu", NODE_FULL),
            Step::PhaseFailed {
                reason: "OutOfcpu".to_owned(),
                message: format!("Pod was rejected: {NODE_FULL}"),
            },
        ])
    }

    /// Its node is being shut down when the pod comes, and does not admit it.
    pub fn node_shuts_down() -> Self {
        Self::new([
            Step::warning(None, "NodeShutdown", SHUTTING_DOWN),
            Step::PhaseFailed {
                reason: "NodeShutdown".to_owned(),
                message: SHUTTING_DOWN.to_owned(),
            },
        ])
    }

    /// Runs for `duration`, then the kubelet evicts it for its use of disk.
    pub fn evicted(duration: Duration) -> Self {
        Self::healthy().then([
            Step::Wait(duration),
            Step::warning(None, "Evicted", EVICTED),
            Step::normal(Role::Build, "Killing", "Stopping container {container}"),
            Step::PhaseFailed {
                reason: "Evicted".to_owned(),
                message: EVICTED.to_owned(),
            },
        ])
    }
}

/// Up to the launcher's end, after which the build's container may start.
fn launched() -> [Step; 4] {
    [
        Step::Admitted,
        Step::normal(Role::Launcher, "Pulled", PRESENT),
        Step::Running(Role::Launcher),
        Step::terminated(Role::Launcher, 0, "Completed"),
    ]
}

fn running() -> [Step; 2] {
    [Step::Running(Role::Sidecar), Step::Running(Role::Build)]
}

fn failed(message: &str) -> Step {
    Step::warning(Some(Role::Build), "Failed", message)
}
