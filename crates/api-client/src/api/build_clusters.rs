//! The calls about build clusters.

use super::{Api, Ask};
use crate::error::Error;
use crate::resource::BuildCluster;

/// Build clusters: `/v4/buildclusters`.
#[derive(Debug, Clone, Copy)]
pub struct BuildClusters<'a> {
    pub(super) api: &'a Api,
}

// === impl BuildClusters ===

impl BuildClusters<'_> {
    /// All build clusters. Scope: user.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn list(&self) -> Result<Vec<BuildCluster>, Error> {
        self.api.json(&Ask::get("/v4/buildclusters")).await
    }

    /// A build cluster by its name. Scopes: user, build.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that name.
    pub async fn get(&self, name: &str) -> Result<BuildCluster, Error> {
        self.api
            .json(&Ask::get("/v4/buildclusters/{name}").with(name))
            .await
    }
}
