//! Runs the commands of documents, or checks them.
//!
//! The workers, their tools and the chart are run as typed, in a folder that has what the documents name: a start
//! message, options, values, pods. `kubectl` there prints recorded pods, and `helm` renders what it is to install. What
//! builds or tests is not done again: make says what it would do, packages and targets of Cargo are looked up, and so
//! are scripts.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use testbed::worker::{Kind, binary};
use tokio::process::Command;

use super::{
    commands::{ELSEWHERE, MARK, is_script, program},
    markdown::root,
};

/// What stands in for the reader's own values of the chart.
pub(crate) const VALUES: &str = "deploy/chart/ci/minimal-values.yaml";

/// Runs commands.
pub(crate) struct Runner {
    folder: tempfile::TempDir,
}

// === impl Runner ===

impl Runner {
    /// A folder with everything that the documents' commands name.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("bin")).unwrap();
        for kind in [Kind::Start, Kind::Verify] {
            symlink(binary(kind).unwrap(), at("bin").join(kind.binary())).unwrap();
        }
        let helm = Command::new(root().join("tests/scripts/helm.sh"))
            .output()
            .await
            .unwrap();
        let helm = String::from_utf8(helm.stdout).unwrap();
        let helm = format!(
            "[ \"$1\" = install ] || exit 2\nshift\nexec {} template \"$@\"",
            helm.trim()
        );
        program_file(&at("bin/helm"), &helm);
        let kubectl = "case \"$1 $2\" in 'get pod'*) cat pods.json ;; *) echo 'there is no cluster' >&2; exit 2 ;; esac";
        program_file(&at("bin/kubectl"), kubectl);

        symlink(root().join("deploy"), at("deploy")).unwrap();
        fs::copy(root().join(VALUES), at("values.yaml")).unwrap();
        fs::write(at("options.yaml"), "kubernetes: {baseImage: 'vm:1'}\n").unwrap();
        symlink(root().join("tests"), at("tests")).unwrap();
        fs::copy(root().join("tests/data/start-message.json"), at("message.json")).unwrap();
        let pod = recorded();
        fs::write(at("pod.json"), pod.to_string()).unwrap();
        let pods = json!({ "apiVersion": "v1", "kind": "PodList", "items": [pod] });
        fs::write(at("pods.json"), pods.to_string()).unwrap();
        Self { folder }
    }

    /// Runs or checks a command; else why not.
    pub(crate) async fn judge(&self, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match program(command) {
            "make" => dry_run(command).await,
            script if is_script(script) => executable(&root().join(script)),
            "cargo" => match command
                .split_once(" -- ")
                .filter(|_| words.get(1) == Some(&"run"))
            {
                Some((cargo, arguments)) => {
                    let package = built(&cargo.split_whitespace().collect::<Vec<_>>())?;
                    self.run(&format!("{} {arguments}", package.ok_or("which package?")?))
                        .await
                }
                None => built(&words).map(|_| ()),
            },
            "start-worker" | "verify-worker" | "helm" | "kubectl" => self.run(command).await,
            _ => Err(format!(
                "no test runs this: say why with `{MARK}...`, or which test of another place does with \
                 `{ELSEWHERE}...`, on a line above it"
            )),
        }
    }

    /// Tools that read something are given it if the document does not say what.
    async fn run(&self, command: &str) -> Result<(), String> {
        let input = match command.split_whitespace().nth(1) {
            Some("render") => "message.json",
            Some("explain") => "pods.json",
            _ => "options.yaml",
        };
        let folder = self.folder.path();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", command])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}/bin:/usr/bin:/bin", folder.display()))
            .env("HOME", folder)
            .env("EXECUTOR_PLUGIN", "k8s")
            .stdin(fs::File::open(folder.join(input)).map_err(|error| error.to_string())?)
            .stderr(Stdio::piped())
            .output()
            .await
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match (output.status.success(), output.stdout.is_empty()) {
            (true, false) => Ok(()),
            (true, true) => Err("it prints nothing".to_owned()),
            (false, _) => Err(format!("{}: {said}", output.status)),
        }
    }
}

/// Makes a script that can be run.
pub(crate) fn program_file(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The last state of a pod whose image is not there.
fn recorded() -> Value {
    let path = root().join("tests/data/recordings/all-nodes-lost-pulling.json");
    let recording: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    recording["snapshots"].as_array().unwrap().last().unwrap()["pod"].clone()
}

/// What make would do: it knows the target and all that it needs.
async fn dry_run(command: &str) -> Result<(), String> {
    let dry = command.replacen("make", "make --dry-run", 1);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &dry])
        .current_dir(root())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .await
        .map_err(|error| error.to_string())?;
    if output.status.success() && !output.stdout.is_empty() {
        return Ok(());
    }
    Err(format!("make: {}", String::from_utf8_lossy(&output.stderr)))
}

fn executable(script: &Path) -> Result<(), String> {
    match fs::metadata(script) {
        Ok(found) if found.permissions().mode() & 0o100 != 0 => Ok(()),
        _ => Err("there is no such script".to_owned()),
    }
}

/// Whether Cargo has what is named; the package, if one is.
fn built<'w>(words: &[&'w str]) -> Result<Option<&'w str>, String> {
    let ours = [
        "build", "bench", "run", "test", "package", "doc", "check", "clippy", "fmt", "install",
    ];
    if !words.get(1).is_some_and(|command| ours.contains(command)) {
        return Err("Cargo has no such command, or not without an addition".to_owned());
    }
    let mut package = None;
    for pair in words.windows(2) {
        let folder = match pair[0] {
            "--package" | "-p" => {
                package = Some(pair[1]);
                let at = root().join("crates").join(pair[1]).join("Cargo.toml");
                if at.is_file() || ["screwdriver-api-client", "testbed"].contains(&pair[1]) {
                    continue;
                }
                return Err(format!("there is no package {}", pair[1]));
            }
            "--bench" => "benches",
            "--test" => "tests",
            "--example" => "examples",
            _ => continue,
        };
        let file = format!("{folder}/{}.rs", pair[1]);
        let crates = [
            "crates/api-client",
            "crates/common",
            "crates/start-worker",
            "crates/verify-worker",
            "tests",
        ];
        let places = crates.iter().map(|at| root().join(at).join(&file));
        if !places.collect::<Vec<PathBuf>>().iter().any(|path| path.is_file()) {
            return Err(format!("there is no {file}"));
        }
    }
    Ok(package)
}
