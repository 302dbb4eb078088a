use std::{collections::HashMap, fs, path::Path};

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;

mod check;
mod layers;
mod options;
mod predecessor;

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
fn init_timeout_is_minutes_and_zero_is_the_default() {
    for (text, milliseconds) in [
        ("5", 300_000),
        ("0", 300_000),
        ("0.05", 3_000),
        ("1.5", 90_000),
        ("0.000001", 1),
        ("1440", 86_400_000),
    ] {
        let settings = load(&[("RABBITMQ_BUILD_INIT_TIMEOUT", text)]).unwrap();
        assert_eq!(
            settings.checks.init_timeout,
            Duration::from_millis(milliseconds),
            "{text}"
        );
    }
    for text in ["-1", "1441", "soon", "NaN", "inf"] {
        assert!(
            problems(&[("RABBITMQ_BUILD_INIT_TIMEOUT", text)]).contains("RABBITMQ_BUILD_INIT_TIMEOUT"),
            "{text}"
        );
    }
}

#[test]
fn steps_at_or_beyond_the_init_timeout_are_dropped() {
    let ladder = |ladder: &str, minutes: &str| {
        let settings = load(&[("CHECK_LADDER", ladder), ("RABBITMQ_BUILD_INIT_TIMEOUT", minutes)]);
        settings
            .unwrap()
            .checks
            .ladder
            .iter()
            .map(Duration::as_millis)
            .collect::<Vec<_>>()
    };
    assert_eq!(ladder("15s,60s", "5"), [15_000, 60_000]);
    assert_eq!(ladder("15s, 60s", "1"), [15_000]);
    assert_eq!(ladder("500ms,2s,1m,2h", "5"), [500, 2_000, 60_000]);
    assert_eq!(ladder("15s", "0.25"), [0; 0]);
    for text in ["60s,15s", "15s,15s", "0s,15s", "15", "15s;60s"] {
        assert!(
            problems(&[("CHECK_LADDER", text)]).contains("CHECK_LADDER: expected rising"),
            "{text}"
        );
    }
}

#[test]
fn running_builds_are_watched_only_if_asked_for() {
    let pace = |set: &[(&str, &str)]| load(set).unwrap().checks.watch_running;
    assert_eq!(pace(&[]), None);
    assert_eq!(pace(&[("CHECK_WATCH_RUNNING", "0s")]), None);
    let two_minutes = Some(Duration::from_mins(2));
    assert_eq!(pace(&[("CHECK_WATCH_RUNNING", "2m")]), two_minutes);
    let error = load(&[("CHECK_WATCH_RUNNING", "10ms")]).unwrap_err().to_string();
    assert!(
        error.contains("CHECK_WATCH_RUNNING") && error.contains("1s or more"),
        "{error}"
    );
}

#[test]
fn a_ladder_may_be_a_list() {
    let dir = config_dir(&[(
        "local.yaml",
        "checks: { ladder: [1s, 2s], clocks: { pulling: 1h } }",
    )]);
    let checks = load_from(dir.path(), &[]).unwrap().checks;
    assert_eq!(checks.ladder, [Duration::from_secs(1), Duration::from_secs(2)]);
    assert_eq!(checks.clocks.pulling, Duration::from_hours(1));
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
fn health_listens_on_a_name_or_an_address() {
    for host in ["0.0.0.0", "::", "localhost", "worker.example"] {
        assert_eq!(load(&[("HOST", host)]).unwrap().http.host, host);
    }
    assert!(problems(&[("HOST", "a b")]).contains("HOST: expected an address or a name"));
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

#[test]
fn npm_log_levels_are_understood() {
    for (variables, filter) in [
        (&[("LOG_LEVEL", "silly")][..], "trace"),
        (&[("LOG_LEVEL", "verbose")], "debug"),
        (
            &[("LOG_LEVEL", "warn"), ("RUST_LOG", "info,lapin=off")],
            "info,lapin=off",
        ),
        (&[], "info"),
    ] {
        assert_eq!(load(variables).unwrap().telemetry.log_filter, filter);
    }
}

#[test]
fn a_filter_that_the_library_cannot_stand_is_a_problem() {
    for text in ["\u{2000}a[", "\u{e9}=debug", "common=loud"] {
        assert!(problems(&[("RUST_LOG", text)]).contains("RUST_LOG: expected a filter"));
    }
}

#[test]
fn a_disabled_sdk_exports_nothing() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318");
    let exported = |variables: &[(&str, &str)]| {
        let telemetry = load(variables).unwrap().telemetry;
        (telemetry.traces.is_some(), telemetry.metrics.is_some())
    };
    assert_eq!(exported(&[endpoint]), (true, true));
    assert_eq!(
        exported(&[endpoint, ("OTEL_SDK_DISABLED", "true")]),
        (false, false)
    );
}

/// Where a signal goes, in a line: address, headers, milliseconds.
fn shown(export: Option<&ExportSettings>) -> String {
    export.map_or("nowhere".to_owned(), |export| {
        let headers = export.headers.iter();
        let headers: Vec<String> = headers
            .map(|(name, value)| format!("{name}={}", value.expose_secret()))
            .collect();
        let timeout = export.timeout.as_millis();
        format!("{} [{}] {timeout}", export.endpoint.0, headers.join(","))
    })
}

#[test]
fn each_signal_takes_the_standard_variables_for_all_and_its_own_before_them() {
    let signals = |variables: &[(&str, &str)]| {
        let telemetry = load(variables).unwrap().telemetry;
        [telemetry.traces, telemetry.metrics].map(|export| shown(export.as_ref()))
    };
    assert_eq!(signals(&[]), ["nowhere", "nowhere"]);
    let all = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
    ];
    let expected = ["traces", "metrics"]
        .map(|signal| format!("http://otlp.example:4318/v1/{signal} [authorization=Bearer abc] 3000"));
    assert_eq!(signals(&all), expected);
    for (own, other, name) in [(0, 1, "TRACES"), (1, 0, "METRICS")] {
        let variable = |what| format!("OTEL_EXPORTER_OTLP_{name}_{what}");
        let names = ["ENDPOINT", "HEADERS", "TIMEOUT"].map(variable);
        let values = ["http://own.example/otlp", "x-scope=builds", "500"];
        let mut variables = all.to_vec();
        variables.extend(names.iter().map(String::as_str).zip(values));
        let signals = signals(&variables);
        assert_eq!(signals[own], "http://own.example/otlp [x-scope=builds] 500");
        assert_eq!(signals[other], expected[other]);
    }
    let alone = signals(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://own.example/otlp")]);
    assert_eq!(alone, ["nowhere", "http://own.example/otlp [] 10000"]);
}

#[test]
fn headers_of_the_file_are_those_of_every_export() {
    let file = "telemetry:\n  otlpEndpoint: http://otlp.example\n  otlpHeaders: authorization=abc\n";
    let dir = config_dir(&[("local.yaml", file)]);
    let telemetry = load_from(dir.path(), &[]).unwrap().telemetry;
    for export in [telemetry.traces, telemetry.metrics] {
        assert!(shown(export.as_ref()).ends_with("[authorization=abc] 10000"));
    }
}

#[test]
fn sampler_and_resource_take_the_standard_variables() {
    let telemetry = load(&[]).unwrap().telemetry;
    assert_eq!(telemetry.sampler, Sampler::ParentOrShare);
    let telemetry = load(&[
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_SERVICE_NAME", "starter"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=builds,zone=eu"),
    ])
    .unwrap()
    .telemetry;
    assert_eq!(telemetry.sampler, Sampler::None);
    assert_eq!(telemetry.resource.service_name.as_deref(), Some("starter"));
    assert_eq!(telemetry.resource.attributes.len(), 2);
}

#[test]
fn what_the_standard_knows_and_we_do_not_is_told_and_does_not_stop_the_worker() {
    for (name, unknown, known) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "http/protobuf"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            "http/json",
            "http/protobuf",
        ),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "10000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", "1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-1", "1"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp"),
        ("OTEL_METRICS_EXPORTER", "console,otlp", "prometheus,otlp"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "always_on"),
    ] {
        let settings = load(&[(name, unknown)]).unwrap();
        let told = settings.warnings.iter().any(|line| line.starts_with(name));
        assert!(told, "{:?}", settings.warnings);
        let settings = load(&[(name, known)]).unwrap();
        assert!(!settings.warnings.iter().any(|line| line.contains(name)));
    }
}

#[test]
fn signals_go_out_unless_another_exporter_is_asked_for() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318");
    // What is asked for, whether traces go out, whether metrics do.
    for (asked, traces, metrics) in [
        ("", true, true),
        ("otlp", true, true),
        ("none", false, false),
        // What is not known counts as not said; only of metrics is this one served.
        ("prometheus", true, false),
        ("zipkin", true, true),
        ("zipkin, none", false, false),
        ("none,otlp", true, true),
    ] {
        let names = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"];
        let telemetry = load(&[endpoint, (names[0], asked), (names[1], asked)])
            .unwrap()
            .telemetry;
        let exported = (telemetry.traces.is_some(), telemetry.metrics.is_some());
        assert_eq!(exported, (traces, metrics), "{asked}");
    }
}

#[test]
fn headers_and_attributes_that_are_none_are_problems_that_show_no_value() {
    for (name, text) in [
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "bad name=s3cret"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "s3cret"),
        ("OTEL_RESOURCE_ATTRIBUTES", "s3cret"),
    ] {
        let text = problems(&[(name, text)]);
        assert!(text.contains(name) && !text.contains("s3cret"), "{text}");
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

#[test]
fn graces_are_set_by_reason() {
    use crate::verdict::Reason;
    let dir = config_dir(&[(
        "local.yaml",
        "checks: { graces: { registry: 10m, image_not_found: 5s } }\n",
    )]);
    let settings = load_from(dir.path(), &[("CHECK_GRACES", "{image_not_found: '90s'}")]).unwrap();
    let graces = settings.checks.clocks.graces;
    let expected = [
        (Reason::ImageNotFound, Duration::from_secs(90)),
        (Reason::Registry, Duration::from_mins(10)),
    ];
    assert_eq!(graces.into_iter().collect::<Vec<_>>(), expected);
    let problems = problems(&[("CHECK_GRACES", "{nosuch: '1s', registry: 'soon'}")]);
    assert!(problems.contains("CHECK_GRACES: nosuch"), "{problems}");
    assert!(problems.contains("CHECK_GRACES: registry"), "{problems}");
}
