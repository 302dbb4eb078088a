//! Ids: positive whole numbers that JavaScript can hold, each kind a type of its own.

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// The API is JavaScript: beyond this a number is no longer exact.
const MAX: u64 = (1 << 53) - 1;

/// A text or number that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a whole number from 1 to {MAX}")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id of this number.
            ///
            /// # Errors
            /// Zero, or a number that the API cannot hold.
            pub fn new(number: u64) -> Result<Self, InvalidId> {
                NonZeroU64::new(number).filter(|number| number.get() <= MAX).map(Self).ok_or(InvalidId)
            }

            /// The number.
            pub fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `parse` would take a leading plus.
                if !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(InvalidId);
                }
                text.parse().map_err(|_| InvalidId).and_then(Self::new)
            }
        }

        /// Numbers, and texts of digits: some producers quote their ids.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(IdVisitor).and_then(|number| Self::new(number).map_err(de::Error::custom))
            }
        }
    };
}

id! {
    /// The id of a build.
    BuildId
}
id! {
    /// The id of an event.
    EventId
}
id! {
    /// The id of a job.
    JobId
}
id! {
    /// The id of a pipeline.
    PipelineId
}

struct IdVisitor;

impl de::Visitor<'_> for IdVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a positive whole number")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<u64, E> {
        Err(E::custom(InvalidId))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<u64, E> {
        Err(E::custom(InvalidId))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        BuildId::from_str(text).map(BuildId::get).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_numbers_and_digits_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<BuildId>(text).ok().map(BuildId::get);
        let good = [
            ("1", 1),
            ("8609", 8609),
            ("\"8609\"", 8609),
            ("9007199254740991", MAX),
        ];
        for (text, expected) in good {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in [
            "0",
            "-1",
            "1.5",
            "1e3",
            "\"\"",
            "\"+1\"",
            "\"1.0\"",
            "\" 1\"",
            "\"x\"",
            "null",
            "true",
            "[1]",
            "9007199254740992",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_survive_their_text_and_their_json(number in 1..=MAX) {
            let id = BuildId::new(number).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(serde_json::from_str::<BuildId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        }
    }
}
