//! What templates know of the workers' settings: what the workers themselves find, which are asked. Where a template
//! cannot know it, there is no object but a sentence.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::{Value, json};
use testbed::{
    helm::{Helm, repository},
    worker::Kind,
};

use crate::{KINDS, found::Settings, objects, odd, scaling};

/// Values; the namespaces in which workers get rights; the queues of start-worker and those of verify-worker.
struct Case {
    values: Value,
    rights: &'static [&'static str],
    queues: [&'static str; 2],
}

const OF_TEST: [&str; 2] = ["test test.starts.v1", "test.checks.v1"];

fn cases() -> Vec<Case> {
    let case = |values: Value, rights: &'static [&'static str], queues: [&'static str; 2]| Case {
        values,
        rights,
        queues,
    };
    let of_k8s = |options: Value| json!({ "executor": { "k8s": { "options": { "kubernetes": options } } } });
    vec![
        case(json!({}), &["workers"], OF_TEST),
        case(json!({ "buildNamespaces": ["a"] }), &["a"], OF_TEST),
        // The first is for executors that name none.
        case(json!({ "buildNamespaces": ["b", "a"] }), &["a", "b"], OF_TEST),
        case(json!({ "env": { "K8S_JOBS_NAMESPACE": "b" } }), &["b"], OF_TEST),
        // One executor names its own; the others would be left to `default`.
        case(
            json!({ "config": of_k8s(json!({ "jobsNamespace": "mine" })) }),
            &["mine", "workers"],
            OF_TEST,
        ),
        case(
            json!({ "config": of_k8s(json!({ "jobsNamespace": "mine" })), "buildNamespaces": ["mine"] }),
            &["mine"],
            OF_TEST,
        ),
        // The variable goes over the file, but not for an executor of the operator's own.
        case(
            json!({
                "config": { "executor": {
                    "k8s": { "options": { "kubernetes": { "jobsNamespace": "mine" } } },
                    "arm": { "pluginName": "k8s", "options": { "kubernetes": { "jobsNamespace": "arm" } } },
                } },
                "env": { "K8S_JOBS_NAMESPACE": "b" },
            }),
            &["arm", "b"],
            OF_TEST,
        ),
        case(
            json!({ "config": { "executor": {
                "plugin": "arm", "arm": { "pluginName": "k8s" }, "k8s-vm": null, "jenkins": { "weightage": 0 },
            } } }),
            &["workers"],
            OF_TEST,
        ),
        // Pods in another cluster need no rights in this one.
        case(
            json!({ "config": of_k8s(json!({ "jobsNamespace": "there", "host": "other.example" })) }),
            &["workers"],
            OF_TEST,
        ),
        case(
            json!({
                "config": { "rabbitmq": { "queue": "A", "retryQueueEnabled": true } },
                "env": { "NODE_CONFIG": json!({
                    "executor": { "k8s-vm": { "options": { "kubernetes": { "jobsNamespace": "vm" } } } },
                    "rabbitmq": { "queue": "B", "retryQueueEnabled": false },
                }).to_string() },
            }),
            &["vm", "workers"],
            ["B B.starts.v1", "B.checks.v1"],
        ),
        case(
            json!({ "config": { "rabbitmq": { "queue": 1_234_567, "vhost": "/", "retryQueueEnabled": "YES" } } }),
            &["workers"],
            ["1234567 1234567.starts.v1", "1234567.checks.v1 sdRetryQueue"],
        ),
        case(
            json!({
                "config": { "rabbitmq": { "queue": "A" }, "executor": null },
                "env": { "RABBITMQ_QUEUE": "", "RABBITMQ_RETRYQUEUE_ENABLED": true },
                "workers": { "verify-worker": { "env": { "RABBITMQ_RETRYQUEUE_ENABLED": false } } },
            }),
            &["workers"],
            ["A A.starts.v1", "A.checks.v1"],
        ),
        case(
            json!({
                "config": { "rabbitmq": { "queue": "A", "vhost": "/a", "retryQueueEnabled": "on" } },
                "env": { "RABBITMQ_QUEUE": "B", "RABBITMQ_VIRTUAL_HOST": "/b" },
                "workers": { "verify-worker": { "env": { "RABBITMQ_RETRYQUEUE": "C" } } },
            }),
            &["workers"],
            ["B B.starts.v1", "B.checks.v1 C"],
        ),
        // Everything that a source out of sight may say is said where it goes over that source.
        case(
            json!({
                "buildNamespaces": ["a"], "envFrom": [{ "secretRef": { "name": "more" } }],
                "env": {
                    "RABBITMQ_QUEUE": 7, "RABBITMQ_VIRTUAL_HOST": "other", "RABBITMQ_RETRYQUEUE_ENABLED": 1,
                    "RABBITMQ_RETRYQUEUE": "R",
                },
            }),
            &["a"],
            ["7 7.starts.v1", "7.checks.v1 R"],
        ),
        case(odd::empty(), &["workers"], OF_TEST),
        keeping_tokens(),
        // Names that YAML takes for numbers.
        case(
            json!({ "buildNamespaces": ["1e3"], "fullnameOverride": "12" }),
            &["1e3"],
            OF_TEST,
        ),
    ]
}

/// What keeps tokens out of pods is for every executor, whoever names it.
fn keeping_tokens() -> Case {
    let values = json!({
        "buildTokenSecret": true,
        "config": { "executor": {
            "big": { "pluginName": "k8s", "options": { "kubernetes": { "jobsNamespace": "big" } } },
            "k8s": { "options": { "kubernetes": { "buildTokenSecret": false } } },
        } },
        "env": { "NODE_CONFIG": json!({ "executor": { "vms": { "pluginName": "k8s-vm" } } }).to_string() },
    });
    Case {
        values,
        rights: &["big", "workers"],
        queues: OF_TEST,
    }
}

#[tokio::test]
async fn templates_read_settings_as_the_workers_do() -> anyhow::Result<()> {
    let helm = Helm::find().await?;
    for mut case in cases() {
        case.values["keda"] = scaling::both()["keda"].take();
        for kind in KINDS {
            case.values["workers"][kind.binary()]["autoscaling"] = json!({ "mode": "keda" });
        }
        let objects = objects(&helm, "a", &case.values)
            .await
            .map_err(anyhow::Error::msg)?;
        for (kind, queues) in KINDS.into_iter().zip(case.queues) {
            let rights = rights(&objects, kind);
            assert_eq!(
                rights,
                case.rights.iter().copied().collect::<BTreeSet<_>>(),
                "{}",
                case.values
            );
            let (vhost, scaled) = scaling::found(&objects, kind);
            assert_eq!(scaled, queues, "{}", case.values);

            let settings = Settings::asked(kind, &objects).await?;
            for executor in settings.ends_with(".options.kubernetes.jobsNamespace") {
                let options = executor.trim_end_matches("jobsNamespace");
                let host = settings.value(&format!("{options}host"));
                let namespace = settings.value(executor);
                assert!(
                    host != "kubernetes.default" || rights.contains(namespace),
                    "{executor} = {namespace}: {}",
                    case.values
                );
            }
            let kept = case.values["buildTokenSecret"] == true;
            for executor in settings.ends_with(".options.kubernetes.buildTokenSecret") {
                let said = settings.value(executor);
                assert_eq!(said, kept.to_string(), "{executor}: {}", case.values);
            }
            let queue = settings.value("rabbitmq.queue");
            assert_eq!(
                queues.split('.').next().unwrap_or_default().split(' ').next(),
                Some(queue)
            );
            let retried = settings.value("rabbitmq.retryQueueEnabled") == "true" && kind == Kind::Verify;
            let retry = format!(" {}", settings.value("rabbitmq.retryQueue"));
            assert_eq!(queues.ends_with(&retry), retried, "{}", case.values);
            let path = settings.value("rabbitmq.vhost").trim_start_matches('/');
            assert_eq!(vhost, if path.is_empty() { "/" } else { path }, "{}", case.values);
        }
    }
    Ok(())
}

/// A Service called rabbitmq gives every pod of its namespace a `RABBITMQ_PORT` that is no port.
#[tokio::test]
async fn services_beside_the_workers_set_none_of_their_variables() -> anyhow::Result<()> {
    let helm = Helm::find().await?;
    let objects = objects(&helm, "a", &json!({}))
        .await
        .map_err(anyhow::Error::msg)?;
    let links: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "Deployment")
        .map(|deployment| &deployment["spec"]["template"]["spec"]["enableServiceLinks"])
        .collect();
    assert_eq!(links, [&json!(false); 2]);
    Ok(())
}

#[tokio::test]
async fn ports_that_settings_name_are_open() -> anyhow::Result<()> {
    let helm = Helm::find().await?;
    let values = json!({
        "config": {
            "ecosystem": { "api": "https://api.example:8443/v4" }, "rabbitmq": { "port": 5673 },
            "executor": { "k8s": { "options": { "kubernetes": { "host": "10.0.0.1:16443" } } } },
        },
        "env": {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:4319",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://metrics.example:9090/api/v1/otlp/v1/metrics",
        },
        "workers": { "verify-worker": { "env": { "RABBITMQ_PORT": "5674" } } },
        "networkPolicy": { "egressPorts": [443] },
    });
    let objects = objects(&helm, "a", &values).await.map_err(anyhow::Error::msg)?;
    let policies = objects.iter().filter(|object| object["kind"] == "NetworkPolicy");
    let open: Vec<String> = policies
        .map(|policy| {
            let ports = policy["spec"]["egress"][1]["ports"].as_array().unwrap();
            let ports: Vec<String> = ports.iter().map(|port| port["port"].to_string()).collect();
            ports.join(" ")
        })
        .collect();
    assert_eq!(
        open,
        ["443 16443 5673 8443 4319 9090", "443 16443 5674 8443 4319 9090"]
    );
    Ok(())
}

/// The table from which templates read is that of the reference, with its defaults.
#[test]
fn templates_know_settings_by_the_names_of_the_reference() -> anyhow::Result<()> {
    let file = std::fs::read_to_string(repository().join("deploy/chart/templates/_settings.tpl"))?;
    let (_, table) = file
        .split_once("{{- define \"launcher.known\" -}}")
        .context("no table")?;
    let (table, _) = table.split_once("{{- end -}}").context("no end of the table")?;
    let table: Value = serde_saphyr::from_str(table)?;
    let reference = std::fs::read_to_string(repository().join("docs/CONFIGURATION.md"))?;
    let rows = table.as_object().context("a table")?;
    assert!(rows.len() > 5, "{rows:?}");
    for row in rows.values() {
        let [variable, key, default] =
            ["variable", "key", "default"].map(|name| row[name].as_str().unwrap_or_default());
        let default = if default.is_empty() {
            String::new()
        } else {
            format!("`{default}`")
        };
        let expected = format!("| `{variable}` | `{key}` | {default} |");
        assert!(reference.contains(&expected), "{expected}");
    }
    Ok(())
}

/// The list of what is refused in plain text is that of the reference.
#[test]
fn templates_know_every_secret_of_the_reference() -> anyhow::Result<()> {
    let file = std::fs::read_to_string(repository().join("deploy/chart/templates/_settings.tpl"))?;
    let (_, list) = file
        .split_once("{{- define \"launcher.secrets\" -}}")
        .context("no list")?;
    let (list, _) = list.split_once("{{- end -}}").context("no end of the list")?;
    let known: BTreeSet<String> = list
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let reference = std::fs::read_to_string(repository().join("docs/CONFIGURATION.md"))?;
    let secrets: BTreeSet<String> = reference
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect();
            (cells.get(4) == Some(&"secret")).then(|| format!("{}: {}", cells[1], cells[2]))
        })
        .collect();
    assert!(secrets.len() > 3, "{secrets:?}");
    assert_eq!(known, secrets);
    Ok(())
}

/// The namespaces in which a worker's Roles are.
fn rights(objects: &[Value], kind: Kind) -> BTreeSet<&str> {
    let roles = objects.iter().filter(|object| object["kind"] == "Role");
    roles
        .filter(|role| role["metadata"]["labels"]["app.kubernetes.io/component"] == kind.binary())
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect()
}
