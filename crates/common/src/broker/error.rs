//! What can be wrong with the broker, by meaning, each with its way out.

use lapin::{
    ErrorKind,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
};

use crate::telemetry::metrics::labels::PublishResult;

/// Why there is no session. All but the first few are for an operator to mend; none ends the process.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Nothing answered in time.
    #[error("no answer from the broker within {seconds} s: check RABBITMQ_HOST and RABBITMQ_PORT")]
    Timeout {
        /// How long we waited.
        seconds: u64,
    },
    /// The connection could not be made or broke.
    #[error("no connection to the broker: check RABBITMQ_PROTOCOL, RABBITMQ_HOST and RABBITMQ_PORT")]
    Connection(#[source] lapin::Error),
    /// The broker does not know the user or the password.
    #[error("the broker refuses the credentials: check RABBITMQ_USERNAME and RABBITMQ_PASSWORD")]
    Credentials(#[source] lapin::Error),
    /// The vhost does not exist, or the user may not enter it.
    #[error(
        "the broker refuses vhost `{vhost}`: check RABBITMQ_VIRTUAL_HOST, or allow it with \
         `rabbitmqctl set_permissions -p '{vhost}' ...`"
    )]
    Vhost {
        /// The vhost's name.
        vhost: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// The file of certificate authorities cannot be read.
    #[error("RABBITMQ_CA_FILE cannot be read")]
    CaFile(#[source] std::io::Error),
    /// An object of the operators' is not there.
    #[error(
        "{object} does not exist: create it, correct RABBITMQ_EXCHANGE, RABBITMQ_QUEUE or RABBITMQ_RETRYQUEUE, \
         or set RABBITMQ_TOPOLOGY=declare on a fresh installation"
    )]
    Missing {
        /// `queue x` or `exchange x`.
        object: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// The user may not do what is needed with an object.
    #[error("no permission for {object}; someone who may can run: {remedy}")]
    Forbidden {
        /// `queue x` or `exchange x`.
        object: String,
        /// Commands that mend it.
        remedy: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// An object exists with other arguments.
    #[error(
        "{object} exists with other arguments than ours ({ours}); delete it or choose another RABBITMQ_QUEUE"
    )]
    Conflict {
        /// `queue x`.
        object: String,
        /// The arguments that we declare.
        ours: String,
        /// What the broker said, its arguments among it.
        #[source]
        source: lapin::Error,
    },
    /// A queue of ours cannot be published to.
    #[error("publishing to {object} failed: is it bound to the exchange by its own name?")]
    Probe {
        /// `queue x`.
        object: String,
        /// What happened.
        #[source]
        source: PublishError,
    },
    /// The broker is short of memory or disk.
    #[error("the broker blocks publishers (memory or disk alarm): free memory or disk on its nodes")]
    Blocked,
    /// A message came back, or the exchange is gone: an object of ours was deleted or unbound meanwhile.
    #[error("nothing takes messages for {destination} any more: the queues are declared and bound anew")]
    Unroutable {
        /// The routing key.
        destination: String,
    },
    /// The connection ended without a word.
    #[error("the connection to the broker ended")]
    Closed,
    /// A step on a channel failed.
    #[error("the broker refused a step")]
    Channel(#[source] lapin::Error),
    /// A consumer ended although nobody asked it to: its queue was deleted or moved.
    #[error("the broker ended the consumer of queue {queue}")]
    ConsumerEnded {
        /// The queue.
        queue: String,
    },
}

/// Why a message was not published. In every case it may have been, so whoever reads must be idempotent.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no connection to publish on.
    #[error("there is no connection to the broker")]
    NotConnected,
    /// The broker did not confirm in time.
    #[error("the broker did not confirm within {seconds} s")]
    Timeout {
        /// How long we waited.
        seconds: u64,
    },
    /// The broker refused the message (a full or unavailable queue).
    #[error("the broker refused the message for {destination}")]
    Refused {
        /// The routing key.
        destination: String,
    },
    /// No queue is bound for it.
    #[error("no queue is bound for {destination}")]
    Unroutable {
        /// The routing key.
        destination: String,
    },
    /// A name is too long for AMQP.
    #[error("the name {destination} is longer than AMQP allows")]
    Name {
        /// The routing key.
        destination: String,
    },
    /// The channel or connection broke.
    #[error("the channel broke")]
    Channel(#[source] lapin::Error),
}

/// What a broker's refusal means, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    Forbidden,
    Conflict,
    NotAllowed,
    Other,
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn of(error: &lapin::Error) -> Self {
        let ErrorKind::ProtocolError(error) = error.kind() else {
            return Self::Other;
        };
        match error.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Self::NotFound,
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Self::Forbidden,
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => Self::Conflict,
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => Self::NotAllowed,
            AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(_) => Self::Other,
        }
    }
}

// === impl PublishError ===

impl PublishError {
    /// Whether the broker lacks an object that this message needs.
    pub(super) fn is_unroutable(&self) -> bool {
        match self {
            Self::Unroutable { .. } => true,
            Self::Channel(error) => Refusal::of(error) == Refusal::NotFound,
            Self::NotConnected | Self::Timeout { .. } | Self::Refused { .. } | Self::Name { .. } => false,
        }
    }

    /// The label of metrics.
    pub(super) fn result(&self) -> PublishResult {
        match self {
            Self::Refused { .. } | Self::Name { .. } => PublishResult::Refused,
            Self::Unroutable { .. } => PublishResult::Returned,
            Self::Timeout { .. } => PublishResult::TimedOut,
            Self::NotConnected | Self::Channel(_) => PublishResult::Cut,
        }
    }
}

// === impl BrokerError ===

impl BrokerError {
    pub(super) fn on_connect(error: lapin::Error, vhost: &str) -> Self {
        match Refusal::of(&error) {
            Refusal::Forbidden => Self::Credentials(error),
            Refusal::NotAllowed => Self::Vhost {
                vhost: vhost.to_owned(),
                source: error,
            },
            Refusal::NotFound | Refusal::Conflict | Refusal::Other => Self::Connection(error),
        }
    }
}
