//! Values with which the chart makes nothing: what is said, and that it names the value.

use serde_json::{Value, json};
use testbed::helm::{Helm, printed};

use crate::objects;

#[tokio::test]
async fn values_that_cannot_work_are_refused_in_words() {
    let helm = Helm::find().await.unwrap();
    let cases = [
        ("port=99999", "/port"),
        (
            "workers.start-worker.replicas=-1",
            "/workers/start-worker/replicas",
        ),
        (
            "workers.start-worker.autoscaling.mode=fast",
            "/workers/start-worker/autoscaling/mode",
        ),
        (
            "terminationGracePeriodSeconds=5",
            "/terminationGracePeriodSeconds",
        ),
        ("env.lower=1", "lower"),
        (
            "secretEnv.RABBITMQ_PASSWORD=secret",
            "/secretEnv/RABBITMQ_PASSWORD",
        ),
        ("nonsense=1", "nonsense"),
        (
            "workers.start-worker.autoscaling.mode=keda",
            "keda.secret.name is needed",
        ),
    ];
    for (value, expected) in cases {
        let output = helm
            .run(None, &["template", "a", "deploy/chart", "--set", value])
            .await
            .unwrap();
        let said = printed(&output);
        assert!(
            !output.status.success() && said.contains(expected),
            "{value}: {said}"
        );
    }
}

#[tokio::test]
async fn what_templates_cannot_see_is_asked_for() {
    let helm = Helm::find().await.unwrap();
    let keda = json!({ "verify-worker": { "autoscaling": { "mode": "keda" } } });
    let cases = [
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
    for (mut values, expected) in cases {
        values["keda"] = json!({ "host": "http://rabbitmq:15672", "secret": { "name": "rabbitmq" } });
        let refused = objects(&helm, &values).await.err();
        let refused = refused.unwrap_or_else(|| panic!("taken: {values}"));
        assert!(refused.contains(expected), "{values}: {refused}");
    }
}

#[tokio::test]
async fn values_that_cannot_work_together_are_refused_in_words() {
    let helm = Helm::find().await.unwrap();
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
            json!({ "volumeMounts": [{ "name": "more", "mountPath": "/config/local.json", "subPath": "a" }] }),
            "volumeMounts: /config/local.json belongs to the file",
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
    for (values, expected) in cases {
        let refused = objects(&helm, &values).await.err();
        let refused = refused.unwrap_or_else(|| panic!("taken: {values}"));
        assert!(refused.contains(expected), "{values}: {refused}");
    }
}
