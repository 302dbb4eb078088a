//! One row for each rule of the predecessor's that no recorded pod shows alone.

mod caches;
mod daemons;
mod sizes;
mod vm;

use super::*;

/// A rule by its name: options below `kubernetes`, further options, annotations, where in the pod, what is there.
type Rule = (&'static str, Value, Value, Value, &'static str, Value);

const ARGS: &str = "/spec/containers/0/args";

fn hold(plugin: Plugin, rules: Vec<Rule>) {
    for (rule, kubernetes, more, annotations, pointer, expected) in rules {
        let executor = executor(plugin, &kubernetes, &more);
        let pod = made(&executor, &spec(annotations.as_object().unwrap()));
        assert_eq!(at(&pod, pointer), expected, "{rule}");
    }
}

fn none() -> Value {
    json!({})
}

fn cache(path: &str, strategy: &str) -> Value {
    json!({ "ecosystem": {
        "api": "https://a.example", "store": "https://s.example", "ui": "https://u.example",
        "cache": { "strategy": strategy, "path": path, "compress": "true", "md5check": true, "max_size_mb": "7" },
    } })
}

fn asked(name: &str, value: Value) -> Value {
    let mut annotations = Map::new();
    annotations.insert(format!("screwdriver.cd/{name}"), value);
    annotations.into()
}

#[test]
fn options_that_are_empty_are_none() {
    let env = "/spec/containers/0/env/12";
    let nothing = Value::Null;
    hold(
        Plugin::K8s,
        vec![
            (
                "secrets off",
                json!({ "buildSecrets": [{}] }),
                none(),
                none(),
                env,
                nothing.clone(),
            ),
            (
                "secrets {}",
                json!({ "buildSecrets": {} }),
                none(),
                none(),
                env,
                nothing.clone(),
            ),
            (
                "secrets []",
                json!({ "buildSecrets": [] }),
                none(),
                none(),
                env,
                nothing.clone(),
            ),
            (
                "files off",
                json!({ "buildSecretsFile": [{}] }),
                none(),
                none(),
                "/spec/volumes/4",
                nothing.clone(),
            ),
            (
                "mounts {}",
                json!({ "volumeMounts": {} }),
                none(),
                none(),
                "/spec/volumes/4",
                nothing.clone(),
            ),
            (
                "hooks",
                json!({ "lifecycleHooks": {} }),
                none(),
                none(),
                "/spec/containers/0/lifecycle",
                nothing.clone(),
            ),
            (
                "annotations",
                json!({ "annotations": {} }),
                none(),
                none(),
                "/metadata/annotations",
                nothing.clone(),
            ),
            (
                "selectors",
                json!({ "nodeSelectors": {} }),
                none(),
                none(),
                "/spec/affinity",
                nothing.clone(),
            ),
            (
                "class",
                json!({ "runtimeClass": "" }),
                none(),
                none(),
                "/spec/runtimeClassName",
                nothing.clone(),
            ),
            (
                "pull secret",
                json!({ "imagePullSecretName": "" }),
                none(),
                none(),
                "/spec/imagePullSecrets",
                nothing,
            ),
        ],
    );
}

#[test]
fn what_operators_give_is_there_as_it_is() {
    let hook = json!({ "httpGet": { "path": "/x", "port": "http" } });
    let hooks = json!({ "postStart": hook, "preStop": { "exec": { "command": ["a", "b c"] } } });
    let secret = json!([{ "secret_env": "S", "secret_name": "n", "secret_key": "k" }]);
    let reference = json!({ "name": "S", "valueFrom": { "secretKeyRef": { "name": "n", "key": "k" } } });
    let mount = json!([{ "name": "m", "mountPath": "/m", "path": "/host" }]);
    hold(
        Plugin::K8s,
        vec![
            (
                "hooks",
                json!({ "lifecycleHooks": hooks }),
                none(),
                none(),
                "/spec/containers/0/lifecycle",
                hooks,
            ),
            (
                "secret",
                json!({ "buildSecrets": secret }),
                none(),
                none(),
                "/spec/containers/0/env/12",
                reference,
            ),
            (
                "mount without type",
                json!({ "volumeMounts": mount }),
                none(),
                none(),
                "/spec/volumes/4",
                json!({ "name": "m", "hostPath": { "path": "/host" } }),
            ),
            (
                "its mount",
                json!({ "volumeMounts": mount }),
                none(),
                none(),
                "/spec/containers/0/volumeMounts/4",
                json!({ "name": "m", "mountPath": "/m" }),
            ),
            (
                "a class, to the build too",
                json!({ "runtimeClass": "kata" }),
                none(),
                none(),
                "/spec/containers/0/env/1",
                json!({ "name": "SD_RUNTIME_CLASS", "value": "kata" }),
            ),
            (
                "labels over ours, as values of labels",
                json!({ "podLabels": { "app": "-own app-" } }),
                none(),
                none(),
                "/metadata/labels/app",
                json!("own.app"),
            ),
            (
                "a timeout above what jobs may ask for",
                json!({ "buildTimeout": 500 }),
                none(),
                none(),
                ARGS,
                json!([
                    "/opt/sd/run.sh \"a.b-c_d\" \"https://api.sd.example\" \"https://store.sd.example\" \"500\" \
                     \"8609\" \"https://sd.example\"\n"
                ]),
            ),
        ],
    );
}
