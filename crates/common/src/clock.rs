//! The one place that reads the clock; decisions take the time as an argument.

use std::time::Duration;

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time from one moment to a later one; none if the clocks of two machines disagree.
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
