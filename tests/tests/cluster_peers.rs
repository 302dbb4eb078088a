//! The cluster that all other tests stand on: a real control plane, the workers' real rights, and a scripted
//! kubelet whose pods live, fail and vanish like those of a real one.

#[path = "cluster_peers/scene.rs"]
mod scene;

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use scene::{Scene, build_pod, build_state, phase, pod, recording, waits_for};
use serde_json::json;
use testbed::{
    control_plane::Account,
    kubelet::{Life, NodeSpec, Step},
    poll,
};

fn status_code<T>(result: Result<T, kube::Error>) -> u16 {
    match result {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("no answer: {error}"),
    }
}

#[tokio::test]
async fn a_worker_may_do_what_its_role_says_and_nothing_else() -> anyhow::Result<()> {
    Scene::play("rights", |scene| async move {
        let name = scene.namespace.name();
        let (all, post, delete) = (
            ListParams::default(),
            PostParams::default(),
            DeleteParams::default(),
        );
        let mut answers = Vec::new();
        for account in [Account::StartWorker, Account::VerifyWorker] {
            let client = scene.namespace.client_as(account)?;
            let pods: Api<Pod> = Api::namespaced(client.clone(), name);
            let events: Api<Event> = Api::namespaced(client.clone(), name);
            let elsewhere: Api<Pod> = Api::namespaced(client, "default");
            answers.push([
                status_code(pods.create(&post, &build_pod(account.name(), "tools:1")?).await),
                status_code(pods.get("nobody").await),
                status_code(pods.list(&all).await),
                status_code(pods.delete("nobody", &delete).await),
                status_code(
                    pods.delete_collection(&delete, &all.clone().labels("sdbuild=0"))
                        .await,
                ),
                status_code(
                    pods.patch_status("nobody", &PatchParams::default(), &Patch::Merge(json!({})))
                        .await,
                ),
                status_code(events.list(&all).await),
                status_code(elsewhere.list(&all).await),
            ]);
        }
        assert_eq!(
            answers,
            [
                [200, 404, 403, 404, 200, 403, 403, 403],
                [403, 404, 200, 404, 403, 403, 200, 403]
            ]
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pod_runs_is_deleted_and_vanishes() -> anyhow::Result<()> {
    Scene::play("lives", |scene| async move {
        let client = scene.namespace.client_as(Account::StartWorker)?;
        let pods: Api<Pod> = Api::namespaced(client, scene.namespace.name());
        pods.create(&PostParams::default(), &build_pod("one", "tools:1")?)
            .await?;
        let running = scene
            .until("one", "to run", |pod| phase(pod) == "Running")
            .await?;
        assert!(build_state(&running).running.is_some());
        assert!(running.spec.is_some_and(|spec| spec.node_name.is_some()));

        pods.delete("one", &DeleteParams::default()).await?;
        scene.until_gone("one").await?;
        let reasons = scene.reasons("one").await?;
        for reason in ["Scheduled", "Pulled", "Started", "Killing"] {
            assert!(
                reasons.iter().any(|seen| seen == reason),
                "{reason} not in {reasons:?}"
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_image_alternates_between_its_two_words() -> anyhow::Result<()> {
    Scene::play("image", |scene| async move {
        scene.script("tools:nope", Life::image_missing());
        scene.create(&build_pod("one", "tools:nope")?).await?;
        for reason in ["ErrImagePull", "ImagePullBackOff", "ErrImagePull"] {
            scene.until("one", reason, |pod| waits_for(pod, reason)).await?;
        }
        let events = scene.namespace.events("one").await?;
        let pulling = events
            .iter()
            .find(|event| event.reason.as_deref() == Some("Pulling"));
        assert!(pulling.and_then(|event| event.count) > Some(1), "{events:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_recording_plays_on_another_pod() -> anyhow::Result<()> {
    Scene::play("recording", |scene| async move {
        scene.script("tools:2", Life::recording(&recording("evicted-node-low"), 20.0)?);
        scene.create(&build_pod("one", "tools:2")?).await?;
        scene
            .until("one", "to run", |pod| phase(pod) == "Running")
            .await?;
        let evicted = scene
            .until("one", "to end", |pod| build_state(pod).terminated.is_some())
            .await?;
        let status = evicted.status.unwrap_or_default();
        assert_eq!(
            (status.phase.as_deref(), status.reason.as_deref()),
            (Some("Failed"), Some("Evicted"))
        );
        assert!(
            status
                .conditions
                .iter()
                .flatten()
                .any(|one| one.type_ == "DisruptionTarget")
        );
        assert_eq!(status.container_statuses.unwrap_or_default()[0].name, "7");
        assert!(scene.reasons("one").await?.contains(&"Evicted".to_owned()));
        Ok(())
    })
    .await
}

/// The scripted kubelet writes nothing that a real API server would not take from a real one.
#[tokio::test]
async fn the_api_server_takes_every_recording() -> anyhow::Result<()> {
    Scene::play("recordings", |scene| async move {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(recording("healthy").parent().context("a folder")?)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Ok(life) = Life::recording(&path, 60.0) else {
                continue;
            };
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .context("a name")?
                .to_owned();
            let text: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
            let recorded = &text["snapshots"][0]["pod"]["spec"];
            scene.script(
                &format!("tools:{name}"),
                life.then([Step::warning(None, "PlayedToTheEnd", "")]),
            );
            scene.create(&same_shape(&name, recorded)?).await?;
            names.push(name);
        }
        assert!(names.len() > 90);
        let pods = scene.namespace.pods();
        for name in names {
            poll::until(
                &format!("{name} to be played or gone"),
                Duration::from_secs(90),
                || async {
                    let reasons = scene.reasons(&name).await?;
                    let played = reasons.iter().any(|reason| reason == "PlayedToTheEnd");
                    let gone = pods.get_opt(&name).await?.is_none();
                    anyhow::ensure!(played || gone, "{reasons:?}");
                    Ok(())
                },
            )
            .await?;
        }
        Ok(())
    })
    .await
}

/// The containers and the restart policy of a recorded pod, without what the scheduler could refuse.
fn same_shape(name: &str, recorded: &serde_json::Value) -> anyhow::Result<Pod> {
    let mut inits = recorded["initContainers"].clone();
    let mut containers = recorded["containers"].clone();
    for container in inits
        .as_array_mut()
        .into_iter()
        .chain(containers.as_array_mut())
        .flatten()
    {
        let native = container["restartPolicy"] == "Always";
        let kept = json!({"name": container["name"], "image": format!("tools:{name}")});
        *container = kept;
        if native {
            container["restartPolicy"] = "Always".into();
        }
    }
    pod(json!({
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": recorded["restartPolicy"],
            "automountServiceAccountToken": false,
            "initContainers": inits,
            "containers": containers,
        },
    }))
}

#[tokio::test]
async fn a_pod_that_no_node_can_take_waits_for_one() -> anyhow::Result<()> {
    Scene::play("nodes", |scene| async move {
        let mut manifest = build_pod("one", "tools:1")?;
        let pool = scene.namespace.name().to_owned();
        let spec = manifest.spec.as_mut().context("a spec")?;
        spec.node_selector = Some([("pool".to_owned(), pool.clone())].into());
        spec.tolerations = Some(vec![serde_json::from_value(
            json!({ "key": "pool", "operator": "Exists" }),
        )?]);
        scene.create(&manifest).await?;
        let waiting = scene
            .until("one", "the scheduler's word", |pod| {
                let mut conditions = pod
                    .status
                    .iter()
                    .flat_map(|status| status.conditions.iter().flatten());
                conditions.any(|one| one.reason.as_deref() == Some("Unschedulable"))
            })
            .await?;
        assert_eq!(phase(&waiting), "Pending");

        // Tainted, since it goes again and would take other tests' pods with it.
        let node = scene
            .peers
            .kubelet
            .add_node(NodeSpec::default().label("pool", &pool).taint("pool"))
            .await?;
        let running = scene
            .until("one", "to run", |pod| phase(pod) == "Running")
            .await?;
        assert_eq!(
            running.spec.and_then(|spec| spec.node_name).as_deref(),
            Some(node.as_str())
        );
        scene.peers.kubelet.remove_node(&node).await
    })
    .await
}

#[tokio::test]
async fn a_held_pod_goes_on_when_released_and_an_undying_one_never_ends() -> anyhow::Result<()> {
    Scene::play("held", |scene| async move {
        scene.script("tools:held", Life::held().undying());
        scene.create(&build_pod("one", "tools:held")?).await?;
        scene.create(&build_pod("two", "tools:1")?).await?;
        scene
            .until("one", "the launcher to end", |pod| {
                let status = pod.status.clone().unwrap_or_default();
                status
                    .init_container_statuses
                    .iter()
                    .flatten()
                    .any(|container| container.ready)
            })
            .await?;
        // Its neighbour's life, begun later, is over before anything more happens here.
        scene
            .until("two", "to run", |pod| phase(pod) == "Running")
            .await?;
        scene
            .namespace
            .pods()
            .delete("two", &DeleteParams::default())
            .await?;
        scene.until_gone("two").await?;
        assert_eq!(phase(&scene.namespace.pods().get("one").await?), "Pending");

        scene.peers.kubelet.release(scene.namespace.name(), "one");
        scene
            .until("one", "to run", |pod| phase(pod) == "Running")
            .await?;
        scene
            .namespace
            .pods()
            .delete("one", &DeleteParams::default().grace_period(1))
            .await?;
        scene.create(&build_pod("three", "tools:1")?).await?;
        scene
            .until("three", "to run", |pod| phase(pod) == "Running")
            .await?;
        scene
            .namespace
            .pods()
            .delete("three", &DeleteParams::default())
            .await?;
        scene.until_gone("three").await?;
        let stuck = scene.namespace.pods().get("one").await?;
        assert!(stuck.metadata.deletion_timestamp.is_some() && build_state(&stuck).running.is_some());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_recreated_pod_of_the_same_name_lives_its_own_life() -> anyhow::Result<()> {
    Scene::play("again", |scene| async move {
        let full = Step::PhaseFailed {
            reason: "OutOfcpu".into(),
            message: "Pod was rejected: full".into(),
        };
        let lives = [Life::new([full]), Life::healthy()];
        scene
            .peers
            .kubelet
            .script_each(scene.namespace.name(), "tools:3", lives);
        let first = scene.create(&build_pod("one", "tools:3")?).await?;
        scene
            .until("one", "to be rejected", |pod| phase(pod) == "Failed")
            .await?;
        scene
            .namespace
            .pods()
            .delete("one", &DeleteParams::default())
            .await?;
        let second = scene.create(&build_pod("one", "tools:3")?).await?;
        assert_ne!(first.uid(), second.uid());
        scene
            .until("one", "to run", |pod| phase(pod) == "Running")
            .await?;
        Ok(())
    })
    .await
}

/// What a status may say is for the API server to decide; each prebuilt life passes it.
#[tokio::test]
async fn the_api_server_takes_every_prebuilt_life() -> anyhow::Result<()> {
    Scene::play("prebuilt", |scene| async move {
        let moment = Duration::from_millis(50);
        let table = [
            ("healthy", Life::healthy(), "Running"),
            ("runs-for", Life::runs_for(moment), "Succeeded"),
            ("slow-pull", Life::slow_pull(moment), "Running"),
            ("start-error", Life::start_error(), "Failed"),
            ("config", Life::create_container_config_error(), "Pending"),
            ("crash-loop", Life::crash_loop_sidecar(), "Pending"),
            ("oom", Life::oom(moment), "Failed"),
            ("evicted", Life::evicted(moment), "Failed"),
        ];
        for (name, life, expected) in table {
            let image = format!("tools:{name}");
            scene.script(&image, life);
            let mut manifest = build_pod(name, &image)?;
            let sidecar = json!({"name": "dind", "image": "dind:1", "restartPolicy": "Always"});
            let inits = &mut manifest.spec.as_mut().context("a spec")?.init_containers;
            inits
                .get_or_insert_default()
                .push(serde_json::from_value(sidecar)?);
            scene.create(&manifest).await?;
            scene.until(name, expected, |pod| phase(pod) == expected).await?;
        }
        scene
            .until("config", "its word", |pod| {
                waits_for(pod, "CreateContainerConfigError")
            })
            .await?;
        scene
            .until("crash-loop", "its restarts", |pod| {
                let status = pod.status.clone().unwrap_or_default();
                status
                    .init_container_statuses
                    .iter()
                    .flatten()
                    .any(|one| one.restart_count > 1)
            })
            .await?;
        assert!(scene.reasons("crash-loop").await?.contains(&"BackOff".to_owned()));
        Ok(())
    })
    .await
}
