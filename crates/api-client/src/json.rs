//! JSON of any shape: a build's meta, and the fields that this release does not know. The type is this
//! crate's own, so that the library beneath is no part of its interface.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON value of any shape.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Value);

/// The fields of an answer that this release does not know, by name: they are written as they were read.
pub type Fields = BTreeMap<String, Json>;

/// Text that is no JSON, or JSON of another shape than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the JSON is not of the expected shape")]
pub struct InvalidJson;

// === impl Json ===

impl Json {
    /// Writes a value as JSON.
    ///
    /// # Errors
    /// The value has no form in JSON, such as a map whose keys are no texts.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidJson> {
        serde_json::to_value(value).map(Self).map_err(|_| InvalidJson)
    }

    /// Reads it as a type of the caller's.
    ///
    /// # Errors
    /// It has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, InvalidJson> {
        T::deserialize(&self.0).map_err(|_| InvalidJson)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The number, if it is whole and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.as_u64()
    }

    /// The value of a field, if it is an object that has it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Self> {
        self.0.get(name).cloned().map(Self)
    }
}

impl fmt::Display for Json {
    /// As compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Json {
    type Err = InvalidJson;

    fn from_str(text: &str) -> Result<Self, InvalidJson> {
        serde_json::from_str(text).map_err(|_| InvalidJson)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_in_and_comes_out_unchanged() {
        let text = r#"{"b":[1,2.5,null],"a":{"deep":"text"}}"#;
        let json: Json = text.parse().unwrap();
        assert_eq!(
            (json.to_string(), format!("{json:?}")),
            (text.to_owned(), text.to_owned())
        );
        assert_eq!(
            json.field("a").unwrap().field("deep").unwrap().as_str(),
            Some("text")
        );
        assert_eq!(
            json.field("a")
                .unwrap()
                .read::<BTreeMap<String, String>>()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(Json::new(&5).unwrap().as_u64(), Some(5));
        assert_eq!(json.read::<Vec<u8>>(), Err(InvalidJson));
        assert_eq!("{".parse::<Json>(), Err(InvalidJson));
        assert_eq!(Json::new(&BTreeMap::from([((1, 2), 3)])), Err(InvalidJson));
    }
}
