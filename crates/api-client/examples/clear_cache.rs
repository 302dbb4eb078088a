//! Clears a cache of a pipeline: the one that all its builds share, or that of a job or an event.
//!
//! `clear_cache API_URI TOKEN_FILE PIPELINE [job ID | event ID]`

use std::error::Error;

use screwdriver_api_client::{ApiToken, CacheScope, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (api_uri, token_file, pipeline, scope) = match arguments.as_slice() {
        [uri, file, pipeline] => (uri, file, pipeline, CacheScope::Pipeline),
        [uri, file, pipeline, "job", id] => (uri, file, pipeline, CacheScope::Job(id.parse()?)),
        [uri, file, pipeline, "event", id] => (uri, file, pipeline, CacheScope::Event(id.parse()?)),
        _ => return Err("usage: clear_cache API_URI TOKEN_FILE PIPELINE [job ID | event ID]".into()),
    };
    let token: ApiToken = std::fs::read_to_string(token_file)?.trim().parse()?;
    let api = Client::builder().build()?.api(&api_uri.parse()?, token)?;
    api.pipelines().delete_cache(pipeline.parse()?, scope).await?;
    println!("the build clusters are told to delete it");
    Ok(())
}
