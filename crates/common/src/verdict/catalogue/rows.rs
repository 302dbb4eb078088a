//! The table itself. Nothing but data: how a row is found and used stands next door.
//!
//! Sources are the kubelet's and scheduler's own reasons and the recordings under `tests/data/recordings`. The
//! wording of two generations of containerd is covered where it differs.

use super::{
    Actor::{ClusterAdmin, Nobody, You},
    Fate::{self, Anew, Clock, Fails, Grace},
    Lead, Row, Scope,
};
use crate::verdict::Reason;

/// How often a build that never ran gets a new pod for the cluster's reasons.
const NEW_PODS: u32 = 3;

const ANY: &[&str] = &[];
const PULL: &[&str] = &["ErrImagePull", "ImagePullBackOff"];
const START: &[&str] = &["StartError", "ContainerCannotRun"];

macro_rules! rows {
    ($($scope:ident, $reasons:expr, $texts:expr =>
        $reason:ident, $fate:expr, $actor:expr, $lead:ident, $cause:expr, $advice:expr;)*) => {
        &[$(Row {
            scope: Scope::$scope, reasons: $reasons, texts: $texts, reason: Reason::$reason, fate: $fate,
            actor: $actor, lead: Lead::$lead, cause: $cause, advice: $advice,
        }),*]
    };
}

/// For what no row knows.
pub(in crate::verdict) static UNKNOWN: Row = Row {
    scope: Scope::Phase,
    reasons: &["ended"],
    texts: ANY,
    reason: Reason::PodFailed,
    fate: Fails,
    actor: ClusterAdmin,
    lead: Lead::None,
    cause: "The pod failed without a reason that we know",
    advice: "check the pod's events and node {node}",
};

/// Every reason that we know.
pub(in crate::verdict) static ROWS: &[Row] = rows! {
    // Images. Registry trouble first: a token endpoint that is down also says "failed to authorize".
    Waiting, PULL, &["429 too many", "toomanyrequests", "too many requests", "rate limit"] =>
        Registry, Clock(300), ClusterAdmin, Image,
        "The registry of image {image} limits how often it may be pulled from",
        "give the cluster credentials or a mirror with a higher limit; starting the build again later may do";
    Waiting, PULL, &["500 internal", "502 bad gateway", "503 service", "504 gateway", "timeout", "timed out",
            "deadline exceeded", "deadlineexceeded", "connection refused", "connection reset", "no such host",
            "server misbehaving", "network is unreachable", "no route to host", "unexpected eof", ": eof"] =>
        Registry, Clock(300), ClusterAdmin, Image,
        "The registry of image {image} does not answer, which is not the build's fault",
        "check the registry and the way to it; starting the build again later may do";
    Waiting, PULL, &["x509:", "tls:", "certificate"] =>
        Registry, Clock(300), ClusterAdmin, Image,
        "The node does not trust the registry of image {image}",
        "check the registry's certificate and the authorities that the nodes trust";
    Waiting, PULL, &["no space left on device"] =>
        NodeFault, Clock(300), ClusterAdmin, Image,
        "The node has no room for image {image}", "free disk space on the node";
    Waiting, PULL, &["no match for platform", "no matching manifest"] =>
        ImageUnsuitable, Grace(30), You, Image,
        "Image {image} does not exist for the node's platform",
        "build the image for the platform that the cluster runs on";
    Waiting, PULL, &["could not fetch content descriptor", "unexpected commit digest", "failed precondition",
            "failedprecondition", "failed size validation"] =>
        ImageDamaged, Clock(300), ClusterAdmin, Image,
        "The registry's copy of image {image} is incomplete or damaged",
        "push the image again, or repair the registry or its mirror";
    Waiting, PULL, &["pull access denied", "403 forbidden", "401 unauthorized", "unauthorized", "authorization failed",
            "no basic auth credentials", "authentication required", "insufficient_scope", "denied"] =>
        ImageDenied, Grace(30), You, Image,
        "The registry does not hand out image {image} to this cluster, or does not have it",
        "check the image's name, and whether the cluster may pull it";
    Waiting, PULL, &["not found", "notfound", "manifest unknown", "manifest_unknown", "name unknown", "does not exist"] =>
        ImageNotFound, Grace(30), You, Image,
        "The registry does not have image {image}", "check the image's name and tag";
    Waiting, PULL, ANY =>
        ImagePull, Clock(300), You, Image,
        "Image {image} could not be pulled", "check the image's name and tag, and whether the cluster may pull it";
    Waiting, &["InvalidImageName"], ANY =>
        ImageName, Fails, You, Image,
        "{image} is not a valid name of an image", "correct the image's name";
    Waiting, &["ErrImageNeverPull"], ANY =>
        ImageAbsent, Grace(30), ClusterAdmin, Start,
        "Image {image} is not on the node and may not be pulled (pull policy Never)",
        "put the image on the nodes or change the pull policy";
    Waiting, &["ErrImageNotEnsured"], ANY =>
        ImageDenied, Grace(30), You, Start,
        "Image {image} is on the node, but these credentials may not use it", "check whether the cluster may pull the image";
    Waiting, &["RegistryUnavailable"], ANY =>
        Registry, Clock(300), ClusterAdmin, Start,
        "The registry of image {image} is not available, which is not the build's fault",
        "check the registry and the way to it; starting the build again later may do";
    Waiting, &["ImageInspectError"], ANY =>
        NodeFault, Clock(120), ClusterAdmin, Start,
        "The node could not inspect image {image}", "check the container runtime of node {node}";
    Waiting, &["SignatureValidationFailed"], ANY =>
        ImageRejected, Fails, You, Start,
        "The node's policy rejects the signature of image {image}", "use an image that is signed as the cluster demands";

    // A container before its first process.
    Waiting, &["CreateContainerConfigError"], &["subpath", "context deadline exceeded", "failed to sync"] =>
        ContainerConfig, Grace(120), ClusterAdmin, Admin,
        "Container {container} cannot be configured", "check the pod's volumes and the node's kubelet";
    Waiting, &["CreateContainerConfigError", "VerifyNonRootError"], &["runasnonroot", "non-root", "non-numeric user"] =>
        ContainerConfig, Grace(30), You, Admin,
        "The cluster does not run containers as root, and image {image} does",
        "use an image that runs as another user";
    Waiting, &["CreateContainerConfigError", "VerifyNonRootError"], ANY =>
        ContainerConfig, Grace(30), ClusterAdmin, Admin,
        "Container {container} refers to something that is missing or contradictory",
        "create what is missing or correct the executor's configuration";
    Waiting, &["CreateContainerError"], &["context deadline exceeded", "name is reserved", "is reserved for"] =>
        ContainerCreate, Grace(120), ClusterAdmin, Admin,
        "The node's runtime does not manage to create container {container}", "check the container runtime of node {node}";
    Waiting, &["CreateContainerError"], &["no command specified"] =>
        ContainerCreate, Grace(30), You, Admin,
        "Image {image} names no command to run", "use an image with a command";
    Waiting, &["CreateContainerError"], ANY =>
        ContainerCreate, Grace(30), ClusterAdmin, Admin,
        "Container {container} could not be created", "check the executor's configuration and node {node}";
    Waiting, &["RROUnsupported"], ANY =>
        ContainerCreate, Fails, ClusterAdmin, Start,
        "The node does not support recursively read-only mounts", "change the executor's mounts or the node";
    Waiting, &["PreCreateHookError", "PreStartHookError"], ANY =>
        NodeFault, Clock(60), ClusterAdmin, Start,
        "The node could not reserve devices, CPU or memory for container {container}", "check node {node}";
    Waiting, &["RunContainerError", "RunInitContainerError", "StartError"], ANY =>
        StartError, Grace(30), ClusterAdmin, Admin,
        "The command of container {container} could not be started", "check the container's command, image and mounts";
    Waiting, &["PostStartHookError"], ANY =>
        PostStartHook, Fails, ClusterAdmin, Start,
        "The postStart hook of container {container} failed", "check the executor's lifecycle hooks";
    Waiting, &["CrashLoopBackOff"], ANY =>
        CrashLoop, Grace(30), ClusterAdmin, Admin,
        "Container {container} keeps crashing, last with code {code}", "check the container's log on node {node}";
    Waiting, &["CreatePodSandboxError", "ConfigPodSandboxError", "SetupNetworkError", "TeardownNetworkError",
            "KillContainerError", "KillPodSandboxError"], ANY =>
        NodeFault, Clock(180), ClusterAdmin, Start,
        "The node's sandbox or network failed", "check the container runtime and network of node {node}";

    // The end of a container that the build waits for.
    InitEnded, &["OOMKilled"], ANY =>
        OutOfMemory, Fails, ClusterAdmin, Start,
        "Container {container} ran out of memory (limit {limit}) before the build", "raise the memory of that container";
    InitEnded, &["CrashLoopBackOff"], ANY =>
        CrashLoop, Clock(120), ClusterAdmin, Admin,
        "Container {container} keeps crashing before the build, last with code {code}",
        "check that container's image, probes and log";
    InitEnded, &["Error*", "Completed"], ANY =>
        Init, Fails, ClusterAdmin, Start,
        "Container {container} failed before the build, with code {code}", "check the launcher's image and its volumes";

    // The end of the build container.
    Ended, &["OOMKilled"], ANY =>
        OutOfMemory, Fails, You, None,
        "Container {container} ran out of memory (limit {limit})", "raise the annotation screwdriver.cd/ram or use less memory";
    Ended, START, &["memory limit", "oom-killed", "oom killed"] =>
        OutOfMemory, Fails, You, Admin,
        "Container {container} has too little memory to start (limit {limit})", "raise the annotation screwdriver.cd/ram";
    Ended, START, &["error mounting", "mount src", "trying to mount", "cgroup", "seccomp", "apparmor"] =>
        StartError, Fails, ClusterAdmin, Admin,
        "The node could not set up container {container}", "check the executor's mounts and node {node}";
    Ended, START, &["no such file or directory", "executable file not found", "exec format error",
            "permission denied", "not a directory", "chdir to cwd"] =>
        StartError, Fails, You, Admin,
        "The command of container {container} does not run in image {image}",
        "check that the image is made for this platform and has a shell";
    Ended, START, ANY =>
        StartError, Fails, ClusterAdmin, Admin,
        "The command of container {container} could not be started", "check the executor's configuration and node {node}";
    Ended, &["ContainerStatusUnknown", "Unknown"], ANY =>
        NodeFault, Fails, Nobody, None,
        "Node {node} lost track of container {container}", "start the build again";
    Ended, &["Error:137"], ANY =>
        Killed, Fails, You, None,
        "The build's container was killed (container exited with code 137), perhaps because the node or a process in it ran out of memory",
        "start the build again; if it happens again, use less memory";
    Ended, &["Error:143"], ANY =>
        Killed, Fails, Nobody, None,
        "The build's container was told to stop (container exited with code 143)", "start the build again";
    Ended, &["*"], ANY =>
        Exited, Fails, You, None,
        "The build's container exited with code {code}", "read the build's log";

    // The end of a pod. An own limit is the build's fault, whatever ran; the node's trouble is not.
    Pod, &["Evicted"], &["local storage usage exceeds", "usage of emptydir", "local ephemeral storage limit"] =>
        StorageLimit, Fails, You, None,
        "The pod used more local storage than it may", "write less to disk, or ask the cluster admin for a higher limit";
    Pod, &["Evicted"], ANY =>
        Evicted, Anew(NEW_PODS), Nobody, None,
        "Node {node} ran low on a resource and evicted the pod", "start the build again";
    Pod, &["Preempting"], ANY =>
        Preempted, Anew(NEW_PODS), Nobody, None,
        "A critical pod took the build's place on node {node}", "start the build again";
    Pod, &["NodeShutdown", "Shutdown", "Terminated"], ANY =>
        NodeShutdown, Anew(NEW_PODS), Nobody, None,
        "Node {node} was shut down", "start the build again";
    Pod, &["NodeLost"], ANY =>
        NodeLost, Anew(NEW_PODS), Nobody, None,
        "Node {node} stopped answering", "start the build again";
    Pod, &["DeadlineExceeded"], ANY =>
        DeadlineExceeded, Fails, You, None,
        "The pod ran longer than the cluster lets it", "make the build shorter, or ask the cluster admin for more time";
    Pod, &["OutOf*"], ANY =>
        NodeFull, Anew(NEW_PODS), Nobody, None,
        "Node {node} was full by the time the pod came", "start the build again";
    Pod, &["UnexpectedAdmissionError", "NodeAffinity", "TaintToleration", "InvalidNodeInfo", "TopologyAffinityError",
            "VolumeAttachmentLimitExceeded", "NodeUnschedulable"], ANY =>
        NodeRefused, Anew(NEW_PODS), Nobody, None,
        "Node {node} no longer fits the pod and refused it", "start the build again";
    Pod, &["NodeName", "NodePorts", "InitContainerRestartPolicyForbidden", "SupplementalGroupsPolicyNotSupported",
            "PodFeatureUnsupported", "PodLevelResourcesNotAdmitted*", "UnknownReason", "UnexpectedPredicateFailureType"],
            ANY =>
        NodeRefused, Anew(1), ClusterAdmin, None,
        "Node {node} refused the pod", "check whether the nodes support the pods that the executor makes";
    Pod, &["AppArmor", "SysctlForbidden", "SMTAlignmentError", "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch"],
            ANY =>
        NodeRefused, Fails, ClusterAdmin, None,
        "Node {node} does not support what the pod demands", "correct the executor's configuration or the node";
    Pod, &["*"], &["pod was rejected:"] =>
        NodeRefused, Anew(1), ClusterAdmin, None,
        "Node {node} refused the pod", "check whether the nodes support the pods that the executor makes";

    // A pod that the control plane took away.
    Disruption, &["PreemptionByScheduler"], ANY =>
        Preempted, Anew(NEW_PODS), Nobody, None,
        "A pod of higher priority took the build's place on node {node}", "start the build again";
    Disruption, &["DeletionByTaintManager"], ANY =>
        NodeLost, Anew(NEW_PODS), Nobody, None,
        "Node {node} became unusable and its pods were deleted", "start the build again";
    Disruption, &["EvictionByEvictionAPI"], ANY =>
        Drained, Anew(NEW_PODS), Nobody, None,
        "Node {node} was drained", "start the build again";
    Disruption, &["DeletionByPodGC"], ANY =>
        NodeLost, Anew(NEW_PODS), Nobody, None,
        "Node {node} is gone", "start the build again";
    Disruption, &["TerminationByKubelet"], ANY =>
        Evicted, Anew(NEW_PODS), Nobody, None,
        "Node {node} ended the pod to save itself", "start the build again";
    Disruption, &["*"], ANY =>
        Evicted, Anew(NEW_PODS), Nobody, None,
        "The cluster took the pod away", "start the build again";

    // The scheduler.
    Schedule, &["SchedulerError"], ANY =>
        Unscheduled, Clock(60), ClusterAdmin, Start,
        "The scheduler cannot handle the pod", "check the executor's node selectors and affinities";
    Schedule, &["*"], ANY =>
        Unscheduled, Fate::Phase, ClusterAdmin, Start,
        "No node takes the pod", "add nodes or free some; asking for less CPU or memory may do";

    // Events, where the state has no text.
    Event, &["FailedMount", "FailedAttachVolume"], ANY =>
        Volume, Fate::Phase, ClusterAdmin, Start,
        "A volume of the pod cannot be mounted on node {node}", "create what is missing or correct the executor's volumes";
    Event, &["FailedCreatePodSandBox", "NetworkNotReady"], ANY =>
        NodeFault, Fate::Phase, ClusterAdmin, Start,
        "Node {node} cannot create the pod's sandbox or network", "check the container runtime and network of node {node}";
    Event, &["FailedPostStartHook"], ANY =>
        PostStartHook, Fails, ClusterAdmin, Start,
        "The postStart hook of container {container} failed", "check the executor's lifecycle hooks";
    Event, &["Unhealthy"], &["liveness probe failed", "startup probe failed"] =>
        Killed, Fails, ClusterAdmin, None,
        "The cluster killed the build's container because it failed a probe (container exited with code {code})",
        "check who adds probes to build pods";

    // What remains when only the phase is known.
    Phase, &["gated"], ANY =>
        Gated, Fate::Phase, ClusterAdmin, Start,
        "The pod is held back by a scheduling gate", "check the queue that holds builds back";
    Phase, &["scheduling"], ANY =>
        Unscheduled, Fate::Phase, ClusterAdmin, Start,
        "No scheduler has looked at the pod", "check the cluster's scheduler";
    Phase, &["initialising"], ANY =>
        Initialising, Fate::Phase, ClusterAdmin, Start,
        "Node {node} is setting up the pod ({container})", "check node {node}";
    Phase, &["pulling"], ANY =>
        Pulling, Fate::Phase, ClusterAdmin, Start,
        "Node {node} is pulling image {image}", "check node {node} and the registry; a smaller image may do";
    Phase, &["starting"], ANY =>
        Starting, Fate::Phase, ClusterAdmin, Start,
        "Container {container} is about to start", "check node {node}";
    Phase, &["terminating"], ANY =>
        Deleted, Anew(NEW_PODS), Nobody, None,
        "The pod was deleted, and not by Screwdriver as far as we know", "start the build again";
    Phase, &["running"], ANY =>
        NodeLost, Fails, ClusterAdmin, None,
        "Kubernetes lost sight of the pod on node {node}", "check node {node}";

    // No pod.
    Absence, &["ran"], ANY =>
        Disappeared, Fails, Nobody, None,
        "The pod disappeared, and its build may have run", "start the build again";
    Absence, &["waited"], ANY =>
        Disappeared, Anew(NEW_PODS), Nobody, Start,
        "The pod disappeared before the build ran", "start the build again";
    Absence, &["never"], ANY =>
        NeverCreated, Fails, ClusterAdmin, Start,
        "No pod could be created", "check the cluster's quota, admission and the start-worker's log";
};
