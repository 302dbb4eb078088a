//! How the process is told to stop, and how it keeps to the time it is given.
//!
//! The first SIGTERM or SIGINT starts the drain, the second ends it. Both are tokens that everything
//! with a loop watches. Nothing here stops work by itself: whoever owns the work decides what a drain
//! means for it.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use thiserror::Error;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// The two stages of stopping. Clones share the stages.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    aborting: CancellationToken,
}

/// The task that turns signals into stages. Dropping it ends the task; the signals are then ignored.
#[derive(Debug)]
#[must_use = "signals are only heard while this value lives"]
pub struct Signals {
    _task: JoinSet<()>,
}

/// The process cannot listen for signals.
#[derive(Debug, Error)]
#[error("cannot listen for {signal}")]
pub struct SignalError {
    /// The signal's name.
    signal: &'static str,
    source: std::io::Error,
}

/// Why a drain was cut short. What was still in hand is redelivered by the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Aborted {
    /// A second signal came during the drain.
    #[error("a second signal ended the drain")]
    SecondSignal,
    /// The drain took longer than it may.
    #[error("the drain did not end within {} s", budget.as_secs_f64())]
    Overrun {
        /// What it was given.
        budget: Duration,
    },
}

// === impl Shutdown ===

impl Shutdown {
    /// A shutdown that nothing but [`drain`](Self::drain) and [`abort`](Self::abort) sets off.
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that SIGTERM and SIGINT set off from now on. Needs a runtime.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn on_signals() -> Result<(Self, Signals), SignalError> {
        let shutdown = Self::new();
        let heard = signals()?;
        let mut task = JoinSet::new();
        let told = shutdown.clone();
        task.spawn(async move { told.follow(heard).await });
        Ok((shutdown, Signals { _task: task }))
    }

    /// Cancelled when no more work may be taken and what is in hand should be finished.
    pub fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Cancelled when even work in hand should be let go. Never before [`draining`](Self::draining).
    pub fn aborting(&self) -> &CancellationToken {
        &self.aborting
    }

    /// Starts the drain.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Ends the drain, starting it if need be.
    pub fn abort(&self) {
        self.draining.cancel();
        self.aborting.cancel();
    }

    /// Runs `work` to its end, but once draining no longer than `budget` and never past an abort.
    ///
    /// Without a drain it may run for ever. When it is cut short, `work` is dropped where it stands and
    /// [`aborting`](Self::aborting) is cancelled.
    ///
    /// # Errors
    /// [`Aborted`] says what cut it short.
    pub async fn bound<F: Future>(&self, budget: Duration, work: F) -> Result<F::Output, Aborted> {
        let overrun = async {
            self.draining.cancelled().await;
            tokio::time::sleep(budget).await;
        };
        tokio::select! {
            // Work that ends in the same instant has still ended.
            biased;
            output = work => Ok(output),
            () = self.aborting.cancelled() => Err(Aborted::SecondSignal),
            () = overrun => {
                self.abort();
                Err(Aborted::Overrun { budget })
            }
        }
    }

    /// First item: drain. Second: abort. Ends then, or with the stream.
    async fn follow(&self, mut heard: impl Stream<Item = &'static str> + Unpin) {
        let Some(signal) = heard.next().await else { return };
        tracing::info!(signal, "draining; a second signal ends it at once");
        self.drain();
        let Some(signal) = heard.next().await else { return };
        tracing::warn!(signal, "aborting the drain");
        self.abort();
    }
}

/// SIGTERM from the kubelet, SIGINT from a terminal.
fn signals() -> Result<impl Stream<Item = &'static str> + Unpin, SignalError> {
    let open = |name, kind| signal(kind).map_err(|source| SignalError { signal: name, source });
    let mut terminate = open("SIGTERM", SignalKind::terminate())?;
    let mut interrupt = open("SIGINT", SignalKind::interrupt())?;
    Ok(stream::poll_fn(move |context| {
        if let std::task::Poll::Ready(heard) = terminate.poll_recv(context) {
            return std::task::Poll::Ready(heard.map(|()| "SIGTERM"));
        }
        interrupt.poll_recv(context).map(|heard| heard.map(|()| "SIGINT"))
    }))
}

#[cfg(test)]
mod tests;
