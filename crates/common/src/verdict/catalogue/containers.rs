//! Why a container does not start, and how containers end.

use super::{
    Actor::{ClusterAdmin, Nobody, You},
    Fate::{Anew, Clock, Fails, Grace},
    Row,
    rows::{ANY, NEW_PODS, rows},
};

/// Ends of containers whose first process did not start.
const START: &[&str] = &["StartError", "ContainerCannotRun"];
/// The same where the container is tried again.
const TRIED: &[&str] = &[
    "RunContainerError",
    "RunInitContainerError",
    "StartError",
    "CrashLoopBackOff",
];
/// What the node could not give to a container.
const NODE: &[&str] = &[
    "error mounting",
    "mount src",
    "trying to mount",
    "cgroup",
    "seccomp",
    "apparmor",
];
/// What an image lacks that is to run a command.
const UNFIT: &[&str] = &[
    "no such file or directory",
    "executable file",
    "exec format error",
    "permission denied",
    "not a directory",
    "chdir to cwd",
];
/// What an image lacks that is to run as somebody.
const FOREIGN_USER: &[&str] = &[
    "unable to find user",
    "unable to find group",
    "no users found",
    "no matching entries",
];

/// Reasons of containers before, at and after their first process.
pub(super) static ROWS: &[Row] = rows! {
    // A container before its first process.
    Waiting, &["CreateContainerConfigError"], &["subpath", "context deadline exceeded", "failed to sync",
            "timed out waiting", "not yet been read"] =>
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
    Waiting, &["CreateContainerError"], FOREIGN_USER =>
        ContainerCreate, Grace(30), You, Admin,
        "Image {image} does not know the user that it is to run as", "correct the image's USER, or add that user to it";
    Waiting, &["CreateContainerError"], UNFIT =>
        StartError, Grace(30), You, Admin,
        "The command of container {container} does not run in image {image}",
        "check that the image is made for this platform and has a shell";
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
    Waiting, TRIED, &["memory limit", "oom-killed", "oom killed"] =>
        OutOfMemory, Grace(30), You, Admin,
        "Container {container} has too little memory to start (limit {limit})", "raise the annotation screwdriver.cd/ram";
    Waiting, TRIED, NODE =>
        StartError, Grace(30), ClusterAdmin, Admin,
        "The node could not set up container {container}", "check the executor's mounts and node {node}";
    Waiting, TRIED, UNFIT =>
        StartError, Grace(30), You, Admin,
        "The command of container {container} does not run in image {image}",
        "check that the image is made for this platform and has a shell";
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
    Ended, START, NODE =>
        StartError, Fails, ClusterAdmin, Admin,
        "The node could not set up container {container}", "check the executor's mounts and node {node}";
    Ended, START, FOREIGN_USER =>
        StartError, Fails, You, Admin,
        "Image {image} does not know the user that it is to run as", "correct the image's USER, or add that user to it";
    Ended, START, UNFIT =>
        StartError, Fails, You, Admin,
        "The command of container {container} does not run in image {image}",
        "check that the image is made for this platform and has a shell";
    Ended, START, ANY =>
        StartError, Fails, ClusterAdmin, Admin,
        "The command of container {container} could not be started", "check the executor's configuration and node {node}";
    Ended, &["ContainerStatusUnknown", "Unknown"], ANY =>
        NodeFault, Anew(NEW_PODS), Nobody, None,
        "Node {node} lost track of container {container}", "start the build again";
    // No process of the container can kill its first one: the kernel or the node did.
    Ended, &["Error:137"], ANY =>
        Killed, Fails, Nobody, None,
        "The build's container was killed from outside (container exited with code 137), perhaps because the node ran out of memory",
        "start the build again; if it happens again, use less memory";
    Ended, &["Error:143"], ANY =>
        Killed, Fails, Nobody, None,
        "The build's container was told to stop (container exited with code 143)", "start the build again";
    Ended, &["Error:255"], ANY =>
        Exited, Fails, You, None,
        "The build's container exited with code 255",
        "read the build's log; if it is empty, check that the image is made for the node's platform";
    Ended, &["*"], ANY =>
        Exited, Fails, You, None,
        "The build's container exited with code {code}", "read the build's log";
};
