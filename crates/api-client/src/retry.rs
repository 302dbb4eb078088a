//! When a call is made again. Pure: the error and the dice are arguments.
//!
//! Twice is only safe where twice is the same as once, or where the first attempt surely had no effect:
//! it found no connection, or the API itself asked to come back later.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Class, Error};

/// How often and how patiently a call is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
}

// === impl Retry ===

impl Retry {
    /// Nothing is tried again.
    pub const NEVER: Self = Self {
        attempts: 1,
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
    };

    /// How many attempts a call gets in all; zero counts as one. Default: 3.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The pause after the first attempt, which doubles with each further one. Default: 0.5 s.
    #[must_use]
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// The longest pause. An API that asks for a longer one is not asked again: the error says how long it
    /// would be. Default: 30 s.
    #[must_use]
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// The pause before the next attempt; `None` if this one was the last. `dice` spreads the pauses of
    /// callers that failed together.
    pub(crate) fn pause(&self, idempotent: bool, attempt: u32, error: &Error, dice: u32) -> Option<Duration> {
        if attempt >= self.attempts || error.class() != Class::Transient {
            return None;
        }
        let harmless = matches!(
            error,
            Error::Connect(_)
                | Error::RateLimited { .. }
                | Error::Server {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    retry_after: Some(_),
                    ..
                }
        );
        if !harmless && !idempotent {
            return None;
        }
        if let Some(asked) = error.retry_after() {
            return (asked <= self.longest_pause).then_some(asked.max(self.backoff(attempt, dice)));
        }
        Some(self.backoff(attempt, dice))
    }

    /// Between half and all of the doubled pause.
    fn backoff(&self, attempt: u32, dice: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        let share = 0.5 + 0.5 * f64::from(dice) / f64::from(u32::MAX);
        // Not `mul_f64`, which panics where rounding leads beyond the longest duration there is.
        Duration::try_from_secs_f64(full.as_secs_f64() * share).unwrap_or(full)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::Cause;

    const SECOND: Duration = Duration::from_secs(1);

    fn server(status: u16, retry_after: Option<Duration>) -> Error {
        Error::Server {
            status: StatusCode::from_u16(status).unwrap(),
            message: String::new(),
            retry_after,
        }
    }

    fn limited(retry_after: Option<Duration>) -> Error {
        Error::RateLimited { retry_after }
    }

    /// Each error with: is it tried again where twice is once, and where it is not?
    #[test]
    fn only_what_is_safe_is_tried_again() {
        let text = String::new;
        let rows = [
            ("429", limited(None), true, true),
            ("429 with a wait", limited(Some(SECOND)), true, true),
            ("503 with a wait", server(503, Some(SECOND)), true, true),
            ("503", server(503, None), true, false),
            ("500 with a wait", server(500, Some(SECOND)), true, false),
            ("no connection", Error::Connect(Cause::late()), true, true),
            ("no answer", Error::Timeout(Cause::late()), true, false),
            ("cut", Error::Transport(Cause::late()), true, false),
            ("finished", Error::Finished { message: text() }, false, false),
            ("401", Error::Unauthorized { message: text() }, false, false),
            ("403", Error::Forbidden { message: text() }, false, false),
            ("404", Error::NotFound { message: text() }, false, false),
            ("certificate", Error::Certificate(Cause::late()), false, false),
            (
                "unreadable",
                Error::Undecodable { line: 1, column: 1 },
                false,
                false,
            ),
            ("too long", Error::TooLong { limit: 1 }, false, false),
            ("login", Error::Login(Arc::new(server(502, None))), true, false),
        ];
        for (name, error, once, twice) in rows {
            let retry = Retry::default();
            let again = |idempotent| retry.pause(idempotent, 1, &error, 0).is_some();
            assert_eq!((again(true), again(false)), (once, twice), "{name}");
            assert_eq!(Retry::NEVER.pause(true, 1, &error, 0), None, "{name}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_attempts_end() {
        let retry = Retry::default().attempts(9).longest_pause(4 * SECOND);
        let pauses = |dice| {
            let pause = |attempt| retry.pause(true, attempt, &server(502, None), dice);
            (1..=9)
                .filter_map(pause)
                .map(|pause| pause.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(u32::MAX), [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000]);
        assert_eq!(pauses(0), [250, 500, 1000, 2000, 2000, 2000, 2000, 2000]);
        let many = Retry::default()
            .attempts(u32::MAX)
            .first_pause(Duration::MAX)
            .longest_pause(Duration::MAX);
        assert!(
            many.pause(true, u32::MAX - 1, &server(502, None), u32::MAX)
                .is_some()
        );
    }

    #[test]
    fn the_api_is_never_asked_sooner_than_it_wants() {
        let retry = Retry::default().longest_pause(10 * SECOND);
        let pause = |asked| retry.pause(true, 1, &limited(Some(asked)), 0);
        assert_eq!(pause(7 * SECOND), Some(7 * SECOND));
        assert_eq!(pause(10 * SECOND), Some(10 * SECOND));
        assert_eq!(pause(11 * SECOND), None);
        assert_eq!(pause(Duration::ZERO), Some(Duration::from_millis(250)));
    }
}
