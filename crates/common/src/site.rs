//! One executor's namespace together with the watch over its API server's outages.

use crate::{
    cluster::{Cluster, ClusterError},
    outage::{Outage, Probe, Trouble, Waiting},
    outcome::Cause,
    settings::ExecutorSettings,
};

/// Where one executor's pods live.
#[derive(Debug)]
pub struct Site {
    /// The namespace.
    pub cluster: Cluster,
    outage: Outage<ReadinessProbe>,
}

/// `GET /readyz` of one API server.
#[derive(Debug)]
struct ReadinessProbe(Cluster);

// === impl Site ===

impl Site {
    /// The site of `settings`; nothing is connected yet.
    ///
    /// # Errors
    /// The address or a certificate file cannot be used.
    pub fn new(settings: &ExecutorSettings, waiting: Waiting) -> Result<Self, ClusterError> {
        let cluster = Cluster::new(&settings.cluster, waiting.metrics.clone())?;
        let outage = Outage::new(ReadinessProbe(cluster.clone()), waiting);
        Ok(Self { cluster, outage })
    }

    /// Makes a call; while the API server is down, waits in place as long as deliveries are held.
    pub async fn call<T, Answer>(&self, call: impl FnMut() -> Answer) -> Result<T, Trouble<ClusterError>>
    where
        Answer: Future<Output = Result<T, ClusterError>>,
    {
        self.outage.call(ClusterError::may_be_outage, call).await
    }
}

impl Probe for ReadinessProbe {
    async fn answers(&self) -> Result<(), Cause> {
        Ok(self.0.ready().await?)
    }
}
