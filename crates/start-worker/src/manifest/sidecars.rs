//! Daemons beside the build, for jobs that build images. Each runs privileged, so the operator must allow
//! it and the job must ask for it.

use k8s_openapi::api::core::v1::{Container, EnvVar, SecurityContext, Volume, VolumeMount};

use super::{
    build_container::variable,
    resources::{Max, named, pod_limits},
    shape::Shape,
    volumes::{empty, mount},
};

pub(super) fn containers(shape: &Shape<'_>) -> Vec<Container> {
    let docker = shape.docker.then(|| docker(shape));
    let buildkit = shape.buildkit.then(|| buildkit(shape));
    docker.into_iter().chain(buildkit).collect()
}

pub(super) fn volumes(shape: &Shape<'_>) -> Vec<Volume> {
    let docker: &[&str] = if shape.docker {
        &["dind-storage", "dind-share", "dind-client-certs"]
    } else {
        &[]
    };
    let buildkit: &[&str] = if shape.buildkit {
        &["buildkit-client-certs", "buildkit-server-certs"]
    } else {
        &[]
    };
    docker.iter().chain(buildkit).map(|name| empty(name)).collect()
}

/// What the build container sees of the daemons.
pub(super) fn build_mounts(shape: &Shape<'_>) -> Vec<VolumeMount> {
    let mut mounts = Vec::new();
    if shape.docker {
        mounts.push(mount("dind-share", "/opt/sd_dind_share"));
        mounts.push(mount("dind-client-certs", "/certs/client"));
    }
    if shape.buildkit {
        mounts.push(mount("buildkit-client-certs", "/certs/buildkit/client"));
    }
    mounts
}

/// How the build container finds the docker daemon.
pub(super) fn build_variables(shape: &Shape<'_>) -> Vec<EnvVar> {
    if !shape.docker {
        return Vec::new();
    }
    vec![
        variable("SD_DIND_SHARE_PATH", "/opt/sd_dind_share"),
        variable("DOCKER_HOST", "tcp://localhost:2376"),
        variable("DOCKER_CERT_PATH", "/certs/client"),
        variable("DOCKER_TLS_VERIFY", "1"),
    ]
}

fn docker(shape: &Shape<'_>) -> Container {
    // Beside buildkit's daemon docker's must be rootless too.
    let image = if shape.buildkit {
        "docker:20.10-dind-rootless"
    } else {
        "docker:20.10-dind"
    };
    Container {
        volume_mounts: Some(vec![
            mount("dind-storage", "/var/lib/docker"),
            mount("dind-share", "/opt/sd_dind_share"),
            mount("dind-client-certs", "/certs/client"),
        ]),
        ..daemon(shape, "dind", image, ["dockerCpu", "dockerRam"])
    }
}

fn buildkit(shape: &Shape<'_>) -> Container {
    let arguments = [
        "--addr",
        "tcp://localhost:1234",
        "--config",
        "/etc/buildkit/buildkitd.toml",
    ];
    Container {
        args: Some(arguments.map(str::to_owned).to_vec()),
        volume_mounts: Some(vec![
            mount("buildkit-client-certs", "/certs/buildkit/client"),
            mount("buildkit-server-certs", "/certs/buildkit/server"),
        ]),
        ..daemon(
            shape,
            "buildkitd",
            "screwdrivercd/buildkit-rootless:latest",
            ["buildkitCpu", "buildkitRam"],
        )
    }
}

/// A privileged container whose size the job gives by name, in these two annotations.
fn daemon(shape: &Shape<'_>, name: &str, image: &str, [cpu, ram]: [&str; 2]) -> Container {
    let pod = shape.pod();
    let cores = named(shape.annotations.get(cpu), &pod.cpu, Max::Named);
    let gigabytes = named(shape.annotations.get(ram), &pod.memory, Max::Unnamed);
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        resources: Some(pod_limits(cores, gigabytes)),
        security_context: Some(SecurityContext {
            privileged: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    }
}
