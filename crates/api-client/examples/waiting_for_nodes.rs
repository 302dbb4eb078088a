//! Reports which builds wait for a node, in all pipelines that the token may see: longest first, with what
//! the scheduler says.
//!
//! `waiting_for_nodes API_URI TOKEN_FILE [PIPELINE_NAME_PART]`

use std::error::Error;

use screwdriver_api_client::{Api, ApiToken, Build, BuildStatus, Client, Listing, Pipeline};

/// What the worker says to such a build. After a while it first says that it takes long.
const WAITING: &str = "Waiting for resources to be available.";

/// How many of a pipeline's latest builds are looked at: those that wait are among the latest.
const LATEST: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (api_uri, token_file, listing) = match arguments.as_slice() {
        [uri, file] => (uri, file, Listing::default()),
        [uri, file, name] => (uri, file, Listing::default().filter("search", name.as_str())),
        _ => return Err("usage: waiting_for_nodes API_URI TOKEN_FILE [PIPELINE_NAME_PART]".into()),
    };
    let token: ApiToken = std::fs::read_to_string(token_file)?.trim().parse()?;
    let api = Client::builder().build()?.api(&api_uri.parse()?, token)?;
    let mut waiting = waiting(&api, listing).await?;
    waiting.sort_by_key(|(_, build)| build.create_time);
    for (pipeline, build) in &waiting {
        let name = pipeline.name.as_deref().unwrap_or("a pipeline without a name");
        let since = build.create_time.map(|time| time.to_string()).unwrap_or_default();
        let message = build.status_message.as_deref().unwrap_or_default();
        let why = message.split_once(WAITING).map_or(message, |(_, why)| why).trim();
        println!("{:>10}  {since}  {name}  {why}", build.id);
    }
    println!("{} builds wait for a node", waiting.len());
    Ok(())
}

async fn waiting(api: &Api, listing: Listing) -> Result<Vec<(Pipeline, Build)>, Box<dyn Error>> {
    let mut found = Vec::new();
    let mut pipelines = api.pipelines().list(listing);
    while let Some(pipeline) = pipelines.next().await {
        let pipeline = pipeline?;
        let latest = api.pipelines().builds(pipeline.id, Listing::default());
        let latest = latest.first(LATEST).await?;
        found.extend(
            latest
                .into_iter()
                .filter(waits)
                .map(|build| (pipeline.clone(), build)),
        );
    }
    Ok(found)
}

fn waits(build: &Build) -> bool {
    let says = |message: &String| message.contains(WAITING);
    build.status == BuildStatus::Queued && build.status_message.as_ref().is_some_and(says)
}
