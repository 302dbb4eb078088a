//! A real node: kubelet, containerd and runc as root, in mount and PID namespaces of their own, and the registry
//! that its images come from. Ends with its value, without a trace on the machine.
//!
//! It hides what a node would change (`tests/node/enter.sh`) instead of putting it back, so that a killed test leaves
//! nothing behind either; only its empty cgroups have to be removed.

mod image;
mod leftovers;
mod registry;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::{
    control_plane::{ControlPlane, random_name},
    helm::script,
    poll,
    process::{self, Process, free_port, guarded},
};

pub use image::{Files, Image};
pub use leftovers::Machine;
pub use registry::Registry;

/// From start to a Ready node took 4 s on an idle machine.
const READY: Duration = Duration::from_secs(90);

/// The kernel ends a PID namespace within milliseconds; a busy machine takes its time.
const ENDED: Duration = Duration::from_secs(30);

/// A destructor cannot wait otherwise: 10 s at most.
const PATIENCE: u32 = 400;
const PACE: Duration = Duration::from_millis(25);

/// Only pods that tolerate it come here, and those that select it come nowhere else.
pub const LABEL: (&str, &str) = ("testbed", "real-node");

/// Tells where a node can run.
const POSSIBLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/possible.sh");

/// What becomes of this machine inside the node's namespaces.
const ENTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/enter.sh");

/// The network plugin.
const CNI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/cni.sh");

/// A running node.
#[derive(Debug)]
pub struct RealNode {
    name: String,
    process: Process,
    directory: PathBuf,
    nodes: Api<Node>,
}

/// The folder with kubelet, containerd, runc and busybox; they are built first if need be.
pub async fn programs() -> anyhow::Result<PathBuf> {
    Ok(script("tests/node/build.sh", &[]).await?.into())
}

/// Why no node can run on this machine, in words; nothing where one can.
pub fn hindrance() -> anyhow::Result<Option<String>> {
    let output = Command::new(POSSIBLE)
        .output()
        .context("run tests/node/possible.sh")?;
    if output.status.success() {
        return Ok(None);
    }
    let words = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    anyhow::ensure!(
        !words.is_empty(),
        "possible.sh: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Some(words))
}

// === impl RealNode ===

impl RealNode {
    /// Starts a node of `cluster` with its files in `directory`, and waits until it is Ready. `pause` is the image
    /// that holds a pod's namespaces.
    pub async fn start(
        cluster: &ControlPlane,
        programs: &Path,
        directory: &Path,
        pause: &str,
    ) -> anyhow::Result<Self> {
        let kubeconfig = cluster
            .kubeconfig()
            .context("a node joins only a cluster of ours")?;
        let name = format!("real-{}", random_name());
        for hidden in ["/opt", "/run", "/var/lib", "/var/log"] {
            anyhow::ensure!(
                !directory.starts_with(hidden),
                "the node hides {hidden}: set TMPDIR to another folder"
            );
        }
        std::fs::create_dir_all(directory)?;
        write_configuration(directory, &name, pause, cluster.ca_file())?;
        leftovers::make_cgroups(&name)?;
        let mut command = guarded(Path::new("/usr/bin/unshare"));
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
            .arg(ENTER)
            .args([directory, programs])
            .arg(&name)
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--node-labels={}={}", LABEL.0, LABEL.1))
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            );
        let process = Process::start("the node", &mut command, &directory.join("enter.log"))?;
        let mut node = Self {
            name,
            process,
            directory: directory.to_owned(),
            nodes: Api::all(cluster.client()?),
        };
        node.ready().await.with_context(|| node.logs(15))?;
        Ok(node)
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ends of its logs.
    pub fn logs(&self, lines: usize) -> String {
        let one = |log: &str| {
            let text = process::tail(&self.directory.join(log), lines);
            format!("== {log}\n{text}\n")
        };
        ["enter.log", "containerd.log", "kubelet.log"].map(one).concat()
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let (nodes, name, process) = (&self.nodes, &self.name, &mut self.process);
        let waited = poll::until("the node to be Ready", READY, || {
            let ended = process.ended();
            async move {
                if let Some(status) = ended? {
                    return Ok(Err(anyhow::anyhow!("the node has ended: {status}")));
                }
                let node = nodes.get(name).await?;
                let conditions = node
                    .status
                    .and_then(|status| status.conditions)
                    .unwrap_or_default();
                let ready = conditions
                    .into_iter()
                    .find(|condition| condition.type_ == "Ready");
                let ready = ready.context("it says nothing yet")?;
                anyhow::ensure!(ready.status == "True", "{:?}", ready.message);
                let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
                anyhow::ensure!(taints.iter().all(|taint| taint.key == LABEL.0), "{taints:?}");
                Ok::<_, anyhow::Error>(Ok(()))
            }
        });
        waited.await.flatten()
    }

    /// Ends it with all its containers, and waits until nothing of it is left on this machine.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.process.kill();
        let _ = self.nodes.delete(&self.name, &DeleteParams::default()).await;
        poll::until("the node's cgroups to go", ENDED, || async {
            leftovers::remove_cgroups(&self.name)
        })
        .await
    }
}

impl Drop for RealNode {
    fn drop(&mut self) {
        self.process.kill();
        // What is still ending keeps its cgroup, and writes into a directory that is about to be removed.
        for _ in 0..PATIENCE {
            if leftovers::remove_cgroups(&self.name).is_ok() {
                return;
            }
            std::thread::park_timeout(PACE);
        }
    }
}

fn write_configuration(
    directory: &Path,
    name: &str,
    pause: &str,
    authority: Option<&Path>,
) -> anyhow::Result<()> {
    let at = |path: &str| directory.join(path).display().to_string();
    let (plugins, networks) = (at("cni/bin"), at("cni/net.d"));
    std::fs::create_dir_all(&plugins)?;
    std::fs::create_dir_all(&networks)?;
    for plugin in ["loopback", "none"] {
        std::fs::copy(CNI, Path::new(&plugins).join(plugin)).context("copy the network plugin")?;
    }
    // Not the machine's: where systemd-resolved runs, that is a link into a folder that the node hides.
    std::fs::write(directory.join("resolv.conf"), "nameserver 192.0.2.53\n")?;
    let network = json!({ "cniVersion": "0.3.1", "name": "none", "plugins": [{ "type": "none" }] });
    std::fs::write(Path::new(&networks).join("10-none.conflist"), network.to_string())?;

    let containerd = format!(
        r#"version = 2
root = "{root}"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE no score may be lowered, and every sandbox would die of it.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "{runc}"
"#,
        root = at("containerd"),
        runc = at("bin/runc"),
    );
    std::fs::write(directory.join("containerd.toml"), containerd)?;

    let kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": "127.0.0.1", "port": free_port()?, "healthzPort": 0, "readOnlyPort": 0,
        "authentication": {
            "anonymous": { "enabled": false }, "webhook": { "enabled": false },
            "x509": { "clientCAFile": authority },
        },
        "authorization": { "mode": "AlwaysAllow" },
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs", "cgroupRoot": format!("/{name}"), "failCgroupV1": false,
        "enforceNodeAllocatable": [], "failSwapOn": false, "oomScoreAdj": 0,
        "makeIPTablesUtilChains": false, "serializeImagePulls": false,
        // Neither a full disk nor a busy machine is what is tested.
        "evictionHard": { "memory.available": "10Mi" }, "imageGCHighThresholdPercent": 100,
        "eventRecordQPS": 500, "eventBurst": 1000, "nodeStatusUpdateFrequency": "2s",
        "resolvConf": at("resolv.conf"), "clusterDNS": ["192.0.2.53"], "clusterDomain": "cluster.local",
        "podLogsDir": at("pod-logs"), "volumePluginDir": at("volume-plugins"),
        "registerWithTaints": [{ "key": LABEL.0, "value": LABEL.1, "effect": "NoSchedule" }],
    });
    std::fs::write(directory.join("kubelet.json"), kubelet.to_string())?;
    Ok(())
}
