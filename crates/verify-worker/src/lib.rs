//! Looks at build pods when their checks fall due, and tells the builds API what became of them.
//!
//! The road of a delivery is `common::handler`; here are its stations, in order: [`plan`] (pure), [`act`],
//! [`outcome`] (pure), [`handler`] (which also reports). What a pod's state means is `common::verdict`.

pub mod act;
pub mod explain;
pub mod handler;
pub mod outcome;
pub mod plan;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use common::{
    broker::Queue,
    service::{Process, Service, ServiceError},
    verdict::labels,
};

use crate::{act::World, handler::VerifyHandler};

/// The service's name in logs, traces and the broker's list of connections.
pub const SERVICE: &str = "verify-worker";

/// Runs until the process is told to stop.
///
/// # Errors
/// Settings that cannot work, signals or an address of health that cannot be had. Whatever else the world can mend is
/// waited for.
pub async fn run(process: Process) -> Result<(), ServiceError> {
    let mut queues = vec![Queue::Checks];
    if process.settings.broker.retry_queue_enabled {
        queues.push(Queue::Retry);
    }
    let service = Service::new(process, queues)?;
    let world = World {
        sites: service.sites()?,
        builds: service.builds_api()?,
        publisher: service.publisher(),
        metrics: service.metrics(),
    };
    world.metrics.verdicts_begin(labels());
    let policy = service.policy();
    service.run(Arc::new(VerifyHandler { policy, world })).await
}
