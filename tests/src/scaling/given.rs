//! The figures that the load model starts from, each with where it comes from: measured, counted or assumed.

/// A figure that the sums start from.
pub(super) struct Given {
    pub(super) what: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) origin: &'static str,
}

pub(super) const STARTS: Given = Given {
    what: "a start-worker handles, at the least",
    value: 23.0,
    unit: "starts/s",
    origin: "one pair of unoptimised workers, two cores shared with five compilers: 500 builds in 16.8 and in 21.4 s",
};
pub(super) const CHECKS: Given = Given {
    what: "a verify-worker handles, at the least",
    value: 34.0,
    unit: "checks/s",
    origin: "the same bursts: 580 checks in 16.8 s, 837 in 21.4 s",
};
pub(super) const START_CPU: Given = Given {
    what: "a start costs start-worker",
    value: 0.70,
    unit: "CPU-ms",
    origin: "PERFORMANCE.md, release build, the dearer of two rounds",
};
pub(super) const CHECK_CPU: Given = Given {
    what: "a check costs verify-worker",
    value: 0.54,
    unit: "CPU-ms",
    origin: "the same",
};
pub(super) const CREATES: Given = Given {
    what: "an API server creates",
    value: 1750.0,
    unit: "pods/s",
    origin: "etcd and API server on the same two cores, 20 connections",
};
pub(super) const GETS: Given = Given {
    what: "it reads by name",
    value: 1640.0,
    unit: "pods/s",
    origin: "the same",
};
pub(super) const DELETIONS: Given = Given {
    what: "it deletes by label, in a namespace of 17,500 pods",
    value: 52.0,
    unit: "builds/s",
    origin: "`make load LOAD=api-server`, below; it looks at 0.9 million pods a second",
};
pub(super) const CHECKS_OF_A_BUILD: Given = Given {
    what: "checks of a build",
    value: 2.0,
    unit: "",
    origin: "assumed: it runs within a minute (`CHECK_LADDER` 15 s, 60 s); one that runs within 15 s has one",
};
pub(super) const STOPS_OF_A_BUILD: Given = Given {
    what: "deletions by label of a build",
    value: 2.0,
    unit: "",
    origin: "the stop at its end, and that stop's second look (`a_stop_costs_two_deletions_by_label`)",
};
pub(super) const DURATION: Given = Given {
    what: "a build lasts",
    value: 600.0,
    unit: "s",
    origin: "assumed",
};
pub(super) const CONNECTIONS: Given = Given {
    what: "connections of a worker to the broker",
    value: 2.0,
    unit: "",
    origin: "one to publish, one to consume",
};
pub(super) const HEADROOM: Given = Given {
    what: "share of all that is planned with",
    value: 0.7,
    unit: "",
    origin: "assumed",
};

pub(super) const GIVEN: [&Given; 12] = [
    &STARTS,
    &CHECKS,
    &START_CPU,
    &CHECK_CPU,
    &CREATES,
    &GETS,
    &DELETIONS,
    &CHECKS_OF_A_BUILD,
    &STOPS_OF_A_BUILD,
    &DURATION,
    &CONNECTIONS,
    &HEADROOM,
];

/// The namespace that [`DELETIONS`] was measured in.
pub(super) const PODS_THEN: f64 = 17_500.0;
