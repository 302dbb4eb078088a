//! What stands beside the chart and is not run: Dockerfile, compose file and quick start are held to the
//! workspace, the reference of settings and the values that are tested.

use anyhow::Context;
use serde_json::{Map, Value};
use testbed::helm::printed;

use super::{repository, values};

/// What docker compose would give each worker, without a Docker: the file itself, with its anchors resolved.
#[test]
fn the_compose_file_gives_both_workers_the_same_settings_and_only_such_as_there_are() -> anyhow::Result<()> {
    let file = std::fs::read_to_string(repository().join("deploy/compose.yaml"))?;
    let compose: Value = serde_saphyr::from_str(&file)?;
    let reference = std::fs::read_to_string(repository().join("docs/CONFIGURATION.md"))?;
    let of = |worker: &str| {
        let mut own = compose["services"][worker]["environment"].clone();
        let own = own.as_object_mut().map(std::mem::take).unwrap_or_default();
        merged(own)
    };
    let (start, verify) = (of("start-worker"), of("verify-worker"));
    let apart: Vec<&String> = start
        .keys()
        .filter(|name| start.get(*name) != verify.get(*name))
        .collect();
    assert_eq!(
        apart,
        ["K8S_TOKEN"],
        "each worker has its own account, and nothing else of its own"
    );
    assert_eq!(start.len(), verify.len());
    assert!(start.len() > 10, "{start:?}");
    for name in start.keys() {
        assert!(
            reference.contains(&format!("| `{name}` |")),
            "there is no setting {name}"
        );
    }
    for name in values_of_the_quick_start()? {
        assert!(start.contains_key(&name), "the compose file lacks {name}");
    }
    Ok(())
}

/// The command in the head of the compose file, without its last part.
#[test]
fn the_compose_file_gives_the_rights_to_the_accounts_of_its_namespace() -> anyhow::Result<()> {
    let file = std::fs::read_to_string(repository().join("deploy/compose.yaml"))?;
    let line = file.lines().find_map(|line| {
        line.strip_prefix("#   ")?
            .strip_suffix(" | kubectl apply -n builds -f -")
    });
    let made = std::process::Command::new("sh")
        .args(["-c", line.context("no command for the rights")?])
        .current_dir(repository())
        .output()?;
    anyhow::ensure!(made.status.success(), "{}", printed(&made));
    let objects: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(made.stdout)?)?;
    let subjects: Vec<&Value> = objects
        .iter()
        .filter_map(|object| object["subjects"].as_array())
        .flatten()
        .collect();
    assert_eq!(subjects.len(), 2, "{objects:?}");
    assert!(
        subjects.iter().all(|subject| subject["namespace"] == "builds"),
        "{subjects:?}"
    );
    Ok(())
}

/// Whoever follows the file's head can also look at logs and take everything down, in the same shell.
#[test]
fn the_head_of_the_compose_file_exports_what_the_file_demands() -> anyhow::Result<()> {
    let file = std::fs::read_to_string(repository().join("deploy/compose.yaml"))?;
    let demanded: Vec<&str> = file
        .split("${")
        .filter_map(|text| text.split_once(":?").map(|(name, _)| name))
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_uppercase() || b"_8".contains(&byte))
        })
        .collect();
    assert_eq!(demanded, ["K8S_CA", "START_WORKER_TOKEN", "VERIFY_WORKER_TOKEN"]);
    for name in demanded {
        assert!(file.contains(&format!("#   export {name}=")), "{name}");
    }
    Ok(())
}

/// The broker is the one that the tests run, and the Jaeger that of the page on traces.
#[test]
fn the_compose_file_runs_the_versions_of_the_documents() -> anyhow::Result<()> {
    let read = |path: &str| std::fs::read_to_string(repository().join(path));
    let compose: Value = serde_saphyr::from_str(&read("deploy/compose.yaml")?)?;
    let image = |service: &str| {
        let image = compose["services"][service]["image"].as_str();
        image.with_context(|| format!("{service} has no image"))
    };
    let broker = image("rabbitmq")?;
    let version = broker
        .strip_prefix("rabbitmq:")
        .and_then(|tag| tag.strip_suffix("-management"));
    let row = format!("| RabbitMQ | {}, ", version.context("no version")?);
    assert!(read("docs/OPERATIONS.md")?.contains(&row), "{row}");
    let jaeger = image("jaeger")?;
    assert!(
        read("docs/TELEMETRY.md")?.contains(&format!(" {jaeger}\n")),
        "{jaeger}"
    );
    Ok(())
}

/// With what a YAML merge key adds, where the parser has left that to us.
fn merged(mut own: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(more)) = own.remove("<<") {
        for (name, value) in more {
            own.entry(name).or_insert(value);
        }
    }
    own
}

/// What Docker would send to the builder, as the file that names it says: Cargo reads all of the workspace's manifests
/// there, also of crates that are not built.
#[test]
fn the_context_of_the_images_is_a_whole_workspace() -> anyhow::Result<()> {
    let repository = repository();
    let context = tempfile::tempdir()?;
    let ignore = std::fs::read_to_string(repository.join("deploy/Dockerfile.dockerignore"))?;
    let sent = ignore.lines().filter_map(|line| line.strip_prefix('!'));
    for path in sent {
        let copied = std::process::Command::new("sh")
            .args(["-c", "cp -r --parents $1 $2", "sh", path])
            .arg(context.path())
            .current_dir(&repository)
            .status()?;
        anyhow::ensure!(copied.success(), "{path} is not there");
    }
    let read = std::process::Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(context.path())
        .output()?;
    anyhow::ensure!(read.status.success(), "{}", printed(&read));
    Ok(())
}

/// The settings of the ten lines that the README begins with.
fn values_of_the_quick_start() -> anyhow::Result<Vec<String>> {
    let file = std::fs::read_to_string(repository().join(values("minimal")))?;
    let values: Value = serde_saphyr::from_str(&file)?;
    let names = ["env", "secretEnv"].map(|key| values[key].as_object().cloned().unwrap_or_default());
    Ok(names.into_iter().flatten().map(|(name, _)| name).collect())
}

#[test]
fn the_quick_start_in_the_readme_is_the_file_that_is_tested_and_has_ten_lines() -> anyhow::Result<()> {
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    let file = std::fs::read_to_string(repository().join(values("minimal")))?;
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() <= 10, "{} lines", lines.len());
    assert!(readme.contains(&lines.join("\n")), "README.md shows other values");
    Ok(())
}

#[test]
fn the_images_are_compiled_as_the_workspace_is() -> anyhow::Result<()> {
    let toolchain = std::fs::read_to_string(repository().join("rust-toolchain.toml"))?;
    let dockerfile = std::fs::read_to_string(repository().join("deploy/Dockerfile"))?;
    let version = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = \"")?.strip_suffix('"'))
        .context("no channel")?;
    let version: Vec<&str> = version.split('.').take(2).collect();
    let base = format!("FROM rust:{}-", version.join("."));
    assert!(dockerfile.contains(&base), "{base}");
    let chart = std::fs::read_to_string(repository().join("deploy/chart/Chart.yaml"))?;
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml"))?;
    let version = chart_version(&chart).context("no appVersion")?;
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    for (file, text, expected) in [
        ("Cargo.toml", manifest, format!("version = \"{version}\"")),
        ("Dockerfile", dockerfile, format!("ARG VERSION={version}\n")),
        ("README.md", readme, format!("/$worker:{version} .")),
    ] {
        assert!(
            text.contains(&expected),
            "the chart installs images of {version}: {file} has no {expected}"
        );
    }
    Ok(())
}

fn chart_version(chart: &str) -> Option<&str> {
    let line = chart.lines().find_map(|line| line.strip_prefix("appVersion:"))?;
    Some(line.trim().trim_matches('"'))
}
