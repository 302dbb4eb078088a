//! KEDA: the real operator, metrics adapter and admission webhooks, which `tests/keda/build.sh` builds, as processes
//! beside a control plane of ours that has [`Extras::autoscaling`](crate::control_plane::Extras).
//!
//! In a cluster they are pods behind Services. Here they listen on loopback: a Service of type `ExternalName` leads the
//! API server to the adapter, and the webhooks are called by URL.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use k8s_openapi::{
    api::{
        admissionregistration::v1::ValidatingWebhookConfiguration,
        core::v1::{Namespace, Service},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};

use crate::{
    control_plane::ControlPlane,
    helm::script,
    pki::{CertificateFiles, Pki},
    poll,
    process::{self, Process, free_port, guarded},
};

/// The namespace that KEDA believes to live in.
const NAMESPACE: &str = "keda";

/// By which names the API server and the adapter know the other side of their connections.
const NAMES: [&str; 2] = ["keda-operator.keda.svc", "keda-metrics-apiserver.keda.svc"];

/// Operator and adapter are up in less than a second, and the API server looks at the adapter now and then.
const READY: Duration = Duration::from_mins(1);

/// A running KEDA; it ends with this value.
#[derive(Debug)]
pub struct Keda {
    processes: Vec<Process>,
}

// === impl Keda ===

impl Keda {
    /// Registers KEDA with the control plane, starts its three programs with their logs in `directory`, and waits
    /// until its metrics are served.
    pub async fn start(control_plane: &ControlPlane, pki: &Pki, directory: &Path) -> anyhow::Result<Self> {
        let folder: PathBuf = script("tests/keda/build.sh", &[]).await?.into();
        let kubeconfig = control_plane.kubeconfig();
        let kubeconfig = kubeconfig.context("KEDA is not put into a cluster that is not ours")?;
        let client = control_plane.client()?;
        define(&client, &folder.join("crds")).await?;
        create::<Namespace>(&client, json!({ "metadata": { "name": NAMESPACE } })).await?;
        let starter = Starter {
            folder: &folder,
            directory,
            kubeconfig,
            // KEDA wants these very names, beside the authority's `ca.crt`.
            tls: pki.peer("tls", &NAMES)?,
            ca: pki.ca_file(),
        };
        let metrics_service = format!("127.0.0.1:{}", free_port()?);
        let (adapter_port, webhooks_port) = (free_port()?, free_port()?);
        let mut keda = Self {
            processes: vec![
                starter.operator(&metrics_service)?,
                starter.adapter(&metrics_service, adapter_port)?,
                starter.webhooks(webhooks_port)?,
            ],
        };
        let authority = base64(&pki.ca_pem());
        register_metrics(&client, adapter_port, &authority).await?;
        keda.wait_for_metrics(&client).await?;
        keda.wait_for("the admission webhooks", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", webhooks_port)).await?;
            Ok(())
        })
        .await?;
        create::<ValidatingWebhookConfiguration>(&client, admission(webhooks_port, &authority)).await?;
        Ok(keda)
    }

    /// The ends of its logs: why a test failed.
    pub fn explain(&self) -> String {
        let log = |process: &Process| process::tail(process.log(), 15);
        self.processes.iter().map(log).collect::<Vec<_>>().join("\n")
    }

    /// The API server calls the adapter itself before it says so.
    async fn wait_for_metrics(&mut self, client: &Client) -> anyhow::Result<()> {
        let services: Api<APIService> = Api::all(client.clone());
        self.wait_for("KEDA's metrics", || async {
            let service = services.get("v1beta1.external.metrics.k8s.io").await?;
            let status = service.status.and_then(|status| status.conditions);
            let available = status.unwrap_or_default();
            let available = available.iter().find(|each| each.type_ == "Available");
            let available = available.context("nothing is said yet")?;
            anyhow::ensure!(available.status == "True", "{:?}", available.message);
            Ok(())
        })
        .await
    }

    async fn wait_for<F, Fut>(&mut self, what: &str, question: F) -> anyhow::Result<()>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let waited = poll::until(what, READY, || {
            let ended = self.ended();
            let answer = question();
            async move {
                match ended {
                    Some(program) => Ok(Err(anyhow::anyhow!("{program} has ended"))),
                    None => answer.await.map(Ok),
                }
            }
        });
        let waited = waited.await.flatten();
        waited.with_context(|| self.explain())
    }

    fn ended(&mut self) -> Option<String> {
        let mut ended = None;
        for process in &mut self.processes {
            if let Ok(Some(status)) = process.ended() {
                ended = Some(format!("{} ({status})", process.log().display()));
            }
        }
        ended
    }
}

/// What starting one of the programs takes.
struct Starter<'a> {
    folder: &'a Path,
    directory: &'a Path,
    kubeconfig: &'a Path,
    tls: CertificateFiles,
    ca: PathBuf,
}

// === impl Starter ===

impl Starter<'_> {
    fn start(&self, name: &str, flags: &[String]) -> anyhow::Result<Process> {
        let mut command: Command = guarded(&self.folder.join(name));
        command
            .env_clear()
            .env("KUBECONFIG", self.kubeconfig)
            .envs([
                // Of all namespaces.
                ("WATCH_NAMESPACE", ""),
                ("KEDA_CLUSTER_OBJECT_NAMESPACE", NAMESPACE),
                ("POD_NAMESPACE", NAMESPACE),
                ("POD_NAME", "test-bed"),
            ])
            .args(flags);
        Process::start(name, &mut command, &self.directory.join(format!("{name}.log")))
    }

    fn certificates(&self) -> String {
        self.ca.parent().unwrap_or(&self.ca).display().to_string()
    }

    fn operator(&self, metrics_service: &str) -> anyhow::Result<Process> {
        let flags = [
            format!("--metrics-bind-address=127.0.0.1:{}", free_port()?),
            format!("--health-probe-bind-address=127.0.0.1:{}", free_port()?),
            format!("--metrics-service-bind-address={metrics_service}"),
            format!("--cert-dir={}", self.certificates()),
            "--enable-cert-rotation=false".to_owned(),
            "--enable-webhook-patching=false".to_owned(),
            "--enable-apiservice-patching=false".to_owned(),
        ];
        self.start("keda-operator", &flags)
    }

    fn adapter(&self, metrics_service: &str, port: u16) -> anyhow::Result<Process> {
        let kubeconfig = self.kubeconfig.display();
        let flags = [
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            // Its own metrics listen on every interface, whatever one says; nobody is to find them.
            format!("--port={}", free_port()?),
            format!("--metrics-service-address={metrics_service}"),
            format!("--cert-dir={}", self.certificates()),
            format!("--tls-cert-file={}", self.tls.certificate.display()),
            format!("--tls-private-key-file={}", self.tls.key.display()),
            format!("--client-ca-file={}", self.ca.display()),
            format!("--lister-kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
        ];
        self.start("keda-adapter", &flags)
    }

    fn webhooks(&self, port: u16) -> anyhow::Result<Process> {
        let flags = [
            format!("--port={port}"),
            format!("--metrics-bind-address=127.0.0.1:{}", free_port()?),
            format!("--health-probe-bind-address=127.0.0.1:{}", free_port()?),
            format!("--cert-dir={}", self.certificates()),
        ];
        self.start("keda-webhooks", &flags)
    }
}

/// Makes the API server know KEDA's kinds, without KEDA: what is applied is then checked against their schemas. One
/// module is fetched for it, nothing is built.
pub async fn define_kinds(client: &Client) -> anyhow::Result<()> {
    let folder = script("tests/keda/build.sh", &["--definitions"]).await?;
    define(client, &Path::new(&folder).join("crds")).await
}

async fn define(client: &Client, folder: &Path) -> anyhow::Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for file in std::fs::read_dir(folder).context("KEDA's definitions")? {
        let path = file?.path();
        let text = std::fs::read_to_string(&path)?;
        let definition: CustomResourceDefinition =
            serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?;
        let name = definition.metadata.name.clone().context("no name")?;
        definitions.create(&PostParams::default(), &definition).await?;
        poll::until(&format!("{name} to be served"), READY, || async {
            let status = definitions.get(&name).await?.status;
            let conditions = status.and_then(|status| status.conditions);
            let mut conditions = conditions.into_iter().flatten();
            let served = conditions.any(|each| each.type_ == "Established" && each.status == "True");
            anyhow::ensure!(served, "not established");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn register_metrics(client: &Client, port: u16, authority: &str) -> anyhow::Result<()> {
    let service = json!({
        "metadata": { "name": "keda-metrics-apiserver" },
        "spec": { "type": "ExternalName", "externalName": "localhost", "ports": [{ "port": port }] },
    });
    let service = serde_json::from_value(service)?;
    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    services.create(&PostParams::default(), &service).await?;
    let api = json!({
        "metadata": { "name": "v1beta1.external.metrics.k8s.io" },
        "spec": {
            "group": "external.metrics.k8s.io", "version": "v1beta1",
            "groupPriorityMinimum": 100, "versionPriority": 100, "caBundle": authority,
            "service": { "namespace": NAMESPACE, "name": "keda-metrics-apiserver", "port": port },
        },
    });
    create::<APIService>(client, api).await
}

/// Scaled objects are asked about, and a webhook that does not answer refuses them.
fn admission(port: u16, authority: &str) -> Value {
    let path = "validate-keda-sh-v1alpha1-scaledobject";
    json!({
        "metadata": { "name": "keda-admission" },
        "webhooks": [{
            "name": "vscaledobject.kb.io",
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": { "url": format!("https://localhost:{port}/{path}"), "caBundle": authority },
            "rules": [{
                "apiGroups": ["keda.sh"], "apiVersions": ["v1alpha1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["scaledobjects"],
            }],
        }],
    })
}

async fn create<K>(client: &Client, object: Value) -> anyhow::Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::ClusterResourceScope, DynamicType = ()>
        + serde::de::DeserializeOwned
        + serde::Serialize
        + Clone
        + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object)?;
    Api::all(client.clone())
        .create(&PostParams::default(), &object)
        .await?;
    Ok(())
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
