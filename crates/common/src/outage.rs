//! Telling a peer's outage from a message's own fault, and waiting it out.
//!
//! A peer is down only while its probe fails too. While it is down, whoever needs it waits in place for
//! a short time and then gives its message back to the broker; nobody spends an attempt. When it comes
//! back, a few calls go first and more follow with every success, so that it is not run over.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    outcome::Cause,
    telemetry::metrics::{Metrics, PeerDown, labels::Peer},
};

/// Calls that go first when a peer comes back.
const TRIAL_CALLS: usize = 2;
/// Successes after which a peer that came back is trusted fully.
const TRUSTED_AFTER: usize = 32;
/// Pause between two probes of a peer that is down.
const PROBE_PACE: Duration = Duration::from_millis(500);

/// Asks a peer whether it answers at all.
pub trait Probe: Send + Sync {
    /// Why it does not, in words that name the setting to check.
    fn answers(&self) -> impl Future<Output = Result<(), Cause>> + Send;
}

/// One peer's state, shared by all who call it.
#[derive(Debug)]
pub struct Outage<P> {
    probe: P,
    state: Mutex<State>,
    down: watch::Sender<bool>,
    /// When the last probe began and whether the peer answered. One prober at a time.
    probed: tokio::sync::Mutex<Option<(Instant, bool)>>,
    waiting: Waiting,
}

/// How far a peer is trusted.
#[derive(Debug)]
enum State {
    Up,
    /// The value shows it for as long as it lives.
    Down(#[expect(dead_code, reason = "held for its drop")] PeerDown),
    /// It came back: few calls are under way at once, one more with every success.
    OnTrial {
        permits: Arc<Semaphore>,
        successes: usize,
    },
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
    /// The peer is down, for longer than we hold a message. `None`: it was not even called.
    #[error("the peer is down")]
    Down(#[source] Option<E>),
    /// The peer answers; the error is the call's own.
    #[error(transparent)]
    Own(E),
}

/// A peer that was known to be down, and was not called.
#[derive(Debug, thiserror::Error)]
#[error("the peer is down")]
struct KnownDown;

// === impl Outage ===

impl<P: Probe> Outage<P> {
    /// A peer that is taken to be up.
    pub fn new(probe: P, waiting: Waiting) -> Self {
        Self {
            probe,
            state: Mutex::new(State::Up),
            down: watch::channel(false).0,
            probed: tokio::sync::Mutex::new(None),
            waiting,
        }
    }

    /// Makes a call, and makes it again when the peer was down and came back in time. A peer that is known to
    /// be down is not called before it answers a probe.
    pub async fn call<T, E, Answer>(
        &self,
        is_transient: impl Fn(&E) -> bool,
        mut call: impl FnMut() -> Answer,
    ) -> Result<T, Trouble<E>>
    where
        Answer: Future<Output = Result<T, E>>,
    {
        let end = Instant::now() + self.waiting.hold;
        let mut last = None;
        loop {
            if self.is_down() && !self.wait(end).await {
                return Err(Trouble::Down(last));
            }
            let Some(_admission) = self.admit(end).await else {
                return Err(Trouble::Down(last));
            };
            match call().await {
                Ok(value) => {
                    self.succeeded();
                    return Ok(value);
                }
                Err(error) if !is_transient(&error) => {
                    self.succeeded();
                    return Err(Trouble::Own(error));
                }
                Err(error) if self.still_answers(end).await => return Err(Trouble::Own(error)),
                // Nobody was asked: called again at once, it would fail as often as the drain has time for.
                Err(error) if self.waiting.draining.is_cancelled() => {
                    return Err(Trouble::Down(Some(error)));
                }
                Err(error) => last = Some(error),
            }
        }
    }

    /// True while the peer is known to be down.
    pub fn is_down(&self) -> bool {
        *self.down.borrow()
    }

    /// The right to make a call now; `None` if there is none in time. While the peer is on trial, only a few
    /// calls are under way at once.
    async fn admit(&self, end: Instant) -> Option<Option<OwnedSemaphorePermit>> {
        let permits = match &*self.state() {
            State::OnTrial { permits, .. } => permits.clone(),
            State::Up | State::Down(_) => return Some(None),
        };
        tokio::select! {
            () = self.waiting.draining.cancelled() => None,
            permit = timeout_at(end, permits.acquire_owned()) => match permit {
                Ok(Ok(permit)) => Some(Some(permit)),
                // The trial ended meanwhile, well or badly: the call itself will tell.
                Ok(Err(_closed)) => Some(None),
                Err(_elapsed) => None,
            },
        }
    }

    fn succeeded(&self) {
        let mut state = self.state();
        if let State::OnTrial { permits, successes } = &mut *state {
            *successes += 1;
            permits.add_permits(1);
            if *successes >= TRUSTED_AFTER {
                permits.close();
                *state = State::Up;
            }
        }
    }

    /// Whether the peer answers, asked after a call has failed. A probe that someone else began since then
    /// counts too.
    async fn still_answers(&self, end: Instant) -> bool {
        let failed_at = Instant::now();
        let end = end.max(failed_at + PROBE_PACE);
        let asked = async {
            let mut probed = self.probed.lock().await;
            if let Some((began, answered)) = *probed
                && began >= failed_at
            {
                return answered;
            }
            self.ask(&mut probed).await
        };
        tokio::select! {
            () = self.waiting.draining.cancelled() => false,
            answered = timeout_at(end, asked) => match answered {
                Ok(answered) => answered,
                // Neither the call nor the probe got an answer.
                Err(elapsed) => { self.set_down(Some(elapsed.into())); false }
            },
        }
    }

    async fn ask(&self, probed: &mut Option<(Instant, bool)>) -> bool {
        let began = Instant::now();
        let answer = self.probe.answers().await;
        let answered = answer.is_ok();
        *probed = Some((began, answered));
        self.set_down(answer.err());
        answered
    }

    /// Waits until the peer answers, at most to `end`; one of those who wait probes.
    async fn wait(&self, end: Instant) -> bool {
        let mut down = self.down.subscribe();
        let back = async {
            loop {
                let pause = (Instant::now() + PROBE_PACE).min(end);
                if timeout_at(pause, down.wait_for(|down| !down)).await.is_ok() {
                    return true;
                }
                if Instant::now() >= end {
                    return false;
                }
                if let Ok(mut probed) = self.probed.try_lock()
                    && self.ask(&mut probed).await
                {
                    return true;
                }
            }
        };
        tokio::select! {
            () = self.waiting.draining.cancelled() => false,
            back = timeout_at(end, back) => back.unwrap_or(false),
        }
    }

    /// The peer is down for this cause, or up.
    fn set_down(&self, down: Option<Cause>) {
        let mut state = self.state();
        let peer = self.waiting.peer;
        let now_down = down.is_some();
        match (&*state, down) {
            (State::Up | State::OnTrial { .. }, None) | (State::Down(_), Some(_)) => return,
            (State::Up | State::OnTrial { .. }, Some(cause)) => {
                if let State::OnTrial { permits, .. } = &*state {
                    permits.close();
                }
                tracing::warn!(
                    ?peer,
                    error = cause.as_ref() as &dyn Error,
                    "a peer is down: deliveries that need it are held"
                );
                *state = State::Down(self.waiting.metrics.peer_down(peer));
            }
            (State::Down(_), None) => {
                tracing::info!(?peer, "a peer is back: trial calls first");
                *state = State::OnTrial {
                    permits: Arc::new(Semaphore::new(TRIAL_CALLS)),
                    successes: 0,
                };
            }
        }
        self.down.send_replace(now_down);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Trouble ===

impl<E: Into<Cause>> Trouble<E> {
    /// The error, whoever's it is, for an outcome.
    pub fn into_cause(self) -> Cause {
        match self {
            Self::Down(Some(error)) | Self::Own(error) => error.into(),
            Self::Down(None) => KnownDown.into(),
        }
    }
}

#[cfg(test)]
mod tests;
