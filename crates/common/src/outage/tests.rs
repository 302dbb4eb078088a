//! Outages in paused time: who waits, who probes, who goes first.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

#[derive(Default)]
struct Switch {
    up: AtomicBool,
    probes: AtomicUsize,
    probe_takes: Duration,
}

impl Probe for &Switch {
    async fn answers(&self) -> Result<(), Cause> {
        self.probes.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.probe_takes).await;
        if self.up.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err("down".into())
        }
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
    assert!(matches!(result, Err(Trouble::Down(Some("down")))));
    assert_eq!(begin.elapsed().as_secs(), 10);
}

/// Twenty deliveries that arrive in an outage wait side by side, and one of them probes.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_known_to_be_down_is_not_called_and_probed_by_one() {
    let switch = Switch {
        probe_takes: Duration::from_secs(4),
        ..Switch::default()
    };
    let outage = outage(&switch);
    outage.set_down(Some("down".into()));
    let called = AtomicUsize::new(0);
    let begin = Instant::now();
    let call = || {
        outage.call(
            |()| true,
            || async {
                called.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(())
            },
        )
    };
    let results = futures_util::future::join_all((0..20).map(|_| call())).await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(Trouble::Down(None))))
    );
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(called.load(Ordering::Relaxed), 0);
    let probes = switch.probes.load(Ordering::Relaxed);
    assert!(probes <= 3, "{probes} probes of 4 s in 10 s");
}

/// Nor does a probe that hangs keep anyone longer.
#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_an_outage_and_keeps_nobody() {
    let switch = Switch {
        probe_takes: Duration::from_secs(3_600),
        ..Switch::default()
    };
    let outage = outage(&switch);
    let begin = Instant::now();
    let call = || outage.call(|_| true, || async { Err::<(), _>("down") });
    let results = futures_util::future::join_all((0..20).map(|_| call())).await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(Trouble::Down(Some("down")))))
    );
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert!(outage.is_down());
}

#[tokio::test(start_paused = true)]
async fn every_recovery_begins_with_the_same_few_calls() {
    let switch = Switch {
        up: true.into(),
        ..Switch::default()
    };
    let outage = outage(&switch);
    for _ in 0..3 {
        outage.set_down(Some("down".into()));
        outage.set_down(None);
        for _ in 0..5 {
            outage.succeeded();
        }
    }
    outage.set_down(Some("down".into()));
    outage.set_down(None);
    let State::OnTrial { permits, .. } = &*outage.state() else {
        panic!("not on trial")
    };
    assert_eq!(permits.available_permits(), TRIAL_CALLS);
}

#[tokio::test(start_paused = true)]
async fn a_trial_ends_in_trust_and_lets_everyone_go() {
    let switch = Switch::default();
    let outage = outage(&switch);
    outage.set_down(Some("down".into()));
    outage.set_down(None);
    let call = || outage.call(|(): &()| false, || async { Ok(()) });
    let results = futures_util::future::join_all((0..TRUSTED_AFTER + 10).map(|_| call())).await;
    assert!(results.iter().all(Result::is_ok));
    assert!(matches!(*outage.state(), State::Up));
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

/// Nothing was known of the peer when the drain began: its first error is not tried again until the drain ends.
#[tokio::test(start_paused = true)]
async fn while_draining_a_call_that_fails_is_made_once() {
    let switch = Switch {
        probe_takes: Duration::from_millis(10),
        ..Switch::default()
    };
    let draining = CancellationToken::new();
    draining.cancel();
    let outage = Outage::new(&switch, waiting(draining));
    assert!(matches!(*outage.state(), State::Up));
    let called = AtomicUsize::new(0);
    let call = outage.call(
        |_| true,
        || async {
            assert!(called.fetch_add(1, Ordering::Relaxed) < 100, "called without end");
            Err::<(), _>("cut off")
        },
    );
    assert!(matches!(call.await, Err(Trouble::Down(Some("cut off")))));
    assert_eq!(called.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_comes_back_is_not_run_over() {
    let switch = Switch {
        up: true.into(),
        ..Switch::default()
    };
    let outage = outage(&switch);
    outage.set_down(Some("down".into()));
    outage.set_down(None);
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
