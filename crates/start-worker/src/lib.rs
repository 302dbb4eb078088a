//! Turns start messages into build pods and arms their checks; deletes pods on stop; clears disk caches.
//!
//! The road of a delivery is `common::handler`; here are its stations, in order: [`plan`] (pure), [`act`],
//! [`outcome`] (pure), [`handler`] (which also reports). [`executor`] and [`manifest`] (pure) say where
//! and as what a build runs, [`clear`] (pure) which folder a clear means; [`cache`] removes it.

pub mod act;
pub mod cache;
pub mod clear;
pub mod executor;
pub mod handler;
pub mod manifest;
pub mod outcome;
pub mod plan;
pub mod render;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use common::{
    broker::Queue,
    service::{Process, Service, ServiceError},
    verdict::labels_of_starts,
};

use crate::{act::World, cache::Caches, handler::StartHandler};

/// The service's name in logs, traces and the broker's list of connections.
pub const SERVICE: &str = "start-worker";

/// Runs until the process is told to stop.
///
/// # Errors
/// Settings that cannot work, signals or an address of health that cannot be had. Whatever else the world can mend is
/// waited for.
pub async fn run(process: Process) -> Result<(), ServiceError> {
    let queues = vec![Queue::Main, Queue::Starts];
    let service = Service::new(process, queues)?;
    let world = World {
        sites: service.sites()?,
        builds: service.builds_api()?,
        publisher: service.publisher(),
        caches: Caches::new(service.draining(), service.metrics()),
        metrics: service.metrics(),
    };
    world.metrics.verdicts_begin(labels_of_starts());
    let policy = service.policy();
    service.run(Arc::new(StartHandler { policy, world })).await
}
