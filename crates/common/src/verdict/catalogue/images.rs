//! Why an image is not on the node. The wording of two generations of containerd, and of CRI-O, is covered where it
//! differs; texts are compared without names, paths and addresses.

use super::{
    Actor::{ClusterAdmin, You},
    Fate::{Clock, Fails, Grace},
    Row,
    rows::{ANY, rows},
};

const PULL: &[&str] = &["ErrImagePull", "ImagePullBackOff"];

/// Reasons of containers whose image is not on the node.
pub(super) static ROWS: &[Row] = rows! {
    // The node's own trouble while it pulls.
    Waiting, PULL, &["no space left on device"] =>
        NodeFault, Clock(300), ClusterAdmin, Image,
        "The node has no room for image {image}", "free disk space on the node";
    Waiting, PULL, &["failed to extract layer", "failed to register layer", "input/output error", "read-only file system",
            "snapshotter"] =>
        NodeFault, Clock(300), ClusterAdmin, Image,
        "The node cannot unpack image {image}", "check the disk and the container runtime of node {node}";
    // The kubelet speaks gRPC to the runtime on its own node, and nobody to a registry.
    Waiting, PULL, &["dial unix", "connection error: desc"] =>
        NodeFault, Clock(300), ClusterAdmin, Image,
        "The container runtime of node {node} does not answer", "check the container runtime of node {node}";
    Waiting, PULL, &["pull qps exceeded"] =>
        NodeFault, Clock(300), ClusterAdmin, Image,
        "The node pulls as many images as it may at a time", "raise registryPullQPS of the node's kubelet";
    // Registry trouble before refusals: a token endpoint that is down also says "failed to authorize".
    Waiting, PULL, &["429 too many", "toomanyrequests", "too many requests", "rate limit"] =>
        Registry, Clock(300), ClusterAdmin, Image,
        "The registry of image {image} limits how often it may be pulled from",
        "give the cluster credentials or a mirror with a higher limit; starting the build again later may do";
    Waiting, PULL, &["500 internal", "502 bad gateway", "service unavailable", "504 gateway", "statuscode: 5", "]: 5",
            "request to 5", "unexpected status: 5", "code = unavailable", "transport is closing", "goaway",
            "stream error", "operation not permitted", "connect: permission denied", "proxy authentication required",
            "unexpected media type text/html", "timeout", "timed out",
            "deadline exceeded", "deadlineexceeded", "context canceled", "connection refused", "connection reset",
            "connection lost", "broken pipe", "no such host", "server misbehaving", "name resolution",
            "network is unreachable", "no route to host", "host is down", "proxyconnect", "unexpected eof", ": eof"] =>
        Registry, Clock(300), ClusterAdmin, Image,
        "The registry of image {image} does not answer, which is not the build's fault",
        "check the registry and the way to it; starting the build again later may do";
    Waiting, PULL, &["x509:", "tls:", "certificate", "server gave http response"] =>
        Registry, Clock(300), ClusterAdmin, Image,
        "The node does not trust the registry of image {image}",
        "check the registry's certificate and the authorities that the nodes trust";
    // The image itself.
    Waiting, PULL, &["invalid reference format", "invalid repository name", "must be lowercase", "short-name"] =>
        ImageName, Grace(30), You, Image,
        "{image} is not a valid name of an image", "correct the image's name";
    Waiting, PULL, &["no match for platform", "no matching manifest", "no image found in manifest list",
            "no image found in image index"] =>
        ImageUnsuitable, Grace(30), You, Image,
        "Image {image} does not exist for the node's platform",
        "build the image for the platform that the cluster runs on";
    Waiting, PULL, &["no longer supported", "unsupported manifest", "unsupported media type", "unexpected media type",
            "schema1", "schema 1"] =>
        ImageUnsuitable, Grace(30), You, Image,
        "Image {image} has a format that the node does not know", "push the image again with current tools";
    Waiting, PULL, &["could not fetch content descriptor", "content at not found", "unexpected commit digest", "failed precondition",
            "failedprecondition", "failed size validation", "digest mismatch", "short read"] =>
        ImageDamaged, Clock(300), ClusterAdmin, Image,
        "The registry's copy of image {image} is incomplete or damaged",
        "push the image again, or repair the registry or its mirror";
    Waiting, PULL, &["pull access denied", "forbidden", "401 unauthorized", "unauthorized", "authorization failed",
            "no basic auth credentials", "authentication required", "insufficient_scope", "denied"] =>
        ImageDenied, Grace(30), You, Image,
        "The registry does not hand out image {image} to this cluster, or does not have it",
        "check the image's name, and whether the cluster may pull it";
    Waiting, PULL, &["not found", "notfound", "manifest unknown", "manifest_unknown", "name unknown", "name_unknown",
            "does not exist"] =>
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
};
