//! Enumerations of the API's that may grow: a value that this release does not know survives a round
//! trip, instead of making the whole answer unreadable.

use std::fmt;

/// The text of a value that this release does not know. Only reading makes one, so a known value is
/// never spelt in two ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unknown(Box<str>);

// === impl Unknown ===

impl Unknown {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The value as the API spelt it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An enumeration with one spelling for each variant, and `Other` for whatever a newer API says.
macro_rules! open_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A value that this release does not know; it is written as it was read.
            Other($crate::unknown::Unknown),
        }

        // === impl open enum ===

        impl $name {
            /// The value as the API spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(unknown) => unknown.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    unknown => Self::Other($crate::unknown::Unknown::new(unknown)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
            }
        }
    };
}

pub(crate) use open_enum;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::resource::JobState;

    #[test]
    fn known_and_unknown_values_survive_a_round_trip() {
        for text in ["ENABLED", "DISABLED", "PAUSED", "enabled", ""] {
            let state: JobState = serde_json::from_value(json!(text)).unwrap();
            let known = ["ENABLED", "DISABLED"].contains(&text);
            assert_eq!(matches!(state, JobState::Other(_)), !known);
            assert_eq!(serde_json::to_value(&state).unwrap(), json!(text));
            assert_eq!((state.as_str(), state.to_string().as_str()), (text, text));
        }
        assert!(serde_json::from_value::<JobState>(json!(1)).is_err());
    }
}
