//! `start-worker render` as its users run it: the real binary, a message on standard input, a pod or a clear
//! refusal.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "golden/cases.rs"]
mod cases;
#[path = "render/said.rs"]
mod said;

use cases::{Case, DEVIATIONS, compare_all, differences, normalised, without_suffix};
use said::{File, TOKEN, config, options, refused, render, rendered, start};
use serde_json::{Value, json};

#[test]
fn golden_cases_go_through_the_binary() {
    compare_all(|case: &Case| {
        let options = File::with(&format!("{}.json", case.id), &case.options.to_string());
        let arguments = [
            "--executor",
            &case.executor,
            "--options",
            options.path(),
            "--show-token",
        ];
        let message = json!({ "job": "start", "buildConfig": case.build_config });
        rendered(&arguments, &[], &message.to_string())
    });
}

#[test]
fn every_deviation_goes_through_the_binary() {
    for (id, defect, _) in DEVIATIONS {
        let case = cases::cases().into_iter().find(|case| case.id == *id).unwrap();
        let options = File::with(&format!("{id}-{defect}.json"), &case.options.to_string());
        let arguments = [
            "--executor",
            &case.executor,
            "--options",
            options.path(),
            "--show-token",
        ];
        let pod = rendered(&arguments, &[], &case.build_config.to_string());
        assert!(
            !differences(&normalised(case.pod), &without_suffix(pod)).is_empty(),
            "{id}"
        );
    }
}

#[test]
fn yaml_and_json_are_the_same_pod() {
    let environment = [("EXECUTOR_PLUGIN", "k8s"), ("CACHE_STRATEGY", "disk")];
    let annotations = json!({ "annotations": { "screwdriver.cd/timeout": 45 }, "jobName": "PR-1:main" });
    let said = render(&[], &environment, &start(&annotations));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.starts_with("apiVersion: v1\nkind: Pod\n"),
        "{}",
        said.out
    );
    let yaml: Value = serde_saphyr::from_str(&said.out).unwrap();
    assert_eq!(yaml, rendered(&[], &environment, &start(&annotations)));
    assert_eq!(said.err, "");
}

#[test]
fn texts_that_look_like_something_else_stay_texts_in_yaml() {
    for container in [
        "12.10", "yes", "null", "0x1f", "1:20", "~", "a: b", "- x", "#x", "'\"", "é\t", "1e3",
    ] {
        let said = render(
            &[],
            &[("EXECUTOR_PLUGIN", "k8s")],
            &start(&json!({ "container": container })),
        );
        let yaml: Value = serde_saphyr::from_str(&said.out).unwrap();
        assert_eq!(yaml["spec"]["containers"][0]["image"], container, "{}", said.out);
    }
}

#[test]
fn a_bare_configuration_is_as_good_as_a_message() {
    let environment = [("EXECUTOR_PLUGIN", "k8s")];
    let bare = format!("\n  {}\n", config(&json!({})));
    assert_eq!(
        rendered(&[], &environment, &bare),
        rendered(&[], &environment, &start(&json!({})))
    );
}

#[test]
fn the_token_shows_only_if_asked_for() {
    let again = json!({ "container": format!("registry.example/{TOKEN}:1") });
    for environment in [
        [("EXECUTOR_PLUGIN", "k8s")].as_slice(),
        &[("K8S_BASE_IMAGE", "vm:1")],
    ] {
        for format in ["yaml", "json"] {
            let said = render(&["-o", format], environment, &start(&again));
            assert_eq!(said.code, Some(0), "{}", said.err);
            assert!(!said.out.contains(TOKEN), "{}", said.out);
            assert!(said.out.contains("BUILD-TOKEN-NOT-SHOWN"), "{}", said.out);
            let shown = render(&["-o", format, "--show-token"], environment, &start(&again));
            assert!(shown.out.contains(TOKEN), "{}", shown.out);
        }
    }
}

/// Labels are cut: a part of the token would be left.
#[test]
fn no_part_of_a_token_shows_wherever_the_message_repeats_it() {
    let long = format!("{TOKEN}{}", "x".repeat(40));
    let name = |text: &str| {
        json!({
            "jobName": format!("PR-1:{text}"), "container": format!("registry.example/{text}:1"),
            "pipeline": { "id": 1, "name": format!("a/{text}") },
            "template": { "fullName": format!("b-{text}"), "version": text },
            "annotations": { "screwdriver.cd/diskSpeed": format!("C{text}"), "screwdriver.cd/disk": text },
            "token": long,
        })
    };
    let mut options = options();
    options["kubernetes"] =
        json!({ "baseImage": "vm:1", "resources": { "disk": { "speed": "s", "space": "d" } } });
    let options = File::with("labels.json", &options.to_string());
    for executor in ["k8s", "k8s-vm"] {
        let arguments = ["--executor", executor, "--options", options.path(), "-o", "json"];
        let said = render(&arguments, &[], &start(&name(&long)));
        assert_eq!(said.code, Some(0), "{}", said.err);
        let shown = said.out.to_lowercase();
        for part in [&long[..20], &long[20..40]] {
            assert!(!shown.contains(&part.to_lowercase()), "{part}: {}", said.out);
        }
        // Nothing else is different.
        let plain = render(&arguments, &[], &start(&name("BUILD-TOKEN-NOT-SHOWN")));
        assert_eq!(said.out, plain.out);
    }
}

#[test]
fn a_bare_configuration_may_hold_what_a_message_may() {
    let odd = r#""annotations":{"a":"\ud800","b":1e400,"\udead":[]},"causeMessage":"\ud83d","#;
    let bare = config(&json!({}))
        .to_string()
        .replacen('{', &format!("{{{odd}"), 1);
    let message = format!(r#"{{"job":"start","buildConfig":{bare}}}"#);
    let pods = [bare, message].map(|input| rendered(&["--executor", "k8s"], &[], &input));
    assert_eq!(pods[0], pods[1]);
}

/// The predecessor ships no such executors either.
#[test]
fn options_of_an_executor_that_says_no_plugin_are_those_of_k8s_and_that_is_told() {
    let file = File::with("nameless.json", &options().to_string());
    let said = |name: &str| {
        render(
            &["--executor", name, "--options", file.path()],
            &[],
            &start(&json!({})),
        )
    };
    for known in ["k8s", "k8s-sandbox"] {
        let said = said(known);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{known}");
    }
    let typo = said("k8s-wm");
    assert_eq!(typo.code, Some(0), "{}", typo.err);
    assert!(
        typo.err.contains("note: ") && typo.err.contains("k8s-wm") && typo.err.contains("pluginName"),
        "{}",
        typo.err
    );
    refused(&said("jenkins"), 64, &["Jenkins is not supported"]);
}

#[test]
fn a_token_in_a_secret_is_in_no_pod() {
    let secret = ("K8S_BUILD_TOKEN_SECRET", "true");
    let cases = [
        [("EXECUTOR_PLUGIN", "k8s"), secret],
        [("K8S_BASE_IMAGE", "vm:1"), secret],
    ];
    for environment in cases {
        let pod = rendered(&["--show-token"], &environment, &start(&json!({})));
        let container = &pod["spec"]["containers"][0];
        assert!(!pod.to_string().contains(TOKEN), "{pod}");
        assert!(
            container["args"].to_string().contains("$(SD_BUILD_TOKEN)"),
            "{pod}"
        );
        let reference = json!({ "secretKeyRef": { "name": pod["metadata"]["name"], "key": "token" } });
        let variable = json!({ "name": "SD_BUILD_TOKEN", "valueFrom": reference });
        assert!(container["env"].as_array().unwrap().contains(&variable), "{pod}");
    }
}

#[test]
fn an_expired_token_still_shows_its_pod() {
    // {"exp":1}
    let expired = json!({ "token": "e30.eyJleHAiOjF9.c2ln" });
    assert_eq!(
        rendered(&["--executor", "k8s"], &[], &start(&expired))["kind"],
        "Pod"
    );
}

#[test]
fn a_trace_is_the_messages_own() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut message: Value = serde_json::from_str(&start(&json!({}))).unwrap();
    let pod = rendered(&["--executor", "k8s"], &[], &message.to_string());
    assert!(!pod.to_string().contains("TRACEPARENT"), "{pod}");
    message["start"] = json!({
        "executor": "k8s", "since": "2026-01-01T12:00:00Z", "traceContext": { "traceparent": traceparent },
    });
    let pod = rendered(&["--executor", "k8s"], &[], &message.to_string());
    let variable = json!({ "name": "TRACEPARENT", "value": traceparent });
    assert!(
        pod["spec"]["containers"][0]["env"]
            .as_array()
            .unwrap()
            .contains(&variable),
        "{pod}"
    );
}

#[test]
fn the_executor_is_chosen_as_in_production() {
    let environment = [
        ("EXECUTOR_PLUGIN", "k8s"),
        ("K8S_BASE_IMAGE", "vm:1"),
        ("EXECUTOR_PREFIX", "x-"),
    ];
    let first = |arguments: &[&str], more: &Value| {
        let pod = rendered(arguments, &environment, &start(more));
        pod["spec"]["containers"][0]["name"].as_str().unwrap().to_owned()
    };
    let annotated = json!({ "annotations": { "beta.screwdriver.cd/executor": "k8s-vm" } });
    assert_eq!(first(&[], &json!({})), "x-8609");
    assert_eq!(first(&[], &annotated), "vm-launcher");
    assert_eq!(first(&["--executor", "k8s-sandbox"], &annotated), "x-8609");
    let weights = [
        ("WEIGHT_K8S_VM", "1"),
        ("EXECUTOR_PLUGIN", "k8s"),
        ("K8S_BASE_IMAGE", "vm:1"),
    ];
    let drawn = rendered(&[], &weights, &start(&json!({})));
    assert_eq!(drawn["spec"]["containers"][0]["name"], "vm-launcher");
}

#[test]
fn options_may_be_yaml_and_say_their_plugin() {
    let yaml = "prefix: p-\nlaunchVersion: v6 # pinned\nkubernetes:\n  baseImage: vm:1\n  podLabels: { team: 'on' }\n\
                ecosystem:\n  api: https://api.sd.example\n  store: https://s.example\n  ui: https://u.example\n";
    let options = File::with("plain.yaml", yaml);
    let arguments = ["--executor", "anything", "--options", options.path()];
    let pod = rendered(&arguments, &[], &start(&json!({})));
    assert_eq!(pod["metadata"]["labels"]["sdbuild"], "p-8609");
    assert_eq!(pod["metadata"]["labels"]["team"], "on");
    assert_eq!(
        pod["spec"]["initContainers"][0]["image"],
        "screwdrivercd/launcher:v6"
    );
    let entry = format!("pluginName: k8s-vm\noptions:\n  {}", yaml.replace('\n', "\n  "));
    let options = File::with("entry.yaml", &entry);
    let arguments = ["--executor", "anything", "--options", options.path()];
    let pod = rendered(&arguments, &[], &start(&json!({})));
    assert_eq!(pod["spec"]["containers"][0]["name"], "vm-launcher");
}

#[test]
fn options_stand_alone() {
    let options = File::with("alone.json", &options().to_string());
    let arguments = ["--executor", "k8s", "--options", options.path()];
    // Settings that are wrong, and one that would show.
    let environment = [("RABBITMQ_PORT", "none"), ("EXECUTOR_PREFIX", "x-")];
    let pod = rendered(&arguments, &environment, &start(&json!({})));
    assert_eq!(pod["metadata"]["labels"]["sdbuild"], "8609");
}

#[test]
fn wishes_that_cannot_be_followed_are_told() {
    let annotations = json!({ "annotations": {
        "screwdriver.cd/cpu": "4", "screwdriver.cd/timeout": 10,
    } });
    let said = render(&[], &[("EXECUTOR_PLUGIN", "k8s")], &start(&annotations));
    assert_eq!(said.code, Some(0));
    assert!(said.err.contains("screwdriver.cd/cpu"), "{}", said.err);
    assert!(!said.err.contains("timeout"), "{}", said.err);
}

#[test]
fn an_executor_that_there_is_not_is_refused_with_those_that_there_are() {
    let annotations = json!({ "annotations": { "screwdriver.cd/executor": "nowhere" } });
    let said = render(&[], &[("EXECUTOR_PLUGIN", "k8s")], &start(&annotations));
    assert_eq!(said.code, Some(65));
    for words in ["nowhere", "k8s", "k8s-sandbox", "k8s-vm"] {
        assert!(said.err.contains(words), "{}", said.err);
    }
}

#[test]
fn bad_input_ends_with_65_and_says_what_is_wrong() {
    let whole = start(&json!({}));
    let without = |field: &str| {
        let mut config = config(&json!({}));
        config.as_object_mut().unwrap().remove(field);
        config.to_string()
    };
    let unknown = json!({ "job": "start", "buildConfig": config(&json!({})),
        "start": { "executor": "nowhere", "since": "2026-01-01T12:00:00Z" } });
    let cases: [(String, &[&str]); 15] = [
        (String::new(), &["not JSON"]),
        ("no JSON".to_owned(), &["not JSON", "line 1"]),
        (whole[..whole.len() - 1].to_owned(), &["not JSON"]),
        ("[]".to_owned(), &["`job`"]),
        ("{}".to_owned(), &["`buildConfig`", "`buildId`"]),
        (
            json!({ "job": "start" }).to_string(),
            &["`buildConfig` is missing"],
        ),
        (
            json!({ "job": "start", "buildConfig": null }).to_string(),
            &["`buildConfig` is missing"],
        ),
        (
            json!({ "job": "start", "buildConfig": "x" }).to_string(),
            &["`buildConfig` is not an object"],
        ),
        (json!({ "buildConfig": {} }).to_string(), &["`job`"]),
        (whole.replace("\"start\"", "\"stop\""), &["`stop`", "only starts"]),
        (without("container"), &["`buildConfig.container` is missing"]),
        (without("token"), &["`buildConfig.token` is missing"]),
        (start(&json!({ "buildId": "soon" })), &["`buildConfig.buildId`"]),
        (start(&json!({ "token": "a\"b" })), &["token"]),
        (unknown.to_string(), &["nowhere", "k8s, k8s-sandbox, k8s-vm"]),
    ];
    for (input, texts) in cases {
        refused(&render(&[], &[("EXECUTOR_PLUGIN", "k8s")], &input), 65, texts);
    }
}

#[test]
fn bad_settings_options_and_arguments_end_with_64() {
    let message = start(&json!({}));
    let environment = [("K8S_BUILD_TIMEOUT", "long"), ("ECOSYSTEM_UI", "?")];
    refused(
        &render(&[], &environment, &message),
        64,
        &["K8S_BUILD_TIMEOUT", "ECOSYSTEM_UI"],
    );
    // The default executor is k8s-vm, which lacks an image.
    refused(&render(&[], &[], &message), 64, &["k8s-vm", "K8S_BASE_IMAGE"]);
    let mut wrong_type = options();
    wrong_type["kubernetes"] = json!({ "buildTimeout": "long", "volumeMounts": "none" });
    let mut plugin = options();
    plugin["pluginName"] = json!("docker");
    let files: [(&str, String, &[&str]); 6] = [
        (
            "type.json",
            wrong_type.to_string(),
            &["kubernetes.buildTimeout", "kubernetes.volumeMounts"],
        ),
        ("plugin.json", plugin.to_string(), &["docker", "k8s and k8s-vm"]),
        ("list.json", "[]".to_owned(), &["not an object"]),
        ("text.yaml", "kubernetes".to_owned(), &["not an object"]),
        (
            "broken.yaml",
            "kubernetes: {\n  a: b".to_owned(),
            &["neither JSON nor YAML"],
        ),
        ("vm.json", options().to_string(), &["base image"]),
    ];
    for (name, text, texts) in files {
        let file = File::with(name, &text);
        let executor = if name == "vm.json" { "k8s-vm" } else { "k8s" };
        let arguments = ["--executor", executor, "--options", file.path()];
        refused(&render(&arguments, &[], &message), 64, texts);
    }
    let arguments: [(&[&str], &[&str]); 5] = [
        (
            &["--executor", "k8s", "--options", "no-such-file"],
            &["no-such-file"],
        ),
        (
            &["--executor", "nowhere"],
            &["nowhere", "k8s, k8s-sandbox, k8s-vm"],
        ),
        (&["--options", "no-such-file"], &["--executor"]),
        (&["-o", "xml"], &["yaml", "json"]),
        (&["--loud"], &["--loud"]),
    ];
    for (arguments, texts) in arguments {
        refused(
            &render(arguments, &[("EXECUTOR_PLUGIN", "k8s")], &message),
            64,
            texts,
        );
    }
}

#[test]
fn help_is_no_mistake() {
    let said = render(&["--help"], &[], "");
    assert_eq!(said.code, Some(0), "{}", said.err);
    for option in [
        "--config-dir",
        "--output",
        "--show-token",
        "--executor",
        "--options",
    ] {
        assert!(said.out.contains(option), "{option} is not in: {}", said.out);
    }
}
