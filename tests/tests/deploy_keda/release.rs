//! The chart, installed with its scaled objects on peers of its own, and how many replicas its Deployments have.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use anyhow::Context;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Secret},
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::json;
use testbed::{
    control_plane::ControlPlane,
    helm::Helm,
    keda::Keda,
    operations, poll,
    worker::Kind,
    world::{Peers, World},
};

/// KEDA looks every second and the autoscaler every two; the machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(90);
/// Where the release is.
const NAMESPACE: &str = "workers";
const SECRET: &str = "keda-rabbitmq";
const PASSWORD: &str = "of-the-scaler-of-one-test";

/// The release and how its workers scale.
pub(crate) struct Release {
    pub(crate) world: World,
    client: Client,
    keda: Keda,
    begin: Instant,
}

// === impl Release ===

impl Release {
    /// All peers, and the chart installed with its scaled objects: 20 starts or 50 checks for each replica, at least
    /// `fewest` verify-workers, and clocks that a test can wait for.
    pub(crate) async fn install(fewest: u32) -> anyhow::Result<Self> {
        let peers = Peers::autoscaling().await?;
        let world = World::of("scale", &peers).await?;
        let client = peers.control_plane.client()?;
        let keda = Keda::start(&peers.control_plane, peers.pki(), world.directory()).await?;
        writeln!(std::io::stderr(), "peers: {}, KEDA", peers.describe())?;
        declare(&world).await?;
        may_read_lengths(&peers, world.vhost.name()).await?;
        let mut release = Self {
            world,
            client,
            keda,
            begin: Instant::now(),
        };
        release.secret().await?;
        release.helm(&peers.control_plane, fewest).await?;
        release.begin = Instant::now();
        Ok(release)
    }

    /// The Secret that the trigger authentication refers to.
    async fn secret(&self) -> anyhow::Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } }))?;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.create(&PostParams::default(), &namespace).await?;
        let secret: Secret = serde_json::from_value(json!({
            "metadata": { "name": SECRET },
            "stringData": { "username": "keda", "password": PASSWORD },
        }))?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        secrets.create(&PostParams::default(), &secret).await?;
        Ok(())
    }

    async fn helm(&self, cluster: &ControlPlane, fewest: u32) -> anyhow::Result<()> {
        let vhost = &self.world.vhost;
        let fast = json!({
            "mode": "keda", "pollingInterval": 1, "scaleDownStabilization": 2, "scaleDownPeriod": 1,
        });
        let mut verify = fast.clone();
        verify["minReplicas"] = json!(fewest);
        let values = json!({
            "fullnameOverride": "sd",
            "env": {
                "RABBITMQ_VIRTUAL_HOST": format!("/{}", vhost.name()),
                "RABBITMQ_QUEUE": vhost.queue(),
                "RABBITMQ_RETRYQUEUE": vhost.retry_queue(),
                "RABBITMQ_RETRYQUEUE_ENABLED": "true",
            },
            "keda": {
                "host": self.world.peers.broker.management().await?,
                "secret": { "name": SECRET }, "fallbackReplicas": 2, "cooldownPeriod": 2,
            },
            "workers": { "start-worker": { "autoscaling": fast }, "verify-worker": { "autoscaling": verify } },
        });
        let file = self.world.directory().join("values.json");
        std::fs::write(&file, values.to_string())?;
        let arguments = [
            "install",
            "sd",
            "deploy/chart",
            "--namespace",
            NAMESPACE,
            "--values",
            &file.display().to_string(),
        ];
        let helm = Helm::find().await?;
        helm.succeed(cluster.kubeconfig(), &arguments).await?;
        Ok(())
    }

    /// How many replicas each Deployment is told to have.
    async fn replicas(&self) -> anyhow::Result<(i32, i32)> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut replicas = Vec::new();
        for kind in [Kind::Start, Kind::Verify] {
            let deployment = deployments.get(&format!("sd-{}", kind.binary())).await?;
            replicas.push(
                deployment
                    .spec
                    .and_then(|spec| spec.replicas)
                    .context("no replicas")?,
            );
        }
        Ok((replicas[0], replicas[1]))
    }

    /// Waits until the Deployments have so many replicas, and says when that was.
    pub(crate) async fn scales_to(&self, what: &str, wanted: (i32, i32)) -> anyhow::Result<()> {
        poll::until(what, SOON, || async {
            let replicas = self.replicas().await?;
            anyhow::ensure!(
                replicas == wanted,
                "start and verify have {replicas:?}, not {wanted:?}"
            );
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let after = self.begin.elapsed().as_secs_f64();
        writeln!(
            std::io::stderr(),
            "scaled: {wanted:?} after {after:.1} s ({what})"
        )?;
        Ok(())
    }

    pub(crate) fn scaled_objects(&self) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject"));
        Api::namespaced_with(self.client.clone(), NAMESPACE, &kind)
    }

    /// Waits until KEDA says of both scaled objects that their triggers can be read.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        self.said("Ready", "both scaled objects to be ready").await
    }

    /// Waits until this condition of both scaled objects is true.
    pub(crate) async fn said(&self, condition: &str, what: &str) -> anyhow::Result<()> {
        poll::until(what, SOON, || async {
            let objects = self
                .scaled_objects()
                .list(&kube::api::ListParams::default())
                .await?;
            let says = |object: &DynamicObject| {
                let conditions = object.data["status"]["conditions"].as_array();
                conditions
                    .into_iter()
                    .flatten()
                    .any(|each| each["type"] == condition && each["status"] == "True")
            };
            let all = objects
                .items
                .iter()
                .map(|object| &object.data["status"]["conditions"]);
            anyhow::ensure!(
                objects.items.len() == 2 && objects.items.iter().all(says),
                "{:?}",
                all.collect::<Vec<_>>()
            );
            Ok::<_, anyhow::Error>(())
        })
        .await
    }

    pub(crate) async fn explain(&self) -> String {
        format!("{}\n{}", self.keda.explain(), self.world.explain().await)
    }
}

/// The workers declare their queues when they are first started.
async fn declare(world: &World) -> anyhow::Result<()> {
    let (mut start, mut verify) = world.workers(&[]).await?;
    for worker in [&mut start, &mut verify] {
        worker.terminate(SOON).await?;
    }
    Ok(())
}

/// As docs/SCALING.md tells it: a user who may see the vhost's queues and use none of them.
async fn may_read_lengths(peers: &Peers, vhost: &str) -> anyhow::Result<()> {
    for command in ["add_user keda", "set_user_tags keda"] {
        typed(peers, vhost, command).await?;
    }
    may_see_the_vhost(peers, vhost).await
}

/// The last of these commands, which is easily forgotten.
pub(crate) async fn may_see_the_vhost(peers: &Peers, vhost: &str) -> anyhow::Result<()> {
    typed(peers, vhost, "set_permissions -p screwdriver keda").await
}

/// Types the document's command that begins so.
async fn typed(peers: &Peers, vhost: &str, command: &str) -> anyhow::Result<()> {
    let ours = [("$PASSWORD", PASSWORD), ("screwdriver", vhost)];
    let words = operations::rabbitmqctl(command, &ours)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    peers.broker.ctl(&words).await?;
    Ok(())
}
