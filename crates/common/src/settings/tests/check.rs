//! What `--check-config` shows, and what is told of settings that do nothing.

use super::*;

fn check(config_dir: &Path, variables: &[(&str, &str)]) -> Check {
    let env: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::check(&env, Some(config_dir))
}

/// The folder's name differs from run to run.
fn without_folder(text: &str, dir: &tempfile::TempDir) -> String {
    text.replace(dir.path().to_str().unwrap(), "config")
}

#[test]
fn every_setting_is_shown_with_its_source() {
    let dir = config_dir(&[
        (
            "default.yaml",
            "rabbitmq: { queue: builds, connectOptions: '{ \"heartbeatIntervalInSeconds\": 7 }' }\n\
             executor: { k8s: { options: { kubernetes: { podLabels: { team: a }, buildTimeout: '45' } } } }\n\
             httpd: { uri: 'http://worker.example' }\n",
        ),
        (
            "local.yaml",
            "executor: { plugin: big, big: { pluginName: k8s, weightage: '2.9', exclusions: ['^a'] } }\n",
        ),
        ("password", "s3cret-file"),
    ]);
    let check = check(
        dir.path(),
        &[
            (
                "RABBITMQ_PASSWORD_FILE",
                dir.path().join("password").to_str().unwrap(),
            ),
            ("K8S_TOKEN", "s3cret-token"),
            ("EXECUTOR_JENKINS_PASSWORD", "s3cret-jenkins"),
            (
                "ECOSYSTEM_PUSHGATEWAY_URL",
                "http://user:s3cret-push@push.example",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "http://user:s3cret-otlp@otlp.example",
            ),
            ("K8S_POD_LABELS", "{tier: 'b'}"),
            ("DOCKER_FEATURE_ENABLED", "Yes"),
            ("RABBITMQ_BUILD_INIT_TIMEOUT", "0"),
            (
                "NODE_CONFIG",
                "{rabbitmq: {exchange: 'node'}, checks: {ladder: ['10s', '20s']}}",
            ),
        ],
    );
    let text = without_folder(&check.to_string(), &dir);
    assert!(!text.contains("s3cret"), "{text}");
    assert!(check.settings.is_ok());
    insta::assert_snapshot!(text);
}

#[test]
fn a_check_shows_no_secret_wherever_it_comes_from() {
    let dir = config_dir(&[(
        "local.yaml",
        "rabbitmq: { password: s3cret-1, connectOptions: { credentials: s3cret-2 } }\n\
         executor:\n\
         \x20 k8s: { options: { kubernetes: { token: s3cret-3 } } }\n\
         \x20 big: { pluginName: k8s, options: { kubernetes: { token: s3cret-4, lifecycleHooks: { preStop: {\n\
         \x20   httpGet: { port: 1, httpHeaders: [{ name: Authorization, value: s3cret-10 }] } } } } } }\n\
         \x20 jenkins: { options: { jenkins: { password: s3cret-5 } } }\n\
         rabbit: { password: s3cret-6 }\n\
         ecosystem: { pushgatewayUrl: 'user:s3cret-8@push:9091', api: 'https://api.example/?token=s3cret-9' }\n",
    )]);
    let check = check(dir.path(), &[("NODE_CONFIG", "{secrets: {key: 's3cret-7'}}")]);
    let text = format!("{check}\n{check:?}\n{:?}", check.warnings);
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("rabbitmq.password = [redacted]"), "{text}");
    assert!(
        text.contains("executor.big.options.kubernetes.token = [redacted]"),
        "{text}"
    );
}

#[test]
fn a_check_with_problems_tells_warnings_too() {
    let dir = config_dir(&[("local.yaml", "rabbitmq: { prefetch: 3, port: none }")]);
    let check = check(dir.path(), &[("URI", "http://worker.example")]);
    let warnings = without_folder(&check.warnings.join("\n"), &dir);
    assert!(warnings.contains("URI has no effect"), "{warnings}");
    assert!(
        warnings.contains("config/local.yaml: rabbitmq.prefetch"),
        "{warnings}"
    );
    let problems = without_folder(&check.settings.unwrap_err().to_string(), &dir);
    assert!(
        problems.contains("config/local.yaml: rabbitmq.port: expected a port"),
        "{problems}"
    );
}

#[test]
fn names_that_there_are_not_are_told_with_the_one_that_may_be_meant() {
    let dir = config_dir(&[(
        "local.yaml",
        "rabbitmq: { prefetchcount: 3, nonsense: 1 }\n\
         executor:\n\
         \x20 plugin: k8s\n\
         \x20 k8s:\n\
         \x20   weight: 1\n\
         \x20   options: { kubernetes: { nodeSelector: { a: b }, podLabels: { any: thing } } }\n\
         \x20 big: { pluginName: k8s, options: { kubernetes: { jobsNameSpace: x } } }\n\
         plugins: {}\n\
         brokers: { host: s3cret }\n",
    )]);
    let check = check(
        dir.path(),
        &[
            ("NODE_CONFIG", "{httpd: {prt: 81}}"),
            (
                "K8S_VOLUME_MOUNTS",
                "[{name: 'a', mountPath: '/m', path: '/p', readonly: true}]",
            ),
        ],
    );
    assert!(check.settings.is_ok());
    let warnings = without_folder(&check.warnings.join("\n"), &dir);
    assert!(!warnings.contains("s3cret"), "{warnings}");
    insta::assert_snapshot!(warnings);
}

#[test]
fn a_setting_without_effect_is_told_unless_it_holds_its_default() {
    let quiet = config_dir(&[(
        "default.yaml",
        "executor: { plugin: k8s, k8s: { options: { requestretry: { retryDelay: 3000, maxAttempts: '5' } } } }\n",
    )]);
    let set = check(quiet.path(), &[("REQUEST_RETRYDELAY", "3000")]);
    assert_eq!(set.warnings, [""; 0]);
    let set = check(quiet.path(), &[("REQUEST_RETRYDELAY", "8000")]);
    assert_eq!(
        set.warnings,
        ["REQUEST_RETRYDELAY has no effect: retries go through the broker, in steps that grow"]
    );
}

#[test]
fn jenkins_is_accepted_and_left_out_with_one_sentence() {
    let sentence = "executor jenkins is left out: builds run in pods, Jenkins is not supported; its settings have no \
                    effect";
    let jenkins = [("WEIGHT_JENKINS", "5"), ("EXECUTOR_JENKINS_HOST", "ci.example")];
    let settings = load_from(
        config_dir(&[]).path(),
        &[&jenkins[..], &[("EXECUTOR_PLUGIN", "k8s")]].concat(),
    );
    let settings = settings.unwrap();
    assert_eq!(settings.warnings, [sentence]);
    assert!(settings.executors.get("jenkins").is_none());

    let text = problems(&[&jenkins[..], &[("EXECUTOR_PLUGIN", "jenkins")]].concat());
    assert_eq!(
        text,
        "1 problem in the settings:\n  \
         - EXECUTOR_PLUGIN: expected the name of an executor: k8s, k8s-sandbox, k8s-vm; jenkins is left out: \
         builds run in pods, Jenkins is not supported; its settings have no effect"
    );
    let alone = "{executor: {k8s: null, 'k8s-sandbox': null, 'k8s-vm': null, jenkins: {}}}";
    let text = problems(&[("NODE_CONFIG", alone)]);
    assert!(
        text.contains("expected at least one executor whose pluginName is k8s or k8s-vm"),
        "{text}"
    );
}

#[test]
fn a_secret_that_is_set_twice_is_told() {
    let dir = config_dir(&[("password", "one")]);
    let path = dir.path().join("password").display().to_string();
    let both = [
        ("RABBITMQ_PASSWORD_FILE", path.as_str()),
        ("RABBITMQ_PASSWORD", "two"),
        ("EXECUTOR_PLUGIN", "k8s"),
    ];
    let settings = load_from(dir.path(), &both).unwrap();
    assert_eq!(settings.broker.password.now().expose_secret(), "one");
    assert_eq!(
        settings.warnings,
        ["RABBITMQ_PASSWORD is set too, but the file that RABBITMQ_PASSWORD_FILE names counts"]
    );
}
