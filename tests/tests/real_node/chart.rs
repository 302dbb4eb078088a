//! The chart, installed, with our images. Its pods share the machine's network, since everything here listens on
//! loopback: that is the one thing in which they differ from what the chart makes.

use std::path::Path;

use anyhow::Context;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Secret},
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Map, Value, json};
use testbed::{
    helm::Helm,
    node::{Files, LABEL},
    poll, process,
    worker::{Kind, binary},
};

use crate::{VERDICT, scene::Scene};

const KINDS: [Kind; 2] = [Kind::Start, Kind::Verify];

/// The base of the Dockerfile's last stage, as far as the workers use it: glibc and its like, authorities and the
/// user. The image itself is not pulled.
const PASSWD: &str =
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const DOCKERFILE: &str = include_str!("../../../deploy/Dockerfile");
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Assembles a worker's image from the files of the Dockerfile's last stage.
pub(crate) fn image(scene: &Scene, kind: Kind) -> anyhow::Result<()> {
    let name = kind.binary();
    let program = binary(kind)?;
    let mut files = Files::new()?
        .program_with_libraries(name, &program)?
        .file("etc/passwd", PASSWD.as_bytes())?;
    if let Ok(authorities) = std::fs::read(AUTHORITIES) {
        files = files.file(AUTHORITIES.trim_start_matches('/'), &authorities)?;
    }
    let config = config(name)?;
    let said = &config["Labels"];
    let own =
        ["title", "version", "licenses"].map(|label| &said[format!("org.opencontainers.image.{label}")]);
    assert_eq!(own, [name, env!("CARGO_PKG_VERSION"), "BSD-3-Clause"], "{said}");
    let image = files.image(&scene.registry.layout(name), "1", &config)?;
    println!(
        "{name}: {} KiB, of which the program {} KiB, {}",
        image.layer_size / 1024,
        program.metadata()?.len() / 1024,
        image.digest
    );
    Ok(())
}

/// How the image runs, as the Dockerfile has it.
fn config(name: &str) -> anyhow::Result<Value> {
    let (_, last) = DOCKERFILE.split_once(" AS runtime\n").context("no last stage")?;
    let (_, own) = last.split_once(&format!(" AS {name}\n")).context("no target")?;
    let said = |text: &'static str, instruction: &str| {
        let mut lines = text.lines();
        let said = lines.find_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '));
        said.with_context(|| format!("no {instruction}"))
    };
    let port = format!("{}/tcp", said(last, "EXPOSE")?);
    Ok(json!({
        "User": said(last, "USER")?, "WorkingDir": said(last, "WORKDIR")?, "Env": [said(last, "ENV")?],
        "ExposedPorts": { port: {} }, "Labels": labels(last, own),
        "Entrypoint": serde_json::from_str::<Value>(said(own, "ENTRYPOINT")?)?,
    }))
}

/// What the Dockerfile's last stage says of its image, and what the worker's own adds, with the defaults of arguments.
fn labels(last: &str, own: &str) -> Map<String, Value> {
    let stages = [last, own].map(|text| text.split("\nFROM ").next().unwrap_or_default());
    let argument = |name: &str| {
        let start = format!("ARG {name}=");
        stages[0].lines().find_map(|line| line.strip_prefix(&start))
    };
    let mut labels = Map::new();
    for stage in stages {
        let stage = stage.replace("\\\n", " ");
        for said in stage.lines().filter_map(|line| line.strip_prefix("LABEL ")) {
            let parts: Vec<&str> = said.split('"').collect();
            for pair in parts.chunks_exact(2) {
                let value = pair[1].strip_prefix('$').and_then(argument).unwrap_or(pair[1]);
                labels.insert(pair[0].trim().trim_end_matches('=').to_owned(), value.into());
            }
        }
    }
    labels
}

/// Installs the chart in the corner's namespace and waits until both Deployments are available.
pub(crate) async fn install(scene: &Scene) -> anyhow::Result<()> {
    let world = &scene.world;
    let (client, namespace) = (world.peers.control_plane.client()?, world.namespace.name());
    let authorities = std::fs::read_to_string(world.peers.control_plane.ca_file().context("an authority")?)?;
    // The first is what the controller manager's publisher makes in a cluster; it is not among those that run here.
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    for name in ["kube-root-ca.crt", "authorities"] {
        let map = json!({ "metadata": { "name": name }, "data": { "ca.crt": authorities } });
        maps.create(&PostParams::default(), &serde_json::from_value(map)?)
            .await?;
    }

    let mut environment: Map<String, Value> = world
        .environment(Kind::Start, &[])
        .into_iter()
        .chain(scene.settings())
        .map(|(name, value)| (name, value.into()))
        .collect();
    // The pods have their own token, and the chart says where builds go.
    for name in ["K8S_TOKEN", "K8S_JOBS_NAMESPACE"] {
        environment.remove(name);
    }
    for file in ["K8S_CA_FILE", "API_CA_FILE"] {
        environment.insert(file.to_owned(), "/authorities/ca.crt".into());
    }
    environment.insert("HOST".to_owned(), "127.0.0.1".into());
    let password = environment.remove("RABBITMQ_PASSWORD").context("a password")?;
    let secret = json!({ "metadata": { "name": "rabbitmq" }, "stringData": { "password": password } });
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    secrets
        .create(&PostParams::default(), &serde_json::from_value(secret)?)
        .await?;

    let worker = json!({
        "replicas": 0, "nodeSelector": { LABEL.0: LABEL.1 },
        "tolerations": [{ "key": LABEL.0, "operator": "Exists" }],
    });
    let values = json!({
        "fullnameOverride": "sd",
        "image": { "repository": scene.registry.address(), "tag": "1" },
        "env": environment,
        "secretEnv": { "RABBITMQ_PASSWORD": { "name": "rabbitmq", "key": "password" } },
        "volumes": [{ "name": "authorities", "configMap": { "name": "authorities" } }],
        "volumeMounts": [{ "name": "authorities", "mountPath": "/authorities", "readOnly": true }],
        "workers": { "start-worker": worker, "verify-worker": worker },
    });
    let file = world.directory().join("values.json");
    std::fs::write(&file, values.to_string())?;
    helm(
        scene,
        &[
            "install",
            "sd",
            "deploy/chart",
            "--namespace",
            namespace,
            "--values",
        ],
        &file,
    )
    .await?;

    let deployments: Api<Deployment> = Api::namespaced(client, namespace);
    for kind in KINDS {
        let patch = on_loopback(kind, process::free_port()?);
        let name = format!("sd-{}", kind.binary());
        deployments
            .patch(&name, &PatchParams::default(), &Patch::Strategic(patch))
            .await?;
    }
    for kind in KINDS {
        let name = format!("sd-{}", kind.binary());
        poll::until(&format!("{name} to be available"), VERDICT, || async {
            let status = deployments.get(&name).await?.status.context("no status yet")?;
            anyhow::ensure!(status.available_replicas == Some(1), "{status:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
    }
    Ok(())
}

/// The change that lets a Deployment's pod reach what listens on loopback, and one run beside the other.
fn on_loopback(kind: Kind, port: u16) -> Value {
    let probe = json!({ "httpGet": { "host": "127.0.0.1" } });
    json!({ "spec": { "replicas": 1, "template": { "spec": {
        "hostNetwork": true,
        "containers": [{
            "name": kind.binary(),
            "ports": [{ "$patch": "replace" }, { "name": "http", "containerPort": port }],
            "env": [{ "name": "PORT", "value": port.to_string() }],
            "livenessProbe": probe, "readinessProbe": probe,
        }],
    } } } })
}

/// Both workers run as the chart says, and end with 0 when the kubelet tells them to.
pub(crate) async fn ends_cleanly(scene: &Scene) -> anyhow::Result<()> {
    let world = &scene.world;
    let (client, namespace) = (world.peers.control_plane.client()?, world.namespace.name());
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client, namespace);
    for kind in KINDS {
        let of_worker =
            ListParams::default().labels(&format!("app.kubernetes.io/component={}", kind.binary()));
        let pod = pods.list(&of_worker).await?.items.into_iter().next();
        let pod = pod.with_context(|| format!("{} has no pod", kind.binary()))?;
        let name = pod.metadata.name.clone().context("a pod has a name")?;
        let restarts: i32 = statuses(&pod).map(|status| status.restart_count).sum();
        assert_eq!(restarts, 0, "{name}");

        // Kept until what its container said at the end has been read.
        let keep = json!({ "metadata": { "finalizers": ["testbed.example/read"] } });
        pods.patch(&name, &PatchParams::default(), &Patch::Merge(keep))
            .await?;
        let none = json!({ "spec": { "replicas": 0 } });
        let deployment = format!("sd-{}", kind.binary());
        deployments
            .patch(&deployment, &PatchParams::default(), &Patch::Merge(none))
            .await?;
        let code = poll::until(&format!("{name} to end"), VERDICT, || async {
            let pod = pods.get(&name).await?;
            let state = statuses(&pod).find_map(|status| status.state.clone()?.terminated);
            Ok::<_, anyhow::Error>(state.context("it still runs")?.exit_code)
        })
        .await?;
        assert_eq!(code, 0, "{name}");
        let gone = json!({ "metadata": { "finalizers": null } });
        pods.patch(&name, &PatchParams::default(), &Patch::Merge(gone))
            .await?;
    }
    Ok(())
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &k8s_openapi::api::core::v1::ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| status.container_statuses.iter().flatten())
}

async fn helm(scene: &Scene, arguments: &[&str], values: &Path) -> anyhow::Result<()> {
    let kubeconfig = scene
        .world
        .peers
        .control_plane
        .kubeconfig()
        .context("a kubeconfig")?;
    let values = values.to_str().context("a path")?;
    let arguments = [arguments, &[values]].concat();
    Helm::find().await?.succeed(Some(kubeconfig), &arguments).await?;
    Ok(())
}
