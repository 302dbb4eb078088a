//! A build cluster: where builds run.

use serde::{Deserialize, Serialize};

use crate::json::Fields;

/// A build cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BuildCluster {
    /// Its name, which is also the queue's.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether builds are handed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Whether Screwdriver's own team runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by_screwdriver: Option<bool>,
    /// Whom to write to about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintainer: Option<String>,
    /// Its share of the builds, from 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weightage: Option<f64>,
    /// The organisations whose builds it takes; empty for all.
    #[serde(
        default,
        deserialize_with = "super::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub scm_organizations: Vec<String>,
    /// The fields that this release does not know.
    #[serde(flatten)]
    pub other: Fields,
}
