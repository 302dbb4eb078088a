//! One row for each rule of the predecessor's that no recorded pod shows alone.

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

#[test]
fn daemons_run_if_operator_and_job_want_them() {
    let both = json!({ "dockerFeatureEnabled": true, "rootlessBuildkitFeatureEnabled": "yes" });
    let wanted = json!({
        "screwdriver.cd/dockerEnabled": true, "screwdriver.cd/rootlessBuildkitEnabled": true,
        "screwdriver.cd/dockerCpu": 3, "screwdriver.cd/dockerRam": "MAX", "screwdriver.cd/buildkitCpu": "MAX",
    });
    let buildkit = asked("rootlessBuildkitEnabled", json!(true));
    let docker = asked("dockerEnabled", json!(true));
    let limits = |cpu: &str, memory: &str| json!({ "limits": { "cpu": cpu, "memory": memory } });
    let texts = json!({ "dockerFeatureEnabled": "false", "rootlessBuildkitFeatureEnabled": "false" });
    let at_image = "/spec/containers/1/image";
    let (plain, rootless) = (json!("docker:20.10-dind"), json!("docker:20.10-dind-rootless"));
    hold(
        Plugin::K8s,
        vec![
            ("both", both.clone(), none(), wanted.clone(), at_image, rootless),
            (
                "docker alone",
                both.clone(),
                none(),
                docker.clone(),
                at_image,
                plain,
            ),
            (
                "both in order",
                both.clone(),
                none(),
                wanted.clone(),
                "/spec/containers/2/name",
                json!("buildkitd"),
            ),
            (
                "no numbers for daemons, no MAX for memory",
                both.clone(),
                none(),
                wanted.clone(),
                "/spec/containers/1/resources",
                limits("2000m", "2Gi"),
            ),
            (
                "MAX for CPU",
                both.clone(),
                none(),
                wanted,
                "/spec/containers/2/resources",
                limits("12000m", "2Gi"),
            ),
            (
                "buildkit alone",
                both.clone(),
                none(),
                buildkit.clone(),
                "/spec/containers/1/name",
                json!("buildkitd"),
            ),
            (
                "buildkit tells the build nothing",
                both,
                none(),
                buildkit.clone(),
                "/spec/containers/0/env/12",
                Value::Null,
            ),
            // D30 and D31.
            (
                "a text is no yes",
                texts.clone(),
                none(),
                docker,
                "/spec/containers/1",
                Value::Null,
            ),
            (
                "nor here",
                texts,
                none(),
                buildkit.clone(),
                "/spec/containers/1",
                Value::Null,
            ),
            (
                "nor is silence",
                none(),
                none(),
                buildkit,
                "/spec/containers/1",
                Value::Null,
            ),
        ],
    );
}

#[test]
fn sizes_show_in_labels() {
    let half = json!({ "resources": { "cpu": { "low": 0.5 }, "memory": { "low": "1.5" } } });
    hold(
        Plugin::K8s,
        vec![
            (
                "half a core",
                half.clone(),
                none(),
                none(),
                "/metadata/labels/screwdriver.cd~1cpu",
                json!("0.5"),
            ),
            (
                "its limit",
                half.clone(),
                none(),
                none(),
                "/spec/containers/0/resources/limits/cpu",
                json!("500m"),
            ),
            (
                "memory",
                half,
                none(),
                none(),
                "/metadata/labels/screwdriver.cd~1memory",
                json!("1.5"),
            ),
            (
                "MAX",
                none(),
                none(),
                asked("cpu", json!("MAX")),
                "/metadata/labels/screwdriver.cd~1cpu",
                json!("12"),
            ),
            (
                "nothing has no label",
                none(),
                none(),
                asked("cpu", json!(0)),
                "/metadata/labels/screwdriver.cd~1cpu",
                Value::Null,
            ),
            (
                "nothing is a limit",
                none(),
                none(),
                asked("cpu", json!(0)),
                "/spec/containers/0/resources/limits/cpu",
                json!("0m"),
            ),
            (
                "less than nothing is the API server's to refuse",
                none(),
                none(),
                asked("ram", json!(-1)),
                "/spec/containers/0/resources/limits/memory",
                json!("-1Gi"),
            ),
        ],
    );
}

#[test]
fn storage_is_limited_if_configured_or_asked_for() {
    let limits = "/spec/containers/0/resources/limits/ephemeral-storage";
    let configured = json!({ "baseImage": "vm:1",
        "resources": { "ephemeralStorage": { "default": "5Gi", "max": "20Gi" } } });
    let image = json!({ "baseImage": "vm:1" });
    let more = asked("ephemeralStorage", json!("1Ti"));
    for plugin in [Plugin::K8s, Plugin::K8sVm] {
        hold(
            plugin,
            vec![
                ("neither", image.clone(), none(), none(), limits, Value::Null),
                (
                    "configured",
                    configured.clone(),
                    none(),
                    none(),
                    limits,
                    json!("5Gi"),
                ),
                (
                    "asked for",
                    image.clone(),
                    none(),
                    more.clone(),
                    limits,
                    json!("1Ti"),
                ),
                (
                    "too much",
                    configured.clone(),
                    none(),
                    more.clone(),
                    limits,
                    json!("20Gi"),
                ),
            ],
        );
    }
}

#[test]
fn caches_are_where_they_always_were() {
    let pipeline = "/spec/volumes/4/hostPath/path";
    let volumes = |path: &str| json!(path);
    let prefixed = |mut options: Value| {
        options["prefix"] = json!("p-");
        options
    };
    hold(
        Plugin::K8s,
        vec![
            (
                "root",
                none(),
                cache("/", "disk"),
                none(),
                pipeline,
                volumes("//pipelines/123"),
            ),
            (
                "prefix",
                none(),
                prefixed(cache("/c", "disk")),
                none(),
                pipeline,
                volumes("/c/p-/pipelines/123"),
            ),
            (
                "no path",
                none(),
                cache("", "disk"),
                none(),
                pipeline,
                Value::Null,
            ),
            (
                "in the store",
                none(),
                cache("/c", "s3"),
                none(),
                pipeline,
                Value::Null,
            ),
            (
                "told to the launcher",
                none(),
                cache("/c", "disk"),
                none(),
                ARGS,
                json!([
                    "/opt/sd/run.sh \"a.b-c_d\" \"https://a.example\" \"https://s.example\" \"90\" \"8609\" \
                     \"https://u.example\" \"disk\" \"/sdpipelinecache\" \"/sdjobcache\" \"/sdeventcache\" \"true\" \
                     \"true\" \"7\" \"10000\"\n"
                ]),
            ),
        ],
    );
}

#[test]
fn a_prefix_is_added_to_the_cache_path_once() {
    let mut options = cache("/c", "disk");
    options["prefix"] = json!("p-");
    let executor = executor(Plugin::K8s, &none(), &options);
    let annotations = Map::new();
    let (first, second) = (
        made(&executor, &spec(&annotations)),
        made(&executor, &spec(&annotations)),
    );
    assert_eq!(first, second);
    assert_eq!(
        at(&second, "/spec/volumes/5/hostPath/path"),
        json!("/c/p-/jobs/123/777")
    );
}

#[test]
fn folders_are_made_where_they_are_missing() {
    for (plugin, volume) in [(Plugin::K8s, 1), (Plugin::K8sVm, 2)] {
        let pod = made(
            &executor(plugin, &json!({ "baseImage": "vm:1" }), &none()),
            &spec(&Map::new()),
        );
        let expected = json!({ "path": "/opt/screwdriver/sdlauncher/stable", "type": "DirectoryOrCreate" });
        assert_eq!(at(&pod, &format!("/spec/volumes/{volume}/hostPath")), expected);
    }
}

#[test]
fn what_a_message_lacks_is_empty() {
    let annotations = Map::new();
    let build = BuildSpec {
        job_id: None,
        job_name: None,
        event_id: None,
        pipeline_id: None,
        pipeline_name: Some(""),
        pr_num: Some(0),
        template_full_name: Some(""),
        ..spec(&annotations)
    };
    let pod = made(&executor(Plugin::K8s, &none(), &cache("/c", "disk")), &build);
    assert_eq!(at(&pod, "/spec/volumes/5/hostPath/path"), json!("/c/jobs//"));
    let variable = json!({ "name": "SD_PIPELINE_ID", "value": "" });
    assert!(contains(&at(&pod, "/spec/containers/0/env"), &variable));
    let labels: Vec<String> = pod.metadata.labels.unwrap().into_keys().collect();
    let left = [
        "app",
        "screwdriver.cd/cpu",
        "screwdriver.cd/disk",
        "screwdriver.cd/memory",
        "sdbuild",
        "tier",
    ];
    assert_eq!(labels, left);
    let vm = made(
        &executor(Plugin::K8sVm, &json!({ "baseImage": "vm:1" }), &none()),
        &build,
    );
    assert_eq!(at(&vm, "/spec/containers/0/args/15"), json!(""));
}

#[test]
fn virtual_machines_have_rules_of_their_own() {
    let image = json!({ "baseImage": "vm:1" });
    let all = json!({
        "baseImage": "vm:1", "privileged": false, "podLabels": { "a": "b" }, "annotations": { "a": "b" },
        "serviceAccount": "sa", "dnsPolicy": "Default", "imagePullPolicy": "Never", "runtimeClass": "kata",
        "imagePullSecretName": "s", "lifecycleHooks": { "preStop": { "exec": { "command": ["x"] } } },
        "dockerFeatureEnabled": true, "rootlessBuildkitFeatureEnabled": true,
        "buildSecrets": [{ "secret_env": "S", "secret_name": "n", "secret_key": "k" }],
        "volumeMounts": [{ "name": "m", "mountPath": "/m", "path": "/host" }],
    });
    let docker = asked("dockerEnabled", json!(true));
    let plain = made(&executor(Plugin::K8sVm, &image, &none()), &spec(&Map::new()));
    let with_all = made(
        &executor(Plugin::K8sVm, &all, &none()),
        &spec(docker.as_object().unwrap()),
    );
    assert_eq!(plain, with_all, "options of pods count for virtual machines");
    let limits = "/spec/containers/0/resources/limits";
    hold(
        Plugin::K8sVm,
        vec![
            (
                "MAX is no name",
                image.clone(),
                none(),
                asked("cpu", json!("MAX")),
                limits,
                json!({ "cpu": "2", "memory": "2048Mi" }),
            ),
            (
                "MICRO is a core",
                image.clone(),
                none(),
                asked("cpu", json!("MICRO")),
                limits,
                json!({ "cpu": "1", "memory": "2048Mi" }),
            ),
            (
                "fractions",
                json!({ "baseImage": "vm:1", "resources": { "cpu": { "low": 0.5 }, "memory": { "low": 1.5 } } }),
                none(),
                none(),
                limits,
                json!({ "cpu": "0.5", "memory": "1536Mi" }),
            ),
            (
                "no size of disk",
                image.clone(),
                none(),
                none(),
                "/metadata/labels",
                json!({ "app": "screwdriver-vm", "sdbuild": "8609", "tier": "builds" }),
            ),
            (
                "caches are told always",
                image.clone(),
                none(),
                none(),
                "/spec/containers/0/args/28",
                json!("--cache_strategy"),
            ),
            (
                "with their path",
                image.clone(),
                cache("/c", "s3"),
                none(),
                "/spec/containers/0/args/31",
                json!("/c"),
            ),
            (
                "privileged",
                image,
                none(),
                none(),
                "/spec/containers/0/securityContext/privileged",
                json!(true),
            ),
        ],
    );
}
