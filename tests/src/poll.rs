//! Waiting for the world without sleeping: ask again until a deadline.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

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

/// How old a quorum queue, and what it holds, has to be to be safe from a kill of its broker: about a second, and some.
const SAFE_FROM_A_KILL: Duration = Duration::from_millis(1_500);

/// Waits until what is in the broker's queues by now is safe from a kill of the broker.
pub async fn until_safe_from_a_kill() -> anyhow::Result<()> {
    let since = Instant::now();
    until("the messages to be old enough", SAFE_FROM_A_KILL * 20, || async {
        let age = since.elapsed();
        anyhow::ensure!(age >= SAFE_FROM_A_KILL, "{age:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
