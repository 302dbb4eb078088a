//! The network between workers and peers, and what goes wrong on it. [`amqp`] understands RabbitMQ's frames,
//! [`http`] terminates TLS in front of an API server or a builds API.
//!
//! Faults are a plan, which is data and counts events: nothing here depends on when a test does something.
//! What a proxy has seen can be asked, so that a test knows that its fault has happened.

pub mod amqp;
pub mod http;
