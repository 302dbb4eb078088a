//! Aborts the builds of a pipeline that have waited for too long to run, in the queue or behind another build. Says
//! what it would do unless told to do it.
//!
//! `abort_stuck_builds API_URI TOKEN_FILE PIPELINE MINUTES [--do-it]`

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, SystemTime};

use screwdriver_api_client::{
    Api, ApiToken, Build, BuildId, BuildStatus, BuildUpdate, Class, Client, Listing, PipelineId, Timestamp,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (api_uri, token_file, pipeline, minutes, do_it) = match arguments.as_slice() {
        [uri, file, pipeline, minutes] => (uri, file, pipeline, minutes, false),
        [uri, file, pipeline, minutes, flag] if flag == "--do-it" => (uri, file, pipeline, minutes, true),
        _ => return Err("usage: abort_stuck_builds API_URI TOKEN_FILE PIPELINE MINUTES [--do-it]".into()),
    };
    let token: ApiToken = std::fs::read_to_string(token_file)?.trim().parse()?;
    let api = Client::builder().build()?.api(&api_uri.parse()?, token)?;
    let seconds = minutes.parse::<u64>()?.checked_mul(60);
    let longest = Duration::from_secs(seconds.ok_or("these are more minutes than can be counted")?);
    for (build, waited) in stuck(&api, pipeline.parse()?, longest).await? {
        let minutes = waited.as_secs() / 60;
        if !do_it {
            println!("build {build} has waited for {minutes} min");
            continue;
        }
        match api.builds().update(build, &BuildUpdate::aborted()).await {
            Ok(_) => println!("build {build} had waited for {minutes} min: aborted"),
            Err(error) if error.class() == Class::Finished => println!("build {build} has just ended"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The builds that wait, oldest first, with how long they have. All are known before the first is aborted: an aborted
/// build leaves the list of those that wait, and whatever stands behind it moves up a place.
async fn stuck(
    api: &Api,
    pipeline: PipelineId,
    longest: Duration,
) -> Result<BTreeMap<BuildId, Duration>, Box<dyn Error>> {
    let now = Timestamp::try_from(now())?;
    let mut stuck = BTreeMap::new();
    let mut jobs = api.pipelines().jobs(pipeline, Listing::default());
    while let Some(job) = jobs.next().await {
        let job = job?;
        for status in [BuildStatus::Queued, BuildStatus::Blocked] {
            let listing = Listing::default().filter("status", status.as_str());
            // Whatever the API makes of the filter, no other build is aborted.
            let waiting = move |build: &Build| build.status == status;
            for build in api.jobs().builds(job.id, listing).only(waiting).all().await? {
                let since = build.stats.queue_enter_time.or(build.create_time).unwrap_or(now);
                stuck.insert(build.id, since.until(now));
            }
        }
    }
    stuck.retain(|_, waited| *waited >= longest);
    Ok(stuck)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this tool that reads the clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
