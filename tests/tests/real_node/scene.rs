//! A corner of the peers with a real node in it and the images that builds run in. Whatever a test does there, the
//! machine is as before afterwards.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use anyhow::Context;
use serde_json::json;
use testbed::{
    broker::message::BuildConfig,
    node::{Files, LABEL, Machine, RealNode, Registry, hindrance, programs},
    poll,
    world::World,
};
use tokio::sync::Mutex;

use crate::VERDICT;

/// One node at a time: each looks whether the machine is as it was.
static ONE: Mutex<()> = Mutex::const_new(());

/// The stop messages of builds that have not ended.
type Stops = Arc<std::sync::Mutex<HashMap<u64, String>>>;

/// What a test has.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) registry: Registry,
    pub(crate) node: RealNode,
    stops: Stops,
}

/// What our launcher does when a build's container starts: what the image says.
const ENTRYPOINT: &str = "#!/bin/sh\nexec /bin/sh -c \"$*\"\n";
const RUN: &str = "#!/bin/sh\nexec /bin/sh /build\n";

/// Plays `act` on a real node, tidies up, and compares the machine with what it was.
pub(crate) async fn play(
    name: &str,
    act: impl AsyncFnOnce(&Scene) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if let Some(why) = hindrance()? {
        println!("skipped: {why}");
        return Ok(());
    }
    let _alone = ONE.lock().await;
    let before = Machine::look()?;
    let world = World::new(name).await?;
    if world.peers.control_plane.kubeconfig().is_none() {
        println!("skipped: no node joins a cluster that is not ours");
        return Ok(());
    }
    let scene = Scene::set(world).await?;
    let played = act(&scene).await;
    let played = match played {
        Ok(()) => Ok(()),
        Err(error) => {
            let (world, node) = (scene.world.explain().await, scene.node.logs(40));
            Err(error.context(format!("{world}\n{node}")))
        }
    };
    scene.node.stop().await?;
    played?;
    let left = Machine::look()?.added_since(&before);
    assert_eq!(left, Vec::<String>::new(), "left on the machine");
    Ok(())
}

// === impl Scene ===

impl Scene {
    async fn set(world: World) -> anyhow::Result<Self> {
        let programs = programs().await?;
        let busybox = programs.join("busybox");
        let registry = Registry::start(&world.directory().join("layouts"))?;
        let shell = || Files::new()?.shell(&busybox);
        let forever = "trap 'exit 0' TERM INT; sleep 1000000 & wait";

        let pause = json!({ "Entrypoint": ["/bin/sh", "-c", forever] });
        shell()?.image(&registry.layout("pause"), "1", &pause)?;
        shell()?
            .program("opt/sd/launch", b"")?
            .program("opt/sd/launcher_entrypoint.sh", ENTRYPOINT.as_bytes())?
            .program("opt/sd/run.sh", RUN.as_bytes())?
            .file("hab/none", b"")?
            .image(&registry.layout("launcher"), "1", &json!({}))?;
        // As it would be after a release that went wrong: the command of every build is missing.
        shell()?
            .program("opt/sd/launch", b"")?
            .file("hab/none", b"")?
            .image(&registry.layout("broken-launcher"), "broken", &json!({}))?;
        for (name, build) in [("works", forever), ("hungry", "tail /dev/zero")] {
            let files = shell()?.file("build", build.as_bytes())?;
            files.image(&registry.layout(name), "1", &json!({}))?;
        }

        let stops = Stops::default();
        stops_are_published(&world, &stops);
        let directory = world.directory().join("node");
        let pause = registry.image("pause:1");
        let node = RealNode::start(&world.peers.control_plane, &programs, &directory, &pause).await?;
        Ok(Self {
            world,
            registry,
            node,
            stops,
        })
    }

    /// Starts a build in one of our images, on the executor that is asked for.
    pub(crate) async fn start(
        &self,
        image: &str,
        executor: Option<&str>,
    ) -> anyhow::Result<(u64, BuildConfig)> {
        let (id, mut job) = self.world.build(&self.registry.image(image));
        if let Some(executor) = executor {
            job = job.annotation("screwdriver.cd/executor", executor);
        }
        let stop = job.stop();
        self.stops
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, stop);
        self.world.publish(job.start()).await?;
        Ok((id, job))
    }

    /// Settings with which builds' pods come to the node and fit into it.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let launcher = |name: &str, version: &str| json!({ "options": { "launchImage": self.registry.image(name), "launchVersion": version } });
        let executors = json!({ "executor": {
            "k8s": launcher("launcher", "1"), "k8s-sandbox": launcher("broken-launcher", "broken"),
        } });
        let selector = json!({ LABEL.0: LABEL.1 }).to_string();
        [
            ("NODE_CONFIG", executors.to_string()),
            ("K8S_NODE_SELECTORS", selector.clone()),
            ("K8S_SANDBOX_NODE_SELECTORS", selector),
            ("K8S_CPU_HIGH", "0.1".to_owned()),
            ("K8S_MEMORY_HIGH", "0.0625".to_owned()),
            // A build that dies a moment after a look has seen it run is seen by the next one.
            ("CHECK_WATCH_RUNNING", "2s".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Waits until a build has no pod, a terminating one neither.
    pub(crate) async fn no_pod(&self, build: u64) -> anyhow::Result<()> {
        poll::until(&format!("build {build} to have no pod"), VERDICT, || async {
            let pods = self.world.pods(build).await.context("look for pods")?;
            anyhow::ensure!(pods.is_empty(), "there are {}", pods.len());
            Ok::<_, anyhow::Error>(())
        })
        .await
    }
}

/// As Screwdriver does once a build has ended: what deletes the pods of builds that failed.
fn stops_are_published(world: &World, stops: &Stops) {
    let (vhost, stops) = (world.vhost.clone(), stops.clone());
    world.api.on_stop(move |id| {
        let message = stops.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let vhost = vhost.clone();
        async move {
            if let Some(message) = message
                && let Err(error) = vhost.publish(vhost.queue(), message).await
            {
                println!("a stop was not published: {error:#}");
            }
        }
    });
}
