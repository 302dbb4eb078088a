//! Why a call failed, by meaning, and what to do next. How an answer gets its meaning is the business of
//! [`answer`].

mod answer;

use std::time::Duration;

/// What an error says about what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The peer may be down: later may be better.
    Transient,
    /// The peer asks for patience: later will be better.
    Busy,
    /// The message's own fault: no later try is better.
    Permanent,
    /// Something of this executor must be mended by a person: builds wait for it.
    Environment,
    /// The namespace is full: builds wait their turn.
    Quota,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The name is taken.
    #[error("a pod of this name exists already")]
    AlreadyExists,
    /// A precondition did not hold, or two writers met.
    #[error("conflict: {message}")]
    Conflict {
        /// The server's text.
        message: String,
    },
    /// There is no such object; for a create: no such namespace.
    #[error("not found: {message}")]
    NotFound {
        /// The server's text.
        message: String,
    },
    /// The namespace is being deleted: it takes no pods.
    #[error("the namespace takes no pods: {message}")]
    Namespace {
        /// The server's text.
        message: String,
    },
    /// The namespace's quota is used up.
    #[error("the namespace's quota is used up: {message}")]
    Quota {
        /// The server's text.
        message: String,
    },
    /// A policy of the cluster forbids this pod.
    #[error("a policy of the cluster forbids this pod: {message}")]
    Policy {
        /// The server's text.
        message: String,
    },
    /// Our service account may not do this.
    #[error("the worker's service account may not do this: {message}")]
    Forbidden {
        /// The server's text.
        message: String,
    },
    /// The server does not know our token.
    #[error("the API server refuses the worker's token: {message}")]
    Unauthorized {
        /// The server's text.
        message: String,
    },
    /// The pod is not valid.
    #[error("the pod is not valid: {message}")]
    Invalid {
        /// The server's text.
        message: String,
    },
    /// A webhook of the cluster does not answer.
    #[error("a webhook of the cluster does not answer: {message}")]
    Webhook {
        /// The server's text.
        message: String,
    },
    /// The server asks for patience.
    #[error("the API server is busy: {message}")]
    Busy {
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
        /// The server's text.
        message: String,
    },
    /// The server could not do it now.
    #[error("the API server answered {status}: {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The server's text.
        message: String,
    },
    /// A refusal that no API server wrote: something before it answered, and knows nothing about pods.
    #[error("not the API server but something before it answered {status}: {message}")]
    Foreign {
        /// The HTTP status.
        status: u16,
        /// The beginning of its text.
        message: String,
    },
    /// No answer in time; for a create the result is unknown.
    #[error("no answer within {after:?}")]
    Timeout {
        /// How long we waited.
        after: Duration,
    },
    /// The server's certificate is not trusted.
    #[error("the API server's certificate is not trusted: check K8S_HOST and K8S_CA_FILE")]
    Certificate(#[source] Box<kube::Error>),
    /// No connection, or it broke; for a create the result is unknown.
    #[error("no connection to the API server")]
    Connection(#[source] Box<kube::Error>),
    /// The answer is not what an API server says.
    #[error("the API server's answer cannot be read")]
    Undecodable(#[source] Box<kube::Error>),
    /// The client cannot be set up.
    #[error("the Kubernetes client cannot be set up: check K8S_CA_FILE and K8S_TOKEN")]
    Setup(#[source] Box<kube::Error>),
    /// The address is no host.
    #[error("K8S_HOST `{host}` is not a host with an optional port")]
    Address {
        /// What was given.
        host: String,
    },
}

// === impl ClusterError ===

impl ClusterError {
    pub(super) fn setup(error: kube::Error) -> Self {
        Self::Setup(Box::new(error))
    }

    /// What to do next.
    pub fn class(&self) -> Class {
        match self {
            Self::Busy { .. } => Class::Busy,
            Self::Server { .. }
            | Self::Timeout { .. }
            | Self::Connection(_)
            | Self::Undecodable(_)
            | Self::AlreadyExists
            | Self::Conflict { .. } => Class::Transient,
            Self::Policy { .. } | Self::Invalid { .. } => Class::Permanent,
            Self::Quota { .. } => Class::Quota,
            Self::NotFound { .. }
            | Self::Namespace { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::Webhook { .. }
            | Self::Foreign { .. }
            | Self::Certificate(_)
            | Self::Setup(_)
            | Self::Address { .. } => Class::Environment,
        }
    }

    /// How long the server asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The HTTP status; `None` when there was no answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::AlreadyExists | Self::Conflict { .. } => Some(409),
            Self::NotFound { .. } => Some(404),
            Self::Namespace { .. } | Self::Quota { .. } | Self::Policy { .. } | Self::Forbidden { .. } => {
                Some(403)
            }
            Self::Unauthorized { .. } => Some(401),
            Self::Invalid { .. } => Some(422),
            Self::Webhook { .. } => Some(500),
            Self::Busy { .. } => Some(429),
            Self::Server { status, .. } | Self::Foreign { status, .. } => Some(*status),
            Self::Timeout { .. }
            | Self::Certificate(_)
            | Self::Connection(_)
            | Self::Undecodable(_)
            | Self::Setup(_)
            | Self::Address { .. } => None,
        }
    }

    /// Whether the server may be down: worth a probe before anyone is blamed.
    pub fn may_be_outage(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Server { .. }
            | Self::Foreign { .. }
            | Self::Timeout { .. }
            | Self::Connection(_)
            | Self::Certificate(_)
            | Self::Undecodable(_) => true,
            Self::AlreadyExists
            | Self::Conflict { .. }
            | Self::NotFound { .. }
            | Self::Namespace { .. }
            | Self::Quota { .. }
            | Self::Policy { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::Invalid { .. }
            | Self::Webhook { .. }
            | Self::Setup(_)
            | Self::Address { .. } => false,
        }
    }

    /// The error's name in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AlreadyExists => "already-exists",
            Self::Conflict { .. } => "conflict",
            Self::NotFound { .. } => "not-found",
            Self::Namespace { .. } => "namespace",
            Self::Quota { .. } => "quota",
            Self::Policy { .. } => "policy",
            Self::Forbidden { .. } => "forbidden",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Invalid { .. } => "invalid",
            Self::Webhook { .. } => "webhook",
            Self::Busy { .. } => "busy",
            Self::Server { .. } => "server",
            Self::Foreign { .. } => "foreign",
            Self::Timeout { .. } => "timeout",
            Self::Certificate(_) => "certificate",
            Self::Connection(_) => "connection",
            Self::Undecodable(_) => "undecodable",
            Self::Setup(_) => "setup",
            Self::Address { .. } => "address",
        }
    }

    fn message_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Conflict { message }
            | Self::NotFound { message }
            | Self::Namespace { message }
            | Self::Quota { message }
            | Self::Policy { message }
            | Self::Forbidden { message }
            | Self::Unauthorized { message }
            | Self::Invalid { message }
            | Self::Webhook { message }
            | Self::Busy { message, .. }
            | Self::Server { message, .. }
            | Self::Foreign { message, .. } => Some(message),
            Self::AlreadyExists
            | Self::Timeout { .. }
            | Self::Certificate(_)
            | Self::Connection(_)
            | Self::Undecodable(_)
            | Self::Setup(_)
            | Self::Address { .. } => None,
        }
    }
}
