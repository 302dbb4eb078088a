//! Values with which the chart makes nothing: what is said, and that it names the value.

use anyhow::Context;
use serde_json::{Value, json};
use testbed::helm::{Helm, repository};

use crate::objects;

/// Every one of these is refused in words that have its own in them.
async fn refused(cases: &[(Value, &str)]) {
    let helm = Helm::find().await.unwrap();
    for (values, expected) in cases {
        let said = objects(&helm, "a", values).await.err();
        let said = said.unwrap_or_else(|| panic!("taken: {values}"));
        assert!(said.contains(expected), "{values}: {said}");
    }
}

#[tokio::test]
async fn values_that_cannot_work_are_refused_in_words() {
    let of_start = |values: Value| json!({ "workers": { "start-worker": values } });
    let owned = json!({ "app.kubernetes.io/name": "mine" });
    refused(&[
        (json!({ "port": 99999 }), "/port"),
        (
            of_start(json!({ "replicas": -1 })),
            "/workers/start-worker/replicas",
        ),
        (
            of_start(json!({ "autoscaling": { "mode": "fast" } })),
            "/workers/start-worker/autoscaling/mode",
        ),
        (
            of_start(json!({ "autoscaling": null })),
            "missing property 'autoscaling'",
        ),
        // A worker that is named and left empty would be gone.
        (of_start(Value::Null), "missing property 'start-worker'"),
        (
            json!({ "terminationGracePeriodSeconds": 5 }),
            "/terminationGracePeriodSeconds",
        ),
        (json!({ "env": { "lower": 1 } }), "lower"),
        (
            json!({ "secretEnv": { "RABBITMQ_PASSWORD": "secret" } }),
            "/secretEnv/RABBITMQ_PASSWORD",
        ),
        (json!({ "nonsense": 1 }), "nonsense"),
        (json!({ "fullnameOverride": "Mine" }), "/fullnameOverride"),
        (
            of_start(json!({ "digest": "sha256:1" })),
            "/workers/start-worker/digest",
        ),
        // None of its pods at a time: no node could ever be drained.
        (
            json!({ "podDisruptionBudget": { "maxUnavailable": "0%" } }),
            "/podDisruptionBudget/maxUnavailable",
        ),
        (
            json!({ "serviceMonitor": { "interval": "30" } }),
            "/serviceMonitor/interval",
        ),
        (
            json!({ "serviceMonitor": { "interval": "1s1m" } }),
            "/serviceMonitor/interval",
        ),
        // No port at all would be all ports.
        (
            json!({ "networkPolicy": { "egressPorts": [] } }),
            "/networkPolicy/egressPorts",
        ),
        // What the chart sets itself.
        (
            json!({ "podLabels": owned }),
            "podLabels: the chart itself sets app.kubernetes.io/name",
        ),
        (
            json!({ "serviceMonitor": { "labels": owned } }),
            "serviceMonitor.labels: the chart itself sets",
        ),
        (
            json!({ "podAnnotations": { "checksum/config": "mine" } }),
            "podAnnotations: the chart itself sets",
        ),
        (
            json!({ "volumes": [{ "name": "config", "emptyDir": {} }] }),
            "/volumes/0/name",
        ),
        (
            json!({ "volumeMounts": [{ "name": "more", "mountPath": "/config/local.json" }] }),
            "/volumeMounts/0/mountPath",
        ),
        (
            of_start(json!({ "autoscaling": { "mode": "keda" } })),
            "keda.secret.name is needed",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_templates_cannot_see_is_asked_for() {
    let keda = json!({ "verify-worker": { "autoscaling": { "mode": "keda" } } });
    let mut cases = [
        (
            json!({ "envFrom": [{ "secretRef": { "name": "more" } }] }),
            "buildNamespaces is needed: envFrom may",
        ),
        (
            json!({ "secretEnv": { "NODE_CONFIG": { "name": "more", "key": "json" } } }),
            "buildNamespaces is needed: secretEnv.NODE_CONFIG may",
        ),
        (
            json!({ "env": { "NODE_CONFIG": "{executor: {}}" } }),
            "buildNamespaces is needed: env.NODE_CONFIG, which is not plain JSON, may",
        ),
        (
            json!({ "secretEnv": { "K8S_JOBS_NAMESPACE": { "name": "more", "key": "namespace" } } }),
            "secretEnv.K8S_JOBS_NAMESPACE: put it into env",
        ),
        (
            json!({
                "secretEnv": { "RABBITMQ_QUEUE": { "name": "more", "key": "queue" } }, "workers": keda,
            }),
            "env.RABBITMQ_QUEUE is needed: verify-worker scales by its queues, and secretEnv.RABBITMQ_QUEUE may",
        ),
        (
            json!({
                "envFrom": [{ "secretRef": { "name": "more" } }], "buildNamespaces": ["a"],
                "env": { "RABBITMQ_QUEUE": "A" }, "workers": keda,
            }),
            "env.RABBITMQ_RETRYQUEUE_ENABLED is needed: verify-worker scales by its queues, and envFrom may",
        ),
        (
            json!({
                "buildNamespaces": ["a"], "env": { "NODE_CONFIG": "{rabbitmq: {}}" }, "workers": keda,
            }),
            "env.RABBITMQ_QUEUE is needed",
        ),
    ];
    for (values, _) in &mut cases {
        values["keda"] = json!({ "host": "http://rabbitmq:15672", "secret": { "name": "rabbitmq" } });
    }
    refused(&cases).await;
}

#[tokio::test]
async fn values_that_cannot_work_together_are_refused_in_words() {
    let password = json!({ "RABBITMQ_PASSWORD": { "name": "rabbitmq", "key": "password" } });
    let of = |name: &str, options: Value| {
        let plugin = json!({ "pluginName": "k8s", "options": { "kubernetes": options } });
        json!({ "executor": { name: plugin } })
    };
    let options = |options: Value| of("k8s", options);
    let of_verify = |values: Value| json!({ "workers": { "verify-worker": values } });
    let cases = [
        (
            json!({ "config": options(json!({ "jobsNamespace": "mine" })), "buildNamespaces": ["a"] }),
            "buildNamespaces lacks",
        ),
        (
            json!({ "env": { "PORT": 9000 } }),
            "env.PORT: set the value port instead",
        ),
        (
            of_verify(json!({ "env": { "K8S_BUILD_TOKEN_SECRET": true } })),
            "workers.verify-worker.env.K8S_BUILD_TOKEN_SECRET: set the value buildTokenSecret instead",
        ),
        (
            json!({ "config": options(json!({ "buildTokenSecret": "yes" })) }),
            "buildTokenSecret has to be true: executor k8s asks for it",
        ),
        (
            json!({ "config": of("big", json!({ "buildTokenSecret": "no" })), "buildTokenSecret": true }),
            "buildTokenSecret is true, but executor big leaves tokens in its pods",
        ),
        (
            of_verify(json!({ "env": { "K8S_JOBS_NAMESPACE": "b" } })),
            "workers.verify-worker.env.K8S_JOBS_NAMESPACE: put it into env",
        ),
        (
            json!({ "secretEnv": password, "env": { "RABBITMQ_PASSWORD": "x" } }),
            "env.RABBITMQ_PASSWORD: it is in secretEnv too",
        ),
        (
            of_verify(json!({ "autoscaling": { "minReplicas": 5 } })),
            "workers.verify-worker.autoscaling: minReplicas is above maxReplicas",
        ),
        (
            json!({ "config": { "shutdown": { "drain": "1.5m" } } }),
            "terminationGracePeriodSeconds has to be above DRAIN_TIMEOUT (1.5m)",
        ),
        (
            of_verify(json!({ "env": { "DRAIN_TIMEOUT": "58s" } })),
            "terminationGracePeriodSeconds has to be above DRAIN_TIMEOUT (58s)",
        ),
    ];
    refused(&cases).await;
}

/// The values with which a secret is rotated, as the chart's README shows them: taken, and the file is where it is sought.
#[tokio::test]
async fn a_secret_may_be_a_file_as_the_readme_shows() -> anyhow::Result<()> {
    let readme = std::fs::read_to_string(repository().join("deploy/chart/README.md"))?;
    let (_, secrets) = readme.split_once("\n## Secrets\n").context("no section")?;
    let (_, values) = secrets.split_once("```yaml\n").context("no values")?;
    let (values, _) = values.split_once("```").context("no end of the values")?;
    let values: Value = serde_saphyr::from_str(values)?;
    let helm = Helm::find().await?;
    let objects = objects(&helm, "a", &values).await.map_err(anyhow::Error::msg)?;
    let deployments: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "Deployment")
        .collect();
    assert_eq!(deployments.len(), 2);
    for deployment in deployments {
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let mount = &container["volumeMounts"][1];
        let variables = container["env"].as_array().context("no variables")?;
        let file = variables
            .iter()
            .find(|variable| variable["name"] == "RABBITMQ_PASSWORD_FILE");
        let file = file
            .and_then(|variable| variable["value"].as_str())
            .context("no file")?;
        assert!(
            file.starts_with(mount["mountPath"].as_str().context("no path")?),
            "{file}"
        );
        let mounted = |volume: &&Value| volume["name"] == mount["name"] && volume["secret"].is_object();
        assert!(
            pod["volumes"]
                .as_array()
                .context("no volumes")?
                .iter()
                .any(|volume| mounted(&volume)),
            "{pod}"
        );
    }
    Ok(())
}

/// What stands in a variable or in the file is read by everyone who may read the objects of either.
#[tokio::test]
async fn secrets_in_plain_text_are_refused_with_the_place_for_them() {
    let token = |name: &str| {
        let options = json!({ "kubernetes": { "token": "hunter2" } });
        json!({ "executor": { name: { "pluginName": "k8s", "options": options } } })
    };
    let password = json!({ "rabbitmq": { "password": "hunter2" } });
    let cases = [
        (
            json!({ "env": { "RABBITMQ_PASSWORD": "hunter2" } }),
            "env.RABBITMQ_PASSWORD: it is a secret, which is not read from values: put it into a Secret, and name that \
             in secretEnv.RABBITMQ_PASSWORD",
        ),
        (
            json!({ "workers": { "verify-worker": { "env": { "K8S_TOKEN": "hunter2" } } } }),
            "workers.verify-worker.env.K8S_TOKEN: it is a secret",
        ),
        (
            json!({ "env": { "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2" } }),
            "env.OTEL_EXPORTER_OTLP_HEADERS: it is a secret",
        ),
        (
            json!({ "config": password }),
            "rabbitmq.password in config or NODE_CONFIG: it is a secret, which is not read from values: put it into a \
             Secret, and name that in secretEnv.RABBITMQ_PASSWORD",
        ),
        (
            json!({ "env": { "NODE_CONFIG": password.to_string() } }),
            "rabbitmq.password in config or NODE_CONFIG: it is a secret",
        ),
        (
            json!({ "config": token("k8s-vm") }),
            "executor.k8s-vm.options.kubernetes.token in config or NODE_CONFIG: it is a secret, which is not read from \
             values: put it into a Secret, and name that in secretEnv.K8S_TOKEN",
        ),
        (
            json!({ "env": { "EXECUTOR_JENKINS_PASSWORD": "hunter2" } }),
            "env.EXECUTOR_JENKINS_PASSWORD: Jenkins is not supported: take the password out",
        ),
        (
            json!({ "config": { "executor": { "jenkins": { "options": { "jenkins": { "password": "hunter2" } } } } } }),
            "executor.jenkins.options.jenkins.password in config or NODE_CONFIG: Jenkins is not supported",
        ),
        // Variables do not reach an operator's own.
        (
            json!({ "config": token("big.nodes") }),
            "and name its file, mounted, in executor.big.nodes.options.kubernetes.tokenFile",
        ),
        (
            json!({ "config": { "telemetry": { "otlpTracesHeaders": "authorization=hunter2" } } }),
            "name that in secretEnv.OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        ),
    ];
    refused(&cases).await;
    let helm = Helm::find().await.unwrap();
    for (values, _) in cases {
        let said = objects(&helm, "a", &values).await.unwrap_err();
        assert!(!said.contains("hunter2"), "{said}");
    }
}
