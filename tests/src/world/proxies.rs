//! Proxies between a corner's workers and its peers. A worker goes through one when its settings say so; for the
//! builds API the message says it (`apiUri`).

use anyhow::Context;

use super::World;
use crate::{
    builds_api::Identity,
    pki::CertificateFiles,
    proxy::{
        amqp::AmqpProxy,
        http::{HttpProxy, Upstream},
    },
};

// === impl World ===

impl World {
    /// A proxy in front of the broker. Fails for a broker that wants TLS: its frames cannot be seen.
    pub fn amqp_proxy(&self) -> anyhow::Result<AmqpProxy> {
        let address = self.vhost.address().context("AMQP_URL is amqps")?;
        AmqpProxy::start(address)
    }

    /// A proxy in front of the API server.
    pub fn cluster_proxy(&self) -> anyhow::Result<HttpProxy> {
        let control_plane = &self.peers.control_plane;
        let ca = control_plane.ca_file().map(std::fs::read_to_string);
        let upstream = Upstream {
            uri: format!("https://{}", control_plane.address()),
            ca: ca.transpose()?,
        };
        let proxy = HttpProxy::cluster(&self.identity("cluster-proxy")?, upstream)?;
        let ca_file = self.peers.pki.ca_file().display().to_string();
        let address = proxy.address();
        Ok(proxy.led_by(&[("K8S_HOST", address), ("K8S_CA_FILE", ca_file)]))
    }

    /// A proxy in front of the builds API: messages lead to it with [`HttpProxy::uri`] as `apiUri`.
    pub fn api_proxy(&self) -> anyhow::Result<HttpProxy> {
        let upstream = Upstream {
            uri: self.api.uri(),
            ca: Some(self.peers.pki.ca_pem()),
        };
        HttpProxy::builds_api(Some(&self.identity("builds-api-proxy")?), upstream)
    }

    /// A certificate of the run's authority for a server called `name`.
    fn identity(&self, name: &str) -> anyhow::Result<Identity> {
        let name = format!("{name}-{}", self.namespace.name());
        identity(&self.peers.pki.server(&name)?)
    }
}

pub(super) fn identity(files: &CertificateFiles) -> anyhow::Result<Identity> {
    Ok(Identity {
        certificates: std::fs::read_to_string(&files.certificate)?,
        key: std::fs::read_to_string(&files.key)?,
    })
}
