//! Why a message goes to the parking queue. Pure.

use crate::job::DecodeError;

/// Why a message is parked. The names are metric labels and `x-sd-reason` headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParkReason {
    /// The body is not a job.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// The job does not belong into this queue.
    #[error("this queue does not take such jobs")]
    WrongQueue,
    /// The build's token has expired: nothing can be created or reported any more.
    #[error("the build's token has expired")]
    TokenExpired,
    /// The builds API does not accept the build's token, to the end of its life.
    #[error("the builds API refuses the build's token")]
    TokenRefused,
    /// The builds API calls our report invalid.
    #[error("the builds API calls our report invalid")]
    ReportInvalid,
    /// Handling it failed as often as a message may fail, and nobody can be told.
    #[error("all attempts are spent")]
    AttemptsSpent,
    /// A cache folder that lies outside the cache.
    #[error("the cache folder is not inside the cache")]
    UnsafePath,
    /// The cache cannot be cleared before somebody mends the mount or its permissions.
    #[error("the cache cannot be cleared as it is mounted here")]
    CacheUnusable,
}

// === impl ParkReason ===

impl ParkReason {
    /// Every name of a reason.
    pub const NAMES: [&'static str; 12] = [
        "not-json",
        "not-a-job",
        "unknown-job",
        "missing-field",
        "invalid-field",
        "wrong-queue",
        "token-expired",
        "token-refused",
        "report-invalid",
        "attempts-spent",
        "unsafe-path",
        "cache-unusable",
    ];

    /// The label of metrics and of the `x-sd-reason` header: one of [`NAMES`](Self::NAMES).
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Undecodable(error) => error.as_str(),
            Self::WrongQueue => "wrong-queue",
            Self::TokenExpired => "token-expired",
            Self::TokenRefused => "token-refused",
            Self::ReportInvalid => "report-invalid",
            Self::AttemptsSpent => "attempts-spent",
            Self::UnsafePath => "unsafe-path",
            Self::CacheUnusable => "cache-unusable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_all_there_are() {
        let names: Vec<&str> = reasons().iter().map(ParkReason::as_str).collect();
        assert_eq!(names, ParkReason::NAMES);
    }

    /// Every reason once. A new one has to be given its place here, or this does not compile.
    fn reasons() -> Vec<ParkReason> {
        let (line, column, expected) = (1, 1, "a number");
        let mut all = vec![ParkReason::Undecodable(DecodeError::NotJson { line, column })];
        loop {
            let next = match &all[all.len() - 1] {
                ParkReason::Undecodable(error) => match error {
                    DecodeError::NotJson { .. } => DecodeError::NotAJob.into(),
                    DecodeError::NotAJob => DecodeError::UnknownJob.into(),
                    DecodeError::UnknownJob => DecodeError::Missing { field: "a" }.into(),
                    DecodeError::Missing { .. } => DecodeError::Invalid { field: "a", expected }.into(),
                    DecodeError::Invalid { .. } => ParkReason::WrongQueue,
                },
                ParkReason::WrongQueue => ParkReason::TokenExpired,
                ParkReason::TokenExpired => ParkReason::TokenRefused,
                ParkReason::TokenRefused => ParkReason::ReportInvalid,
                ParkReason::ReportInvalid => ParkReason::AttemptsSpent,
                ParkReason::AttemptsSpent => ParkReason::UnsafePath,
                ParkReason::UnsafePath => ParkReason::CacheUnusable,
                ParkReason::CacheUnusable => return all,
            };
            all.push(next);
        }
    }
}
