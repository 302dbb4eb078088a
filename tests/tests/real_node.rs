//! Builds on a real node: the kubelet, containerd and runc of `tests/node`, with tiny images of our own. Nothing is
//! played here but the builds API. Where no node can run it says why and does nothing. No part of `make test`:
//! `make test-real-node`.

#![expect(
    clippy::print_stdout,
    reason = "says why it was skipped, and how large the images are"
)]

#[path = "real_node/chart.rs"]
mod chart;
#[path = "real_node/scene.rs"]
mod scene;

use std::time::Duration;

use anyhow::Context;
use testbed::{
    builds_api::{Build, Status},
    poll,
    worker::Kind,
};

use scene::Scene;

/// A pull that is refused is given 30 s before its build fails, and looks come every 6 s.
const VERDICT: Duration = Duration::from_secs(120);

/// A build, the image that it runs in, and what it hears if it cannot.
struct Fate {
    what: &'static str,
    image: &'static str,
    executor: Option<&'static str>,
    hears: &'static [&'static str],
}

const FATES: [Fate; 4] = [
    Fate {
        what: "an image that does not exist",
        image: "gone:1",
        executor: None,
        hears: &["The registry does not have image", "/gone:1"],
    },
    Fate {
        what: "a private image",
        image: "private/tool:1",
        executor: None,
        hears: &["The registry does not hand out image", "/private/tool:1"],
    },
    Fate {
        what: "a command that is missing",
        image: "works:1",
        executor: Some("k8s-sandbox"),
        hears: &["The command of container", "no such file or directory"],
    },
    Fate {
        what: "a build that needs more memory than it has",
        image: "hungry:1",
        executor: None,
        hears: &["ran out of memory", "screwdriver.cd/ram"],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn builds_of_every_fate_end_on_a_real_node_as_recorded() -> anyhow::Result<()> {
    Box::pin(scene::play("real-node", async |scene| {
        let settings = scene.settings();
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let _workers = scene.world.workers(&settings).await?;

        let (healthy, job) = scene.start("works:1", None).await?;
        let mut failing = Vec::new();
        for fate in &FATES {
            let (id, _) = scene.start(fate.image, fate.executor).await?;
            failing.push((fate, id));
        }

        runs(scene, healthy).await?;
        for (fate, id) in failing {
            let failed = |build: &Build| build.status == Status::Failure;
            let build = scene.world.build_is(id, "failed", VERDICT, failed).await?;
            let text = build.status_message.context("a failure without a word")?;
            println!("{}: {text}", fate.what);
            for part in fate.hears {
                assert!(text.contains(part), "{}: {text}", fate.what);
            }
            scene.no_pod(id).await?;
        }

        // What the recordings call a trap: the build ends by itself when it is told to.
        scene.world.publish(job.stop()).await?;
        scene.no_pod(healthy).await
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installed_chart_runs_our_images_on_a_real_node_and_builds_flow_through_them()
-> anyhow::Result<()> {
    Box::pin(scene::play("real-chart", async |scene| {
        for kind in [Kind::Start, Kind::Verify] {
            chart::image(scene, kind)?;
        }
        chart::install(scene).await?;

        let (healthy, job) = scene.start("works:1", None).await?;
        let (missing, _) = scene.start("gone:1", None).await?;
        runs(scene, healthy).await?;
        let failed = |build: &Build| build.status == Status::Failure;
        scene.world.build_is(missing, "failed", VERDICT, failed).await?;
        scene.no_pod(missing).await?;
        scene.world.publish(job.stop()).await?;
        scene.no_pod(healthy).await?;
        chart::ends_cleanly(scene).await
    }))
    .await
}

/// The build runs on the real node, and the API has heard so.
async fn runs(scene: &Scene, id: u64) -> anyhow::Result<()> {
    let node = scene.node.name();
    let told = |build: &Build| build.stat("hostname") == Some(node);
    scene
        .world
        .build_is(id, "running on the node", VERDICT, told)
        .await?;
    poll::until("the build to run", VERDICT, || async {
        let pods = scene.world.pods(id).await?;
        let phases: Vec<_> = pods.into_iter().filter_map(|pod| pod.status?.phase).collect();
        anyhow::ensure!(phases == ["Running"], "{phases:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
