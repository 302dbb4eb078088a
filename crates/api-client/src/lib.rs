//! Client and vocabulary of the Screwdriver CD builds API.
//!
//! Ids, statuses and tokens are types of their own; errors say what to do next ([`Error::class`]). There are
//! no retries inside: whoever calls knows whether and when a repetition is worth it. Tokens never show in
//! `Debug`, errors or anywhere else.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use screwdriver_api_client::{BuildId, BuildToken, BuildUpdate, Class, Client};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().timeout(Duration::from_secs(10)).build()?;
//! let api = "https://api.screwdriver.example".parse()?;
//! let build: BuildId = "8609".parse()?;
//! let token = BuildToken::new("the token of the build's message");
//! match client.update_build(&api, build, &token, &BuildUpdate::message("Waiting for a node.")).await {
//!     Ok(()) => println!("told"),
//!     Err(error) if error.class() == Class::Finished => println!("build {build} is finished"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```

mod build;
mod classify;
mod client;
mod error;
mod id;
mod token;

pub use build::{BuildStatus, BuildUpdate, Stats};
pub use client::{Client, ClientBuilder, RequestHook, Wanted};
pub use error::{Class, Error};
pub use id::{BuildId, EventId, InvalidId, JobId, PipelineId};
pub use token::{BuildToken, Claims};
