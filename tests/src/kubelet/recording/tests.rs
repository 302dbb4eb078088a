use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use serde_json::json;

use super::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/recordings")
}

/// Another pod than the recorded one in everything that can differ.
fn layout(sidecar: bool) -> Layout {
    let mut containers = vec![json!({"name": "7", "image": "registry.example/tools:9"})];
    if sidecar {
        containers.push(json!({"name": "docker", "image": "docker:1"}));
    }
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "7-abcde", "namespace": "n", "uid": "u", "labels": {"sdbuild": "7"}},
        "spec": {"initContainers": [{"name": "launcher-7", "image": "l"}], "containers": containers}}))
    .unwrap();
    Layout::of(&pod).unwrap()
}

fn start() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

fn recorded(steps: &[Step]) -> Vec<&Recorded> {
    steps
        .iter()
        .filter_map(|step| {
            if let Step::Recorded(one) = step {
                Some(one)
            } else {
                None
            }
        })
        .collect()
}

fn played(name: &str, speed: f64, layout: &Layout) -> Vec<Value> {
    let steps = steps(&folder().join(name).with_extension("json"), speed).unwrap();
    let statuses = recorded(&steps).into_iter().filter_map(|one| match &one.what {
        What::Status(status) => Some(one.status(status, layout, start())),
        _ => None,
    });
    statuses.collect()
}

#[test]
fn a_recorded_failure_reads_as_if_it_were_the_new_pods() {
    let last = played("image-manifest-unknown", 1.0, &layout(false))
        .pop()
        .unwrap();
    let build = &last["containerStatuses"][0];
    assert_eq!(
        (&build["name"], &build["image"]),
        (&json!("7"), &json!("registry.example/tools:9"))
    );
    let text = build["state"]["waiting"]["message"].as_str().unwrap();
    assert!(
        text.contains("\"registry.example/tools:9\": failed to resolve image"),
        "{text}"
    );
    assert_eq!(last["initContainerStatuses"][0]["name"], "launcher-7");
    let ready = last["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["type"] == "Ready")
        .unwrap();
    assert_eq!(ready["message"], "containers with unready status: [7]");
    assert_eq!((&last["podIP"], &last["qosClass"]), (&Value::Null, &Value::Null));
}

#[test]
fn times_move_with_the_pod_and_shrink_with_the_speed() {
    for (speed, started) in [(1.0, "2030-01-01T00:00:01Z"), (0.1, "2030-01-01T00:00:10Z")] {
        let last = played("image-manifest-unknown", speed, &layout(false))
            .pop()
            .unwrap();
        let ended = &last["initContainerStatuses"][0]["state"]["terminated"];
        assert_eq!(ended["startedAt"], started);
    }
    let never = played("command-not-found-never", 1.0, &layout(false))
        .pop()
        .unwrap();
    assert_eq!(
        never["containerStatuses"][0]["state"]["terminated"]["startedAt"],
        "1970-01-01T00:00:00Z"
    );
}

#[test]
fn waits_add_up_to_the_recorded_time_over_the_speed() {
    let total = |speed| {
        let steps = steps(&folder().join("image-manifest-unknown.json"), speed).unwrap();
        let waits = steps.iter().filter_map(|step| {
            if let Step::Wait(one) = step {
                Some(*one)
            } else {
                None
            }
        });
        waits.sum::<Duration>().as_secs_f64()
    };
    // The last of it is an event that came again.
    assert!((total(1.0) - 159.0).abs() < 2.0, "{}", total(1.0));
    assert!((total(1.0) / total(50.0) - 50.0).abs() < 0.01);
}

#[test]
fn a_container_that_the_pod_lacks_is_left_out() {
    let count = |sidecar| {
        let last = played("sidecar-fails", 1.0, &layout(sidecar)).pop().unwrap();
        last["containerStatuses"].as_array().unwrap().len()
    };
    assert_eq!((count(false), count(true)), (1, 2));
}

#[test]
fn a_deletion_is_played_too() {
    let steps = steps(&folder().join("taint-noexecute.json"), 1.0).unwrap();
    let kinds: Vec<_> = recorded(&steps)
        .into_iter()
        .filter_map(|one| match &one.what {
            What::Delete(grace) => Some(format!("delete {grace}")),
            What::Gone => Some("gone".to_owned()),
            What::Event(event, _) if event["reason"] == "TaintManagerEviction" => Some("event".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(
        kinds.contains(&"delete 5".to_owned()) && kinds[2] == "gone",
        "{kinds:?}"
    );
}

/// Every recording of a pod with a node is playable; the API server's types take each adapted status.
#[test]
fn all_recordings_can_be_played_but_those_without_a_node() {
    let (mut playable, mut unplayable) = (0, Vec::new());
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Ok(steps) = steps(&path, 10.0) else {
            unplayable.push(name);
            continue;
        };
        playable += 1;
        for one in recorded(&steps) {
            if let What::Status(status) = &one.what {
                let mut status = one.status(status, &layout(true), start());
                if let Some(conditions) = status["conditions"].as_array_mut() {
                    conditions.remove(0);
                }
                serde_json::from_value::<PodStatus>(status).unwrap();
            }
        }
    }
    assert!(playable > 90, "{playable}");
    assert!(
        unplayable.iter().all(|name| name.contains("unschedul")),
        "{unplayable:?}"
    );
}
