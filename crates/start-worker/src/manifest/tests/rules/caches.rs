//! Folders on the node, and what stands where a message lacks an id.

use super::*;

#[test]
fn caches_are_where_they_always_were() {
    let pipeline = "/spec/volumes/4/hostPath/path";
    let volumes = |path: &str| json!(path);
    let prefixed = |mut options: Value| {
        options["prefix"] = json!("p-");
        options
    };
    hold(
        Plugin::K8s,
        vec![
            (
                "root",
                none(),
                cache("/", "disk"),
                none(),
                pipeline,
                volumes("//pipelines/123"),
            ),
            (
                "prefix",
                none(),
                prefixed(cache("/c", "disk")),
                none(),
                pipeline,
                volumes("/c/p-/pipelines/123"),
            ),
            (
                "no path",
                none(),
                cache("", "disk"),
                none(),
                pipeline,
                Value::Null,
            ),
            (
                "in the store",
                none(),
                cache("/c", "s3"),
                none(),
                pipeline,
                Value::Null,
            ),
            (
                "told to the launcher",
                none(),
                cache("/c", "disk"),
                none(),
                ARGS,
                json!([
                    "/opt/sd/run.sh \"a.b-c_d\" \"https://a.example\" \"https://s.example\" \"90\" \"8609\" \
                     \"https://u.example\" \"disk\" \"/sdpipelinecache\" \"/sdjobcache\" \"/sdeventcache\" \"true\" \
                     \"true\" \"7\" \"10000\"\n"
                ]),
            ),
        ],
    );
}

#[test]
fn a_prefix_is_added_to_the_cache_path_once() {
    let mut options = cache("/c", "disk");
    options["prefix"] = json!("p-");
    let executor = executor(Plugin::K8s, &none(), &options);
    let annotations = Map::new();
    let (first, second) = (
        made(&executor, &spec(&annotations)),
        made(&executor, &spec(&annotations)),
    );
    assert_eq!(first, second);
    assert_eq!(
        at(&second, "/spec/volumes/5/hostPath/path"),
        json!("/c/p-/jobs/123/777")
    );
}

#[test]
fn folders_are_made_where_they_are_missing() {
    for (plugin, volume) in [(Plugin::K8s, 1), (Plugin::K8sVm, 2)] {
        let pod = made(
            &executor(plugin, &json!({ "baseImage": "vm:1" }), &none()),
            &spec(&Map::new()),
        );
        let expected = json!({ "path": "/opt/screwdriver/sdlauncher/stable", "type": "DirectoryOrCreate" });
        assert_eq!(at(&pod, &format!("/spec/volumes/{volume}/hostPath")), expected);
    }
}

#[test]
fn what_a_message_lacks_is_empty() {
    let annotations = Map::new();
    let build = BuildSpec {
        job_id: None,
        job_name: None,
        event_id: None,
        pipeline_id: None,
        pipeline_name: Some(""),
        pr_num: Some(0),
        template_full_name: Some(""),
        ..spec(&annotations)
    };
    let pod = made(&executor(Plugin::K8s, &none(), &cache("/c", "disk")), &build);
    assert_eq!(at(&pod, "/spec/volumes/5/hostPath/path"), json!("/c/jobs//"));
    let variable = json!({ "name": "SD_PIPELINE_ID", "value": "" });
    assert!(contains(&at(&pod, "/spec/containers/0/env"), &variable));
    let labels: Vec<String> = pod.metadata.labels.unwrap().into_keys().collect();
    let left = [
        "app",
        "screwdriver.cd/cpu",
        "screwdriver.cd/disk",
        "screwdriver.cd/memory",
        "sdbuild",
        "tier",
    ];
    assert_eq!(labels, left);
    let vm = made(
        &executor(Plugin::K8sVm, &json!({ "baseImage": "vm:1" }), &none()),
        &build,
    );
    assert_eq!(at(&vm, "/spec/containers/0/args/15"), json!(""));
}
