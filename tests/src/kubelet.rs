//! A scripted kubelet: the nodes of a test cluster. It plays each pod's life through `pods/status` and events,
//! chosen by namespace and by the image of the build's container, and honours deletions as a real one does.
//!
//! Scheduling, quotas, garbage collection and everything else are the real control plane's.

mod conditions;
mod container;
mod events;
mod layout;
mod life;
mod lives;
mod node;
mod pod;
mod recording;
mod script;
mod service;
mod status;
mod writer;

use std::{fmt, sync::Arc, thread::JoinHandle};

use anyhow::Context;
use jiff::Timestamp;
use kube::{Client, Config};
use tokio::sync::{mpsc, oneshot};

use crate::control_plane::{ControlPlane, random_name};
use script::Script;
use service::{Order, Service};

pub use life::{Life, Role, Step};
pub use node::NodeSpec;
pub use recording::Recorded;

/// Nodes that play what they are told. One serves all tests of a run; its nodes go when it is dropped.
pub struct Kubelet {
    script: Arc<Script>,
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

// === impl Kubelet ===

impl Kubelet {
    /// Adds these nodes to the cluster and waits until pods can be scheduled on them.
    pub async fn start(control_plane: &ControlPlane, nodes: Vec<NodeSpec>) -> anyhow::Result<Self> {
        let script = Arc::new(Script::default());
        let (orders, inbox) = mpsc::unbounded_channel();
        let (config, shared) = (control_plane.config(), script.clone());
        let thread = std::thread::Builder::new()
            .name("kubelet".to_owned())
            .spawn(move || {
                if let Err(error) = serve(config, shared.clone(), inbox) {
                    shared.fault(None, format!("{error:#}"));
                }
            })
            .context("start the kubelet's thread")?;
        let kubelet = Self {
            script,
            orders: Some(orders),
            thread: Some(thread),
        };
        for node in nodes {
            kubelet.add_node(node).await?;
        }
        Ok(kubelet)
    }

    /// Pods of `namespace` whose build runs in `image` live like this. Others are healthy at once.
    pub fn script(&self, namespace: &str, image: &str, life: Life) {
        self.script.order(namespace, image, [life]);
    }

    /// The first pod with this image gets the first life, and so on; all further ones get the last.
    pub fn script_each(&self, namespace: &str, image: &str, lives: impl IntoIterator<Item = Life>) {
        self.script.order(namespace, image, lives);
    }

    /// Lets a pod go on that stands at [`Step::Hold`], or will.
    pub fn release(&self, namespace: &str, pod: &str) {
        self.script.gate(namespace, pod).add_permits(1);
    }

    /// Adds a node and returns its name once pods can be scheduled on it.
    pub async fn add_node(&self, node: NodeSpec) -> anyhow::Result<String> {
        let name = format!("node-{}", random_name());
        self.order(|answer| Order::Add(node, name.clone(), answer))
            .await?;
        Ok(name)
    }

    /// Takes a node away without a word to its pods: nothing more happens to them on it.
    pub async fn remove_node(&self, name: &str) -> anyhow::Result<()> {
        self.order(|answer| Order::Remove(name.to_owned(), answer)).await
    }

    /// What went wrong in the scripts of a namespace, such as a status that the API server refused, and in the
    /// kubelet itself. Empty when all is well.
    pub fn faults(&self, namespace: &str) -> Vec<String> {
        self.script.faults(namespace)
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<anyhow::Result<()>>) -> Order,
    ) -> anyhow::Result<()> {
        let (sender, answer) = oneshot::channel();
        let orders = self.orders.as_ref().context("the kubelet has ended")?;
        orders.send(order(sender)).ok().context("the kubelet has ended")?;
        answer.await.context("the kubelet has ended")?
    }
}

impl fmt::Debug for Kubelet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Kubelet").finish_non_exhaustive()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(config: Config, script: Arc<Script>, orders: mpsc::UnboundedReceiver<Order>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::try_from(config)?;
        Service::new(client, script).run(orders).await;
        Ok(())
    })
}

/// The time that goes into statuses, which are about now and decide nothing here.
#[expect(
    clippy::disallowed_methods,
    reason = "the scripted kubelet is a clock of the world under test"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
