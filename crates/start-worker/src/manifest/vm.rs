//! The pod of executor k8s-vm: a privileged container that runs the build in a virtual machine.

use k8s_openapi::{
    api::core::v1::{
        Affinity, Container, EnvVar, ExecAction, Lifecycle, LifecycleHandler, Pod, PodAffinityTerm,
        PodAntiAffinity, PodSpec, SecurityContext, Volume, VolumeMount, WeightedPodAffinityTerm,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta},
};

use super::{
    ManifestError,
    build_container::{cache_words, node_name, trace, variable},
    caches::{DiskCache, or_empty},
    labels, launcher,
    resources::limits,
    scheduling,
    shape::Shape,
    volumes::{host_path, made_folder, mount},
};

/// Value of the label `app`, by which these pods keep away from each other.
pub(super) const APP: &str = "screwdriver-vm";

pub(super) fn pod(shape: &Shape<'_>) -> Result<Pod, ManifestError> {
    let no_image = || ManifestError::NoBaseImage {
        executor: shape.executor.name.clone(),
    };
    let image = shape.pod().base_image.as_deref().ok_or_else(no_image)?;
    Ok(Pod {
        metadata: ObjectMeta {
            name: Some(shape.name.to_owned()),
            labels: Some(labels::vm_labels(shape)),
            annotations: labels::annotations(shape, &[]),
            ..Default::default()
        },
        spec: Some(spec(shape, image)),
        status: None,
    })
}

fn spec(shape: &Shape<'_>, image: &str) -> PodSpec {
    let selectors = scheduling::selectors(shape);
    PodSpec {
        affinity: Some(Affinity {
            node_affinity: scheduling::node_affinity(shape, &selectors),
            pod_anti_affinity: Some(apart()),
            ..Default::default()
        }),
        tolerations: scheduling::tolerations(&selectors),
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(shape.grace_period),
        containers: vec![runner(shape, image)],
        init_containers: Some(vec![launcher::vm(shape)]),
        volumes: Some(volumes(shape)),
        ..Default::default()
    }
}

/// Better on a node without another virtual machine.
fn apart() -> PodAntiAffinity {
    let app = LabelSelectorRequirement {
        key: "app".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![APP.to_owned()]),
    };
    let term = PodAffinityTerm {
        topology_key: "kubernetes.io/hostname".to_owned(),
        label_selector: Some(LabelSelector {
            match_expressions: Some(vec![app]),
            match_labels: None,
        }),
        ..Default::default()
    };
    PodAntiAffinity {
        preferred_during_scheduling_ignored_during_execution: Some(vec![WeightedPodAffinityTerm {
            weight: 100,
            pod_affinity_term: term,
        }]),
        ..Default::default()
    }
}

fn runner(shape: &Shape<'_>, image: &str) -> Container {
    let cores = shape.size.cores;
    // Always a number, as with `thousandths`: what is asked for in jest is the API server's to refuse.
    let megabytes = (shape.size.gigabytes * 1024.0).clamp(f64::MIN, f64::MAX);
    let storage = shape.ephemeral_storage.as_deref();
    Container {
        name: "vm-launcher".to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("Always".to_owned()),
        lifecycle: Some(wait_before_stop()),
        security_context: Some(SecurityContext {
            privileged: Some(true),
            ..Default::default()
        }),
        resources: Some(limits(cores.to_string(), format!("{megabytes}Mi"), storage)),
        command: Some(vec!["/sd/hyper-runner.sh".to_owned()]),
        args: Some(arguments(shape, cores, megabytes)),
        env: Some(environment(shape)),
        volume_mounts: Some(mounts(shape)),
        ..Default::default()
    }
}

fn wait_before_stop() -> Lifecycle {
    let command = ["/bin/sh", "-c", "sleep 30"].map(str::to_owned).to_vec();
    let exec = ExecAction {
        command: Some(command),
    };
    let handler = LifecycleHandler {
        exec: Some(exec),
        ..Default::default()
    };
    Lifecycle {
        pre_stop: Some(handler),
        ..Default::default()
    }
}

/// Flags and values in turn.
fn arguments(shape: &Shape<'_>, cores: f64, megabytes: f64) -> Vec<String> {
    let (build, ecosystem) = (shape.build, &shape.pod().ecosystem);
    let cache = &ecosystem.cache;
    let [compress, md5check, max_size_mb, max_go_threads] = cache_words(cache);
    let cache_path = cache
        .disk_path(&shape.executor.prefix)
        .unwrap_or_else(|| cache.path.clone());
    let arguments = [
        ("--cpu", cores.to_string()),
        ("--memory", megabytes.to_string()),
        ("--container", build.container.to_owned()),
        ("--api_uri", ecosystem.api.as_str().to_owned()),
        ("--store_uri", ecosystem.store.as_str().to_owned()),
        ("--ui_uri", ecosystem.ui.as_str().to_owned()),
        ("--build_id", build.build_id.to_string()),
        ("--job_id", or_empty(shape.cache_job_id)),
        ("--event_id", or_empty(build.event_id)),
        ("--pipeline_id", or_empty(build.pipeline_id)),
        ("--id_with_prefix", shape.id_with_prefix.clone()),
        ("--build_token", shape.token.word().to_owned()),
        ("--build_timeout", shape.timeout.clone()),
        ("--launcher_version", shape.pod().launch_version.clone()),
        ("--cache_strategy", cache.strategy.as_str().to_owned()),
        ("--cache_path", cache_path),
        ("--cache_compress", compress),
        ("--cache_md5check", md5check),
        ("--cache_max_size_mb", max_size_mb),
        ("--cache_max_go_threads", max_go_threads),
    ];
    arguments
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}

fn environment(shape: &Shape<'_>) -> Vec<EnvVar> {
    let pushgateway = shape
        .pod()
        .ecosystem
        .pushgateway
        .as_ref()
        .map_or("", |address| address.as_str());
    let mut environment = vec![
        variable("SD_PUSHGATEWAY_URL", pushgateway),
        variable(
            "SD_TERMINATION_GRACE_PERIOD_SECONDS",
            shape.grace_period.to_string(),
        ),
        node_name(),
    ];
    environment.extend(shape.token.variable(shape.name));
    environment.extend(trace(shape));
    environment
}

fn mounts(shape: &Shape<'_>) -> Vec<VolumeMount> {
    let mut mounts = vec![
        mount("hyper-socket", "/var/run"),
        mount("sd-workspaces", "/var/sd-workspaces"),
        mount("sdlauncher", "/opt/sd"),
    ];
    let cache_paths = [
        "/opt/sd/cache/pipeline",
        "/opt/sd/cache/job",
        "/opt/sd/cache/event",
    ];
    mounts.extend(
        shape
            .disk_cache
            .iter()
            .flat_map(|cache| cache.build_mounts(cache_paths)),
    );
    mounts
}

fn volumes(shape: &Shape<'_>) -> Vec<Volume> {
    let mut volumes = vec![
        host_path("hyper-socket", "/var/run", None),
        host_path("sd-workspaces", "/opt/screwdriver", None),
        made_folder("sdlauncher", shape.launcher_folder()),
    ];
    volumes.extend(shape.disk_cache.iter().flat_map(DiskCache::volumes));
    volumes
}
