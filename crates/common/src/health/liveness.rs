//! Whether the process still makes progress.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

/// Longest that the supervisor may be silent. Its longest pause (the back-off between two connections)
/// is 30 s, so a single slow turn is not death.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// The sign of life of the broker's supervisor. Clones share the sign.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    last: watch::Sender<Instant>,
}

// === impl Heartbeat ===

impl Heartbeat {
    /// Begins alive, so that a process has its first minute to start in.
    pub fn new() -> Self {
        Self {
            last: watch::Sender::new(Instant::now()),
        }
    }

    /// Says "still turning". Called at every turn of the supervisor, connected or not.
    pub fn beat(&self) {
        self.last.send_replace(Instant::now());
    }

    /// Whether the last beat is recent enough.
    pub(crate) fn is_alive(&self) -> bool {
        is_recent(self.last.borrow().elapsed())
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new()
    }
}

fn is_recent(silence: Duration) -> bool {
    silence < LONGEST_SILENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn dead_after_a_minute_of_silence_and_alive_again_after_a_beat() {
        let heartbeat = Heartbeat::new();
        let supervisor = heartbeat.clone();
        assert!(heartbeat.is_alive());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(heartbeat.is_alive());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!heartbeat.is_alive());
        supervisor.beat();
        assert!(heartbeat.is_alive());
    }
}
