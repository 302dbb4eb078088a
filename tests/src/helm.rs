//! helm with a home of its own: the real program, which `tests/scripts/helm.sh` finds or builds, at work in the
//! repository. It must read nothing of the developer's own helm and touch no cluster that it was not given.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::Context;
use tokio::process::Command;

/// A helm whose caches and settings end with this value.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    home: tempfile::TempDir,
}

// === impl Helm ===

impl Helm {
    /// Finds the program, and builds it first if need be.
    pub async fn find() -> anyhow::Result<Self> {
        let printed = script("tests/scripts/helm.sh", &[]).await?;
        Ok(Self {
            program: printed.into(),
            home: tempfile::tempdir()?,
        })
    }

    /// Runs it in the root of the repository, on the cluster of `kubeconfig` or on none.
    pub async fn run(&self, kubeconfig: Option<&Path>, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.program);
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, self.home.path());
        }
        command.env("KUBECONFIG", kubeconfig.unwrap_or(Path::new("/dev/null")));
        let running = command.current_dir(repository()).args(arguments).output();
        running.await.context("run helm")
    }

    /// Runs it and gives what it prints; the error has that too.
    pub async fn succeed(&self, kubeconfig: Option<&Path>, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(kubeconfig, arguments).await?;
        anyhow::ensure!(
            output.status.success(),
            "helm {arguments:?}: {}",
            printed(&output)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Both streams of a program, for people.
pub fn printed(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member).to_owned()
}

/// Runs a script of the repository that finds or builds a program, and gives the last line that it prints.
pub(crate) async fn script(path: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(repository().join(path));
    let output = command.args(arguments).output().await;
    let output = output.with_context(|| format!("run {path}"))?;
    anyhow::ensure!(output.status.success(), "{path}: {}", printed(&output));
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last();
    Ok(last.with_context(|| format!("{path} prints nothing"))?.to_owned())
}
