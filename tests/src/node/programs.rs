//! Where a node's programs are: what `tests/node/build.sh` made.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;

const NAMES: [&str; 5] = [
    "kubelet",
    "containerd",
    "containerd-shim-runc-v2",
    "runc",
    "busybox",
];

/// A folder with all of them.
#[derive(Debug)]
pub struct Programs(PathBuf);

// === impl Programs ===

impl Programs {
    /// The newest complete folder; the error says how to get one.
    pub fn find() -> anyhow::Result<Self> {
        let cache = std::env::var_os("SD_CACHE_DIR").filter(|folder| !folder.is_empty());
        let cache = cache.map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".cache"),
            PathBuf::from,
        );
        let folders = std::fs::read_dir(cache.join("node"))
            .into_iter()
            .flatten()
            .flatten();
        let complete = folders
            .map(|entry| entry.path())
            .filter(|folder| NAMES.iter().all(|name| folder.join(name).is_file()));
        let newest = complete.max_by_key(|folder| changed(folder));
        let newest = newest.context("no kubelet and containerd here: run `make real-node`")?;
        Ok(Self(std::path::absolute(newest)?))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// A shell and its tools in one static program.
    pub fn busybox(&self) -> PathBuf {
        self.0.join("busybox")
    }
}

fn changed(folder: &Path) -> Option<SystemTime> {
    folder.metadata().ok()?.modified().ok()
}
