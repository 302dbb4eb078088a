#![doc = include_str!("../README.md")]
//!
//! ## Where things are
//!
//! | | |
//! |---|---|
//! | [`Client`] | connections, timeouts, certificates, [`Middleware`]; and the three single calls of a build's worker |
//! | [`Api`] | one API with one [`Credential`]: [`builds`](Api::builds), [`events`](Api::events), [`jobs`](Api::jobs), [`pipelines`](Api::pipelines), [`build_clusters`](Api::build_clusters), status and versions |
//! | [`Build`], [`Event`], [`Job`], [`Pipeline`] | what the API keeps; `other` holds the [`Fields`] that this release does not know |
//! | [`Items`], [`Download`], [`Listing`] | lists, logs and artifacts as streams |
//! | [`Error`], [`Class`], [`Retry`] | why a call failed, what that asks of the caller, and what is tried again |
#![forbid(unsafe_code)]
// "Nothing panics", as far as a compiler can tell; the rest is up to the tests that feed it anything.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::panic_in_result_fn,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used,
    )
)]

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
