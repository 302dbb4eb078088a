//! Options of one executor: odd values that the predecessor's installations have and that must not end a start-up,
//! and those that must be told.

use super::*;

/// Options with this value at one place, a pointer.
fn with(pointer: &str, value: &serde_json::Value) -> serde_json::Value {
    let value = value.clone();
    let mut parts: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
    parts.reverse();
    parts
        .into_iter()
        .fold(value, |inner, part| json!({ (part): inner }))
}

pub(super) fn read(plugin: Plugin, options: &serde_json::Value) -> Result<ExecutorSettings, SettingsErrors> {
    ExecutorSettings::from_options("any", plugin, options)
}

#[test]
fn options_that_a_shape_of_pod_does_not_use_are_not_read() {
    let unused_by_vm = [
        ("/sdHabEnabled", json!("perhaps")),
        ("/kubernetes/serviceAccount", json!({})),
        ("/kubernetes/automountServiceAccountToken", json!("perhaps")),
        ("/kubernetes/dnsPolicy", json!("Odd")),
        ("/kubernetes/imagePullPolicy", json!("Odd")),
        ("/kubernetes/imagePullSecretName", json!({})),
        ("/kubernetes/runtimeClass", json!({})),
        ("/kubernetes/privileged", json!("perhaps")),
        ("/kubernetes/dockerFeatureEnabled", json!("perhaps")),
        ("/kubernetes/rootlessBuildkitFeatureEnabled", json!("perhaps")),
        ("/kubernetes/podLabels", json!(["a"])),
        ("/kubernetes/annotations", json!(5)),
        ("/kubernetes/lifecycleHooks", json!("x")),
        ("/kubernetes/volumeMounts", json!("x")),
        ("/kubernetes/buildSecrets", json!("x")),
        ("/kubernetes/buildSecretsFile", json!("x")),
    ];
    let unused_by_k8s = [
        ("/kubernetes/baseImage", json!({})),
        ("/kubernetes/resources/disk/space", json!({})),
    ];
    let k8s = unused_by_k8s.map(|row| (Plugin::K8s, Plugin::K8sVm, row));
    let vm = unused_by_vm.map(|row| (Plugin::K8sVm, Plugin::K8s, row));
    for (idle, used, (pointer, value)) in vm.into_iter().chain(k8s) {
        let options = with(pointer, &value);
        let taken = read(idle, &options);
        assert!(taken.is_ok(), "{pointer}: {}", taken.unwrap_err());
        assert!(
            read(used, &options).is_err(),
            "{pointer} is not read where it counts"
        );
    }
}

#[test]
fn options_that_a_shape_of_pod_does_not_use_are_told_if_a_file_sets_them() {
    let dir = config_dir(&[(
        "local.yaml",
        "executor: { plugin: k8s, k8s-vm: { options: { sdHabEnabled: true, kubernetes: {\n\
         \x20 dnsPolicy: Default, podLabels: {}, privileged: false, volumeMounts: [{ name: x }] } } } }",
    )]);
    let check = |variables: &[(&str, &str)]| {
        let env: HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::check(&env, Some(dir.path()))
    };
    // A variable that means other executors too is no mistake.
    let shown = check(&[("K8S_POD_LABELS", "{team: 'a'}")]);
    let warnings = shown
        .warnings
        .join("\n")
        .replace(dir.path().to_str().unwrap(), "config");
    let file = "config/local.yaml: executor.k8s-vm.options.kubernetes";
    assert_eq!(
        warnings,
        format!(
            "{file}.dnsPolicy has no effect: k8s-vm does not use it\n\
             {file}.volumeMounts has no effect: k8s-vm does not use it"
        )
    );
    let line = |key: &str| {
        let key = format!("executor.k8s-vm.options.kubernetes.{key}");
        let line = shown.effective.iter().find(|line| line.key == key);
        line.map(|line| line.value.as_str())
    };
    assert_eq!(line("podLabels"), Some("(no effect)"));
    assert_eq!(line("dnsPolicy"), Some("(no effect)"));
    assert_eq!(line("runtimeClass"), None, "nobody set it");
}

/// What begins the names of a pod and, with executor k8s, of its containers, must fit them.
#[test]
fn a_prefix_fits_the_names_that_begin_with_it() {
    let names = |prefix: &str, executor: &str| {
        let problems = load(&[("EXECUTOR_PREFIX", prefix), ("EXECUTOR_PLUGIN", executor)]);
        problems.map_or_else(|errors| errors.to_string(), |_| String::new())
    };
    let long = |length: usize| "a".repeat(length);
    let cases = [
        ("", true, true),
        ("beta-", true, true),
        ("7", true, true),
        ("sd.beta-", false, true),
        ("a.", false, true),
        (&long(38), true, true),
        (&long(39), false, true),
        (&long(47), false, true),
        (&long(48), false, false),
        ("-a", false, false),
        (".a", false, false),
        ("a..b", false, false),
        ("a.-b", false, false),
        ("a-.b", false, false),
        ("A", false, false),
        ("a_b", false, false),
        ("ü", false, false),
    ];
    for (prefix, k8s, vm) in cases {
        assert_eq!(names(prefix, "k8s").is_empty(), k8s, "{prefix}");
        assert_eq!(names(prefix, "k8s-vm").is_empty(), vm, "{prefix}");
    }
    assert!(
        names("a.b", "k8s").contains("EXECUTOR_PREFIX: expected up to 38 lower-case letters"),
        "{}",
        names("a.b", "k8s")
    );
}

#[test]
fn a_prefix_that_does_not_fit_an_executor_that_only_jobs_choose_is_told() {
    let settings = load(&[("EXECUTOR_PREFIX", "sd.beta-"), ("K8S_BASE_IMAGE", "vm:1")]).unwrap();
    let warning = "EXECUTOR_PREFIX does not fit executor k8s, whose pods Kubernetes would refuse: expected up to 38 \
                   lower-case letters";
    assert!(
        settings.warnings.iter().any(|text| text.starts_with(warning)),
        "{:?}",
        settings.warnings
    );
    let weighted = [("EXECUTOR_PREFIX", "sd.beta-"), ("WEIGHT_K8S", "1")];
    assert!(problems(&weighted).contains("EXECUTOR_PREFIX: expected up to 38"));
    let long = format!(
        "{{executor: {{plugin: 'k8s', 'k8s-vm': {{options: {{prefix: '{}'}}}}}}}}",
        "a".repeat(48)
    );
    assert!(problems(&[("NODE_CONFIG", &long)]).contains("k8s-vm.options.prefix: expected up to 47"));
}

#[test]
fn lists_may_be_objects_of_entries() {
    let options = json!({ "kubernetes": {
        "volumeMounts": { "one": { "name": "a", "mountPath": "/a", "path": "/b" },
                          "two": { "name": "c", "mountPath": "/c", "path": "/d" } },
        "buildSecrets": { "one": { "secret_env": "A", "secret_name": "b", "secret_key": "c" } },
        "buildSecretsFile": {},
    } });
    let pod = read(Plugin::K8s, &options).unwrap().pod;
    let names: Vec<&str> = pod.host_mounts.iter().map(|mount| mount.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(pod.secret_variables[0].secret, "b");
    let wrong = json!({ "kubernetes": { "volumeMounts": { "one": { "name": "a" }, "two": "x" } } });
    let errors = read(Plugin::K8s, &wrong).unwrap_err().to_string();
    assert!(
        errors.contains("kubernetes.volumeMounts: expected a list of objects"),
        "{errors}"
    );
    let wrong = json!({ "kubernetes": { "volumeMounts": { "one": { "name": "a" } } } });
    let errors = read(Plugin::K8s, &wrong).unwrap_err().to_string();
    assert!(
        errors.contains("kubernetes.volumeMounts.one.path: expected text"),
        "{errors}"
    );
}

#[test]
fn fields_of_hooks_that_kubernetes_does_not_know_are_told() {
    let hooks = "{preStop: {exec: {command: ['a'], shell: true}, httpget: {port: 1}}, onStart: 1, stopSignal: \
                 'SIGTERM'}";
    let settings = load(&[("K8S_LIFECYCLE_HOOKS", hooks), ("EXECUTOR_PLUGIN", "k8s")]).unwrap();
    let told: Vec<&String> = settings
        .warnings
        .iter()
        .filter(|text| text.starts_with("K8S_LIFECYCLE_HOOKS"))
        .collect();
    assert_eq!(
        told,
        [
            "K8S_LIFECYCLE_HOOKS: preStop.exec.shell: there is no such field in Kubernetes",
            "K8S_LIFECYCLE_HOOKS: preStop.httpget: there is no such field in Kubernetes",
            "K8S_LIFECYCLE_HOOKS: onStart: there is no such field in Kubernetes",
        ]
    );
    let plain = "{preStop: {httpGet: {path: '/x', port: 8080}}, postStart: {sleep: {seconds: 5}}}";
    let settings = load(&[("K8S_LIFECYCLE_HOOKS", plain), ("EXECUTOR_PLUGIN", "k8s")]).unwrap();
    assert_eq!(
        settings.warnings,
        ["--config-dir: there is no folder /nonexistent"]
    );
}

/// The predecessor writes an empty text, over labels of its own too.
#[test]
fn an_entry_that_is_null_is_empty() {
    for key in [
        "podLabels",
        "annotations",
        "nodeSelectors",
        "preferredNodeSelectors",
    ] {
        let options = json!({ "kubernetes": { (key): { "tier": null, "a": "b" } } });
        let pod = read(Plugin::K8s, &options).unwrap().pod;
        let texts = match key {
            "podLabels" => pod.labels,
            "annotations" => pod.annotations,
            "nodeSelectors" => pod.node_selectors,
            _ => pod.preferred_node_selectors,
        };
        let expected = [("tier", ""), ("a", "b")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(texts, expected, "{key}");
    }
}

/// Words whose zero and false the predecessor's language takes for nothing.
#[test]
fn zeros_and_falses_of_a_file_are_no_names() {
    for nothing in [json!(0), json!(false), json!("")] {
        let options = json!({
            "prefix": nothing, "launchImage": nothing, "launchVersion": nothing,
            "kubernetes": {
                "serviceAccount": nothing, "runtimeClass": nothing, "imagePullSecretName": nothing,
                "dnsPolicy": nothing, "imagePullPolicy": nothing, "jobsNamespace": nothing, "host": nothing,
            },
        });
        let executor = read(Plugin::K8s, &options).unwrap();
        let pod = &executor.pod;
        assert_eq!(
            (executor.prefix.as_str(), executor.cluster.namespace.as_str()),
            ("", "default")
        );
        assert_eq!(executor.cluster.host, "kubernetes.default");
        assert_eq!(
            (pod.launch_image.as_str(), pod.launch_version.as_str()),
            ("screwdrivercd/launcher", "stable")
        );
        assert_eq!(
            (pod.service_account.as_str(), &pod.runtime_class),
            ("default", &None)
        );
        assert_eq!(
            (pod.dns_policy.as_str(), pod.image_pull_policy.as_str()),
            ("ClusterFirst", "Always")
        );
        assert_eq!(pod.image_pull_secret, None);
    }
    // The text of a variable is one.
    assert_eq!(
        load(&[("EXECUTOR_PREFIX", "0")]).unwrap().executors.all[0].prefix,
        "0"
    );
}

/// They work in the predecessor, whose language has look-around.
#[test]
fn exclusions_may_look_around() {
    let settings = load(&[("K8S_EXECUTOR_EXCLUSION", r"['^(?!docker\\.io/)', '(a)\\1']")]).unwrap();
    let [k8s, ..] = &settings.executors.all[..] else {
        panic!("no executor");
    };
    let excluded = |container: &str| k8s.exclusions.iter().any(|one| one.matches(container));
    for (container, expected) in [
        ("docker.io/node:22", false),
        ("DOCKER.IO/node", false),
        ("quay.io/node", true),
        ("docker.io/baal", true),
    ] {
        assert_eq!(excluded(container), expected, "{container}");
    }
    assert!(
        problems(&[("K8S_EXECUTOR_EXCLUSION", "(s")]).contains("K8S_EXECUTOR_EXCLUSION: expected regular")
    );
}
