//! What both workers share, one room per noun.
//!
//! Pure rooms (no client, no clock, no environment, no async): [`job`], [`attempt`], [`outcome`], [`ladder`],
//! [`deadline`], [`pod_identity`], [`facts`], [`verdict`], `text`. Rooms with effects: [`broker`] (the only lapin
//! code), [`cluster`] (the only kube client code) and [`site`] before it, [`builds`], [`outage`], [`settings`],
//! [`telemetry`], [`health`], [`shutdown`]. [`handler`] is the road that every delivery takes through them,
//! [`service`] what a worker does before the first and after the last, [`process`] what is around that.

pub mod attempt;
pub mod broker;
pub mod builds;
pub mod clock;
pub mod cluster;
pub mod command_line;
pub mod deadline;
pub mod facts;
pub mod handler;
pub mod health;
pub mod job;
pub mod ladder;
pub mod outage;
pub mod outcome;
pub mod pod_identity;
pub mod policy;
pub mod process;
pub mod service;
pub mod settings;
pub mod shutdown;
pub mod site;
pub mod telemetry;
mod text;
pub mod verdict;
