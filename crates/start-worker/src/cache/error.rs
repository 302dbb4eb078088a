//! Why a cache is not cleared, and whether waiting helps. Named here, judged by class in
//! [`crate::outcome`].

use std::{io, path::PathBuf};

/// Why a cache is not cleared.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder of all caches is not there.
    #[error("there is no folder {root}: check CACHE_PATH, and that the caches are mounted there", root = root.display())]
    NotMounted {
        /// The folder, as configured.
        root: PathBuf,
    },
    /// A link on the way leads out of the folder of all caches.
    #[error("a link on the way to {folder} leads out of the caches")]
    Escapes {
        /// The cache's folder, below the root.
        folder: String,
    },
    /// Removing is not allowed.
    #[error("{entry} may not be removed: check the mount of the caches and the worker's user")]
    Denied {
        /// What could not be removed, below the root.
        entry: String,
        /// The system's words.
        source: io::Error,
    },
    /// Removing failed.
    #[error("{entry} was not removed")]
    Failed {
        /// What could not be removed, below the root.
        entry: String,
        /// The system's words.
        source: io::Error,
    },
    /// There are no threads to remove it with.
    #[error("no threads to clear a cache with")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// A defect of ours.
    #[error("clearing a cache panicked")]
    Panicked,
    /// A call to the file system does not end.
    #[error("the file system of the caches does not answer")]
    Silent,
    /// As many caches are being cleared as may be at once.
    #[error("other caches are being cleared")]
    Busy,
    /// It has had as long as a message may be kept; what is left is less than before.
    #[error("the cache is large: so far {files} files and {folders} folders are removed")]
    Unfinished {
        /// Files removed this time.
        files: u64,
        /// Folders removed this time.
        folders: u64,
    },
    /// The worker stops.
    #[error("the worker stops")]
    Stopping,
}

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing but somebody who mends the mount.
    Permanent,
    /// Another try.
    Transient,
    /// Time alone: nothing went wrong.
    Patience,
}

// === impl CacheError ===

impl CacheError {
    /// The failure of a step on the way to `folder`, below the root.
    pub(super) fn on_the_way(folder: String, source: io::Error) -> Self {
        // Refused by the sandbox, not by the system.
        if source.kind() == io::ErrorKind::PermissionDenied && source.raw_os_error().is_none() {
            return Self::Escapes { folder };
        }
        // A file where the caches' own folders should be.
        if source.kind() == io::ErrorKind::NotADirectory {
            return Self::Denied {
                entry: folder,
                source,
            };
        }
        Self::removing(folder, source)
    }

    /// The failure to remove `entry`.
    pub(super) fn removing(entry: String, source: io::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match source.kind() {
            PermissionDenied | ReadOnlyFilesystem => Self::Denied { entry, source },
            // Not empty, busy or another kind of entry by now, since a build writes meanwhile; interrupted, stale,
            // full, a failing disk.
            _ => Self::Failed { entry, source },
        }
    }

    /// What may help.
    pub fn class(&self) -> Class {
        match self {
            Self::NotMounted { .. } | Self::Escapes { .. } | Self::Denied { .. } => Class::Permanent,
            Self::Failed { .. } | Self::Threads(_) | Self::Panicked | Self::Silent => Class::Transient,
            Self::Busy | Self::Unfinished { .. } | Self::Stopping => Class::Patience,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_try_may_mend_is_told_from_what_it_cannot() {
        let by_the_system = [
            (1, Class::Permanent),   // EPERM
            (13, Class::Permanent),  // EACCES
            (30, Class::Permanent),  // EROFS
            (4, Class::Transient),   // EINTR
            (5, Class::Transient),   // EIO
            (11, Class::Transient),  // EAGAIN
            (12, Class::Transient),  // ENOMEM
            (16, Class::Transient),  // EBUSY
            (24, Class::Transient),  // EMFILE
            (39, Class::Transient),  // ENOTEMPTY
            (110, Class::Transient), // ETIMEDOUT
            (116, Class::Transient), // ESTALE
        ];
        for (code, class) in by_the_system {
            let error = || io::Error::from_raw_os_error(code);
            assert_eq!(
                CacheError::removing("x".to_owned(), error()).class(),
                class,
                "{code}"
            );
            assert_eq!(
                CacheError::on_the_way("x".to_owned(), error()).class(),
                class,
                "{code}"
            );
        }
        let not_a_folder = || io::Error::from(io::ErrorKind::NotADirectory);
        let removing = CacheError::removing("x".to_owned(), not_a_folder());
        let on_the_way = CacheError::on_the_way("x".to_owned(), not_a_folder());
        assert_eq!(
            (removing.class(), on_the_way.class()),
            (Class::Transient, Class::Permanent)
        );
        let by_the_sandbox = io::Error::new(io::ErrorKind::PermissionDenied, "outside");
        let error = CacheError::on_the_way("jobs/7/9".to_owned(), by_the_sandbox);
        assert!(matches!(error, CacheError::Escapes { .. }), "{error}");
    }
}
