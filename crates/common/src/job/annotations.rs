//! The annotations of a job that executors understand. Others are never read, so that no other can be counted.

/// Their short names: what stands behind `screwdriver.cd/`.
pub const ANNOTATIONS: [&str; 17] = [
    "cpu",
    "ram",
    "disk",
    "diskSpeed",
    "timeout",
    "executor",
    "buildPeriodically",
    "repoManifest",
    "dockerEnabled",
    "dockerCpu",
    "dockerRam",
    "rootlessBuildkitEnabled",
    "buildkitCpu",
    "buildkitRam",
    "nodeLabel",
    "terminationGracePeriodSeconds",
    // Not the predecessor's.
    "ephemeralStorage",
];
