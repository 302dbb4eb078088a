//! The token that an API token was exchanged for: kept while it lives, renewed before it expires, by one
//! caller for all.
//!
//! Its life is counted on the monotonic clock from the moment it came, by its own claims: a wrong wall
//! clock here changes nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{self, Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::api_token::ApiToken;
use crate::error::Error;
use crate::token::BuildToken;

/// How long a token is used that does not say how long it lives.
const UNKNOWN_LIFE: Duration = Duration::from_mins(10);

/// How long before its end a token is renewed, at most; a fifth of a shorter life.
const MARGIN: Duration = Duration::from_mins(5);

/// How long a refused token is kept: the API's refusals by permission are 401 as well, and a new token
/// would not help against them. Also how long a token lives on that could not be renewed.
const GRACE: Duration = Duration::from_secs(10);

/// The exchange of one API token.
pub(crate) struct Login {
    pub(crate) api_token: ApiToken,
    held: sync::Mutex<Option<Held>>,
    /// Locked by whoever exchanges. Why the last exchange failed, if it did.
    failure: Mutex<Option<Arc<Error>>>,
    /// Exchanges that ended, however they ended.
    ended: AtomicU64,
}

/// Spans and not points in time: a token may say that it lives longer than a clock can count.
struct Held {
    token: BuildToken,
    since: Instant,
    /// How old it gets before it is renewed.
    renewed_after: Duration,
    /// How old it gets before the API refuses it.
    life: Duration,
}

// === impl Login ===

impl Login {
    pub(crate) fn new(api_token: ApiToken) -> Self {
        Self {
            api_token,
            held: sync::Mutex::default(),
            failure: Mutex::default(),
            ended: AtomicU64::new(0),
        }
    }

    /// The token to call with, by `exchange` if there is none that lives long enough. Whoever comes while
    /// somebody else exchanges takes the token that is to be renewed as long as it lives, else waits for the
    /// exchange and shares its result, a failure too. `refused` is a token that the API did not take; the
    /// same one is returned if it is too young to be worth renewing.
    pub(crate) async fn token(
        &self,
        refused: Option<&BuildToken>,
        exchange: impl Future<Output = Result<BuildToken, Error>>,
    ) -> Result<BuildToken, Error> {
        let before = self.ended.load(Ordering::Acquire);
        // A caller that goes away while it exchanges drops the lock, and the next one takes over.
        let mut failure = match self.failure.try_lock() {
            Ok(free) => free,
            Err(_) => match self.held(|held| held.living(refused)) {
                Some(token) => return Ok(token),
                None => self.failure.lock().await,
            },
        };
        if let Some(token) = self.held(|held| held.usable(refused)) {
            return Ok(token);
        }
        if self.ended.load(Ordering::Acquire) != before
            && let Some(shared) = &*failure
        {
            return Err(Error::Login(Arc::clone(shared)));
        }
        let result = exchange.await;
        self.ended.fetch_add(1, Ordering::AcqRel);
        match result {
            Ok(token) => {
                *failure = None;
                *self.lock_held() = Some(Held::new(token.clone()));
                Ok(token)
            }
            Err(error) => {
                if let Some(token) = self.held(|held| held.outlive(refused)) {
                    return Ok(token);
                }
                let error = Arc::new(error);
                *failure = Some(Arc::clone(&error));
                Err(Error::Login(error))
            }
        }
    }

    fn held<T>(&self, look: impl FnOnce(&mut Held) -> Option<T>) -> Option<T> {
        self.lock_held().as_mut().and_then(look)
    }

    /// Never over an `await`, and nothing that is done under it panics.
    fn lock_held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Held ===

impl Held {
    fn new(token: BuildToken) -> Self {
        let life = life(&token);
        let margin = life.checked_div(5).unwrap_or_default().min(MARGIN);
        Self {
            token,
            since: Instant::now(),
            renewed_after: life.saturating_sub(margin),
            life,
        }
    }

    fn usable(&self, refused: Option<&BuildToken>) -> Option<BuildToken> {
        let longest = if refused == Some(&self.token) {
            GRACE
        } else {
            self.renewed_after
        };
        (self.since.elapsed() < longest).then(|| self.token.clone())
    }

    /// The token while somebody renews it: unless the API refuses it, as long as it has not expired.
    fn living(&self, refused: Option<&BuildToken>) -> Option<BuildToken> {
        let living = refused != Some(&self.token) && self.since.elapsed() < self.life;
        living.then(|| self.token.clone())
    }

    /// The token that could not be renewed, as long as it has not expired: better than none.
    fn outlive(&mut self, refused: Option<&BuildToken>) -> Option<BuildToken> {
        let token = self.living(refused)?;
        self.renewed_after = self.since.elapsed().saturating_add(GRACE);
        Some(token)
    }
}

/// How long a token that was issued just now lives: the API's clock says both ends.
fn life(token: &BuildToken) -> Duration {
    let claims = token.claims().unwrap_or_default();
    match (claims.issued, claims.expires) {
        (Some(issued), Some(expires)) => issued.until(expires),
        _ => UNKNOWN_LIFE,
    }
}

#[cfg(test)]
mod tests;
