//! Reads what an API server, or something before it, answered. Status and `reason` decide; where they do not tell
//! enough, `forbidden` and `unavailable` alone look at the text.

use std::{error::Error, time::Duration};

use kube::core::Status;

use super::ClusterError;
use crate::text::clean;

/// The reason that the client itself gives to a refusal that is no API server's `Status`.
const NO_STATUS: &str = "Failed to parse error data";
/// Longest part of such a refusal that is kept, in characters: it may be a page.
const FOREIGN_TEXT: usize = 300;
/// Longest part of an API server's text that is kept, in characters.
const TEXT: usize = 2_000;

// === impl ClusterError ===

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(&status),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Undecodable(Box::new(error)),
            error if is_certificate(&error) => Self::Certificate(Box::new(error)),
            error => Self::Connection(Box::new(error)),
        }
    }
}

impl ClusterError {
    /// What is decided by the text is decided before it is cleaned: proxies and webhooks repeat what they were sent,
    /// our own token too.
    fn of_status(status: &Status) -> Self {
        let mut error = Self::as_written(status);
        if let Some(message) = error.message_mut() {
            *message = clean(message, TEXT);
        }
        error
    }

    fn as_written(status: &Status) -> Self {
        let longest = if status.reason == NO_STATUS {
            FOREIGN_TEXT
        } else {
            TEXT
        };
        let message: String = status.message.chars().take(longest).collect();
        match (status.code, status.reason.as_str()) {
            (400..=499, NO_STATUS) if !matches!(status.code, 408 | 429) => Self::Foreign {
                status: status.code,
                message,
            },
            (409, "AlreadyExists") => Self::AlreadyExists,
            (409, _) if is_quota(&message) => Self::Quota { message },
            (409, _) => Self::Conflict { message },
            (404, _) => Self::NotFound { message },
            (403, _) => forbidden(message),
            (401, _) => Self::Unauthorized { message },
            (400 | 422, _) => Self::Invalid { message },
            (429, _) => Self::Busy {
                retry_after: retry_after(status),
                message,
            },
            (code, _) => unavailable(code, message),
        }
    }
}

/// A 403 is a full namespace, a missing right of ours, or a policy: the status alone does not say which.
fn forbidden(message: String) -> ClusterError {
    if is_quota(&message) {
        ClusterError::Quota { message }
    } else if message.contains("because it is being terminated") {
        ClusterError::Namespace { message }
    } else if message.contains("is forbidden: User \"")
        || message.contains("error looking up service account")
    {
        // `pods is forbidden: User "…" cannot create resource`: written by RBAC, never by an admission plugin.
        ClusterError::Forbidden { message }
    } else {
        ClusterError::Policy { message }
    }
}

fn is_quota(message: &str) -> bool {
    message.contains("exceeded quota") || message.contains("resourcequotas")
}

fn unavailable(status: u16, message: String) -> ClusterError {
    let webhook = message.contains("failed calling webhook") || message.contains("failed to call webhook");
    if webhook {
        ClusterError::Webhook { message }
    } else {
        ClusterError::Server { status, message }
    }
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        // An I/O error hides what it carries from `source`.
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests;
