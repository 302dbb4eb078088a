//! Telling a peer's outage from a message's own fault, and waiting it out.
//!
//! A peer is down only while its probe fails too. While it is down, whoever needs it waits in place for
//! a short time and then gives its message back to the broker; nobody spends an attempt. When it comes
//! back, a few calls go first and more follow with every success, so that it is not run over.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics::{Metrics, PeerDown, labels::Peer};

/// Calls that go first when a peer comes back.
const TRIAL_CALLS: usize = 2;
/// Successes after which a peer that came back is trusted fully.
const TRUSTED_AFTER: usize = 32;
/// Pause between two probes of a peer that is down.
const PROBE_PACE: Duration = Duration::from_millis(500);

/// Asks a peer whether it answers at all.
pub trait Probe: Send + Sync {
    /// True if it does.
    fn answers(&self) -> impl Future<Output = bool> + Send;
}

/// One peer's state, shared by all who call it.
#[derive(Debug)]
pub struct Outage<P> {
    probe: P,
    down: watch::Sender<bool>,
    /// Only one prober at a time.
    probing: tokio::sync::Mutex<()>,
    trials: Semaphore,
    successes: Mutex<Option<usize>>,
    waiting: Waiting,
    down_since: Mutex<Option<PeerDown>>,
}

/// How long callers wait for a peer that is down, and how its state is shown.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Longest that a caller waits.
    pub hold: Duration,
    /// Nobody waits once this is cancelled.
    pub draining: CancellationToken,
    /// Shows which peers are down.
    pub metrics: Metrics,
    /// Which kind of peer this is.
    pub peer: Peer,
}

/// Why a call through an [`Outage`] did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble<E> {
    /// The peer is down, for longer than we hold a message.
    #[error("the peer is down")]
    Down(#[source] E),
    /// The peer answers; the error is the call's own.
    #[error(transparent)]
    Own(E),
}

// === impl Outage ===

impl<P: Probe> Outage<P> {
    /// A peer that is taken to be up.
    pub fn new(probe: P, waiting: Waiting) -> Self {
        Self {
            probe,
            down: watch::channel(false).0,
            probing: tokio::sync::Mutex::new(()),
            trials: Semaphore::new(TRIAL_CALLS),
            successes: Mutex::new(None),
            waiting,
            down_since: Mutex::new(None),
        }
    }

    /// Makes a call, and makes it again when the peer was down and came back in time.
    pub async fn call<T, E, Answer>(
        &self,
        is_transient: impl Fn(&E) -> bool,
        mut call: impl FnMut() -> Answer,
    ) -> Result<T, Trouble<E>>
    where
        Answer: Future<Output = Result<T, E>>,
    {
        let end = Instant::now() + self.waiting.hold;
        loop {
            let result = self.admitted(call(), end).await;
            match result {
                Ok(value) => {
                    self.succeeded();
                    return Ok(value);
                }
                Err(error) if !is_transient(&error) => {
                    self.succeeded();
                    return Err(Trouble::Own(error));
                }
                Err(error) => {
                    if self.probe_now().await {
                        return Err(Trouble::Own(error));
                    }
                    if !self.wait(end).await {
                        return Err(Trouble::Down(error));
                    }
                }
            }
        }
    }

    /// True while the peer is known to be down.
    pub fn is_down(&self) -> bool {
        *self.down.borrow()
    }

    /// While the peer is not fully trusted, only a few calls are under way at once.
    async fn admitted<T, E>(&self, call: impl Future<Output = Result<T, E>>, end: Instant) -> Result<T, E> {
        let on_trial = self
            .successes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some();
        let _permit = if on_trial {
            timeout_at(end, self.trials.acquire()).await.ok()
        } else {
            None
        };
        call.await
    }

    fn succeeded(&self) {
        let mut successes = self.successes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = *successes {
            let trusted = count + 1 >= TRUSTED_AFTER;
            *successes = (!trusted).then_some(count + 1);
            if trusted {
                self.trials.forget_permits(count);
            } else {
                self.trials.add_permits(1);
            }
        }
    }

    /// Probes, unless someone else is at it: then their answer counts.
    async fn probe_now(&self) -> bool {
        let was_down = self.is_down();
        let _probing = self.probing.lock().await;
        if self.is_down() && !was_down {
            return false;
        }
        let answers = self.probe.answers().await;
        self.set_down(!answers);
        answers
    }

    /// Waits until the peer answers, at most to `end`; whoever waits longest probes.
    async fn wait(&self, end: Instant) -> bool {
        let mut down = self.down.subscribe();
        loop {
            let pause = (Instant::now() + PROBE_PACE).min(end);
            tokio::select! {
                () = self.waiting.draining.cancelled() => return false,
                back = timeout_at(pause, down.wait_for(|down| !down)) => if back.is_ok() { return true },
            }
            if Instant::now() >= end {
                return false;
            }
            if let Ok(_probing) = self.probing.try_lock()
                && self.probe.answers().await
            {
                self.set_down(false);
                return true;
            }
        }
    }

    fn set_down(&self, now_down: bool) {
        let changed = self
            .down
            .send_if_modified(|down| std::mem::replace(down, now_down) != now_down);
        if !changed {
            return;
        }
        let shown = now_down.then(|| self.waiting.metrics.peer_down(self.waiting.peer));
        *self.down_since.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        if now_down {
            tracing::warn!(
                peer = ?self.waiting.peer,
                "a peer is down: deliveries that need it are held"
            );
        } else {
            tracing::info!(
                peer = ?self.waiting.peer,
                "a peer is back: trial calls first"
            );
            *self.successes.lock().unwrap_or_else(PoisonError::into_inner) = Some(0);
        }
    }
}

// === impl Trouble ===

impl<E> Trouble<E> {
    /// The error, whoever's it is.
    pub fn into_inner(self) -> E {
        match self {
            Self::Down(error) | Self::Own(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Switch {
        up: AtomicBool,
        probes: AtomicUsize,
    }

    impl Probe for &Switch {
        async fn answers(&self) -> bool {
            self.probes.fetch_add(1, Ordering::Relaxed);
            self.up.load(Ordering::Relaxed)
        }
    }

    fn waiting(draining: CancellationToken) -> Waiting {
        let metrics = Metrics::new("test", "0").unwrap();
        Waiting {
            hold: Duration::from_secs(10),
            draining,
            metrics,
            peer: Peer::Cluster,
        }
    }

    fn outage(switch: &Switch) -> Outage<&Switch> {
        Outage::new(switch, waiting(CancellationToken::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_while_the_probe_answers_is_the_calls_own() {
        let switch = Switch {
            up: true.into(),
            ..Switch::default()
        };
        let result = outage(&switch)
            .call(|_| true, || async { Err::<(), _>("fault") })
            .await;
        assert!(matches!(result, Err(Trouble::Own("fault"))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stays_down_is_waited_for_as_long_as_we_hold() {
        let switch = Switch::default();
        let begin = Instant::now();
        let result = outage(&switch)
            .call(|_| true, || async { Err::<(), _>("down") })
            .await;
        assert!(matches!(result, Err(Trouble::Down("down"))));
        assert_eq!(begin.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_comes_back_in_time_is_called_again() {
        let switch = Switch::default();
        let outage = outage(&switch);
        let back = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            switch.up.store(true, Ordering::Relaxed);
        };
        let call = outage.call(
            |_| true,
            || async {
                if switch.up.load(Ordering::Relaxed) {
                    Ok("done")
                } else {
                    Err("down")
                }
            },
        );
        let (result, ()) = tokio::join!(call, back);
        assert!(matches!(result, Ok("done")));
        assert!(!outage.is_down());
    }

    #[tokio::test(start_paused = true)]
    async fn draining_ends_the_wait() {
        let switch = Switch::default();
        let draining = CancellationToken::new();
        let outage = Outage::new(&switch, waiting(draining.clone()));
        let begin = Instant::now();
        let stop = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            draining.cancel();
        };
        let (result, ()) = tokio::join!(outage.call(|_| true, || async { Err::<(), _>("down") }), stop);
        assert!(matches!(result, Err(Trouble::Down(_))));
        assert_eq!(begin.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_comes_back_is_not_run_over() {
        let switch = Switch {
            up: true.into(),
            ..Switch::default()
        };
        let outage = outage(&switch);
        outage.set_down(true);
        outage.set_down(false);
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = || {
            outage.call(
                |(): &()| false,
                || async {
                    let now = under_way.fetch_add(1, Ordering::Relaxed) + 1;
                    most.fetch_max(now, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    under_way.fetch_sub(1, Ordering::Relaxed);
                    Ok(())
                },
            )
        };
        let all = futures_util::future::join_all((0..4).map(|_| call()));
        all.await;
        assert!(
            most.load(Ordering::Relaxed) <= 3,
            "{most:?} of 4 calls were under way at once"
        );
    }
}
