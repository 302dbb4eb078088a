//! Nodes: what the scheduler and the node controller want to see of a machine.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::{Node, NodeAddress, NodeCondition, NodeSpec as Spec, NodeStatus, NodeSystemInfo, Taint},
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference, Time},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};

use crate::poll;

/// The address of every node, from the range for documentation.
pub(super) const ADDRESS: &str = "192.0.2.2";

/// How often a lease is renewed. The node controller waits 50 s before it calls a node lost.
pub(super) const RENEWAL: Duration = Duration::from_secs(5);

/// The node controller takes the taint of a new node away within milliseconds of seeing it ready.
const SCHEDULABLE: Duration = Duration::from_secs(30);

/// Where leases of nodes live. The API server makes this namespace.
const LEASES: &str = "kube-node-lease";

/// A node to add. By default it is large, and takes every pod that asks for no particular node.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    cpu: String,
    memory: String,
    pods: u32,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
}

// === impl NodeSpec ===

impl Default for NodeSpec {
    fn default() -> Self {
        Self {
            cpu: "4000".to_owned(),
            memory: "16Ti".to_owned(),
            pods: 20_000,
            labels: BTreeMap::new(),
            taints: Vec::new(),
        }
    }
}

impl NodeSpec {
    /// With that much CPU and memory, as Kubernetes quantities, and room for that many pods.
    #[must_use]
    pub fn capacity(mut self, cpu: &str, memory: &str, pods: u32) -> Self {
        (self.cpu, self.memory, self.pods) = (cpu.to_owned(), memory.to_owned(), pods);
        self
    }

    /// With a label that node selectors can ask for.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Only for pods that tolerate `key`: other tests' pods stay away.
    #[must_use]
    pub fn taint(mut self, key: &str) -> Self {
        let taint = Taint {
            key: key.to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        self.taints.push(taint);
        self
    }

    fn node(&self, name: &str, now: Timestamp) -> Node {
        let fixed = [("hostname", name), ("os", "linux"), ("arch", "amd64")];
        let fixed = fixed.map(|(key, value)| (format!("kubernetes.io/{key}"), value.to_owned()));
        Node {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(self.labels.clone().into_iter().chain(fixed).collect()),
                ..ObjectMeta::default()
            },
            spec: Some(Spec {
                taints: Some(self.taints.clone()),
                ..Spec::default()
            }),
            status: Some(NodeStatus {
                allocatable: Some(self.resources()),
                capacity: Some(self.resources()),
                addresses: Some(addresses(name)),
                conditions: Some(conditions(now)),
                node_info: Some(NodeSystemInfo {
                    architecture: "amd64".to_owned(),
                    operating_system: "linux".to_owned(),
                    kubelet_version: "scripted".to_owned(),
                    container_runtime_version: "scripted://0".to_owned(),
                    ..NodeSystemInfo::default()
                }),
                ..NodeStatus::default()
            }),
        }
    }

    fn resources(&self) -> BTreeMap<String, Quantity> {
        let pods = self.pods.to_string();
        let amounts = [
            ("cpu", self.cpu.as_str()),
            ("memory", &self.memory),
            ("pods", &pods),
            ("ephemeral-storage", "16Ti"),
        ];
        amounts
            .into_iter()
            .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
            .collect()
    }
}

/// Adds a node and waits until the scheduler may use it.
pub(super) async fn add(client: Client, spec: NodeSpec, name: String) -> anyhow::Result<Node> {
    let nodes: Api<Node> = Api::all(client.clone());
    let object = spec.node(&name, super::now());
    let node = nodes
        .create(&PostParams::default(), &object)
        .await
        .with_context(|| format!("add node {name}"))?;
    renew(&client, &node).await?;
    poll::until(
        &format!("node {name} to become schedulable"),
        SCHEDULABLE,
        || async {
            let node = nodes.get(&name).await?;
            let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
            anyhow::ensure!(taints.len() <= spec.taints.len(), "it has the taints {taints:?}");
            Ok(())
        },
    )
    .await?;
    Ok(node)
}

/// Takes a node away.
pub(super) async fn remove(client: Client, name: &str) -> anyhow::Result<()> {
    Api::<Node>::all(client)
        .delete(name, &DeleteParams::default())
        .await?;
    Ok(())
}

/// Says that a node is alive.
pub(super) async fn renew(client: &Client, node: &Node) -> anyhow::Result<()> {
    let name = node.name_any();
    let owner = OwnerReference {
        api_version: Node::api_version(&()).into_owned(),
        kind: Node::kind(&()).into_owned(),
        name: name.clone(),
        uid: node.uid().unwrap_or_default(),
        ..OwnerReference::default()
    };
    let lease = Lease {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(name.clone()),
            lease_duration_seconds: Some(40),
            renew_time: Some(MicroTime(super::now())),
            ..LeaseSpec::default()
        }),
    };
    let leases: Api<Lease> = Api::namespaced(client.clone(), LEASES);
    leases
        .patch(
            &name,
            &PatchParams::apply("scripted-kubelet").force(),
            &Patch::Apply(lease),
        )
        .await?;
    Ok(())
}

fn addresses(name: &str) -> Vec<NodeAddress> {
    let address = |kind: &str, address: &str| NodeAddress {
        type_: kind.to_owned(),
        address: address.to_owned(),
    };
    vec![address("InternalIP", ADDRESS), address("Hostname", name)]
}

fn conditions(now: Timestamp) -> Vec<NodeCondition> {
    let condition = |kind: &str, status: &str, reason: &str| NodeCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        last_heartbeat_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
        ..NodeCondition::default()
    };
    vec![
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        condition("Ready", "True", "KubeletReady"),
    ]
}
