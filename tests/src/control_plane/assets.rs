//! Which Kubernetes to use: a cluster of the developer's, or binaries to start one from.
//!
//! The choice is pure; the order is that of tests/control-plane/README.md.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The programs that this bed starts.
pub(super) const PROGRAMS: [&str; 4] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
];

/// Printed wherever no control plane can be had.
const WAYS: &str = "run `make control-plane` (builds one from source, once), or set KUBEBUILDER_ASSETS to a \
    folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler, or SD_TEST_KUBECONFIG or \
    KUBECONFIG to a cluster that tests may create and delete things in";

/// Where Kubernetes comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Start one from the programs in this folder.
    Programs(PathBuf),
    /// Use the cluster that these files describe (several are merged, as kubectl does).
    Cluster(OsString),
}

/// The variables that decide it.
#[derive(Debug, Default)]
pub(super) struct Environment {
    test_kubeconfig: Option<OsString>,
    kubebuilder_assets: Option<OsString>,
    kubeconfig: Option<OsString>,
    cache: Option<OsString>,
}

// === impl Environment ===

impl Environment {
    /// What the developer has set.
    pub(super) fn read() -> Self {
        Self {
            test_kubeconfig: std::env::var_os("SD_TEST_KUBECONFIG"),
            kubebuilder_assets: std::env::var_os("KUBEBUILDER_ASSETS"),
            kubeconfig: std::env::var_os("KUBECONFIG"),
            cache: std::env::var_os("SD_CACHE_DIR"),
        }
    }

    /// The source to use, or an error that lists the ways to one.
    pub(super) fn choose(self) -> anyhow::Result<Source> {
        // Set but empty says: leave my KUBECONFIG alone.
        let ignore_kubeconfig = self.test_kubeconfig.is_some();
        if let Some(files) = set(self.test_kubeconfig) {
            return Ok(Source::Cluster(files));
        }
        if let Some(folder) = set(self.kubebuilder_assets).map(PathBuf::from) {
            let missing = missing(&folder);
            let names = missing.join(", ");
            anyhow::ensure!(
                missing.is_empty(),
                "KUBEBUILDER_ASSETS={} has no {names}: {WAYS}",
                folder.display()
            );
            return Ok(Source::Programs(folder));
        }
        if let Some(files) = set(self.kubeconfig).filter(|_| !ignore_kubeconfig) {
            return Ok(Source::Cluster(files));
        }
        let cache = set(self.cache)
            .map_or_else(default_cache, PathBuf::from)
            .join("control-plane");
        match newest(&cache) {
            Some(folder) => Ok(Source::Programs(folder)),
            None => anyhow::bail!("no Kubernetes control plane in {}: {WAYS}", cache.display()),
        }
    }
}

fn set(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

fn default_cache() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member).join(".cache")
}

fn missing(folder: &Path) -> Vec<&'static str> {
    PROGRAMS
        .into_iter()
        .filter(|name| !folder.join(name).is_file())
        .collect()
}

/// The newest complete build: an unfinished one lacks names, an old one is that of another branch.
fn newest(cache: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(cache)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    folders
        .filter(|folder| missing(folder).is_empty())
        .max_by_key(|folder| changed(folder))
}

fn changed(folder: &Path) -> Option<SystemTime> {
    folder.metadata().ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(parent: &Path, name: &str, programs: &[&str]) -> PathBuf {
        let folder = parent.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for program in programs {
            std::fs::write(folder.join(program), "").unwrap();
        }
        folder
    }

    #[test]
    fn what_was_set_for_tests_comes_first_and_what_was_built_last() {
        let run = tempfile::tempdir().unwrap();
        let assets = folder_with(run.path(), "assets", &PROGRAMS);
        let built = folder_with(&run.path().join("control-plane"), "v1.36.3-abc", &PROGRAMS);
        folder_with(&run.path().join("control-plane"), ".building.x", &["etcd"]);

        let all = |test: Option<&str>, folder: bool, other: bool| Environment {
            test_kubeconfig: test.map(OsString::from),
            kubebuilder_assets: folder.then(|| assets.clone().into_os_string()),
            kubeconfig: other.then(|| "mine".into()),
            cache: Some(run.path().into()),
        };
        let table = [
            (all(Some("test"), true, true), Source::Cluster("test".into())),
            (all(None, true, true), Source::Programs(assets.clone())),
            (all(None, false, true), Source::Cluster("mine".into())),
            (all(Some(""), false, true), Source::Programs(built.clone())),
            (all(None, false, false), Source::Programs(built.clone())),
        ];
        for (environment, expected) in table {
            let shown = format!("{environment:?}");
            assert_eq!(environment.choose().unwrap(), expected, "{shown}");
        }
    }

    #[test]
    fn an_error_names_what_is_missing_and_every_way() {
        let run = tempfile::tempdir().unwrap();
        let assets = folder_with(run.path(), "assets", &["etcd", "kube-apiserver"]);
        let cache = Some(run.path().join("empty").into_os_string());
        let incomplete = Environment {
            kubebuilder_assets: Some(assets.into()),
            ..Environment::default()
        };
        let nothing = Environment {
            cache,
            ..Environment::default()
        };
        let table = [
            (incomplete, "has no kube-controller-manager, kube-scheduler"),
            (nothing, "no Kubernetes control plane in"),
        ];
        for (environment, expected) in table {
            let text = environment.choose().unwrap_err().to_string();
            for part in [
                expected,
                "make control-plane",
                "KUBEBUILDER_ASSETS",
                "SD_TEST_KUBECONFIG",
            ] {
                assert!(text.contains(part), "{part} not in: {text}");
            }
        }
    }
}
