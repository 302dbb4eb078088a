#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod api;
mod api_token;
mod build;
mod classify;
mod client;
mod error;
mod id;
mod items;
mod json;
mod listing;
mod login;
mod middleware;
mod resource;
mod retry;
mod retry_after;
mod scope;
mod timestamp;
mod token;
mod unknown;

pub use api::{
    Api, BuildClusters, Builds, CacheScope, Credential, Download, Events, Exchanged, Jobs, Pipelines,
};
pub use api_token::ApiToken;
pub use build::{BuildStatus, BuildUpdate, MessageType, Stats};
pub use client::{Client, ClientBuilder, SetupError, Wanted};
pub use error::{Cause, Class, Error};
pub use id::{BuildId, EventId, InvalidId, JobId, PipelineId};
pub use items::Items;
pub use json::{Fields, InvalidJson, Json};
pub use listing::{Listing, Sort};
pub use middleware::{Answered, Call, Middleware};
pub use resource::{
    Build, BuildCluster, BuildStats, Event, EventStatus, EventType, Job, JobState, JobStatuses, License,
    LogLine, NewEvent, Pipeline, PipelineState, ServiceStatus, Step, StepState, Versions,
};
pub use retry::Retry;
pub use scope::Scope;
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use token::{BuildToken, Claims, InvalidToken};
pub use unknown::Unknown;
