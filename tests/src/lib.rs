//! Real peers for tests and demo, one room each: [`broker`], [`control_plane`], [`kubelet`],
//! [`builds_api`], [`collector`], [`worker`]; [`world`] starts them all for one run, and [`proxy`] is the network
//! between them. [`node`] is a real node, for who may run one.
//! [`scenario`] is the list of builds that tests and [`demo`] play on them.

mod background;
pub mod broker;
pub mod builds_api;
pub mod collector;
pub mod control_plane;
pub mod demo;
pub mod helm;
pub mod http_client;
mod http_server;
pub mod jaeger;
pub mod keda;
pub mod kubelet;
pub mod load;
pub mod metrics;
pub mod node;
pub mod operations;
pub mod pki;
pub mod poll;
pub mod process;
pub mod promql;
pub mod proxy;
#[cfg(test)]
mod scaling;
pub mod scenario;
pub mod worker;
pub mod world;
