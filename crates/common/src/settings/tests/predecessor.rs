//! The configuration of a predecessor's installation goes on working as it is.

use super::*;

/// The predecessor's own `default.yaml`, in its shape and with its values.
const DEFAULT: &str = include_str!("predecessor/default.yaml");
/// What the guide tells operators to write into `local.yaml`.
const LOCAL: &str = include_str!("predecessor/local.yaml");
/// The predecessor's table of variables.
const VARIABLES: &str = include_str!("../variables/predecessor.tsv");

/// `custom-environment-variables` as the predecessor brings it: JSON has a format, but for exclusions.
fn mapping() -> String {
    let mut map = json!({});
    for line in VARIABLES.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (name, form) = (columns[0], columns[2]);
        let leaf = match (form, name) {
            ("json", "K8S_EXECUTOR_EXCLUSION") => json!({ "__name": name }),
            ("json", "RABBITMQ_CONNECT_OPTIONS") | ("text", _) => json!(name),
            _ => json!({ "__name": name, "__format": "json" }),
        };
        for key in keys(columns[1]) {
            let pointer = format!("/{}", key.replace('.', "/"));
            insert(&mut map, &pointer, &leaf);
        }
    }
    map.to_string()
}

fn keys(column: &str) -> Vec<String> {
    let (start, rest) = column.split_once('.').unwrap();
    if !start.chars().all(char::is_uppercase) {
        return vec![column.to_owned()];
    }
    let names = [('K', "k8s"), ('S', "k8s-sandbox"), ('V', "k8s-vm")];
    let wanted = names.iter().filter(|(letter, _)| start.contains(*letter));
    wanted
        .map(|(_, name)| format!("executor.{name}.options.{rest}"))
        .collect()
}

fn insert(map: &mut serde_json::Value, pointer: &str, leaf: &serde_json::Value) {
    let mut place = map;
    for part in pointer.trim_start_matches('/').split('/') {
        place = &mut place[part];
    }
    *place = leaf.clone();
}

#[test]
fn its_default_file_changes_nothing_but_what_is_deliberate() {
    let dir = config_dir(&[("default.yaml", DEFAULT)]);
    let with = load_from(dir.path(), &[]).unwrap();
    let without = load_from(config_dir(&[]).path(), &[]).unwrap();
    assert_eq!(with.warnings, without.warnings);
    assert_eq!(with.broker.message_reprocess_limit, 3, "its file says so");
    let expected = Settings {
        broker: BrokerSettings {
            message_reprocess_limit: 3,
            ..without.broker.clone()
        },
        ..without
    };
    assert_eq!(format!("{with:#?}"), format!("{expected:#?}"));
}

#[test]
fn its_mapping_of_variables_may_stand_in_the_folder() {
    let mapping = mapping();
    let dir = config_dir(&[
        ("default.yaml", DEFAULT),
        ("custom-environment-variables.json", mapping.as_str()),
    ]);
    for line in VARIABLES.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let variable = [(columns[0], columns[4])];
        let with = load_from(dir.path(), &variable).unwrap();
        let without = load_from(config_dir(&[("default.yaml", DEFAULT)]).path(), &variable).unwrap();
        assert_eq!(format!("{with:?}"), format!("{without:?}"), "{}", columns[0]);
    }
}

#[test]
fn an_operators_files_and_environment_work_unchanged() {
    let dir = config_dir(&[("default.yaml", DEFAULT), ("local.yaml", LOCAL)]);
    let settings = load_from(
        dir.path(),
        &[
            ("NODE_ENV", "production"),
            ("RABBITMQ_PASSWORD", "p@ss:word/"),
            ("RABBITMQ_RETRYQUEUE_ENABLED", "true"),
            ("RABBITMQ_BUILD_INIT_TIMEOUT", "8"),
            ("K8S_CPU_TURBO", "14"),
            ("K8S_NODE_SELECTORS", r#"{"dedicated":"screwdriver"}"#),
            ("EXECUTOR_PREFIX", "beta"),
            ("CACHE_STRATEGY", "disk"),
            ("CACHE_PATH", "/persistent_cache"),
            ("LOG_LEVEL", "verbose"),
        ],
    )
    .unwrap();
    assert_eq!(settings.warnings, [""; 0]);
    let (broker, k8s) = (&settings.broker, &settings.executors.all[0]);
    assert_eq!(broker.password.now().expose_secret(), "p@ss:word/");
    assert_eq!(
        (broker.vhost.as_str(), broker.queue.as_str()),
        ("screwdriver", "useast1")
    );
    assert_eq!(
        (broker.heartbeat.as_secs(), broker.retry_queue_enabled),
        (15, true)
    );
    assert_eq!(settings.executors.default, "k8s");
    assert_eq!(settings.checks.init_timeout, Duration::from_mins(8));
    assert!((k8s.pod.cpu.turbo - 14.0).abs() < f64::EPSILON);
    assert_eq!(k8s.cluster.namespace, "builds");
    let selectors =
        [("zone", "a"), ("dedicated", "screwdriver")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(
        k8s.pod.node_selectors, selectors,
        "objects of two layers are merged"
    );
    assert_eq!(k8s.pod.host_mounts[0].path, "/var/lib/hab");
    assert_eq!(
        settings.executors.disk_cache().as_deref(),
        Some("/persistent_cache")
    );
    assert_eq!(settings.telemetry.log_filter, "debug");
}

/// Its code hands the address to curl.
#[test]
fn a_pushgateway_needs_no_scheme() {
    let pushgateway =
        |text| load(&[("ECOSYSTEM_PUSHGATEWAY_URL", text)]).map(|settings| settings.ecosystem.pushgateway);
    for text in ["push.example:9091", "push.example", "https://push.example/x"] {
        assert_eq!(pushgateway(text).unwrap().unwrap().as_str(), text);
    }
    for text in ["push example", "ftp://push.example", "$(x)"] {
        assert!(pushgateway(text).is_err(), "{text}");
    }
}

/// Its code takes the default for every value that its language counts as false.
#[test]
fn zeros_and_empty_texts_of_a_file_mean_what_they_meant() {
    let options = serde_json::json!({ "kubernetes": {
        "buildTimeout": 0, "maxBuildTimeout": false, "terminationGracePeriodSeconds": 0,
        "podLabels": "", "annotations": "", "nodeSelectors": "", "preferredNodeSelectors": "",
        "volumeMounts": "", "buildSecrets": "", "buildSecretsFile": "", "lifecycleHooks": [],
    } });
    let pod = ExecutorSettings::from_options("k8s", Plugin::K8s, &options)
        .unwrap()
        .pod;
    let timeouts = (pod.build_timeout, pod.max_build_timeout);
    assert_eq!((timeouts, pod.termination_grace_period), ((90.0, 120.0), 30));
    assert!(pod.labels.is_empty() && pod.annotations.is_empty() && pod.lifecycle.is_none());
    assert!(pod.node_selectors.is_empty() && pod.host_mounts.is_empty() && pod.secret_variables.is_empty());
    // The text of a variable counted as true.
    let pod = |seconds| {
        let settings = load(&[("TERMINATION_GRACE_PERIOD_SECONDS", seconds)]).unwrap();
        settings
            .executors
            .get("k8s")
            .unwrap()
            .pod
            .termination_grace_period
    };
    assert_eq!((pod("0"), pod("90000")), (0, 90_000));
}
