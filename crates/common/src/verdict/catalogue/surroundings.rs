//! What the scheduler and events say, and what remains where nobody says anything.

use super::{
    Actor::{ClusterAdmin, Nobody},
    Fate::{self, Anew, Clock, Fails},
    Row,
    rows::{ANY, NEW_PODS, rows},
};

/// Reasons that no container and no pod has.
pub(super) static ROWS: &[Row] = rows! {
    // The scheduler.
    Schedule, &["SchedulerError"], ANY =>
        Unscheduled, Clock(60), ClusterAdmin, Start,
        "The scheduler cannot handle the pod", "check the executor's node selectors and affinities";
    Schedule, &["*"], &["insufficient", "too many pods"] =>
        Unscheduled, Fate::Phase, ClusterAdmin, Start,
        "No node has room for the pod", "add nodes or free some; asking for less CPU or memory may do";
    Schedule, &["*"], &["didn't match", "taint", "unschedulable"] =>
        Unscheduled, Fate::Phase, ClusterAdmin, Start,
        "No node fits the pod's selectors, affinities and tolerations", "check the executor's node selectors and the nodes' labels and taints";
    Schedule, &["*"], ANY =>
        Unscheduled, Fate::Phase, ClusterAdmin, Start,
        "No node takes the pod", "add nodes or find out what is wrong with those there are";

    // Events, where the state has no text.
    Event, &["FailedMount", "FailedAttachVolume", "FailedMapVolume"], ANY =>
        Volume, Fate::Phase, ClusterAdmin, Start,
        "A volume of the pod cannot be mounted on node {node}", "create what is missing or correct the executor's volumes";
    Event, &["FailedCreatePodSandBox", "NetworkNotReady"], ANY =>
        NodeFault, Fate::Phase, ClusterAdmin, Start,
        "Node {node} cannot create the pod's sandbox or network", "check the container runtime and network of node {node}";
    Event, &["FailedPrepareDynamicResources"], ANY =>
        NodeFault, Fate::Phase, ClusterAdmin, Start,
        "Node {node} cannot prepare the devices that the pod claims", "check the drivers of node {node}";
    Event, &["NodeNotReady"], ANY =>
        NodeLost, Fate::Phase, Nobody, None,
        "Node {node} stopped answering while it had the pod", "start the build again";
    Event, &["FailedPostStartHook"], ANY =>
        PostStartHook, Fails, ClusterAdmin, Start,
        "The postStart hook of container {container} failed", "check the executor's lifecycle hooks";
    Event, &["Unhealthy"], &["liveness probe failed", "startup probe failed"] =>
        Killed, Fails, ClusterAdmin, None,
        "The cluster killed the build's container because it failed a probe (container exited with code {code})",
        "check who adds probes to build pods";

    Event, &["Killing"], ANY =>
        Killed, Fails, Nobody, None,
        "Node {node} stopped the build's container and does not say why (container exited with code {code})",
        "start the build again";

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
    Phase, &["pullingOrCreating"], ANY =>
        Pulling, Fate::Phase, ClusterAdmin, Start,
        "Node {node} is pulling image {image} or creating container {container}",
        "check node {node} and the registry; a smaller image may do";
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
