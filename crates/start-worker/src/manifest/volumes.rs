//! Volumes and where they are mounted.

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, DownwardAPIVolumeSource, EmptyDirVolumeSource, HostPathVolumeSource,
    ObjectFieldSelector, SecretVolumeSource, Volume, VolumeMount,
};

use super::{caches::DiskCache, shape::Shape, sidecars};

/// The volumes of executor k8s.
pub(super) fn volumes(shape: &Shape<'_>) -> Vec<Volume> {
    let pod = shape.pod();
    let mut volumes = vec![
        pod_info(),
        made_folder("screwdriver", shape.launcher_folder()),
        // Without the prefix, as in the predecessor: what cleans the nodes up knows this path (D42).
        made_folder("sdtemp", format!("/opt/screwdriver/tmp_{}", shape.build.build_id)),
        empty("workspace"),
    ];
    volumes.extend(sidecars::volumes(shape));
    volumes.extend(shape.disk_cache.iter().flat_map(DiskCache::volumes));
    volumes.extend(
        pod.host_mounts
            .iter()
            .map(|mount| host_path(&mount.name, &mount.path, mount.kind.clone())),
    );
    volumes.extend(pod.secret_files.iter().map(|file| Volume {
        name: file.name.clone(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(file.secret.clone()),
            ..Default::default()
        }),
        ..Default::default()
    }));
    volumes
}

/// Mounts of the build container of executor k8s.
pub(super) fn build_mounts(shape: &Shape<'_>) -> Vec<VolumeMount> {
    let pod = shape.pod();
    let mut mounts = vec![
        mount_as("podinfo", "/etc/podinfo", Some(true)),
        mount_as("screwdriver", "/opt/sd", Some(true)),
        mount("sdtemp", "/opt/sd_tmp"),
        mount("workspace", "/workspace"),
    ];
    mounts.extend(sidecars::build_mounts(shape));
    let cache_paths = ["/sdpipelinecache", "/sdjobcache", "/sdeventcache"];
    mounts.extend(
        shape
            .disk_cache
            .iter()
            .flat_map(|cache| cache.build_mounts(cache_paths)),
    );
    mounts.extend(
        pod.host_mounts
            .iter()
            .map(|entry| mount_as(&entry.name, &entry.mount_path, entry.read_only)),
    );
    mounts.extend(
        pod.secret_files
            .iter()
            .map(|file| mount_as(&file.name, &file.mount_path, file.read_only)),
    );
    mounts
}

/// A mount that may be written to.
pub(super) fn mount(name: &str, mount_path: &str) -> VolumeMount {
    mount_as(name, mount_path, None)
}

pub(super) fn mount_as(name: &str, mount_path: &str, read_only: Option<bool>) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: mount_path.to_owned(),
        read_only,
        ..Default::default()
    }
}

/// A folder of the pod that goes with it.
pub(super) fn empty(name: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Default::default()
    }
}

pub(super) fn host_path(name: &str, path: &str, type_: Option<String>) -> Volume {
    Volume {
        name: name.to_owned(),
        host_path: Some(HostPathVolumeSource {
            path: path.to_owned(),
            type_,
        }),
        ..Default::default()
    }
}

/// A folder of the node that is made if it is not there. The predecessor puts the type where the API
/// server drops it (D41).
pub(super) fn made_folder(name: &str, path: impl AsRef<str>) -> Volume {
    host_path(name, path.as_ref(), Some("DirectoryOrCreate".to_owned()))
}

/// The pod's labels and annotations as files.
fn pod_info() -> Volume {
    let item = |path: &str| DownwardAPIVolumeFile {
        path: path.to_owned(),
        field_ref: Some(ObjectFieldSelector {
            field_path: format!("metadata.{path}"),
            ..Default::default()
        }),
        ..Default::default()
    };
    let items = Some(vec![item("labels"), item("annotations")]);
    Volume {
        name: "podinfo".to_owned(),
        downward_api: Some(DownwardAPIVolumeSource {
            items,
            ..Default::default()
        }),
        ..Default::default()
    }
}
