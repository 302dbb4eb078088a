use std::future::{pending, ready};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::*;

const BUDGET: Duration = Duration::from_secs(25);

fn stages(shutdown: &Shutdown) -> (bool, bool) {
    (
        shutdown.draining().is_cancelled(),
        shutdown.aborting().is_cancelled(),
    )
}

#[tokio::test]
async fn first_signal_drains_and_second_aborts() {
    let shutdown = Shutdown::new();
    let (signals, mut heard) = mpsc::unbounded_channel();
    let follow = shutdown.follow(stream::poll_fn(move |context| heard.poll_recv(context)));
    tokio::pin!(follow);

    assert_eq!(follow.as_mut().now_or_never(), None);
    assert_eq!(stages(&shutdown), (false, false));

    signals.send("SIGTERM").unwrap();
    assert_eq!(follow.as_mut().now_or_never(), None);
    assert_eq!(stages(&shutdown), (true, false));

    signals.send("SIGINT").unwrap();
    assert_eq!(follow.as_mut().now_or_never(), Some(()));
    assert_eq!(stages(&shutdown), (true, true));
}

#[tokio::test]
async fn the_end_of_the_signals_is_not_a_signal() {
    let shutdown = Shutdown::new();
    shutdown.follow(stream::empty()).await;
    assert_eq!(stages(&shutdown), (false, false));
}

#[test]
fn an_abort_is_also_a_drain() {
    let shutdown = Shutdown::new();
    shutdown.clone().abort();
    assert_eq!(stages(&shutdown), (true, true));
}

#[tokio::test(start_paused = true)]
async fn work_is_not_timed_before_the_drain() {
    let shutdown = Shutdown::new();
    let bound = shutdown.bound(BUDGET, pending::<()>());
    tokio::pin!(bound);
    assert_eq!(bound.as_mut().now_or_never(), None);
    tokio::time::advance(BUDGET * 100).await;
    assert_eq!(bound.as_mut().now_or_never(), None);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_with_its_budget_and_not_before() {
    let shutdown = Shutdown::new();
    let bound = shutdown.bound(BUDGET, pending::<()>());
    tokio::pin!(bound);
    shutdown.drain();
    assert_eq!(bound.as_mut().now_or_never(), None);
    tokio::time::advance(Duration::from_secs(24)).await;
    assert_eq!(bound.as_mut().now_or_never(), None);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(
        bound.as_mut().now_or_never(),
        Some(Err(Aborted::Overrun { budget: BUDGET }))
    );
    assert_eq!(
        stages(&shutdown),
        (true, true),
        "whoever is still at work must hear of it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_does_not_wait_for_the_budget() {
    let shutdown = Shutdown::new();
    shutdown.abort();
    assert_eq!(
        shutdown.bound(BUDGET, pending::<()>()).await,
        Err(Aborted::SecondSignal)
    );
}

#[tokio::test(start_paused = true)]
async fn finished_work_counts_even_while_aborting() {
    let shutdown = Shutdown::new();
    shutdown.abort();
    assert_eq!(shutdown.bound(BUDGET, ready(7)).await, Ok(7));
}
