//! What a job's annotations ask for in vain is told once, and the build runs all the same.

use serde_json::json;
use testbed::{poll, worker::Kind};

use crate::corner::{SOON, counted, play};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_does_not_follow_its_job_is_counted_and_logged() -> anyhow::Result<()> {
    play("wishes", async |world| {
        let start = world.worker(Kind::Start, &[]).await?;
        let (id, config) = world.build("node:22");
        let annotations = json!({ "screwdriver.cd/cpu": "plenty-of-it", "screwdriver.cd/ram": "HIGH" });
        let config = config.with("annotations", annotations);
        for _ in 0..3 {
            world.publish(config.start()).await?;
        }
        world.one_pod(id, SOON).await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        poll::until("all three to be settled", SOON, || async {
            let settled = counted(&start, &["sd_worker_deliveries_total", "job=\"start\""]).await?;
            anyhow::ensure!(settled >= 3.0, "{settled} are");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let unusable = async |annotation: &'static str| {
            counted(&start, &["sd_worker_annotations_unusable", annotation]).await
        };
        let cpu = unusable("annotation=\"cpu\"").await?;
        anyhow::ensure!(
            (0.5..1.5).contains(&cpu),
            "it is counted {cpu} times, though one pod was made"
        );
        let ram = unusable("annotation=\"ram\"").await?;
        anyhow::ensure!(ram < 0.5, "what can be used is counted");
        let log = start.log();
        let lines = log.lines().filter(|line| line.contains("does not follow"));
        anyhow::ensure!(lines.clone().count() == 1, "{log}");
        anyhow::ensure!(
            lines
                .clone()
                .all(|line| line.contains("screwdriver.cd/cpu") && line.contains("LOW")),
            "{log}"
        );
        anyhow::ensure!(!log.contains("plenty-of-it"), "values are not for logs");
        Ok(())
    })
    .await
}
