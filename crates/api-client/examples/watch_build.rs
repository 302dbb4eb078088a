//! Shows what becomes of a build: its status and message whenever they change, the log of its steps as it
//! comes, and its end.
//!
//! `watch_build API_URI TOKEN_FILE BUILD [SECONDS]`

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use screwdriver_api_client::{
    Api, ApiToken, Build, BuildId, BuildStatus, Client, Error as ApiError, Items, LogLine,
};
use tokio::time::MissedTickBehavior;

/// How often the API is asked about the build, and as often about the log: it takes 300 calls in 5 minutes.
const EVERY: Duration = Duration::from_secs(5);

/// An interval needs to be one.
const LEAST: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (api_uri, token_file, build, every) = match arguments.as_slice() {
        [uri, file, build] => (uri, file, build, EVERY),
        [uri, file, build, seconds] => (uri, file, build, Duration::from_secs(seconds.parse()?)),
        _ => return Err("usage: watch_build API_URI TOKEN_FILE BUILD [SECONDS]".into()),
    };
    let token: ApiToken = std::fs::read_to_string(token_file)?.trim().parse()?;
    let api = Client::builder().build()?.api(&api_uri.parse()?, token)?;
    let end = watch(&api, build.parse()?, every.max(LEAST)).await?;
    println!("the build ended as {end}");
    Ok(if end == BuildStatus::Success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A step whose log is followed.
struct Followed {
    step: String,
    lines: Items<LogLine>,
    /// The number of the next line.
    from: u64,
}

async fn watch(api: &Api, id: BuildId, every: Duration) -> Result<BuildStatus, Box<dyn Error>> {
    let follow = |step: &str, from| Followed {
        step: step.to_owned(),
        lines: api
            .builds()
            .follow_log(id, step, every)
            .only(move |line| line.number.is_none_or(|number| number >= from)),
        from,
    };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    let mut seen = HashSet::new();
    let mut followed: Option<Followed> = None;
    loop {
        tokio::select! {
            line = next_line(&mut followed) => match (line, &mut followed) {
                (Some(Ok(line)), Some(at)) => {
                    println!("  {}: {}", at.step, line.message);
                    at.from = line.number.map_or(at.from, |number| number + 1);
                }
                // A stream ends with its error: the log is read on where it stood.
                (Some(Err(error)), Some(at)) => {
                    wait_out(error).await?;
                    *at = follow(&at.step, at.from);
                }
                _ => followed = None,
            },
            _ = tick.tick() => {
                let build = match api.builds().get(id).await {
                    Ok(build) => build,
                    Err(error) => {
                        wait_out(error).await?;
                        continue;
                    }
                };
                let state = state(&build);
                if state != told {
                    println!("{state}");
                    told = state;
                }
                if followed.is_some() {
                    continue;
                }
                let mut begun = build.steps.iter().filter(|step| step.start_time.is_some());
                if let Some(step) = begun.find(|step| seen.insert(step.name.clone())) {
                    followed = Some(follow(&step.name, 0));
                } else if build.has_ended() {
                    return Ok(build.status);
                }
            }
        }
    }
}

/// The next line of the step that is followed; `None` at its end. Waits while there is no such step.
async fn next_line(followed: &mut Option<Followed>) -> Option<Result<LogLine, ApiError>> {
    match followed {
        Some(at) => at.lines.next().await,
        None => std::future::pending().await,
    }
}

/// Waits as long as the API asks for, which may be longer than the client waits by itself. Any other error is one.
async fn wait_out(error: ApiError) -> Result<(), ApiError> {
    let Some(pause) = error.retry_after() else {
        return Err(error);
    };
    println!("the API asks for a pause of {} s", pause.as_secs());
    tokio::time::sleep(pause).await;
    Ok(())
}

fn state(build: &Build) -> String {
    let message = build.status_message.as_deref().unwrap_or_default();
    let node = build.stats.hostname.as_deref().unwrap_or("no node yet");
    format!("{} on {node} {message}", build.status)
        .trim_end()
        .to_owned()
}
