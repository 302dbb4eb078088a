//! `verify-worker explain` as its users call it: the real binary, pods of a real kubelet, no connection.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data has to fail")]

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

/// Runs `explain` with this input, without any variable of the surroundings but these.
fn run(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_verify-worker"))
        .arg("explain")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that ends for wrong arguments does not read.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn answers_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Vec<Value> {
    let arguments = [&["-o", "json"], arguments].concat();
    let output = run(&arguments, variables, input);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn answers(arguments: &[&str], input: &str) -> Vec<Value> {
    answers_with(arguments, &[], input)
}

fn refused(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> (Option<i32>, String) {
    let output = run(arguments, variables, input);
    assert!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn recording(name: &str) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/recordings");
    serde_json::from_slice(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The last pod of a recording that was not deleted yet.
fn pod(name: &str) -> Value {
    let recording = recording(name);
    let mut snapshots = recording["snapshots"].as_array().unwrap().iter().rev();
    let last = snapshots.find(|snapshot| snapshot["type"] != "DELETED").unwrap();
    last["pod"].clone()
}

/// The events of a recording as a file, whose path is the answer.
fn events(name: &str, format: &str) -> String {
    let list = json!({"apiVersion": "v1", "kind": "EventList", "items": recording(name)["events"]});
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-events.{format}"));
    let text = if format == "yaml" {
        serde_saphyr::to_string(&list).unwrap()
    } else {
        list.to_string()
    };
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const LATER: &str = "2026-11-25T22:00:00Z";

fn verdict(answer: &Value) -> (&str, Option<&str>, Option<&str>) {
    (
        answer["verdict"].as_str().unwrap(),
        answer["reason"].as_str(),
        answer["actor"].as_str(),
    )
}

#[test]
fn an_answer_has_five_fields() {
    let all = answers(&["--at", LATER], &pod("image-manifest-unknown").to_string());
    assert_eq!(all.len(), 1);
    let keys: Vec<_> = all[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["pod", "verdict", "reason", "actor", "message"]);
    assert_eq!(all[0]["pod"], "image-manifest-unknown");
    assert_eq!(
        verdict(&all[0]),
        ("failed", Some("image_not_found"), Some("user"))
    );
    let message = all[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Build failed to start. Please check if your image is valid. "),
        "{message}"
    );
}

#[test]
fn every_verdict_has_its_word() {
    let cases = [
        ("healthy", LATER, ("healthy", Some("ended"), Some("nobody"))),
        (
            "unschedulable-cpu",
            "2026-11-24T22:35:00Z",
            ("waiting", Some("unscheduled"), Some("admin")),
        ),
        (
            "unschedulable-cpu",
            LATER,
            ("failed", Some("unscheduled"), Some("admin")),
        ),
        ("outofcpu", LATER, ("recreate", Some("node_full"), Some("nobody"))),
        ("exit-1-never", LATER, ("failed", Some("exited"), Some("user"))),
        ("kill9-outside", LATER, ("failed", Some("killed"), Some("nobody"))),
        (
            "image-manifest-unknown",
            "2026-11-24T22:28:05Z",
            ("progressing", Some("image_not_found"), Some("user")),
        ),
    ];
    for (name, at, expected) in cases {
        let all = answers(&["--at", at], &pod(name).to_string());
        assert_eq!(verdict(&all[0]), expected, "{name} at {at}");
        let message = all[0]["message"].as_str().unwrap();
        assert_eq!(message.is_empty(), expected.0 == "healthy", "{name} at {at}");
    }
}

#[test]
fn a_build_that_waits_for_long_reads_so_before_what_it_has_read_so_far() {
    let waiting = pod("unschedulable-cpu").to_string();
    let message = |started: &str| {
        let at = ["--at", "2026-11-24T22:35:00Z", "--started-at", started];
        answers(&at, &waiting)[0]["message"].as_str().unwrap().to_owned()
    };
    let early = message("2026-11-24T22:34:30Z");
    assert!(
        early.starts_with("Waiting for resources to be available. "),
        "{early}"
    );
    let delayed = "Build initialization delayed - pod creation taking longer than expected";
    assert_eq!(message("2026-11-24T22:24:00Z"), format!("{delayed}: {early}"));
}

#[test]
fn a_pod_that_is_deleted_or_gone() {
    let recording = recording("deleted-while-running");
    let snapshots = recording["snapshots"].as_array().unwrap();
    let going = snapshots
        .iter()
        .find(|snapshot| snapshot["pod"]["metadata"]["deletionTimestamp"].is_string())
        .unwrap();
    let at = "2026-11-24T22:49:06Z";
    let all = answers(&["--at", at], &going["pod"].to_string());
    assert_eq!(verdict(&all[0]), ("terminating", Some("deleted"), Some("nobody")));
    // Past the start deadline nobody waits for it any longer.
    let long_ago = [
        "--at",
        "2026-11-24T22:49:20Z",
        "--started-at",
        "2026-11-24T20:00:00Z",
    ];
    let all = answers(&long_ago, &going["pod"].to_string());
    assert_eq!(verdict(&all[0]), ("failed", Some("deleted"), Some("nobody")));
    let watch: String = snapshots[snapshots.len() - 2..]
        .iter()
        .map(|snapshot| json!({"type": snapshot["type"], "object": snapshot["pod"]}).to_string() + "\n")
        .collect();
    let all = answers(&["--at", at], &watch);
    assert_eq!(verdict(&all[0]), ("failed", Some("deleted"), Some("nobody")));
    // What the pod said last is truer than that it is gone.
    assert_eq!(verdict(&all[1]), ("gone", Some("deleted"), Some("nobody")));
    let ended = json!({"type": "DELETED", "object": pod("healthy")}).to_string();
    let all = answers(&["--at", LATER], &ended);
    assert_eq!(verdict(&all[0]), ("gone", Some("ended"), Some("nobody")));
    assert_eq!(all[0]["message"], "");
}

#[test]
fn whatever_kubectl_prints_can_be_read() {
    let (one, other) = (pod("oom"), pod("healthy"));
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [one, other]});
    let mut bare = [one.clone(), other.clone()];
    for pod in &mut bare {
        let pod = pod.as_object_mut().unwrap();
        pod.remove("kind");
        pod.remove("apiVersion");
    }
    let pod_list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": bare});
    let yaml = |value: &Value| serde_saphyr::to_string(value).unwrap();
    let inputs = [
        ("a List", list.to_string()),
        ("a PodList", pod_list.to_string()),
        ("several documents", format!("{one}\n{other}")),
        ("an array", json!(bare).to_string()),
        ("a List in YAML", yaml(&list)),
        ("a PodList in YAML", format!("---\n{}", yaml(&pod_list))),
        (
            "several documents in YAML",
            format!("{}---\n{}", yaml(&one), yaml(&other)),
        ),
    ];
    for (name, input) in inputs {
        let all = answers(&["--at", LATER], &input);
        let seen: Vec<_> = all.iter().map(verdict).collect();
        let expected = [
            ("failed", Some("out_of_memory"), Some("user")),
            ("healthy", Some("ended"), Some("nobody")),
        ];
        assert_eq!(seen, expected, "{name}");
    }
    for empty in [
        json!({"apiVersion": "v1", "kind": "List", "items": []}).to_string(),
        json!({"kind": "PodList", "items": []}).to_string(),
        json!({"kind": "PodList", "items": null}).to_string(),
        json!({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": "7"}}})
            .to_string(),
        "apiVersion: v1\nkind: List\nitems: []\n".to_owned(),
    ] {
        assert_eq!(answers(&[], &empty), Vec::<Value>::new(), "{empty}");
    }
}

#[test]
fn what_is_no_pod_is_skipped_with_a_note() {
    let items = [
        json!({"kind": "Service", "metadata": {}}),
        pod("oom"),
        json!({"kind": "ConfigMap", "metadata": {}}),
    ];
    let list = json!({"kind": "List", "items": items}).to_string();
    let documents = items.each_ref().map(Value::to_string).join("\n");
    for input in [list, documents] {
        let output = run(&["--at", LATER, "-o", "json"], &[], &input);
        assert!(output.status.success(), "{input}");
        let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(all.len(), 1, "{input}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "skipped: a ConfigMap is no Pod or Event\nskipped: a Service is no Pod or Event\n"
        );
    }
}

#[test]
fn events_tell_what_a_pod_does_not() {
    let pod = pod("missing-secret-volume");
    let silent = answers(&["--at", LATER], &pod.to_string());
    assert_eq!(verdict(&silent[0]).1, Some("initialising"));
    let expected = ("failed", Some("volume"), Some("admin"));
    for format in ["json", "yaml"] {
        let file = events("missing-secret-volume", format);
        let told = answers(&["--at", LATER, "--events", &file], &pod.to_string());
        assert_eq!(verdict(&told[0]), expected, "{format}");
        let message = told[0]["message"].as_str().unwrap();
        assert!(message.contains("secret \"nosuch\" not found"), "{message}");
    }
    // As `kubectl get pods,events -o json` prints them.
    let mut items = vec![pod.clone()];
    for event in recording("missing-secret-volume")["events"].as_array().unwrap() {
        let mut event = event.clone();
        event["kind"] = json!("Event");
        items.push(event);
    }
    let both = json!({"kind": "List", "items": items}).to_string();
    assert_eq!(verdict(&answers(&["--at", LATER], &both)[0]), expected);
    // What had not happened then is not known.
    let file = events("missing-secret-volume", "json");
    let before = answers(
        &["--at", "2026-11-24T22:48:40Z", "--events", &file],
        &pod.to_string(),
    );
    assert_eq!(verdict(&before[0]).0, "progressing");
}

#[test]
fn the_build_container_can_be_named() {
    let pod = pod("sidecar-fails").to_string();
    assert_eq!(verdict(&answers(&["--at", LATER], &pod)[0]).0, "healthy");
    let named = answers(&["--at", LATER, "--container", "dind"], &pod);
    assert_eq!(verdict(&named[0]), ("failed", Some("exited"), Some("user")));
}

#[test]
fn settings_set_the_clocks() {
    let pod = pod("image-manifest-unknown").to_string();
    let at = ["--at", "2026-11-24T22:29:00Z"];
    assert_eq!(verdict(&answers(&at, &pod)[0]).0, "failed");
    let graces = [("CHECK_GRACES", "{image_not_found: '10m'}")];
    assert_eq!(verdict(&answers_with(&at, &graces, &pod)[0]).0, "progressing");
}

#[test]
fn people_are_told_facts_verdict_and_message() {
    let output = run(&["--at", LATER], &[], &pod("oom").to_string());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn bad_input_ends_with_65() {
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}});
    let inputs = [
        ("", "nothing to read"),
        ("   \n", "nothing to read"),
        ("{\"kind\":\"Pod\"", "no JSON"),
        ("{}", "without kind"),
        ("kind: [", "neither JSON nor YAML"),
        ("just words", ""),
        (&deployment.to_string(), "a Deployment is no Pod"),
        (
            "{\"kind\":\"DeploymentList\",\"items\":[]}",
            "a DeploymentList is no Pod",
        ),
        (
            "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\"}]}",
            "a Node is no Pod",
        ),
        (
            "{\"kind\":\"Pod\",\"metadata\":{},\"status\":{\"phase\":7}}",
            "a Pod that cannot be decoded",
        ),
    ];
    for (input, expected) in inputs {
        let (code, error) = refused(&["-o", "json"], &[], input);
        assert_eq!(code, Some(65), "{input}: {error}");
        assert!(error.contains(expected), "{input}: {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{input}: {error}");
    }
    let (code, error) = refused(&["--events", "nosuch.json"], &[], &pod("oom").to_string());
    assert_eq!(code, Some(65), "{error}");
    assert!(error.starts_with("nosuch.json: "), "{error}");
}

#[test]
fn wrong_arguments_and_settings_end_with_64() {
    let wrong: [&[&str]; 4] = [
        &["--at", "yesterday"],
        &["-o", "xml"],
        &["--nosuch"],
        &["surplus"],
    ];
    for arguments in wrong {
        let (code, error) = refused(arguments, &[], "");
        assert_eq!(code, Some(64), "{arguments:?}: {error}");
    }
    let (code, error) = refused(&[], &[("CLOCK_PULLING", "soon")], "");
    assert_eq!(code, Some(64), "{error}");
    assert!(error.contains("CLOCK_PULLING"), "{error}");
}

#[test]
fn many_pods_are_answered_in_their_order() {
    let mut items = Vec::new();
    for number in 0..2_000 {
        let mut pod = pod_of(number);
        pod["metadata"]["name"] = json!(format!("pod-{number}"));
        items.push(pod);
    }
    let all = answers(
        &["--at", LATER],
        &json!({"kind": "List", "items": items}).to_string(),
    );
    for (number, answer) in all.iter().enumerate() {
        assert_eq!(answer["pod"], format!("pod-{number}"));
        let expected = if number % 2 == 0 { "healthy" } else { "failed" };
        assert_eq!(answer["verdict"], expected);
    }
    assert_eq!(all.len(), 2_000);
}

fn pod_of(number: usize) -> Value {
    use std::sync::LazyLock;
    static PODS: LazyLock<[Value; 2]> = LazyLock::new(|| [pod("healthy"), pod("oom")]);
    PODS[number % 2].clone()
}
