//! Every reason that is known of the kubelet, the scheduler and the runtimes, and what it means to a build.

use super::*;
use crate::verdict::catalogue::{Fate, Row, Scope, all, find};

type Expected = (Scope, &'static str, &'static str, Reason, Fate, Actor);

#[rustfmt::skip]
const EXPECTED: &[Expected] = {
    use Actor::{ClusterAdmin as Admin, Nobody, You};
    use Fate::{Anew, Clock, Fails, Grace, Phase};
    use Scope::{Disruption, Ended, Event, InitEnded, Pod, PodBefore, Schedule, Waiting};
    &[
    // Containers that wait: the image.
    (Waiting, "ErrImagePull", "failed to resolve image: x: not found", Reason::ImageNotFound, Grace(30), You),
    (Waiting, "ErrImagePull", "manifest unknown: manifest unknown", Reason::ImageNotFound, Grace(30), You),
    (Waiting, "ErrImagePull", "unexpected status from HEAD request to http://r/v2/x: 403 Forbidden\ndenied", Reason::ImageDenied, Grace(30), You),
    (Waiting, "ErrImagePull", "pulling from host r failed with status code [manifests 1]: 403 Forbidden", Reason::ImageDenied, Grace(30), You),
    (Waiting, "ErrImagePull", "pulling from host r failed with status code [manifests 1]: 401 Unauthorized", Reason::ImageDenied, Grace(30), You),
    (Waiting, "ErrImagePull", "pulling from host r failed with status code [manifests 1]: 503 Service Unavailable", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "pulling from host r failed with status code [manifests 1]: 429 Too Many Requests", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "unexpected status from HEAD request to http://r/v2/x: 500 Internal Server Error", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "failed to authorize: failed to fetch oauth token: Post \"https://r/token\": dial tcp: lookup r: no such host", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "Get \"https://r/v2/\": net/http: TLS handshake timeout", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "tls: failed to verify certificate: x509: certificate has expired", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "lookup r on 10.0.0.2:53: Temporary failure in name resolution", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "rpc error: code = Canceled desc = context canceled", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "rpc error: code = Unavailable desc = error reading from server", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: permission denied\"", Reason::NodeFault, Clock(300), Admin),
    (Waiting, "ErrImagePull", "dial unix /run/containerd/containerd.sock: connect: no such file or directory", Reason::NodeFault, Clock(300), Admin),
    (Waiting, "ErrImagePull", "transport is closing", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "http2: server sent GOAWAY and closed the connection", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "stream error: stream ID 5; INTERNAL_ERROR", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "StatusCode: 502, bad", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "pulling from host r failed with status code [manifests 1]: 520 ", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "unexpected status from HEAD request to http://r/v2/x: 520 <none>", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "Service Unavailable", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "dial tcp 10.0.0.1:443: connect: operation not permitted", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "dial tcp 10.0.0.1:443: connect: permission denied", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "Get \"https://r/v2/\": Proxy Authentication Required", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "unexpected media type text/html for sha256:ab: not found", Reason::Registry, Clock(300), Admin),
    (Waiting, "ErrImagePull", "failed to copy: httpReadSeeker: failed open: content at https://r/v2/x/blobs/sha256:ab not found: not found", Reason::ImageDamaged, Clock(300), Admin),
    (Waiting, "ErrImagePull", "pull QPS exceeded", Reason::NodeFault, Clock(300), Admin),
    (Waiting, "ErrImagePull", "failed to extract layer sha256:ab: exit status 1", Reason::NodeFault, Clock(300), Admin),
    (Waiting, "ErrImagePull", "write /var/lib/containerd/x: input/output error", Reason::NodeFault, Clock(300), Admin),
    (Waiting, "ErrImagePull", "write /var/lib/containerd/x: no space left on device", Reason::NodeFault, Clock(300), Admin),
    (Waiting, "ErrImagePull", "no match for platform in manifest: not found", Reason::ImageUnsuitable, Grace(30), You),
    (Waiting, "ErrImagePull", "media type \"application/x\" is no longer supported since containerd v2.1", Reason::ImageUnsuitable, Grace(30), You),
    (Waiting, "ErrImagePull", "could not fetch content descriptor sha256:ab from remote: not found", Reason::ImageDamaged, Clock(300), Admin),
    (Waiting, "ErrImagePull", "unexpected commit digest sha256:ab, expected sha256:cd: failed precondition", Reason::ImageDamaged, Clock(300), Admin),
    (Waiting, "ErrImagePull", "invalid reference format", Reason::ImageName, Grace(30), You),
    (Waiting, "ErrImagePull", "words that nobody has seen", Reason::ImagePull, Clock(300), You),
    (Waiting, "ImagePullBackOff", "Back-off pulling image \"x\": ErrImagePull: not found", Reason::ImageNotFound, Grace(30), You),
    (Waiting, "ErrImageNeverPull", "", Reason::ImageAbsent, Grace(30), Admin),
    (Waiting, "InvalidImageName", "", Reason::ImageName, Fails, You),
    (Waiting, "ImageInspectError", "", Reason::NodeFault, Clock(120), Admin),
    (Waiting, "RegistryUnavailable", "", Reason::Registry, Clock(300), Admin),
    (Waiting, "SignatureValidationFailed", "", Reason::ImageRejected, Fails, You),
    (Waiting, "ErrImageNotEnsured", "", Reason::ImageDenied, Grace(30), You),
    // Containers that wait: before and at the first process.
    (Waiting, "CreateContainerConfigError", "secret \"x\" not found", Reason::ContainerConfig, Grace(30), Admin),
    (Waiting, "CreateContainerConfigError", "container has runAsNonRoot and image will run as root", Reason::ContainerConfig, Grace(30), You),
    (Waiting, "CreateContainerConfigError", "failed to create subPath directory for volumeMount", Reason::ContainerConfig, Grace(120), Admin),
    (Waiting, "CreateContainerConfigError", "context deadline exceeded", Reason::ContainerConfig, Grace(120), Admin),
    (Waiting, "CreateContainerConfigError", "failed to sync configmap cache: timed out", Reason::ContainerConfig, Grace(120), Admin),
    (Waiting, "PreCreateHookError", "", Reason::NodeFault, Clock(60), Admin),
    (Waiting, "CreateContainerError", "context deadline exceeded", Reason::ContainerCreate, Grace(120), Admin),
    (Waiting, "CreateContainerError", "failed to reserve container name: name \"x\" is reserved for \"y\"", Reason::ContainerCreate, Grace(120), Admin),
    (Waiting, "CreateContainerError", "failed to generate spec: no command specified", Reason::ContainerCreate, Grace(30), You),
    (Waiting, "CreateContainerError", "unable to find user nobody: no matching entries in passwd file", Reason::ContainerCreate, Grace(30), You),
    (Waiting, "CreateContainerError", "anything else", Reason::ContainerCreate, Grace(30), Admin),
    (Waiting, "CreateContainerError", "exec: \"/opt/sd/launcher_entrypoint.sh\": no such file or directory", Reason::StartError, Grace(30), You),
    (Waiting, "PreStartHookError", "", Reason::NodeFault, Clock(60), Admin),
    (Waiting, "RunContainerError", "", Reason::StartError, Grace(30), Admin),
    (Waiting, "RunContainerError", "exec: \"x\": executable file not found in $PATH", Reason::StartError, Grace(30), You),
    (Waiting, "RunContainerError", "error mounting \"x\" to rootfs at \"y\": not a directory", Reason::StartError, Grace(30), Admin),
    (Waiting, "CrashLoopBackOff", "unable to set memory limit to 4096 (current usage: 3530752)", Reason::OutOfMemory, Grace(30), You),
    (Waiting, "PostStartHookError", "", Reason::PostStartHook, Fails, Admin),
    (Waiting, "CrashLoopBackOff", "", Reason::CrashLoop, Grace(30), Admin),
    (Waiting, "RROUnsupported", "", Reason::ContainerCreate, Fails, Admin),
    (Waiting, "VerifyNonRootError", "", Reason::ContainerConfig, Grace(30), Admin),
    (Waiting, "RunInitContainerError", "", Reason::StartError, Grace(30), Admin),
    (Waiting, "CreatePodSandboxError", "", Reason::NodeFault, Clock(180), Admin),
    (Waiting, "ConfigPodSandboxError", "", Reason::NodeFault, Clock(180), Admin),
    (Waiting, "KillContainerError", "", Reason::NodeFault, Clock(180), Admin),
    (Waiting, "KillPodSandboxError", "", Reason::NodeFault, Clock(180), Admin),
    (Waiting, "SetupNetworkError", "", Reason::NodeFault, Clock(180), Admin),
    (Waiting, "TeardownNetworkError", "", Reason::NodeFault, Clock(180), Admin),
    // Containers that ended.
    (Ended, "Error:1", "", Reason::Exited, Fails, You),
    (Ended, "Error:137", "", Reason::Killed, Fails, Nobody),
    (Ended, "Error:143", "", Reason::Killed, Fails, Nobody),
    (Ended, "Error:255", "", Reason::Exited, Fails, You),
    (Ended, "OOMKilled", "", Reason::OutOfMemory, Fails, You),
    (Ended, "StartError", "exec format error", Reason::StartError, Fails, You),
    (Ended, "StartError", "unable to find user nobody: no matching entries in passwd file", Reason::StartError, Fails, You),
    (Ended, "StartError", "words that nobody has seen", Reason::StartError, Fails, Admin),
    (Ended, "StartError", "error mounting \"x\" to rootfs: not a directory", Reason::StartError, Fails, Admin),
    (Ended, "StartError", "unable to set memory limit to 4096 (current usage: 3530752)", Reason::OutOfMemory, Fails, You),
    (Ended, "ContainerCannotRun", "no such file or directory", Reason::StartError, Fails, You),
    (Ended, "ContainerStatusUnknown", "", Reason::NodeFault, Anew(3), Nobody),
    (Ended, "Unknown", "", Reason::NodeFault, Anew(3), Nobody),
    (Ended, "BrandNew", "", Reason::Exited, Fails, You),
    (InitEnded, "Error:1", "", Reason::Init, Fails, Admin),
    (InitEnded, "OOMKilled", "", Reason::OutOfMemory, Fails, Admin),
    (InitEnded, "CrashLoopBackOff", "", Reason::CrashLoop, Clock(120), Admin),
    // Pods.
    (Pod, "Evicted", "Pod ephemeral local storage usage exceeds the total limit", Reason::StorageLimit, Fails, You),
    (Pod, "Evicted", "Usage of EmptyDir volume \"v\" exceeds the limit", Reason::StorageLimit, Fails, You),
    (Pod, "Evicted", "The node was low on resource: memory.", Reason::Evicted, Anew(3), Nobody),
    (Pod, "Preempting", "", Reason::Preempted, Anew(3), Nobody),
    (Pod, "Terminated", "", Reason::NodeShutdown, Anew(3), Nobody),
    (Pod, "NodeShutdown", "", Reason::NodeShutdown, Anew(3), Nobody),
    (Pod, "DeadlineExceeded", "", Reason::DeadlineExceeded, Fails, You),
    (PodBefore, "DeadlineExceeded", "", Reason::DeadlineExceeded, Fails, Admin),
    (Pod, "NodeLost", "", Reason::NodeLost, Anew(3), Nobody),
    (Pod, "UnexpectedAdmissionError", "", Reason::NodeRefused, Anew(3), Nobody),
    (Pod, "OutOfcpu", "", Reason::NodeFull, Anew(3), Nobody),
    (Pod, "OutOfmemory", "", Reason::NodeFull, Anew(3), Nobody),
    (Pod, "OutOfephemeral-storage", "", Reason::NodeFull, Anew(3), Nobody),
    (Pod, "OutOfpods", "", Reason::NodeFull, Anew(3), Nobody),
    (Pod, "OutOfexample.com/gpu", "", Reason::NodeFull, Anew(3), Nobody),
    (Pod, "NodeAffinity", "", Reason::NodeRefused, Anew(3), Nobody),
    (Pod, "NodeName", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "NodePorts", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "TaintToleration", "", Reason::NodeRefused, Anew(3), Nobody),
    (Pod, "InvalidNodeInfo", "", Reason::NodeRefused, Anew(3), Nobody),
    (Pod, "PodOSSelectorNodeLabelDoesNotMatch", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "PodOSNotSupported", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "InitContainerRestartPolicyForbidden", "", Reason::NodeRefused, Anew(1), Admin),
    (Pod, "SupplementalGroupsPolicyNotSupported", "", Reason::NodeRefused, Anew(1), Admin),
    (Pod, "PodFeatureUnsupported", "", Reason::NodeRefused, Anew(1), Admin),
    (Pod, "PodLevelResourcesNotAdmittedOnWindows", "", Reason::NodeRefused, Anew(1), Admin),
    (Pod, "AppArmor", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "SysctlForbidden", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "TopologyAffinityError", "", Reason::NodeRefused, Anew(3), Nobody),
    (Pod, "SMTAlignmentError", "", Reason::NodeRefused, Fails, Admin),
    (Pod, "VolumeAttachmentLimitExceeded", "", Reason::NodeRefused, Anew(3), Nobody),
    (Pod, "UnknownReason", "", Reason::NodeRefused, Anew(1), Admin),
    (Pod, "UnexpectedPredicateFailureType", "", Reason::NodeRefused, Anew(1), Admin),
    (Pod, "BrandNew", "Pod was rejected: for a new reason", Reason::NodeRefused, Anew(1), Admin),
    // Conditions.
    (Schedule, "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.", Reason::Unscheduled, Phase, Admin),
    (Schedule, "Unschedulable", "0/1 nodes are available: 1 node(s) had untolerated taint(s).", Reason::Unscheduled, Phase, Admin),
    (Schedule, "Unschedulable", "no nodes available to schedule pods", Reason::Unscheduled, Phase, Admin),
    (Schedule, "SchedulerError", "", Reason::Unscheduled, Clock(60), Admin),
    (Disruption, "PreemptionByScheduler", "", Reason::Preempted, Anew(3), Nobody),
    (Disruption, "DeletionByTaintManager", "", Reason::NodeLost, Anew(3), Nobody),
    (Disruption, "EvictionByEvictionAPI", "", Reason::Drained, Anew(3), Nobody),
    (Disruption, "DeletionByPodGC", "", Reason::NodeLost, Anew(3), Nobody),
    (Disruption, "TerminationByKubelet", "", Reason::Evicted, Anew(3), Nobody),
    (Disruption, "BrandNew", "", Reason::Evicted, Anew(3), Nobody),
    // Events.
    (Event, "FailedMount", "", Reason::Volume, Phase, Admin),
    (Event, "FailedAttachVolume", "", Reason::Volume, Phase, Admin),
    (Event, "FailedCreatePodSandBox", "", Reason::NodeFault, Phase, Admin),
    (Event, "NetworkNotReady", "", Reason::NodeFault, Phase, Admin),
    (Event, "FailedPrepareDynamicResources", "", Reason::NodeFault, Phase, Admin),
    (Event, "NodeNotReady", "Node is not ready", Reason::NodeLost, Phase, Nobody),
    (Event, "FailedPostStartHook", "", Reason::PostStartHook, Fails, Admin),
    (Event, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", Reason::Killed, Fails, Admin),
    (Event, "Killing", "Stopping container build", Reason::Killed, Fails, Nobody),
    ]
};

#[test]
fn every_known_reason_means_what_it_should() {
    for (scope, reason, text, expected, fate, actor) in EXPECTED {
        let row = find(*scope, reason, text).unwrap_or_else(|| panic!("no row knows {reason}: {text}"));
        let found = (row.reason, row.fate, row.actor);
        assert_eq!(found, (*expected, *fate, *actor), "{scope:?} {reason}: {text}");
    }
}

#[test]
fn what_nobody_knows_has_no_row() {
    for (scope, reason) in [
        (Scope::Waiting, "BrandNew"),
        (Scope::Waiting, "PodInitializing"),
        (Scope::Waiting, "ContainerCreating"),
        (Scope::Pod, "BrandNew"),
        (Scope::Event, "Pulled"),
    ] {
        assert!(find(scope, reason, "").is_none(), "{reason}");
    }
}

#[test]
fn labels_are_told_apart_and_read_back() {
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
    }
    assert_eq!(Reason::parse("nosuch"), None);
}

/// A row without a case, or one that a row above it hides, is a row that nobody has thought through. Phases and
/// absences are ours, and have tests of their own.
#[test]
fn every_row_has_a_case_and_every_reason_stands_in_the_list() {
    let cases: Vec<&Row> = EXPECTED
        .iter()
        .filter_map(|(scope, reason, text, ..)| find(*scope, reason, text))
        .collect();
    for row in all() {
        assert!(
            Reason::ALL.contains(&row.reason),
            "Reason::ALL lacks {:?}",
            row.reason
        );
        let seen = cases.iter().any(|case| std::ptr::eq(*case, row));
        let ours = matches!(row.scope, Scope::Phase | Scope::Absence);
        assert!(
            seen || ours,
            "no case for {:?} {:?} {:?}",
            row.scope,
            row.reasons,
            row.texts
        );
    }
}
