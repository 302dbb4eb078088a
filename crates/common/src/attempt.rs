//! Which try of a message this is, read from what the broker says. Pure and total: odd headers count
//! nothing and are never an error.

/// One entry of the broker's `x-death` header, as far as we use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The queue that the message left.
    pub queue: String,
    /// Why it left: `rejected`, `expired`, `maxlen` or `delivery_limit`.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Which try this is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Tries that failed before by the message's own fault.
    pub failed: u32,
    /// The broker delivered this very message before, or it comes back from a queue of ours.
    pub again: bool,
}

// === impl Attempt ===

impl Attempt {
    /// A message of a producer's: a predecessor that shared the queue counted its tries as rejections.
    pub fn of_delivery(queue: &str, redelivered: bool, deaths: &[Death]) -> Self {
        let rejected = deaths
            .iter()
            .find(|death| death.queue == queue && death.reason == "rejected")
            .map_or(0, |death| death.count);
        let failed = u32::try_from(rejected).unwrap_or(u32::MAX);
        Self {
            failed,
            again: redelivered || failed > 0,
        }
    }

    /// A message of ours, which counts in its body.
    pub fn counted(failed: u32) -> Self {
        Self { failed, again: true }
    }

    /// Whether a failure of this try is the last: `limit` failed tries are as many as a message gets.
    pub fn is_last(self, limit: u32) -> bool {
        self.failed >= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn death(queue: &str, reason: &str, count: u64) -> Death {
        Death {
            queue: queue.to_owned(),
            reason: reason.to_owned(),
            count,
        }
    }

    #[test]
    fn counts_only_rejections_of_the_consumed_queue() {
        let cases = [
            (vec![], 0),
            (
                vec![death("mainDlr", "expired", 3), death("main", "rejected", 3)],
                3,
            ),
            (
                vec![death("main", "rejected", 2), death("mainDlr", "expired", 2)],
                2,
            ),
            (vec![death("main", "expired", 7)], 0),
            (vec![death("other", "rejected", 7)], 0),
            (vec![death("main", "rejected", u64::MAX)], u32::MAX),
        ];
        for (deaths, expected) in cases {
            assert_eq!(
                Attempt::of_delivery("main", false, &deaths).failed,
                expected,
                "{deaths:?}"
            );
        }
    }

    #[test]
    fn a_limit_of_zero_ends_at_the_first_failure() {
        assert!(Attempt::default().is_last(0));
        assert!(!Attempt::counted(4).is_last(5));
        assert!(Attempt::counted(5).is_last(5));
    }

    #[test]
    fn redelivered_and_returned_messages_are_seen_again() {
        assert!(!Attempt::of_delivery("main", false, &[]).again);
        assert!(Attempt::of_delivery("main", true, &[]).again);
        assert!(Attempt::of_delivery("main", false, &[death("main", "rejected", 1)]).again);
        assert!(Attempt::counted(0).again);
    }
}
