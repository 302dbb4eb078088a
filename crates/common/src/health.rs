//! What the process says about itself over HTTP: alive, ready, metrics.
//!
//! Readiness means connected and consuming; a peer's outage is a metric and an alert, never unreadiness,
//! which would block rolling out the fix. Liveness means only that the broker's supervisor still turns.
//! Nothing here decides either: the rooms that know report through [`Condition`] and [`Heartbeat`].

mod liveness;
mod readiness;
mod server;

pub use self::{
    liveness::Heartbeat,
    readiness::{Condition, Readiness},
    server::{Health, HealthError, HealthServer},
};
