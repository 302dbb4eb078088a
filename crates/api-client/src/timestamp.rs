//! A point in time as the API writes it. The type is this crate's own, so that the library beneath can
//! change without a new major version; feature `jiff` converts to and from jiff's.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A point in time: read from and written as ISO 8601, in UTC with at least milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// Text that is no point in time in ISO 8601 with an offset, or one outside the years -9999 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as in 2024-05-06T07:08:09.123Z")]
pub struct InvalidTimestamp;

// === impl Timestamp ===

impl Timestamp {
    /// Whole seconds since 1970, negative before.
    pub fn as_second(self) -> i64 {
        self.0.as_second()
    }

    /// Whole milliseconds since 1970, negative before.
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// How long before `later` this is; zero if it is not before it.
    pub fn until(self, later: Self) -> Duration {
        Duration::try_from(later.0.duration_since(self.0)).unwrap_or_default()
    }

    pub(crate) const fn new(time: jiff::Timestamp) -> Self {
        Self(time)
    }

    pub(crate) fn inner(self) -> jiff::Timestamp {
        self.0
    }
}

impl fmt::Display for Timestamp {
    /// As JavaScript's `toISOString` does; finer than a millisecond only where the time is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_nanosecond() % 1_000_000 == 0 {
            write!(f, "{:.3}", self.0)
        } else {
            self.0.fmt(f)
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse().map(Self).map_err(|_| InvalidTimestamp)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(time: SystemTime) -> Result<Self, InvalidTimestamp> {
        jiff::Timestamp::try_from(time)
            .map(Self)
            .map_err(|_| InvalidTimestamp)
    }
}

#[cfg(feature = "jiff")]
impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self(time)
    }
}

#[cfg(feature = "jiff")]
impl From<Timestamp> for jiff::Timestamp {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_were_read() {
        for text in [
            "2024-05-06T07:08:09.000Z",
            "2024-05-06T07:08:09.120Z",
            "2017-01-06T01:49:50.384359267Z",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        let offset: Timestamp = "2024-05-06T09:08:09+02:00".parse().unwrap();
        assert_eq!(offset.to_string(), "2024-05-06T07:08:09.000Z");
        for text in ["", "yesterday", "2024-05-06", "2024-05-06T07:08:09"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn spans_and_the_systems_clock() {
        let early: Timestamp = "2024-05-06T07:08:09.000Z".parse().unwrap();
        let late: Timestamp = "2024-05-06T07:08:10.500Z".parse().unwrap();
        assert_eq!(early.until(late), Duration::from_millis(1500));
        assert_eq!(late.until(early), Duration::ZERO);
        assert_eq!(late.as_millisecond() - early.as_millisecond(), 1500);
        assert_eq!(Timestamp::try_from(SystemTime::from(late)), Ok(late));
    }
}
