//! The one place that reads the clock; decisions take the time as an argument.

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
