//! Which executors there are.

use super::*;

#[test]
fn executors_keep_their_order_and_further_ones_follow() {
    let dir = config_dir(&[(
        "local.yaml",
        "executor:\n\
         \x20 plugin: zebra\n\
         \x20 zebra: { pluginName: k8s, weightage: '2.9', exclusion: [a], exclusions: [b] }\n\
         \x20 antelope: { pluginName: k8s-vm, options: { prefix: a- } }\n\
         \x20 jenkins: { options: {} }\n\
         \x20 k8s: { weightage: 1 }\n",
    )]);
    let settings = load_from(dir.path(), &[]).unwrap();
    let names: Vec<&str> = settings
        .executors
        .all
        .iter()
        .map(|executor| executor.name.as_str())
        .collect();
    assert_eq!(names, ["k8s", "k8s-sandbox", "k8s-vm", "zebra", "antelope"]);
    assert_eq!(
        settings.warnings,
        [
            "executor jenkins is left out: builds run in pods, Jenkins is not supported; its settings have no \
             effect"
        ]
    );
    let zebra = settings.executors.get("zebra").unwrap();
    assert_eq!(zebra.weightage, 2_900, "thousandths");
    assert_eq!(
        zebra.exclusions.iter().map(Exclusion::as_str).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert!(zebra.exclusions[0].matches("ALPINE"), "case does not count");
    assert_eq!(
        settings.executors.get("k8s").unwrap().exclusions[0].as_str(),
        "rhel6"
    );
    assert_eq!(settings.executors.get("antelope").unwrap().plugin, Plugin::K8sVm);
}

#[test]
fn an_exclusion_may_be_a_list_or_one_expression() {
    for (text, expected) in [
        ("['a', 'b+']", vec!["a", "b+"]),
        ("rhel[67]", vec!["rhel[67]"]),
        ("[]", vec![]),
    ] {
        let settings = load(&[("K8S_EXECUTOR_EXCLUSION", text)]).unwrap();
        let exclusions: Vec<&str> = settings.executors.all[0]
            .exclusions
            .iter()
            .map(Exclusion::as_str)
            .collect();
        assert_eq!(exclusions, expected);
    }
}

#[test]
fn options_alone_make_an_executor_with_the_plugins_own_defaults() {
    let ecosystem =
        json!({ "api": "https://a.example", "store": "https://s.example", "ui": "https://u.example" });
    let options =
        json!({ "ecosystem": ecosystem, "prefix": "beta-", "kubernetes": { "jobsNamespace": "builds" } });
    let executor = ExecutorSettings::from_options("k8s", Plugin::K8s, &options).unwrap();
    assert_eq!(executor.prefix, "beta-");
    assert_eq!(executor.cluster.namespace, "builds");
    assert_eq!(executor.pod.termination_grace_period, 30);
    assert!((executor.pod.cpu.micro - 0.5).abs() < f64::EPSILON);
    assert!(!executor.pod.sidecars.buildkit, "off unless asked for (D31)");
    let unfit = ExecutorSettings::from_options("k8s", Plugin::K8s, &json!({ "prefix": 5.5 })).unwrap();
    assert_eq!(unfit.prefix, "5.5", "what was made of it can be looked at");
    let wrong = json!({ "kubernetes": { "buildTimeout": "long" } });
    let errors = ExecutorSettings::from_options("k8s", Plugin::K8s, &wrong).unwrap_err();
    assert!(
        errors
            .to_string()
            .contains("kubernetes.buildTimeout: expected a number"),
        "{errors}"
    );
}
