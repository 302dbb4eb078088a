#![doc = include_str!("../README.md")]

mod build;
mod classify;
mod client;
mod error;
mod id;
mod retry_after;
mod token;

pub use build::{BuildStatus, BuildUpdate, Stats};
pub use client::{Client, ClientBuilder, OnRequest, SetupError, Wanted};
pub use error::{Class, Error};
pub use id::{BuildId, EventId, InvalidId, JobId, PipelineId};
pub use token::{BuildToken, Claims, InvalidToken};
