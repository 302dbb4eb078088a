//! Gives pods the secret with their build's token (D28).

use common::{cluster::ClusterError, job::BuildConfig, outage::Trouble, site::Site};

use crate::manifest::TokenOwner;

/// Makes the secret that a pod waits for; again and again is fine. False while a secret of an earlier pod holds
/// the name, until Kubernetes has removed it.
pub(super) async fn give_token(
    site: &Site,
    waiting: Option<&TokenOwner>,
    config: &BuildConfig<'_>,
) -> Result<bool, Trouble<ClusterError>> {
    let (Some(owner), Some(token)) = (waiting, &config.token) else {
        return Ok(true);
    };
    let secret = owner.secret(token.expose());
    match site.call(|| site.cluster.create_secret(&secret)).await {
        Ok(()) => Ok(true),
        Err(Trouble::Own(ClusterError::AlreadyExists)) => {
            let found = site.call(|| site.cluster.secret(&owner.name)).await?;
            Ok(found.is_some_and(|secret| owner.owns(&secret)))
        }
        Err(trouble) => Err(trouble),
    }
}
