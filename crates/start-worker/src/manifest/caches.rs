//! The caches of pipeline, job and event in folders of the node.

use common::settings::ExecutorSettings;
use k8s_openapi::api::core::v1::{Volume, VolumeMount};

use super::{
    BuildSpec,
    volumes::{made_folder, mount, mount_as},
};

/// Names of the volumes: pipeline, job, event.
const VOLUMES: [&str; 3] = ["sd-pipeline-cache", "sd-job-cache", "sd-event-cache"];

/// The caches that a build finds on its node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DiskCache {
    /// Folders on the node: pipeline, job, event.
    folders: [String; 3],
    /// Pull requests may read what others cached, and write only to their event's cache.
    shared_read_only: bool,
}

// === impl DiskCache ===

impl DiskCache {
    /// `None` when caches are not kept on the nodes.
    pub(super) fn of(
        executor: &ExecutorSettings,
        build: &BuildSpec<'_>,
        job_id: Option<u64>,
        shared_read_only: bool,
    ) -> Option<Self> {
        let root = executor.pod.ecosystem.cache.disk_path(&executor.prefix)?;
        let pipeline = or_empty(build.pipeline_id);
        let job = or_empty(job_id);
        let event = or_empty(build.event_id);
        let folders = [
            format!("{root}/pipelines/{pipeline}"),
            format!("{root}/jobs/{pipeline}/{job}"),
            format!("{root}/events/{pipeline}/{event}"),
        ];
        Some(Self {
            folders,
            shared_read_only,
        })
    }

    pub(super) fn volumes(&self) -> impl Iterator<Item = Volume> {
        VOLUMES
            .iter()
            .zip(&self.folders)
            .map(|(name, folder)| made_folder(name, folder))
    }

    /// Mounts of the build container at `paths`: pipeline, job, event.
    pub(super) fn build_mounts(&self, paths: [&str; 3]) -> [VolumeMount; 3] {
        let shared = Some(self.shared_read_only);
        let [pipeline, job, event] = VOLUMES;
        [
            mount_as(pipeline, paths[0], shared),
            mount_as(job, paths[1], shared),
            mount(event, paths[2]),
        ]
    }

    /// Mounts of the init container at `paths`, which opens the folders for every user.
    pub(super) fn launcher_mounts(paths: [&str; 3]) -> impl Iterator<Item = VolumeMount> {
        VOLUMES
            .into_iter()
            .zip(paths)
            .map(|(name, path)| mount(name, path))
    }
}

/// An id that the message may lack is empty, in paths and arguments alike.
pub(super) fn or_empty(id: Option<u64>) -> String {
    id.map_or_else(String::new, |id| id.to_string())
}
