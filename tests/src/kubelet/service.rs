//! The kubelet's own thread: watches all pods, starts a life for each one on its nodes, renews the leases.
//!
//! A thread with its own runtime, because tests have one each and end while others go on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::BoxStream};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{
    node::{self, NodeSpec},
    pod::PodLife,
    script::Script,
};

/// How long the nodes of a cluster that no longer answers are worth waiting for.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the kubelet is asked for.
pub(super) enum Order {
    /// A new node of this name.
    Add(NodeSpec, String, oneshot::Sender<anyhow::Result<()>>),
    /// A node's end.
    Remove(String, oneshot::Sender<anyhow::Result<()>>),
}

/// A pod on one of our nodes. Dropping it ends its life.
struct Guest {
    node: String,
    pod: watch::Sender<Arc<Pod>>,
}

/// The state of the thread.
pub(super) struct Service {
    client: Client,
    script: Arc<Script>,
    /// By name; without the object until the API server has it. Its first pod may come before that.
    nodes: HashMap<String, Option<Node>>,
    guests: HashMap<String, Guest>,
    lives: JoinSet<()>,
    additions: JoinSet<(String, Option<Node>)>,
    /// The pods of a list that is being read: what is not among them at its end was deleted meanwhile.
    listed: HashSet<String>,
}

// === impl Service ===

impl Service {
    pub(super) fn new(client: Client, script: Arc<Script>) -> Self {
        Self {
            client,
            script,
            nodes: HashMap::new(),
            guests: HashMap::new(),
            lives: JoinSet::new(),
            additions: JoinSet::new(),
            listed: HashSet::new(),
        }
    }

    /// Works until nobody can order anything any more, then takes the nodes away.
    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut pods = self.watch();
        let mut renewal = tokio::time::interval(node::RENEWAL);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                Some(added) = self.additions.join_next() => if let Ok((name, node)) = added {
                    self.added(&name, node);
                },
                Some(event) = pods.next() => if let Ok(event) = event { self.seen(event) },
                Some(ended) = self.lives.join_next() => {
                    if let Err(panic) = ended {
                        self.script.fault(None, format!("a life ended early: {panic}"));
                    }
                }
                _ = renewal.tick() => self.renew().await,
            }
        }
        self.lives.shutdown().await;
        let _ = tokio::time::timeout(FAREWELL, self.leave()).await;
    }

    fn watch(&self) -> BoxStream<'static, watcher::Result<watcher::Event<Pod>>> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        watcher(pods, watcher::Config::default())
            .default_backoff()
            .boxed()
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Add(spec, name, answer) => {
                let client = self.client.clone();
                self.nodes.insert(name.clone(), None);
                self.additions.spawn(async move {
                    let added = node::add(client, spec, name.clone()).await;
                    let (node, result) = match added {
                        Ok(node) => (Some(node), Ok(())),
                        Err(error) => (None, Err(error)),
                    };
                    let _ = answer.send(result);
                    (name, node)
                });
            }
            Order::Remove(name, answer) => {
                self.nodes.remove(&name);
                self.guests.retain(|_, guest| guest.node != name);
                let _ = answer.send(node::remove(self.client.clone(), &name).await);
            }
        }
    }

    fn added(&mut self, name: &str, node: Option<Node>) {
        match (self.nodes.get_mut(name), node) {
            (Some(known), Some(node)) => *known = Some(node),
            (Some(_), None) => drop(self.nodes.remove(name)),
            // Ordered away again before this was noted.
            (None, _) => {}
        }
    }

    fn seen(&mut self, event: watcher::Event<Pod>) {
        match event {
            watcher::Event::Apply(pod) => self.apply(pod),
            watcher::Event::Delete(pod) => {
                self.guests.remove(&pod.uid().unwrap_or_default());
            }
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(pod) => {
                self.listed.insert(pod.uid().unwrap_or_default());
                self.apply(pod);
            }
            watcher::Event::InitDone => self.guests.retain(|uid, _| self.listed.contains(uid)),
        }
    }

    fn apply(&mut self, pod: Pod) {
        let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) else {
            return;
        };
        if !self.nodes.contains_key(&node) {
            return;
        }
        let uid = pod.uid().unwrap_or_default();
        let pod = Arc::new(pod);
        if let Some(guest) = self.guests.get(&uid) {
            guest.pod.send_replace(pod);
            return;
        }
        let (sender, changes) = watch::channel(pod);
        if let Some(life) = PodLife::new(self.client.clone(), self.script.clone(), changes) {
            self.guests.insert(uid, Guest { node, pod: sender });
            self.lives.spawn(life.live());
        }
    }

    async fn renew(&mut self) {
        for node in self.nodes.values().flatten() {
            if let Err(error) = node::renew(&self.client, node).await {
                tracing::debug!("lease not renewed: {error:#}");
            }
        }
    }

    async fn leave(&self) {
        for name in self.nodes.keys() {
            if node::remove(self.client.clone(), name).await.is_err() {
                return;
            }
        }
    }
}
