//! What a node could leave on the machine: cgroups, which it needs, and what it must never reach.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;

const CGROUPS: &str = "/sys/fs/cgroup";

/// Settings of the kernel that a kubelet changes.
const SETTINGS: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// Folders that a node outside of namespaces would write to.
const FOLDERS: [&str; 5] = [
    "/opt",
    "/run/containerd",
    "/var/lib/kubelet",
    "/var/log/pods",
    "/var/log/containers",
];

/// What a node could change on a machine, one line for each thing.
#[derive(Debug)]
pub struct Machine(BTreeSet<String>);

// === impl Machine ===

impl Machine {
    /// As it is now.
    pub fn look() -> anyhow::Result<Self> {
        let mut lines = BTreeSet::new();
        for setting in SETTINGS {
            let value = std::fs::read_to_string(Path::new("/proc/sys").join(setting)).unwrap_or_default();
            lines.insert(format!("setting {setting} = {}", value.trim()));
        }
        for folder in FOLDERS {
            lines.extend(
                names(Path::new(folder))
                    .into_iter()
                    .map(|name| format!("file {folder}/{name}")),
            );
        }
        let interfaces = names(Path::new("/sys/class/net"));
        lines.extend(interfaces.into_iter().map(|name| format!("interface {name}")));
        let mounts = std::fs::read_to_string("/proc/self/mounts")?;
        lines.extend(mounts.lines().map(|line| format!("mount {line}")));
        lines.extend(
            roots("real-")?
                .into_iter()
                .map(|path| format!("cgroup {}", path.display())),
        );
        lines.extend(node_processes().into_iter().map(|line| format!("process {line}")));
        Ok(Self(lines))
    }

    /// What is there now and was not before: a setting with another value, a mount, an interface, a file in a folder of
    /// the node's, a cgroup, a process.
    pub fn added_since(&self, before: &Self) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

/// Command lines of a node's programs.
fn node_processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let program = line.split(' ').next()?.rsplit('/').next()?;
        ["kubelet", "containerd", "containerd-shim-runc-v2", "runc"]
            .contains(&program)
            .then(|| line.clone())
    });
    lines.collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The hierarchies of cgroups: one, or in the old kind one for each controller.
fn hierarchies() -> anyhow::Result<Vec<PathBuf>> {
    let root = Path::new(CGROUPS);
    if root.join("cgroup.controllers").exists() {
        return Ok(vec![root.to_owned()]);
    }
    let entries = std::fs::read_dir(root).context("read the cgroups")?;
    let folders = entries.flatten().map(|entry| entry.path());
    Ok(folders
        .filter(|path| path.join("cgroup.procs").exists() && !path.is_symlink())
        .collect())
}

/// The node's own cgroup in each hierarchy: the kubelet wants its root to be there.
pub(super) fn make_cgroups(name: &str) -> anyhow::Result<()> {
    for hierarchy in hierarchies()? {
        std::fs::create_dir(hierarchy.join(name)).context("make a cgroup")?;
    }
    Ok(())
}

/// Removes what is empty; an error while something is not.
pub(super) fn remove_cgroups(name: &str) -> anyhow::Result<()> {
    for root in roots(name)? {
        remove(&root).with_context(|| format!("remove {}", root.display()))?;
    }
    Ok(())
}

fn roots(beginning: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut roots = Vec::new();
    for hierarchy in hierarchies()? {
        let found = names(&hierarchy)
            .into_iter()
            .filter(|name| name.starts_with(beginning));
        roots.extend(found.map(|name| hierarchy.join(name)));
    }
    Ok(roots)
}

/// A cgroup's files are the kernel's: only folders are removed, the innermost first.
fn remove(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
