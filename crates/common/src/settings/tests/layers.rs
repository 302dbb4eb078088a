//! Which files are read, in which order, and what they may look like.

use std::ffi::OsString;

use super::*;

/// What stands at `rabbitmq.queue` and others.
fn broker(config_dir: &Path, variables: &[(&str, &str)]) -> BrokerSettings {
    load_from(config_dir, variables).unwrap().broker
}

#[test]
fn files_of_the_deployment_go_between_default_and_local() {
    let dir = config_dir(&[
        (
            "default.yaml",
            "rabbitmq: { host: a, queue: a, exchange: a, retryQueue: a, username: a }",
        ),
        (
            "production.json",
            "{rabbitmq: {queue: 'b', exchange: 'b', retryQueue: 'b', username: 'b'}}",
        ),
        ("development.yaml", "rabbitmq: { queue: never }"),
        (
            "local.yaml",
            "rabbitmq: { exchange: c, retryQueue: c, username: c }",
        ),
        ("local.yml", "rabbitmq: { retryQueue: d, username: d }"),
        ("local-production.json5", "// later\n{rabbitmq: {username: 'e',}}"),
    ]);
    let broker = broker(dir.path(), &[("NODE_ENV", "production")]);
    assert_eq!(
        [
            broker.host,
            broker.queue,
            broker.exchange,
            broker.retry_queue,
            broker.username
        ],
        ["a", "b", "c", "d", "e"]
    );
}

#[test]
fn a_deployment_is_development_unless_told() {
    let dir = config_dir(&[
        ("development.yaml", "rabbitmq: { queue: development }"),
        ("a.yaml", "rabbitmq: { queue: a, exchange: a }"),
        ("b.yaml", "rabbitmq: { queue: b }"),
    ]);
    assert_eq!(broker(dir.path(), &[]).queue, "development");
    let both = broker(dir.path(), &[("NODE_CONFIG_ENV", "a,b"), ("NODE_ENV", "c")]);
    assert_eq!([both.queue, both.exchange], ["b", "a"]);
}

#[test]
fn there_may_be_several_folders() {
    let one = config_dir(&[
        ("default.yaml", "rabbitmq: { queue: one, exchange: one }"),
        ("local.yaml", "rabbitmq: { retryQueue: one }"),
    ]);
    let two = config_dir(&[("default.yaml", "rabbitmq: { queue: two, retryQueue: two }")]);
    let folders = format!("{}:{}", one.path().display(), two.path().display());
    let env: HashMap<String, String> = [("NODE_CONFIG_DIR".to_owned(), folders)].into();
    let broker = Settings::load(&env, None).unwrap().broker;
    assert_eq!(
        [broker.queue, broker.exchange, broker.retry_queue],
        ["two", "one", "one"]
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let dir = config_dir(&[
        ("local.js", "module.exports = {}"),
        ("default.toml", ""),
        ("notes.js", ""),
        ("local.yaml", "executor: { plugin: k8s }"),
    ]);
    let warnings = load_from(dir.path(), &[]).unwrap().warnings.join("\n");
    let warnings = warnings.replace(dir.path().to_str().unwrap(), "config");
    assert_eq!(
        warnings,
        "config/default.toml is not read: settings are YAML or JSON\n\
         config/local.js is not read: settings are YAML or JSON"
    );
    let missing = load(&[("EXECUTOR_PLUGIN", "k8s")]).unwrap().warnings;
    assert_eq!(missing, ["--config-dir: there is no folder /nonexistent"]);
}

#[test]
fn json_that_is_none_is_told_with_its_file_and_line() {
    let dir = config_dir(&[("local.json", "{a: 1,\n  s3cret"), ("default.json", "[]")]);
    let text = load_from(dir.path(), &[]).unwrap_err().to_string();
    assert!(!text.contains("s3cret"), "{text}");
    assert!(
        text.contains("local.json: expected JSON, found an error in line "),
        "{text}"
    );
    assert!(
        text.contains("default.json: expected valid settings: not a table"),
        "{text}"
    );
}

#[test]
fn empty_files_and_byte_order_marks_are_fine() {
    let dir = config_dir(&[
        ("default.yaml", "# nothing yet\n"),
        ("local.yaml", "\u{feff}rabbitmq: { queue: b }"),
    ]);
    assert_eq!(broker(dir.path(), &[]).queue, "b");
}

#[test]
fn a_file_of_marks_and_comments_is_empty() {
    for text in ["---", "---\n", "# none\n--- # yet\n...\n", "\n---\n---\n"] {
        let dir = config_dir(&[("default.yaml", text), ("local.yml", text)]);
        assert_eq!(broker(dir.path(), &[]).queue, "test", "{text:?}");
    }
    let dir = config_dir(&[("default.yaml", "--- s3cret")]);
    let text = load_from(dir.path(), &[]).unwrap_err().to_string();
    assert!(text.contains("not a table") && !text.contains("s3cret"), "{text}");
}

#[test]
fn yaml_merge_keys_are_followed() {
    let dir = config_dir(&[(
        "local.yaml",
        "common: &common { jobsNamespace: builds, host: one.example }\n\
         more: &more { host: two.example, serviceAccount: builder }\n\
         executor:\n\
         \x20 k8s: { options: { kubernetes: { <<: *common, host: own.example } } }\n\
         \x20 k8s-sandbox: { options: { kubernetes: { <<: [*common, *more] } } }\n",
    )]);
    let executors = load_from(dir.path(), &[]).unwrap().executors;
    let [k8s, sandbox, _] = &executors.all[..] else {
        panic!("three executors");
    };
    assert_eq!(
        (k8s.cluster.host.as_str(), k8s.cluster.namespace.as_str()),
        ("own.example", "builds")
    );
    assert_eq!(
        (
            sandbox.cluster.host.as_str(),
            sandbox.pod.service_account.as_str()
        ),
        ("one.example", "builder")
    );
}

#[test]
fn an_executor_that_is_null_is_taken_away() {
    let dir = config_dir(&[(
        "local.yaml",
        "executor: { plugin: null, k8s: null, k8s-vm: null }",
    )]);
    let settings = load_from(dir.path(), &[]).unwrap();
    assert_eq!(settings.warnings, [""; 0], "taken away on purpose");
    let executors = settings.executors;
    let names: Vec<&str> = executors
        .all
        .iter()
        .map(|executor| executor.name.as_str())
        .collect();
    assert_eq!(names, ["k8s-sandbox"]);
    assert_eq!(
        executors.default, "k8s-sandbox",
        "without a plugin the first is the default"
    );
}

#[test]
fn a_folder_may_map_variables_of_its_own() {
    let dir = config_dir(&[(
        "custom-environment-variables.yaml",
        "rabbitmq: { queue: MY_QUEUE, port: MY_PORT, exchange: MY_UNSET }\n\
         executor:\n\
         \x20 k8s:\n\
         \x20   exclusion: MY_EXCLUSION\n\
         \x20   options:\n\
         \x20     kubernetes:\n\
         \x20       podLabels: { __name: MY_LABELS, __format: json }\n\
         \x20       privileged: { __name: MY_PRIVILEGED, __format: boolean }\n\
         \x20       nodeSelectors: MY_SELECTORS\n",
    )]);
    let settings = load_from(
        dir.path(),
        &[
            ("RABBITMQ_QUEUE", "built-in"),
            ("MY_QUEUE", "mine"),
            ("MY_PORT", "5673"),
            ("MY_UNSET", ""),
            ("MY_EXCLUSION", "['a', 'b']"),
            ("MY_LABELS", "{team: 'x'}"),
            ("MY_PRIVILEGED", "true"),
            ("MY_SELECTORS", "{pool: 'y'}"),
        ],
    );
    let settings = settings.unwrap();
    let (broker, k8s) = (&settings.broker, &settings.executors.all[0]);
    assert_eq!(
        (broker.queue.as_str(), broker.port, broker.exchange.as_str()),
        ("mine", 5673, "build")
    );
    assert_eq!(k8s.exclusions.len(), 2);
    assert_eq!(k8s.pod.labels, [("team".to_owned(), "x".to_owned())]);
    assert_eq!(k8s.pod.node_selectors, [("pool".to_owned(), "y".to_owned())]);
    assert!(k8s.pod.privileged);
}

#[test]
fn a_mapping_that_cannot_be_followed_is_told() {
    let dir = config_dir(&[(
        "custom-environment-variables.yaml",
        "rabbitmq: { queue: [MY_QUEUE], port: { __name: MY_PORT, __format: toml }, prefetchCount: MY_COUNT }",
    )]);
    let result = load_from(dir.path(), &[("MY_PORT", "s3cret"), ("MY_COUNT", "s3cret")]);
    let text = result.unwrap_err().to_string();
    let text = text.replace(dir.path().to_str().unwrap(), "config");
    assert!(!text.contains("s3cret"), "{text}");
    let file = "config/custom-environment-variables.yaml";
    for expected in [
        format!("{file}: rabbitmq.queue: expected the name of a variable"),
        format!("{file}: rabbitmq.port: expected json, boolean or number as __format"),
        "MY_COUNT: rabbitmq.prefetchCount: expected a whole number".to_owned(),
    ] {
        assert!(text.contains(&expected), "{text}");
    }
}

/// A process whose variables are not all text.
struct Bytes;

impl Environment for Bytes {
    fn variable(&self, name: &str) -> Option<OsString> {
        use std::os::unix::ffi::OsStringExt;
        (name == "RABBITMQ_PASSWORD").then(|| OsString::from_vec(vec![b's', 0xff]))
    }
}

#[test]
fn a_variable_that_is_no_text_is_not_passed_over() {
    let text = Settings::load(&Bytes, None).unwrap_err().to_string();
    assert!(
        text.contains("RABBITMQ_PASSWORD: expected text in UTF-8"),
        "{text}"
    );
}

#[test]
fn variables_that_kubernetes_makes_of_services_are_told_apart() {
    let text = problems(&[("RABBITMQ_PORT", "tcp://10.0.0.7:5672")]);
    assert!(
        text.contains("RABBITMQ_PORT: expected a port; this is Kubernetes' own variable"),
        "{text}"
    );
}

#[test]
fn files_that_settings_name_must_be_there() {
    for name in ["K8S_CA_FILE", "API_CA_FILE", "RABBITMQ_CA_FILE"] {
        let text = problems(&[(name, "/nonexistent/ca.pem")]);
        assert!(
            text.contains(&format!("{name}: expected a file that can be read: ")),
            "{text}"
        );
    }
    let text = problems(&[("RABBITMQ_PASSWORD_FILE", "/dev/zero")]);
    assert!(
        text.contains("RABBITMQ_PASSWORD_FILE: expected a file with a secret: "),
        "{text}"
    );
}
