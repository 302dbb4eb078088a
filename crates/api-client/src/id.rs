//! The ids of builds, jobs, events and pipelines.
//!
//! An id in hand is always one that the API could have given out: a whole number from 1 to 2^53 - 1,
//! the largest that the API's own language holds exactly. Messages carry ids as numbers or as numeric
//! strings; both are read, and numbers are written.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The largest integer that a JavaScript number holds exactly.
const LARGEST: u64 = (1 << 53) - 1;

/// A number or text that is no id: zero, negative, fractional, too large or not numeric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of {of} is a whole number from 1 to {LARGEST}")]
pub struct InvalidId {
    of: &'static str,
}

/// Reads an id from whatever a message carries; `of` names its owner in errors.
struct IdVisitor {
    of: &'static str,
}

macro_rules! id {
    ($name:ident, $of:literal) => {
        #[doc = concat!("The id of ", $of, ", unique within one Screwdriver installation.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        // === impl id ===

        impl $name {
            /// The id as a plain number, from 1 to 2^53 - 1.
            pub fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;

            fn try_from(number: u64) -> Result<Self, InvalidId> {
                from_number(number, $of).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads decimal digits and nothing else: no sign, no space, no fraction.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                from_text(text, $of).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.get())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer
                    .deserialize_any(IdVisitor { of: $of })
                    .map(Self)
            }
        }
    };
}

id!(BuildId, "a build");
id!(JobId, "a job");
id!(EventId, "an event");
id!(PipelineId, "a pipeline");

fn from_number(number: u64, of: &'static str) -> Result<NonZeroU64, InvalidId> {
    NonZeroU64::new(number)
        .filter(|id| id.get() <= LARGEST)
        .ok_or(InvalidId { of })
}

fn from_text(text: &str, of: &'static str) -> Result<NonZeroU64, InvalidId> {
    // `u64::from_str` alone would take a plus sign too.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidId { of });
    }
    text.parse()
        .map_err(|_| InvalidId { of })
        .and_then(|number| from_number(number, of))
}

// === impl IdVisitor ===

impl Visitor<'_> for IdVisitor {
    type Value = NonZeroU64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the id of {}: a whole number from 1 to {LARGEST}, or the same as text",
            self.of
        )
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<NonZeroU64, E> {
        from_number(number, self.of).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<NonZeroU64, E> {
        u64::try_from(number)
            .map_err(|_| InvalidId { of: self.of })
            .and_then(|number| from_number(number, self.of))
            .map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<NonZeroU64, E> {
        from_text(text, self.of).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_numbers_and_numeric_strings_and_writes_numbers() {
        for json in ["8609", "\"8609\"", "\"008609\""] {
            let id: BuildId = serde_json::from_str(json).unwrap();
            assert_eq!(id.get(), 8609, "{json}");
            assert_eq!(serde_json::to_string(&id).unwrap(), "8609");
        }
        assert_eq!(
            serde_json::from_str::<BuildId>("9007199254740991").unwrap().get(),
            LARGEST
        );
    }

    #[test]
    fn refuses_what_is_no_id() {
        for json in [
            "0",
            "-1",
            "1.5",
            "1.0",
            "1e3",
            "9007199254740992",
            "18446744073709551615",
            "99999999999999999999",
            "\"0\"",
            "\"\"",
            "\"+5\"",
            "\"-5\"",
            "\" 5\"",
            "\"5.0\"",
            "\"9007199254740992\"",
            "\"99999999999999999999\"",
            "\"five\"",
            "\"\u{0665}\"",
            "null",
            "true",
            "[5]",
            "{}",
        ] {
            assert!(serde_json::from_str::<BuildId>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn errors_name_the_owner_of_the_id() {
        let expected = "the id of an event is a whole number from 1 to 9007199254740991";
        assert_eq!("x".parse::<EventId>().unwrap_err().to_string(), expected);
        assert_eq!(JobId::try_from(0).unwrap_err(), InvalidId { of: "a job" });
        assert_eq!(PipelineId::try_from(7).unwrap().to_string(), "7");
    }

    proptest! {
        #[test]
        fn every_id_survives_text_and_json(number in 1..=LARGEST) {
            let id = BuildId::try_from(number).unwrap();
            prop_assert_eq!(id.to_string().parse::<BuildId>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<BuildId>(&json).unwrap(), id);
        }

        #[test]
        fn a_number_is_an_id_exactly_within_the_range(number: u64) {
            prop_assert_eq!(BuildId::try_from(number).is_ok(), (1..=LARGEST).contains(&number));
        }

        #[test]
        fn ids_are_ordered_as_their_numbers(left in 1..=LARGEST, right in 1..=LARGEST) {
            let id = |number| BuildId::try_from(number).unwrap();
            prop_assert_eq!(id(left).cmp(&id(right)), left.cmp(&right));
        }

        #[test]
        fn text_is_an_id_only_if_it_is_digits(text in ".*") {
            if let Ok(id) = text.parse::<BuildId>() {
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(id.to_string(), text.trim_start_matches('0'));
            }
        }
    }
}
