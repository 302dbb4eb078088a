//! When the checks of a start fall due, and which delays the broker must therefore offer. Pure.

use std::{collections::BTreeSet, time::Duration};

/// The ages at which a start is looked at: a few early ones, then every `init_timeout`; and how often a build
/// that runs is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    delays: Vec<Duration>,
    init_timeout: Duration,
    watch: Option<Duration>,
}

/// The delay of a check's own retry, and of a second look that must come soon.
pub const SOON: Duration = Duration::from_secs(15);
/// The delay of retries after the fourth, and of whatever an outage holds.
pub const LATER: Duration = Duration::from_mins(1);
/// The delays of starts and stops that come back.
pub const START_DELAYS: [Duration; 3] = [Duration::from_secs(5), SOON, LATER];

// === impl Ladder ===

impl Ladder {
    /// A ladder over rising `ages`; those at or beyond `init_timeout` are dropped.
    pub fn new(ages: &[Duration], init_timeout: Duration) -> Self {
        let mut delays = Vec::new();
        let mut last = Duration::ZERO;
        for &age in ages
            .iter()
            .filter(|age| **age < init_timeout)
            .chain([&init_timeout])
        {
            if let Some(delay) = age.checked_sub(last).filter(|delay| !delay.is_zero()) {
                delays.push(delay);
                last = age;
            }
        }
        Self {
            delays,
            init_timeout,
            watch: None,
        }
    }

    /// The same ladder that goes on with a look at running builds every `pace`.
    #[must_use]
    pub fn watching(self, pace: Option<Duration>) -> Self {
        Self { watch: pace, ..self }
    }

    /// How long after a look at a running build the next falls due; `None`: its looks have ended.
    pub fn watch(&self) -> Option<Duration> {
        self.watch
    }

    /// How long after the look before it check `number` falls due.
    pub fn delay(&self, number: u32) -> Duration {
        let step = usize::try_from(number).unwrap_or(usize::MAX);
        self.delays.get(step).copied().unwrap_or(self.init_timeout)
    }

    /// Whether check `number` is the one at which a user who still waits is told so.
    pub fn tells_delay(&self, number: u32) -> bool {
        usize::try_from(number).is_ok_and(|number| number + 1 >= self.delays.len())
    }

    /// Every delay that checks may need; each is a queue.
    pub fn all_delays(&self) -> BTreeSet<Duration> {
        self.delays
            .iter()
            .copied()
            .chain([self.init_timeout, SOON, LATER])
            .chain(self.watch)
            .collect()
    }
}

/// The delay before try `failed + 1` of a check or stop.
pub fn retry_delay(failed: u32) -> Duration {
    if failed < 4 { SOON } else { LATER }
}

/// The delay before a start is tried again after `failed` failed tries.
pub fn start_retry_delay(failed: u32) -> Duration {
    match failed {
        0 => START_DELAYS[0],
        1..4 => START_DELAYS[1],
        _ => START_DELAYS[2],
    }
}

/// The least delay of starts that is not shorter than what a peer asked for; the longest if all are.
pub fn start_delay_of(asked: Duration) -> Duration {
    START_DELAYS
        .into_iter()
        .find(|delay| *delay >= asked)
        .unwrap_or(LATER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(all: &[u64]) -> Vec<Duration> {
        all.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn the_default_ladder_holds_the_differences() {
        let ladder = Ladder::new(&secs(&[15, 60]), Duration::from_secs(300));
        let delays: Vec<_> = (0..5).map(|number| ladder.delay(number).as_secs()).collect();
        assert_eq!(delays, [15, 45, 240, 300, 300]);
        assert_eq!(
            ladder.all_delays(),
            secs(&[15, 45, 60, 240, 300]).into_iter().collect()
        );
    }

    #[test]
    fn steps_at_or_beyond_the_init_timeout_are_dropped() {
        let ladder = Ladder::new(&secs(&[15, 60]), Duration::from_secs(15));
        assert_eq!(ladder.delay(0), Duration::from_secs(15));
        assert_eq!(ladder.delay(1), Duration::from_secs(15));
    }

    #[test]
    fn only_checks_at_or_after_the_init_timeout_tell_of_a_delay() {
        let ladder = Ladder::new(&secs(&[15, 60]), Duration::from_secs(300));
        let told: Vec<_> = (0..4).map(|number| ladder.tells_delay(number)).collect();
        assert_eq!(told, [false, false, true, true]);
    }

    #[test]
    fn a_busy_peer_is_left_alone_as_long_as_it_asks() {
        for (asked, delay) in [(0, 5), (5, 5), (6, 15), (15, 15), (16, 60), (3_600, 60)] {
            assert_eq!(
                start_delay_of(Duration::from_secs(asked)).as_secs(),
                delay,
                "{asked}"
            );
        }
    }

    #[test]
    fn running_builds_are_watched_at_a_pace_of_their_own_if_at_all() {
        let ladder = Ladder::new(&secs(&[15]), Duration::from_secs(60));
        let pace = Duration::from_secs(90);
        assert_eq!(ladder.watch(), None);
        assert!(!ladder.all_delays().contains(&pace));
        let ladder = ladder.watching(Some(pace));
        assert_eq!(ladder.watch(), Some(pace));
        assert!(ladder.all_delays().contains(&pace), "the broker offers it");
        assert_eq!(ladder.delay(9), Duration::from_secs(60));
    }

    #[test]
    fn retries_and_holds_always_have_a_queue() {
        let ladder = Ladder::new(&[], Duration::from_secs(7));
        for failed in 0..10 {
            assert!(ladder.all_delays().contains(&retry_delay(failed)));
            assert!(START_DELAYS.contains(&start_retry_delay(failed)));
        }
        assert!(ladder.all_delays().contains(&LATER) && START_DELAYS.contains(&LATER));
    }
}
