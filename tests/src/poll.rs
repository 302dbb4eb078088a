//! Waiting for the world without sleeping: ask again until a deadline.

use std::{fmt::Display, future::Future, time::Duration};

/// Asks `question` every 25 ms until it answers `Ok`, at most `deadline` long.
///
/// The error names what was waited for and repeats the last answer, so that a failed test says why.
pub async fn until<T, E, F, Fut>(what: &str, deadline: Duration, mut question: F) -> anyhow::Result<T>
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let end = tokio::time::Instant::now() + deadline;
    let mut pace = tokio::time::interval(Duration::from_millis(25));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        match question().await {
            Ok(answer) => return Ok(answer),
            Err(error) if tokio::time::Instant::now() >= end => {
                anyhow::bail!("waited {deadline:?} for {what}; at last: {error}")
            }
            Err(_) => {}
        }
    }
}
