//! Executor k8s-vm, where it is not as executor k8s.

use super::*;

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

/// Minus as many GB as there are would be minus infinitely many MB.
#[test]
fn no_size_of_a_virtual_machine_is_infinite() {
    let executor = executor(Plugin::K8sVm, &json!({ "baseImage": "vm:1" }), &none());
    let jest = asked("ram", json!(-4.8e305));
    let pod = made(&executor, &spec(jest.as_object().unwrap()));
    let memory = at(&pod, "/spec/containers/0/resources/limits/memory");
    let digits = memory
        .as_str()
        .unwrap()
        .trim_start_matches('-')
        .trim_end_matches("Mi");
    assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
}
