//! How an executor's API server is reached.

use std::{path::PathBuf, time::Duration};

use super::{
    secret::{self, Secret},
    section::Section,
};

/// How one API server is reached.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// `host[:port]`, always https.
    pub host: String,
    /// A bearer token; `None`: that of the pod's own service account.
    pub token: Option<Secret>,
    /// Namespace of the build pods.
    pub namespace: String,
    /// PEM file with the API server's certificate authorities; `None`: the service account's.
    pub ca_file: Option<PathBuf>,
    /// `K8S_INSECURE_SKIP_TLS_VERIFY`.
    pub insecure_skip_tls_verify: bool,
    /// Longest that one call may take (`CIRCUIT_TIMEOUT`).
    pub timeout: Duration,
}

// === impl ClusterSettings ===

impl ClusterSettings {
    pub(super) fn read(options: &Section<'_>) -> Self {
        let kubernetes = options.section("kubernetes");
        let breaker = options.section("fusebox").section("breaker");
        let timeout = breaker.integer_or("timeout", 1..=600_000, "a whole number of milliseconds", 10_000);
        Self {
            host: host(&kubernetes),
            token: secret::read(&kubernetes, "token", "tokenFile"),
            namespace: kubernetes.name_or("jobsNamespace", "default"),
            ca_file: kubernetes.file("caFile"),
            insecure_skip_tls_verify: kubernetes.boolean_or("insecureSkipTlsVerify", false),
            timeout: Duration::from_millis(timeout),
        }
    }
}

fn host(kubernetes: &Section<'_>) -> String {
    let host = kubernetes.name_or("host", "kubernetes.default");
    let url = url::Url::parse(&format!("https://{host}"));
    let plain = url.is_ok_and(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none());
    if !plain || host.contains('/') {
        kubernetes.problem("host", "expected host or host:port, without https://");
    }
    host
}
