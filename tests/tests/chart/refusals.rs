//! Values with which the chart makes nothing: what is said, and that it names the value.

use serde_json::{Value, json};
use testbed::helm::Helm;

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
    let options = |options: Value| json!({ "executor": { "k8s": { "options": { "kubernetes": options } } } });
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
