//! Aborts the builds of a pipeline that have waited for too long to run. Says what it would do unless told
//! to do it.
//!
//! `abort_stuck_builds API_URI TOKEN_FILE PIPELINE MINUTES [--do-it]`

use std::error::Error;
use std::time::{Duration, SystemTime};

use screwdriver_api_client::{
    Api, ApiToken, Build, BuildStatus, BuildUpdate, Class, Client, Listing, PipelineId, Timestamp,
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
    let longest = Duration::from_mins(minutes.parse()?);
    for (build, waited) in stuck(&api, pipeline.parse()?, longest).await? {
        let minutes = waited.as_secs() / 60;
        if !do_it {
            println!("build {} has waited for {minutes} min", build.id);
            continue;
        }
        match api.builds().update(build.id, &BuildUpdate::aborted()).await {
            Ok(_) => println!("build {} had waited for {minutes} min: aborted", build.id),
            Err(error) if error.class() == Class::Finished => println!("build {} has just ended", build.id),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The builds that wait, oldest last, with how long they have.
async fn stuck(
    api: &Api,
    pipeline: PipelineId,
    longest: Duration,
) -> Result<Vec<(Build, Duration)>, Box<dyn Error>> {
    let now = Timestamp::try_from(now())?;
    let waiting = |build: &Build| matches!(build.status, BuildStatus::Queued | BuildStatus::Blocked);
    let builds = api.pipelines().builds(pipeline, Listing::default()).only(waiting);
    let builds = builds.all().await?.into_iter();
    let waited = builds.map(|build| {
        let since = build.stats.queue_enter_time.or(build.create_time).unwrap_or(now);
        (build, since.until(now))
    });
    Ok(waited.filter(|(_, waited)| *waited >= longest).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this tool that reads the clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
