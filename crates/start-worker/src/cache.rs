//! Clears caches: few at a time, off the runtime's threads, and never longer than a message may be kept.
//!
//! Which folder is meant is decided in [`crate::clear`], how it is removed in [`sweep`], and what becomes of
//! the message in [`crate::outcome`].

mod error;
pub mod sweep;

use std::{error::Error, sync::Arc, time::Duration};

use common::telemetry::metrics::{Metrics, labels::CacheEntry};
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, interval_at, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

pub use error::{CacheError, Class};

use self::sweep::{Progress, Swept};
use crate::clear::CacheFolder;

/// Caches that are cleared at once: the other deliveries that a worker takes are for builds, which wait.
const AT_ONCE: usize = 2;

/// Clears caches.
#[derive(Debug)]
pub struct Caches {
    slots: Arc<Semaphore>,
    pace: Pace,
    draining: CancellationToken,
    metrics: Metrics,
}

/// How long what may take.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// A clear, before its message goes back with the rest. Brokers end a consumer that keeps a message for
    /// half an hour.
    keep: Duration,
    /// From one line about progress to the next.
    tell: Duration,
    /// The file system's calls at hand when a clear is to end early.
    call: Duration,
}

const PACE: Pace = Pace {
    keep: Duration::from_mins(10),
    tell: Duration::from_secs(10),
    call: Duration::from_secs(5),
};

// === impl Caches ===

impl Caches {
    /// Clears end early once `draining` is cancelled.
    pub fn new(draining: CancellationToken, metrics: Metrics) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            pace: PACE,
            draining,
            metrics,
        }
    }

    /// Removes `folder` and everything in it; one that is not there is removed already.
    ///
    /// # Errors
    /// Something is left. Clearing again goes on from there.
    pub async fn clear(&self, folder: &CacheFolder) -> Result<(), CacheError> {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return Err(CacheError::Busy);
        };
        let begin = Instant::now();
        let progress = Arc::new(Progress::default());
        let (in_work, known) = (folder.clone(), progress.clone());
        let sweeping = tokio::task::spawn_blocking(move || {
            // A call that never ends keeps its slot.
            let _slot = slot;
            sweep::sweep(&in_work, &known)
        });
        let cleared = self.watch(folder, &progress, sweeping).await;
        let (files, folders, took) = (progress.files(), progress.folders(), begin.elapsed());
        self.metrics.cache_removed(CacheEntry::File, files);
        self.metrics.cache_removed(CacheEntry::Folder, folders);
        match &cleared {
            Ok(()) => tracing::info!(%folder, files, folders, ?took, "the cache is cleared"),
            Err(error) => {
                let error = error as &dyn Error;
                tracing::warn!(%folder, files, folders, ?took, error, "the cache is not cleared");
            }
        }
        cleared
    }

    /// Waits for the sweep's end, or for a reason to end it early.
    async fn watch(
        &self,
        folder: &CacheFolder,
        progress: &Progress,
        mut sweeping: JoinHandle<Result<Swept, CacheError>>,
    ) -> Result<(), CacheError> {
        let mut end = std::pin::pin!(sleep(self.pace.keep));
        let mut tell = interval_at(Instant::now() + self.pace.tell, self.pace.tell);
        loop {
            tokio::select! {
                biased;
                swept = &mut sweeping => {
                    return match swept.unwrap_or(Err(CacheError::Panicked))? {
                        Swept::Gone => Ok(()),
                        Swept::Stopped => Err(CacheError::Stopping),
                    };
                }
                () = self.draining.cancelled() => break,
                () = &mut end => break,
                _ = tell.tick() => {
                    tracing::info!(%folder, files = progress.files(), folders = progress.folders(), "clearing a cache");
                }
            }
        }
        progress.stop();
        let swept = timeout(self.pace.call, sweeping).await;
        match swept.map(|swept| swept.unwrap_or(Err(CacheError::Panicked))) {
            Ok(Ok(Swept::Gone)) => Ok(()),
            Ok(Err(error)) => Err(error),
            _ if self.draining.is_cancelled() => Err(CacheError::Stopping),
            Ok(Ok(Swept::Stopped)) => Err(CacheError::Unfinished {
                files: progress.files(),
                folders: progress.folders(),
            }),
            Err(_elapsed) => Err(CacheError::Silent),
        }
    }
}

#[cfg(test)]
mod tests;
