//! The four processes of a control plane and their flags.
//!
//! Only what the workers can notice is switched on; everything listens on loopback.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::json;

use super::Extras;
use crate::{
    pki::{CertificateFiles, Pki, SigningKeyFiles},
    process::{Process, free_port, guarded},
};

/// The controllers that tests rely on. All of them would keep the default account waiting for seconds.
const CONTROLLERS: [&str; 10] = [
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "namespace-controller",
    "deployment-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "garbage-collector-controller",
    "pod-garbage-collector-controller",
    "node-lifecycle-controller",
    "taint-eviction-controller",
];

/// The running processes and how to reach the API server.
#[derive(Debug)]
pub(super) struct Components {
    /// `127.0.0.1:PORT` of the API server.
    pub(super) address: String,
    /// A kubeconfig for the cluster's administrator.
    pub(super) kubeconfig: PathBuf,
    accounts: SigningKeyFiles,
    /// Dropped in this order: nobody is left to complain that the API server is gone.
    processes: VecDeque<Process>,
}

/// What starting one takes.
pub(super) struct Starter<'a> {
    /// The folder with the programs.
    pub(super) programs: &'a Path,
    /// What they do besides.
    pub(super) extras: Extras,
    /// The directory of data, logs and kubeconfigs.
    pub(super) directory: &'a Path,
    /// Who vouches for them.
    pub(super) pki: &'a Pki,
}

// === impl Components ===

impl Components {
    /// Starts etcd and the API server, which need not be ready yet.
    pub(super) fn start(starter: &Starter<'_>) -> anyhow::Result<Self> {
        let accounts = starter.pki.signing_key("service-accounts")?;
        let (etcd, etcd_url) = starter.etcd()?;
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let api_server = starter.api_server(port, &etcd_url, &accounts)?;
        let admin = starter.pki.client("admin", "admin", Some("system:masters"))?;
        let kubeconfig = starter.kubeconfig("admin", &address, &admin)?;
        Ok(Self {
            address,
            kubeconfig,
            accounts,
            processes: [api_server, etcd].into(),
        })
    }

    /// Starts the API server's clients, once it is ready: before that they wait for whole seconds.
    pub(super) fn start_controllers(&mut self, starter: &Starter<'_>) -> anyhow::Result<()> {
        self.processes
            .push_front(starter.controller_manager(&self.address, &self.accounts.private)?);
        self.processes.push_front(starter.scheduler(&self.address)?);
        Ok(())
    }

    /// An error with the end of its log if one of them has ended.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            if let Some(status) = process.ended()? {
                let log = crate::process::tail(process.log(), 20);
                anyhow::bail!("{} ended with {status}:\n{log}", process.log().display());
            }
        }
        Ok(())
    }
}

// === impl Starter ===

impl Starter<'_> {
    fn start(&self, name: &str, flags: &[String]) -> anyhow::Result<Process> {
        let program = std::path::absolute(self.programs.join(name))?;
        Process::start(
            name,
            guarded(&program).args(flags),
            &self.directory.join(format!("{name}.log")),
        )
    }

    fn etcd(&self) -> anyhow::Result<(Process, String)> {
        let client = format!("http://127.0.0.1:{}", free_port()?);
        let peer = format!("http://127.0.0.1:{}", free_port()?);
        let flags = [
            format!("--data-dir={}", self.directory.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // Nobody reads these data after a crash, and every fsync costs milliseconds.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        Ok((self.start("etcd", &flags)?, client))
    }

    fn api_server(&self, port: u16, etcd: &str, accounts: &SigningKeyFiles) -> anyhow::Result<Process> {
        let tls = self.pki.server("kube-apiserver")?;
        let mut flags = vec![
            format!("--etcd-servers={etcd}"),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--tls-cert-file={}", tls.certificate.display()),
            format!("--tls-private-key-file={}", tls.key.display()),
            format!("--client-ca-file={}", self.pki.ca_file().display()),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", accounts.public.display()),
            format!(
                "--service-account-signing-key-file={}",
                accounts.private.display()
            ),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            // Build pods may ask for it; whether they may have it is for admission to say.
            "--allow-privileged=true".to_owned(),
        ];
        if self.extras.autoscaling {
            flags.extend(self.aggregation()?);
        }
        self.start("kube-apiserver", &flags)
    }

    /// How the API server hands on calls of foreign APIs: as itself, with the caller's name in headers.
    fn aggregation(&self) -> anyhow::Result<[String; 7]> {
        let proxy = self.pki.client("front-proxy", "front-proxy", None)?;
        Ok([
            format!("--requestheader-client-ca-file={}", self.pki.ca_file().display()),
            "--requestheader-allowed-names=front-proxy".to_owned(),
            "--requestheader-username-headers=X-Remote-User".to_owned(),
            "--requestheader-group-headers=X-Remote-Group".to_owned(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
            format!("--proxy-client-cert-file={}", proxy.certificate.display()),
            format!("--proxy-client-key-file={}", proxy.key.display()),
        ])
    }

    fn controller_manager(&self, address: &str, private: &Path) -> anyhow::Result<Process> {
        // In one group with the administrator: its real, narrow roles would have to be waited for.
        let name = "kube-controller-manager";
        let client = self
            .pki
            .client(name, "system:kube-controller-manager", Some("system:masters"))?;
        let kubeconfig = self.kubeconfig(name, address, &client)?;
        let mut controllers = CONTROLLERS.join(",");
        if self.extras.autoscaling {
            controllers.push_str(",horizontal-pod-autoscaler-controller");
        }
        let flags = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--service-account-private-key-file={}", private.display()),
            format!("--root-ca-file={}", self.pki.ca_file().display()),
            format!("--controllers={controllers}"),
            "--horizontal-pod-autoscaler-sync-period=2s".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        self.start(name, &flags)
    }

    fn scheduler(&self, address: &str) -> anyhow::Result<Process> {
        let name = "kube-scheduler";
        let client = self
            .pki
            .client(name, "system:kube-scheduler", Some("system:masters"))?;
        let kubeconfig = self.kubeconfig(name, address, &client)?;
        let flags = [
            format!("--kubeconfig={}", kubeconfig.display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        self.start(name, &flags)
    }

    /// Writes a kubeconfig (as JSON, which is YAML too).
    fn kubeconfig(&self, name: &str, address: &str, client: &CertificateFiles) -> anyhow::Result<PathBuf> {
        let path = self.directory.join(format!("{name}.kubeconfig"));
        let text = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test-bed", "cluster": {
                "server": format!("https://{address}"), "certificate-authority": self.pki.ca_file()}}],
            "users": [{"name": name, "user": {
                "client-certificate": client.certificate, "client-key": client.key}}],
            "contexts": [{"name": name, "context": {"cluster": "test-bed", "user": name}}],
            "current-context": name,
        });
        std::fs::write(&path, text.to_string()).context("write a kubeconfig")?;
        Ok(path)
    }
}
