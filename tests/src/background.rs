//! A thread with a runtime of its own, for servers: it outlives the runtime of the test that started it, and
//! answers while that one is busy.

use std::{future::Future, thread};

use tokio_util::sync::CancellationToken;

/// Work on a thread of its own; it ends with this value.
#[derive(Debug)]
pub(crate) struct Background {
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

// === impl Background ===

impl Background {
    /// Runs `work` until it ends or this value does.
    pub(crate) fn start(name: &str, work: impl Future + Send + 'static) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(stopped.run_until_cancelled(work));
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
