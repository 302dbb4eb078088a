//! Each class of the catalogue once, on the real control plane: what a real kubelet reported, how long it stands,
//! and what the build reads. The scenarios of one test are played side by side.

use std::sync::Arc;

use futures_util::future::join_all;
use testbed::scenario::{Scenario, Stage, catalogue};

use crate::corner::play;

/// Builds that run are watched.
const WATCH: &[(&str, &str)] = &[("CHECK_WATCH_RUNNING", "1s")];
/// Clocks short enough to run out.
const SHORT: &[(&str, &str)] = &[
    ("CLOCK_SCHEDULING", "3s"),
    ("CLOCK_PULLING", "3s"),
    ("CLOCK_INITIALISING", "3s"),
    ("CLOCK_STARTING", "3s"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_decides_at_first_sight() -> anyhow::Result<()> {
    all_end_as_expected("catalogue-first", WATCH, catalogue::at_first_sight()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_running_build() -> anyhow::Result<()> {
    all_end_as_expected("catalogue-running", WATCH, catalogue::of_running_builds()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_decides_only_in_time() -> anyhow::Result<()> {
    all_end_as_expected("catalogue-time", SHORT, catalogue::in_time()?).await
}

async fn all_end_as_expected(
    name: &str,
    settings: &[(&str, &str)],
    scenarios: Vec<Scenario>,
) -> anyhow::Result<()> {
    play(name, async |world| {
        let stage = Arc::new(Box::pin(Stage::open_with(world, settings, |told| println!("{told:?}"))).await?);
        let ends = join_all(scenarios.iter().map(|scenario| ends(&stage, scenario))).await;
        let unmet: Vec<String> = ends.into_iter().filter_map(Result::err).collect();
        anyhow::ensure!(unmet.is_empty(), "{}", unmet.join("\n"));
        Ok(())
    })
    .await
}

async fn ends(stage: &Stage, scenario: &Scenario) -> Result<(), String> {
    let played = async {
        let id = stage.publish(scenario).await?;
        Box::pin(stage.play(scenario, id)).await
    };
    played
        .await
        .map_err(|error| format!("{}: {error:#}", scenario.name))
}
