use std::{collections::HashMap, fs, path::Path};

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;

mod check;
mod checks;
mod ecosystem;
mod executors;
mod layers;
mod options;
mod predecessor;
mod telemetry;

const NO_FILES: &str = "/nonexistent";

fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsErrors> {
    load_from(Path::new(NO_FILES), variables)
}

fn load_from(config_dir: &Path, variables: &[(&str, &str)]) -> Result<Settings, SettingsErrors> {
    let env: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::load(&env, Some(config_dir))
}

fn problems(variables: &[(&str, &str)]) -> String {
    load(variables).unwrap_err().to_string()
}

fn config_dir(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

#[test]
fn debug_is_safe_to_log() {
    let settings = load(&[
        ("RABBITMQ_PASSWORD", "s3cret-broker"),
        ("K8S_TOKEN", "s3cret-cluster"),
        (
            "ECOSYSTEM_PUSHGATEWAY_URL",
            "http://user:s3cret-push@push.example:9091",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://user:s3cret-otlp@otlp.example:4318",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret-header"),
    ])
    .unwrap();
    let debug = format!("{settings:#?}");
    assert!(!debug.contains("s3cret"), "{debug}");
    insta::assert_snapshot!(debug);
}

#[test]
fn all_problems_are_told_together_and_no_value_is() {
    let dir = config_dir(&[(
        "local.yaml",
        "rabbitmq: { port: s3cret, exchange: [s3cret] }\n\
         executor: { k8s: { options: { kubernetes: { buildTimeout: s3cret } } } }\n\
         httpd: s3cret\n",
    )]);
    let result = load_from(
        dir.path(),
        &[
            ("RABBITMQ_PREFETCH_COUNT", "0"),
            ("RABBITMQ_BUILD_INIT_TIMEOUT", "-1"),
            ("RABBITMQ_CONNECT_OPTIONS", "{s3cret"),
            ("RABBITMQ_PROTOCOL", "s3cret"),
            ("RABBITMQ_RETRYQUEUE_ENABLED", "s3cret"),
            ("RABBITMQ_PASSWORD_FILE", "/nonexistent/s3cret"),
            ("EXECUTOR_PLUGIN", "s3cret"),
            ("EXECUTOR_PREFIX", "S3cret"),
            ("K8S_HOST", "https://s3cret"),
            ("K8S_VOLUME_MOUNTS", "[{name: 's3cret', readOnly: 's3cret'}]"),
            ("K8S_POD_LABELS", "{team: ['s3cret']}"),
            ("K8S_LIFECYCLE_HOOKS", "{preStop: 's3cret'}"),
            ("K8S_EXECUTOR_EXCLUSION", "(s3cret"),
            ("CACHE_STRATEGY", "s3cret!"),
            ("CHECK_LADDER", "60s,15s"),
            ("CLOCK_PULLING", "0s"),
            ("OUTAGE_HOLD", "10"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
            ("RUST_LOG", "common=s3cret"),
            ("NODE_CONFIG", "[]"),
        ],
    );
    let text = result
        .unwrap_err()
        .to_string()
        .replace(dir.path().to_str().unwrap(), "config");
    assert!(!text.contains("s3cret"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_file_that_is_no_yaml_is_told_with_its_line() {
    let dir = config_dir(&[("default.yaml", "a: [1\nb: s3cret"), ("local.yaml", "s3cret")]);
    let text = load_from(dir.path(), &[]).unwrap_err().to_string();
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("default.yaml: expected valid settings: "), "{text}");
    assert!(text.contains("line"), "{text}");
    assert!(
        text.contains("local.yaml: expected valid settings: not a table"),
        "{text}"
    );
}

#[test]
fn later_layers_go_over_earlier_ones() {
    let dir = config_dir(&[
        (
            "default.yaml",
            "rabbitmq: { host: default, queue: default, exchange: default, retryQueue: default }",
        ),
        (
            "local.yaml",
            "rabbitmq: { queue: local, exchange: local, retryQueue: local }",
        ),
    ]);
    let settings = load_from(
        dir.path(),
        &[
            (
                "NODE_CONFIG",
                "{rabbitmq: {exchange: 'node', retryQueue: 'node'}}",
            ),
            ("RABBITMQ_RETRYQUEUE", "environment"),
        ],
    );
    let broker = settings.unwrap().broker;
    assert_eq!(broker.username, "foo");
    assert_eq!(broker.host, "default");
    assert_eq!(broker.queue, "local");
    assert_eq!(broker.exchange, "node");
    assert_eq!(broker.retry_queue, "environment");
}

#[test]
fn the_folder_comes_from_the_argument_or_the_variable() {
    let dir = config_dir(&[("default.yaml", "rabbitmq: { queue: found }")]);
    let env: HashMap<String, String> =
        [("NODE_CONFIG_DIR".to_owned(), dir.path().display().to_string())].into();
    assert_eq!(Settings::load(&env, None).unwrap().broker.queue, "found");
    assert_eq!(
        Settings::load(&env, Some(Path::new(NO_FILES)))
            .unwrap()
            .broker
            .queue,
        "test"
    );
}

#[test]
fn an_empty_variable_is_unset() {
    let settings = load(&[
        ("RABBITMQ_QUEUE", ""),
        ("K8S_POD_LABELS", ""),
        ("NODE_CONFIG", ""),
    ])
    .unwrap();
    assert_eq!(settings.broker.queue, "test");
}

#[test]
fn booleans_are_booleans() {
    for (text, expected) in [
        ("true", true),
        ("TRUE", true),
        ("on", true),
        ("Yes", true),
        ("y", true),
        ("1", true),
        ("false", false),
        ("off", false),
        ("No", false),
        ("n", false),
        ("0", false),
    ] {
        let settings = load(&[
            ("DOCKER_FEATURE_ENABLED", text),
            ("RABBITMQ_RETRYQUEUE_ENABLED", text),
        ])
        .unwrap();
        assert_eq!(settings.executors.all[0].pod.sidecars.docker, expected, "{text}");
        assert_eq!(settings.broker.retry_queue_enabled, expected, "{text}");
    }
    assert!(
        problems(&[("DOCKER_FEATURE_ENABLED", "enabled")]).contains("DOCKER_FEATURE_ENABLED: expected true")
    );
}

#[test]
fn numbers_may_be_text() {
    let dir = config_dir(&[(
        "local.yaml",
        "rabbitmq: { port: '5673', prefetchCount: 7, messageReprocessLimit: '0' }\n\
         executor: { k8s: { options: { kubernetes: { resources: { cpu: { micro: '0.25' } } } } } }\n",
    )]);
    let settings = load_from(dir.path(), &[]).unwrap();
    assert_eq!(settings.broker.port, 5673);
    assert_eq!(settings.broker.prefetch.get(), 7);
    assert_eq!(settings.broker.message_reprocess_limit, 0);
    assert!((settings.executors.all[0].pod.cpu.micro - 0.25).abs() < f64::EPSILON);
}

#[test]
fn connect_options_are_json_in_a_text_or_a_table() {
    for yaml in [
        r#"rabbitmq: { connectOptions: '{ "json": true, "heartbeatIntervalInSeconds": 7 }' }"#,
        "rabbitmq: { connectOptions: { heartbeatIntervalInSeconds: '7' } }",
    ] {
        let dir = config_dir(&[("default.yaml", yaml)]);
        assert_eq!(
            load_from(dir.path(), &[]).unwrap().broker.heartbeat,
            Duration::from_secs(7),
            "{yaml}"
        );
    }
    let settings = load(&[("RABBITMQ_CONNECT_OPTIONS", r#"{"reconnectTimeInSeconds":30}"#)]).unwrap();
    assert_eq!(settings.broker.heartbeat, Duration::from_secs(20));
}

#[test]
fn secrets_may_stand_in_files() {
    let dir = config_dir(&[("password", "from-file\n"), ("empty", "\n")]);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let settings = load(&[
        ("RABBITMQ_PASSWORD_FILE", &path("password")),
        ("K8S_TOKEN_FILE", &path("password")),
    ])
    .unwrap();
    assert_eq!(settings.broker.password.now().expose_secret(), "from-file");
    for executor in &settings.executors.all {
        assert_eq!(
            executor.cluster.token.as_ref().unwrap().now().expose_secret(),
            "from-file"
        );
    }
    fs::write(path("password"), "rotated\r\n").unwrap();
    assert_eq!(settings.broker.password.now().expose_secret(), "rotated");
    for kept in ["", "\n"] {
        fs::write(path("password"), kept).unwrap();
        assert_eq!(
            settings.broker.password.now().expose_secret(),
            "rotated",
            "being written"
        );
    }
    assert!(problems(&[("K8S_TOKEN_FILE", &path("empty"))]).contains("K8S_TOKEN_FILE: expected a file"));
    let settings = load(&[("RABBITMQ_PASSWORD", "p@ss/word"), ("K8S_TOKEN", "token")]).unwrap();
    assert_eq!(settings.broker.password.now().expose_secret(), "p@ss/word");
    assert_eq!(
        settings.executors.all[0]
            .cluster
            .token
            .as_ref()
            .unwrap()
            .now()
            .expose_secret(),
        "token"
    );
}

#[test]
fn health_listens_on_a_name_or_an_address() {
    for host in ["0.0.0.0", "::", "localhost", "worker.example"] {
        assert_eq!(load(&[("HOST", host)]).unwrap().http.host, host);
    }
    assert!(problems(&[("HOST", "a b")]).contains("HOST: expected an address or a name"));
}

#[test]
fn the_disk_cache_is_there_when_its_strategy_is() {
    let disk = [
        ("CACHE_STRATEGY", "disk"),
        ("CACHE_PATH", "/cache"),
        ("EXECUTOR_PREFIX", "beta-"),
    ];
    assert_eq!(
        load(&disk).unwrap().executors.disk_cache().as_deref(),
        Some("/cache")
    );
    assert_eq!(load(&disk[1..]).unwrap().executors.disk_cache(), None);
}

#[test]
fn lists_may_be_switched_off() {
    for text in ["{}", "[]", "[{}]"] {
        let settings = load(&[
            ("K8S_SECRETS", text),
            ("K8S_SECRETS_FILE", text),
            ("K8S_VOLUME_MOUNTS", text),
        ])
        .unwrap();
        let pod = &settings.executors.all[0].pod;
        assert!(pod.secret_variables.is_empty() && pod.secret_files.is_empty() && pod.host_mounts.is_empty());
    }
    assert!(problems(&[("K8S_SECRETS", "'none'")]).contains("K8S_SECRETS: expected a list"));
}
