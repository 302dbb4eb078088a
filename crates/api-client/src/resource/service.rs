//! The API's account of itself.

use serde::{Deserialize, Serialize};

use crate::json::{Fields, Json};

/// How the API and the services beside it are; each says `OK`, or what is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// The API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// The queue service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The store of logs and artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

/// What the API consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Versions {
    /// Screwdriver's own packages, as in `screwdriver-models@28.0.0`.
    #[serde(default, deserialize_with = "super::or_default")]
    pub versions: Vec<String>,
    /// Everything that it uses, with licences.
    #[serde(default, deserialize_with = "super::or_default")]
    pub licenses: Vec<License>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}

/// A package that the API uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct License {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Under which licence: a text, or several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licenses: Option<Json>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}
