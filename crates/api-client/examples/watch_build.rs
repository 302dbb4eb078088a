//! Shows what becomes of a build: its status and message whenever they change, the log of its steps as it
//! comes, and its end.
//!
//! `watch_build API_URI TOKEN_FILE BUILD`

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use screwdriver_api_client::{
    Api, ApiToken, Build, BuildId, BuildStatus, Client, Error as ApiError, Items, LogLine,
};

const EVERY: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [api_uri, token_file, build] = arguments.as_slice() else {
        return Err("usage: watch_build API_URI TOKEN_FILE BUILD".into());
    };
    let token: ApiToken = std::fs::read_to_string(token_file)?.trim().parse()?;
    let api = Client::builder().build()?.api(&api_uri.parse()?, token)?;
    let end = watch(&api, build.parse()?).await?;
    println!("the build ended as {end}");
    Ok(if end == BuildStatus::Success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A step whose log is followed.
type Followed = (String, Items<LogLine>);

async fn watch(api: &Api, id: BuildId) -> Result<BuildStatus, Box<dyn Error>> {
    let mut tick = tokio::time::interval(EVERY);
    let mut told = String::new();
    let mut seen = HashSet::new();
    let mut followed: Option<Followed> = None;
    loop {
        tokio::select! {
            line = next_line(&mut followed) => match line {
                Some((step, line)) => println!("  {step}: {}", line?.message),
                None => followed = None,
            },
            _ = tick.tick() => {
                let build = api.builds().get(id).await?;
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
                    followed = Some((step.name.clone(), api.builds().follow_log(id, &step.name, EVERY)));
                } else if build.has_ended() {
                    return Ok(build.status);
                }
            }
        }
    }
}

/// The next line of the step that is followed; `None` at its end. Waits while there is no such step.
async fn next_line(followed: &mut Option<Followed>) -> Option<(String, Result<LogLine, ApiError>)> {
    match followed {
        Some((step, lines)) => lines.next().await.map(|line| (step.clone(), line)),
        None => std::future::pending().await,
    }
}

fn state(build: &Build) -> String {
    let message = build.status_message.as_deref().unwrap_or_default();
    let node = build.stats.hostname.as_deref().unwrap_or("no node yet");
    format!("{} on {node} {message}", build.status)
        .trim_end()
        .to_owned()
}
