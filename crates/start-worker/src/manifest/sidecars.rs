//! Daemons beside the build, for jobs that build images. Each runs privileged, so the operator must allow
//! it and the job must ask for it.

use k8s_openapi::api::core::v1::{Container, EnvVar, SecurityContext, Volume, VolumeMount};

use super::{
    build_container::variable,
    resources::Size,
    shape::Shape,
    volumes::{empty, mount},
};

pub(super) fn containers(shape: &Shape<'_>) -> Vec<Container> {
    let docker = shape.docker.map(|size| docker(size, shape.buildkit.is_some()));
    let buildkit = shape.buildkit.map(buildkit);
    docker.into_iter().chain(buildkit).collect()
}

pub(super) fn volumes(shape: &Shape<'_>) -> Vec<Volume> {
    let docker: &[&str] = if shape.docker.is_some() {
        &["dind-storage", "dind-share", "dind-client-certs"]
    } else {
        &[]
    };
    let buildkit: &[&str] = if shape.buildkit.is_some() {
        &["buildkit-client-certs", "buildkit-server-certs"]
    } else {
        &[]
    };
    docker.iter().chain(buildkit).map(|name| empty(name)).collect()
}

/// What the build container sees of the daemons.
pub(super) fn build_mounts(shape: &Shape<'_>) -> Vec<VolumeMount> {
    let mut mounts = Vec::new();
    if shape.docker.is_some() {
        mounts.push(mount("dind-share", "/opt/sd_dind_share"));
        mounts.push(mount("dind-client-certs", "/certs/client"));
    }
    if shape.buildkit.is_some() {
        mounts.push(mount("buildkit-client-certs", "/certs/buildkit/client"));
    }
    mounts
}

/// How the build container finds the docker daemon.
pub(super) fn build_variables(shape: &Shape<'_>) -> Vec<EnvVar> {
    if shape.docker.is_none() {
        return Vec::new();
    }
    vec![
        variable("SD_DIND_SHARE_PATH", "/opt/sd_dind_share"),
        variable("DOCKER_HOST", "tcp://localhost:2376"),
        variable("DOCKER_CERT_PATH", "/certs/client"),
        variable("DOCKER_TLS_VERIFY", "1"),
    ]
}

fn docker(size: Size, beside_buildkit: bool) -> Container {
    // Beside buildkit's daemon docker's must be rootless too.
    let image = if beside_buildkit {
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
        ..daemon("dind", image, size)
    }
}

fn buildkit(size: Size) -> Container {
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
        ..daemon("buildkitd", "screwdrivercd/buildkit-rootless:latest", size)
    }
}

/// A privileged container.
fn daemon(name: &str, image: &str, size: Size) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        resources: Some(size.limits(None)),
        security_context: Some(SecurityContext {
            privileged: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    }
}
