//! RabbitMQ: the only lapin code.
//!
//! [`names`] and [`topology`] say which queues exist, `session` opens connections and channels,
//! `objects` makes sure of the queues, [`supervisor`] keeps one session alive and feeds its deliveries to
//! the handler, [`publisher`] publishes with confirms, [`delivery`] is the right to settle a message, `depth` looks
//! at how much waits.
//!
//! lapin's own recovery stays off: with it, a channel that dies leaves its consumer silent for ever.

pub mod delivery;
mod depth;
pub mod error;
mod headers;
pub mod names;
mod objects;
pub mod publisher;
mod session;
pub mod supervisor;
pub mod topology;

pub use delivery::Delivery;
pub use error::{BrokerError, PublishError};
pub use names::{Names, Queue};
pub use publisher::Publisher;
pub use supervisor::{Broker, Consumption};
