//! Clears on the real road: from the message to the folder that is gone, and what becomes of those that
//! cannot be done.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use testbed::{
    broker::{Seen, message::clear},
    poll,
    worker::{Kind, Worker},
    world::World,
};

use crate::corner::{SOON, counted, handled, holds, ours, play};

/// The grace period of the chart, less a little.
const GRACE: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread")]
async fn a_clear_removes_its_cache_and_no_other() -> anyhow::Result<()> {
    play("clear", async |world| {
        let (root, start) = on_disk(&world).await?;
        let gone = ["pipelines/1", "jobs/1/5", "beta-/events/1/7"];
        let kept = [
            "pipelines/2",
            "jobs/1/6",
            "jobs/2/5",
            "events/1/7",
            "beta-/pipelines/1",
        ];
        for folder in gone.iter().chain(&kept) {
            fill(&root.join(folder), 20)?;
        }
        world.publish(clear("pipelines", 1, "", &["ClusterA"])).await?;
        world.publish(clear("jobs", 5, "", &["ClusterA"])).await?;
        world.publish(clear("events", 7, "beta-", &["ClusterA"])).await?;
        // That one is cleared already.
        world.publish(clear("events", 8, "", &["ClusterA"])).await?;
        handled(&start, "cleared", 4).await?;
        for folder in gone {
            anyhow::ensure!(!root.join(folder).exists(), "{folder} is still there");
        }
        for folder in kept {
            anyhow::ensure!(root.join(folder).join("3").exists(), "{folder} was cleared");
        }
        let files = counted(&start, &["sd_worker_cache_removed_total", "entry=\"file\""]).await?;
        anyhow::ensure!((files - 60.0).abs() < 0.5, "{files} files were removed");
        world.queue_empties(world.vhost.queue(), SOON).await?;
        let parked = world.vhost.depth(&ours(&world, "parked")).await?;
        anyhow::ensure!(parked == Some(0), "{parked:?} are parked");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_no_clear_out_of_the_caches() -> anyhow::Result<()> {
    play("clear-link", async |world| {
        let (root, start) = on_disk(&world).await?;
        let outside = world.directory().join("outside");
        fill(&outside.join("1/5"), 3)?;
        fs::create_dir_all(&root)?;
        symlink(&outside, root.join("events"))?;
        fill(&root.join("jobs/1/5"), 3)?;
        symlink(&outside, root.join("jobs/1/5/link"))?;
        world.publish(clear("events", 5, "", &["ClusterA"])).await?;
        world.publish(clear("jobs", 5, "", &["ClusterA"])).await?;
        handled(&start, "cleared", 1).await?;
        anyhow::ensure!(parked(&world, 1).await? == ["unsafe-path"]);
        anyhow::ensure!(!root.join("jobs/1/5").exists(), "the link was not removed");
        anyhow::ensure!(fs::read_dir(outside.join("1/5"))?.count() == 3, "a link led out");
        Ok(())
    })
    .await
}

/// The mount is missing: somebody must act, and the message is kept for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_clear_without_the_caches_mount_is_parked_and_says_so() -> anyhow::Result<()> {
    play("clear-mount", async |world| {
        let (root, start) = on_disk(&world).await?;
        fs::remove_dir(&root)?;
        world.publish(clear("pipelines", 1, "", &["ClusterA"])).await?;
        anyhow::ensure!(parked(&world, 1).await? == ["cache-unusable"]);
        let log = start.log();
        anyhow::ensure!(log.contains("check CACHE_PATH"), "{log}");
        Ok(())
    })
    .await
}

/// Other build clusters keep caches on disk; the message is not about this one.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_disk_cache_a_clear_is_done_with() -> anyhow::Result<()> {
    play("clear-none", async |world| {
        let start = world.worker(Kind::Start, &[]).await?;
        world.publish(clear("pipelines", 1, "", &["ClusterA"])).await?;
        handled(&start, "nothing", 1).await?;
        world.queue_empties(world.vhost.queue(), SOON).await?;
        let parked = world.vhost.depth(&ours(&world, "parked")).await?;
        anyhow::ensure!(parked == Some(0), "{parked:?} are parked");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_while_it_clears_ends_in_time_and_another_goes_on() -> anyhow::Result<()> {
    const FILES: usize = 30_000;
    play("clear-stop", async |world| {
        let (root, mut start) = on_disk(&world).await?;
        let cache = root.join("pipelines/1");
        for folder in 0..FILES / 1_000 {
            fill(&cache.join(folder.to_string()), 1_000)?;
        }
        world.publish(clear("pipelines", 1, "", &["ClusterA"])).await?;
        poll::until("the clear to begin", SOON, || async {
            let folders = fs::read_dir(&cache).map_or(0, Iterator::count);
            let files = fs::read_dir(cache.join("0")).map_or(0, Iterator::count);
            anyhow::ensure!(folders < FILES / 1_000 || files < 1_000, "nothing is gone yet");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let ended = start.terminate(GRACE).await?;
        anyhow::ensure!(ended.code() == Some(0), "it ended with {ended}");
        start.restart().await?;
        poll::until("the cache to be gone", SOON, || async {
            anyhow::ensure!(!cache.exists(), "it is there");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        for queue in [world.vhost.queue().to_owned(), ours(&world, "starts.v1")] {
            world.queue_empties(&queue, SOON).await?;
        }
        Ok(())
    })
    .await
}

/// A worker whose disk caches are in a folder of this corner.
async fn on_disk(world: &World) -> anyhow::Result<(PathBuf, Worker)> {
    let root = world.directory().join("caches");
    fs::create_dir_all(&root)?;
    let path = root.display().to_string();
    let settings = [("CACHE_STRATEGY", "disk"), ("CACHE_PATH", path.as_str())];
    Ok((root, world.worker(Kind::Start, &settings).await?))
}

/// So many files, called by their numbers.
fn fill(folder: &Path, files: usize) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for file in 0..files {
        fs::write(folder.join(file.to_string()), "cached")?;
    }
    Ok(())
}

/// Waits until that many messages are parked, and says why they are.
async fn parked(world: &World, times: usize) -> anyhow::Result<Vec<String>> {
    let parked = holds(world, &ours(world, "parked"), times, SOON).await?;
    let reason = |seen: &Seen| seen.headers["x-sd-reason"].as_str().unwrap_or("none").to_owned();
    Ok(parked.iter().map(reason).collect())
}
