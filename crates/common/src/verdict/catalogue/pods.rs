//! Why a pod is over as a whole, and who took it away.

use super::{
    Actor::{ClusterAdmin, Nobody, You},
    Fate::{Anew, Fails},
    Row,
    rows::{ANY, NEW_PODS, rows},
};

/// Reasons of pods that are over or are taken away.
pub(super) static ROWS: &[Row] = rows! {
    PodBefore, &["DeadlineExceeded"], ANY =>
        DeadlineExceeded, Fails, ClusterAdmin, None,
        "The pod's time ran out before the build began",
        "find out what held the pod up, or give pods more time (activeDeadlineSeconds)";

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
    Pod, &["NodeName", "NodePorts"], ANY =>
        NodeRefused, Fails, ClusterAdmin, None,
        "Node {node} cannot take the pod as the executor specifies it", "correct the executor's node name or host ports";
    Pod, &["InitContainerRestartPolicyForbidden", "SupplementalGroupsPolicyNotSupported",
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
};
