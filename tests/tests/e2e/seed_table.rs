//! Every scenario of the list, played to its end. P2: a pod that never starts ends as FAILURE with its cause;
//! P3: one that only takes its time does not.

use std::collections::BTreeSet;

use anyhow::Context;
use testbed::scenario::{Stage, all};

use crate::corner::play;

/// One test per scenario, and their names for the test that none is missing.
macro_rules! scenarios {
    ($($test:ident: $name:literal;)*) => {
        const PLAYED: &[&str] = &[$($name),*];

        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() -> anyhow::Result<()> {
            ends_as_expected($name).await
        })*
    };
}

scenarios! {
    a_healthy_build: "healthy";
    a_start_that_is_sent_three_times: "sent-three-times";
    a_pod_without_a_node: "no-node-yet";
    a_slow_pull: "slow-pull";
    a_registry_that_comes_back: "registry-down";
    a_pod_that_is_evicted_before_it_ran: "evicted-early";
    an_image_that_does_not_exist: "image-missing";
    a_secret_that_does_not_exist: "config-error";
    a_command_that_does_not_exist: "start-error";
    an_init_container_that_fails: "launcher-fails";
    a_build_out_of_memory: "out-of-memory";
    a_running_build_that_is_aborted: "aborted-running";
    a_build_that_was_aborted_before_its_start: "aborted-first";
    a_start_long_after_the_end: "late-start";
    workers_that_are_killed_before_the_first_check: "workers-killed";
}

#[test]
fn every_scenario_has_a_test() {
    let listed: BTreeSet<&str> = all().iter().map(|scenario| scenario.name).collect();
    assert_eq!(listed, PLAYED.iter().copied().collect());
}

async fn ends_as_expected(name: &str) -> anyhow::Result<()> {
    let scenario = all().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.context("it is in the list")?;
    play(name, async |world| {
        let stage = Stage::open(world, |told| println!("{told:?}")).await?;
        let id = stage.publish(&scenario).await?;
        stage.play(&scenario, id).await?;
        stage.trace_is_complete(&scenario, id).await?;
        Ok(())
    })
    .await
}
