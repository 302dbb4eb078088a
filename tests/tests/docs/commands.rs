//! The commands of documents: found, and run or checked.
//!
//! The workers, their tools and the chart are run as typed, in a folder that has what the documents name: a start
//! message, options, values, pods. `kubectl` there prints recorded pods, and `helm` renders what it is to install. What
//! builds or tests is checked as far as its targets go.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use testbed::worker::{Kind, binary};
use tokio::process::Command;

use super::markdown::{Document, root};

/// Marks commands up to the next empty line; a reason follows.
const MARK: &str = "# not run by a test: ";
/// Pages on which commands of others' programs need no mark, and why no test here runs them.
const PAGES: [(&str, &str); 6] = [
    (
        "README.md",
        "they build images, and need a registry and a cluster",
    ),
    (
        "docs/MIGRATION.md",
        "they change a broker and a cluster that are in use",
    ),
    (
        "docs/OPERATIONS.md",
        "those that move messages are typed by the tests of deployments",
    ),
    ("docs/RUNBOOK.md", "they look at a broker in trouble"),
    (
        "docs/SCALING.md",
        "they make users of a broker that autoscalers ask",
    ),
    (
        "tests/node/README.md",
        "they need root and a machine of one's own",
    ),
];
/// Programs that are ours, or that our documents promise something of.
const OURS: [&str; 5] = ["make", "cargo", "helm", "start-worker", "verify-worker"];
/// Programs of others', and what a shell has for several at once.
const FOREIGN: [&str; 11] = [
    "curl",
    "docker",
    "find",
    "for",
    "git",
    "kubectl",
    "promtool",
    "rabbitmq-diagnostics",
    "rabbitmq-plugins",
    "rabbitmqadmin",
    "rabbitmqctl",
];

/// One command of a document.
pub(crate) struct Typed {
    /// Where it stands.
    pub(crate) line: usize,
    /// As it is typed.
    pub(crate) text: String,
}

/// Runs commands.
pub(crate) struct Runner {
    folder: tempfile::TempDir,
}

/// The commands of a document. `wrong` hears of blocks that do not say what they are.
pub(crate) fn of(document: &Document, wrong: &mut Vec<String>) -> Vec<Typed> {
    let mut found = Vec::new();
    for block in &document.blocks {
        if block.language == "sh" {
            found.extend(of_block(block.line, &block.lines));
        } else if block.lines.iter().any(|line| is_command(line)) && block.language != "usage" {
            let place = document.place(block.line);
            wrong.push(format!(
                "{place}: commands stand in blocks marked `sh`, their forms in `usage`"
            ));
        }
    }
    for (line, text) in document.quoted() {
        let form = text.contains(['[', '<']) && !text.contains("< ");
        // `helm upgrade` is the name of something, not something to type.
        let name = !["make", "start-worker", "verify-worker"].contains(&program(text))
            && text.split(' ').count() < 3;
        if is_command(text) && !form && !name {
            found.push(Typed {
                line,
                text: text.to_owned(),
            });
        }
    }
    if PAGES.iter().any(|(page, _)| document.path == Path::new(page)) {
        found.retain(|it| !FOREIGN.contains(&program(&it.text)) || it.text.contains("| verify-worker"));
    }
    found
}

fn is_command(text: &str) -> bool {
    let program = program(text);
    (OURS.contains(&program) || FOREIGN.contains(&program)) && text.trim() != program
}

/// The first word that sets no variable.
fn program(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some((name, value)) = rest.split_once('=')
        && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    {
        let end = match value.strip_prefix('\'') {
            Some(quoted) => quoted.find('\'').map(|at| at + 2),
            None => value.find(char::is_whitespace),
        };
        rest = value[end.unwrap_or(value.len())..].trim_start();
    }
    rest.split_whitespace().next().unwrap_or_default()
}

fn of_block(first: usize, lines: &[String]) -> Vec<Typed> {
    let mut found: Vec<Typed> = Vec::new();
    let (mut marked, mut open) = (false, false);
    for (number, line) in lines.iter().enumerate() {
        if let Some(reason) = line.trim().strip_prefix(MARK) {
            marked = !reason.trim().is_empty();
        } else if line.trim().is_empty() {
            marked = false;
        } else if !marked && !line.trim_start().starts_with('#') {
            match found.last_mut().filter(|_| open) {
                Some(last) => {
                    last.text.push('\n');
                    last.text.push_str(line);
                }
                None => found.push(Typed {
                    line: first + number + 1,
                    text: line.trim_start().to_owned(),
                }),
            }
            let text = found.last().map(|last| last.text.as_str()).unwrap_or_default();
            let looping = text.starts_with("for ") && !text.ends_with("\ndone");
            open = looping || text.ends_with('\\') || text.matches('\'').count() % 2 == 1;
        }
    }
    found
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
        fs::copy(
            root().join("deploy/chart/ci/minimal-values.yaml"),
            at("values.yaml"),
        )
        .unwrap();
        fs::write(at("options.yaml"), "kubernetes: {baseImage: 'vm:1'}\n").unwrap();
        let message = json!({ "job": "start", "buildConfig": {
            "buildId": 8609, "jobId": 777, "container": "node:22", "token": "e30.e30.c2ln",
            "apiUri": "https://api.sd.example", "annotations": {}, "pipeline": { "id": 1, "scmContext": "a:b" },
        } });
        fs::write(at("message.json"), message.to_string()).unwrap();
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
            "make" => target(&words),
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
                "no test runs this: mark it with `{MARK}` and the reason, on a line above it"
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

fn program_file(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The last state of a pod whose image is not there.
fn recorded() -> Value {
    let path = root().join("tests/data/recordings/all-nodes-lost-pulling.json");
    let recording: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    recording["snapshots"].as_array().unwrap().last().unwrap()["pod"].clone()
}

/// Whether the Makefile has what is to be made.
fn target(words: &[&str]) -> Result<(), String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: Vec<&str> = words
        .iter()
        .skip(1)
        .take_while(|word| **word != "#" && !word.contains('='))
        .copied()
        .collect();
    let missing = targets
        .iter()
        .find(|target| !makefile.contains(&format!("\n{target}:")));
    match missing {
        Some(missing) => Err(format!("the Makefile has no target {missing}")),
        None if targets.is_empty() => Err("it makes nothing".to_owned()),
        None => Ok(()),
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
