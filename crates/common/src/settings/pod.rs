//! Everything in an executor's options that shapes the pod.
//!
//! The keys are the predecessor's, so its configuration files work unchanged. Which of them the two
//! shapes of pod use is the manifest's business.

mod entries;
mod unused;

use k8s_openapi::api::core::v1::Lifecycle;
use serde::{Deserialize, Serialize};

pub use self::entries::{HostMount, SecretFile, SecretVariable};
use self::unused::{UNUSED_BESIDE_BY_VM, UNUSED_BY_K8S, UNUSED_BY_VM, UNUSED_DISK_BY_K8S};
use super::{ecosystem::EcosystemSettings, plugin::Plugin, quantity::StorageQuantity, section::Section};

/// Everything that shapes the pod.
#[derive(Debug, Clone)]
pub struct PodSettings {
    /// Image of the launcher, without a tag.
    pub launch_image: String,
    /// Tag of the launcher's image; names its folder on the node too.
    pub launch_version: String,
    /// `SD_HAB_ENABLED` of the build.
    pub hab_enabled: bool,
    /// Image of the runner of virtual machines (executor k8s-vm, which cannot do without).
    pub base_image: Option<String>,
    /// Minutes a build may run unless its job asks for others.
    pub build_timeout: f64,
    /// Most minutes that a job may ask for.
    pub max_build_timeout: f64,
    /// Seconds that the pod gets to end; jobs may ask for more.
    pub termination_grace_period: u32,
    /// Service account of the pod.
    pub service_account: String,
    /// Whether the build sees the service account's token.
    pub automount_service_account_token: bool,
    /// `dnsPolicy` of the pod.
    pub dns_policy: String,
    /// `imagePullPolicy` of the build container.
    pub image_pull_policy: String,
    /// Secret with the registry's credentials.
    pub image_pull_secret: Option<String>,
    /// `runtimeClassName` of the pod.
    pub runtime_class: Option<String>,
    /// Whether the build container is privileged.
    pub privileged: bool,
    /// What jobs may ask for beside the build container.
    pub sidecars: SidecarSettings,
    /// Sizes in cores.
    pub cpu: Sizes,
    /// Sizes in GB.
    pub memory: Sizes,
    /// How much local storage a build may use.
    pub ephemeral_storage: EphemeralStorage,
    /// How the build gets its token.
    pub token_place: TokenPlace,
    /// Label key of nodes by disk space (executor k8s-vm).
    pub disk_space_label: Option<String>,
    /// Label key of nodes by disk speed.
    pub disk_speed_label: Option<String>,
    /// Further labels of the pod.
    pub labels: Vec<(String, String)>,
    /// Annotations of the pod.
    pub annotations: Vec<(String, String)>,
    /// Labels that the node must have; taints of the same key and value are tolerated.
    pub node_selectors: Vec<(String, String)>,
    /// Labels that the node should have.
    pub preferred_node_selectors: Vec<(String, String)>,
    /// `lifecycle` of the build container.
    pub lifecycle: Option<Hooks>,
    /// Host paths in the build container.
    pub host_mounts: Vec<HostMount>,
    /// Secrets in the build container's environment.
    pub secret_variables: Vec<SecretVariable>,
    /// Secrets as files in the build container.
    pub secret_files: Vec<SecretFile>,
    /// Where the rest of Screwdriver is, and the caches.
    pub ecosystem: EcosystemSettings,
}

/// What jobs may ask for beside the build container; each runs privileged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SidecarSettings {
    /// A docker daemon.
    pub docker: bool,
    /// A rootless buildkit daemon; off unless asked for (D31).
    pub buildkit: bool,
}

/// What the names of sizes in a job's annotations mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// The most that a job may ask for by number; for CPU also `MAX`.
    pub max: f64,
    /// `TURBO`.
    pub turbo: f64,
    /// `HIGH`.
    pub high: f64,
    /// `LOW`, and whatever is not understood.
    pub low: f64,
    /// `MICRO`.
    pub micro: f64,
}

/// How a build gets its token (D28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPlace {
    /// In the pod's arguments, where whoever may read pods can read it.
    Arguments,
    /// In a secret that the pod owns.
    Secret,
}

/// How much local storage a build may use; neither set: as much as the node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EphemeralStorage {
    /// The limit of builds that do not ask.
    pub default: Option<StorageQuantity>,
    /// The most that a job may ask for.
    pub max: Option<StorageQuantity>,
}

/// What runs after a build's container started and before it stops. Not printed: hooks may send credentials.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Hooks(pub Lifecycle);

const DNS_POLICIES: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
/// Enough for who means "no limit", and the number still prints as a whole one.
const MOST_MINUTES: f64 = 1_000_000_000.0;
const MOST_SECONDS: u64 = u32::MAX as u64;

// === impl PodSettings ===

impl PodSettings {
    pub(super) fn read(options: &Section<'_>, plugin: Plugin, ecosystem: EcosystemSettings) -> Self {
        let kubernetes = options.section("kubernetes");
        let minutes = |key: &str, default| {
            if kubernetes.counts_as_unset(key, default) {
                return default;
            }
            kubernetes.number_or(key, 0.001..=MOST_MINUTES, "a number of minutes", default)
        };
        let resources = kubernetes.section("resources");
        let disk = resources.section("disk");
        // What each shape alone reads.
        let (container, beside, machine, machine_disk) = match plugin {
            Plugin::K8s => (
                kubernetes.clone(),
                options.clone(),
                kubernetes.set_aside(&UNUSED_BY_K8S),
                disk.set_aside(&UNUSED_DISK_BY_K8S),
            ),
            Plugin::K8sVm => (
                kubernetes.set_aside(&UNUSED_BY_VM),
                options.set_aside(&UNUSED_BESIDE_BY_VM),
                kubernetes.clone(),
                disk.clone(),
            ),
        };
        Self {
            launch_image: options.name_or("launchImage", "screwdrivercd/launcher"),
            launch_version: options.name_or("launchVersion", "stable"),
            hab_enabled: beside.boolean_or("sdHabEnabled", true),
            base_image: machine.name("baseImage"),
            build_timeout: minutes("buildTimeout", 90.0),
            max_build_timeout: minutes("maxBuildTimeout", 120.0),
            termination_grace_period: grace_period(&kubernetes),
            service_account: container.name_or("serviceAccount", "default"),
            automount_service_account_token: container.boolean_or("automountServiceAccountToken", false),
            dns_policy: container.word_or_first("dnsPolicy", DNS_POLICIES),
            image_pull_policy: container.word_or_first("imagePullPolicy", PULL_POLICIES),
            image_pull_secret: container.name("imagePullSecretName"),
            runtime_class: container.name("runtimeClass"),
            privileged: container.boolean_or("privileged", false),
            sidecars: SidecarSettings {
                docker: container.boolean_or("dockerFeatureEnabled", false),
                buildkit: container.boolean_or("rootlessBuildkitFeatureEnabled", false),
            },
            cpu: Sizes::read(
                &resources.section("cpu"),
                Sizes::default_cpu(plugin),
                "a number of cores",
            ),
            memory: Sizes::read(
                &resources.section("memory"),
                Sizes::DEFAULT_MEMORY,
                "a number of GB",
            ),
            ephemeral_storage: EphemeralStorage::read(&resources.section("ephemeralStorage")),
            token_place: if kubernetes.boolean_or("buildTokenSecret", false) {
                TokenPlace::Secret
            } else {
                TokenPlace::Arguments
            },
            disk_space_label: machine_disk.name("space"),
            disk_speed_label: disk.name("speed"),
            labels: container.texts("podLabels"),
            annotations: container.texts("annotations"),
            node_selectors: kubernetes.texts("nodeSelectors"),
            preferred_node_selectors: kubernetes.texts("preferredNodeSelectors"),
            lifecycle: container.object("lifecycleHooks", "a Kubernetes lifecycle (postStart, preStop)"),
            host_mounts: container
                .sections("volumeMounts")
                .iter()
                .map(HostMount::read)
                .collect(),
            secret_variables: container
                .sections("buildSecrets")
                .iter()
                .map(SecretVariable::read)
                .collect(),
            secret_files: container
                .sections("buildSecretsFile")
                .iter()
                .map(SecretFile::read)
                .collect(),
            ecosystem,
        }
    }
}

fn grace_period(kubernetes: &Section<'_>) -> u32 {
    let (key, what) = ("terminationGracePeriodSeconds", "a whole number of seconds");
    if kubernetes.counts_as_unset(key, 30) {
        return 30;
    }
    u32::try_from(kubernetes.integer_or(key, 0..=MOST_SECONDS, what, 30)).unwrap_or(30)
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks(..)")
    }
}

// === impl Sizes ===

impl Sizes {
    const DEFAULT_MEMORY: Self = Self {
        max: 16.0,
        turbo: 16.0,
        high: 12.0,
        low: 2.0,
        micro: 1.0,
    };

    /// A virtual machine takes whole cores only.
    const fn default_cpu(plugin: Plugin) -> Self {
        let micro = match plugin {
            Plugin::K8s => 0.5,
            Plugin::K8sVm => 1.0,
        };
        Self {
            max: 12.0,
            turbo: 12.0,
            high: 6.0,
            low: 2.0,
            micro,
        }
    }

    fn read(section: &Section<'_>, default: Self, what: &str) -> Self {
        let size = |key: &str, default| section.number_or(key, 0.001..=100_000.0, what, default);
        Self {
            max: size("max", default.max),
            turbo: size("turbo", default.turbo),
            high: size("high", default.high),
            low: size("low", default.low),
            micro: size("micro", default.micro),
        }
    }
}

// === impl EphemeralStorage ===

impl EphemeralStorage {
    fn read(section: &Section<'_>) -> Self {
        let quantity = |key: &str| {
            let text = section.text(key)?;
            let quantity = StorageQuantity::parse(&text);
            if quantity.is_none() {
                section.problem(key, "expected an amount of storage, such as 10Gi");
            }
            quantity
        };
        let (default, max) = (quantity("default"), quantity("max"));
        if let (Some(default), Some(max)) = (&default, &max)
            && default > max
        {
            section.problem("default", "expected no more than max");
        }
        Self { default, max }
    }
}
