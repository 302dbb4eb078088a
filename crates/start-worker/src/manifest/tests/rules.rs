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

/// As the predecessor's language prints them.
#[test]
fn minutes_without_measure_are_printed_as_they_were() {
    let arguments = |value: Value| {
        let executor = executor(Plugin::K8s, &json!({ "maxBuildTimeout": 1e9 }), &none());
        let asked = asked("timeout", value);
        let pod = made(&executor, &spec(asked.as_object().unwrap()));
        at(&pod, "/spec/containers/0/args/0").as_str().unwrap().to_owned()
    };
    for (minutes, expected) in [
        (json!(1e-7), "1e-7"),
        (json!(0.000_001), "0.000001"),
        (json!(1.5), "1.5"),
        (json!(-1e21), "-1e+21"),
        (json!(-1.5e300), "-1.5e+300"),
        (json!(1e20), "1000000000"),
        (json!([30]), "30"),
        (json!("Infinity"), "1000000000"),
        (json!("-Infinity"), "-Infinity"),
    ] {
        let line = arguments(minutes.clone());
        assert!(
            line.contains(&format!(" \"{expected}\" \"8609\"")),
            "{minutes}: {line}"
        );
    }
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
