//! The container that runs the build (executor k8s).

use std::fmt::Write;

use common::settings::CacheSettings;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector, SecretKeySelector,
    SecurityContext,
};

use super::{caches::or_empty, shape::Shape, sidecars, volumes};

pub(super) fn build_container(shape: &Shape<'_>) -> Container {
    let pod = shape.pod();
    Container {
        name: shape.id_with_prefix.clone(),
        image: Some(shape.build.container.to_owned()),
        image_pull_policy: Some(pod.image_pull_policy.clone()),
        security_context: Some(SecurityContext {
            privileged: Some(pod.privileged),
            ..Default::default()
        }),
        resources: Some(shape.size.limits(shape.ephemeral_storage.as_deref())),
        env: Some(environment(shape)),
        command: Some(vec!["/opt/sd/launcher_entrypoint.sh".to_owned()]),
        args: Some(vec![run_line(shape)]),
        volume_mounts: Some(volumes::build_mounts(shape)),
        lifecycle: pod.lifecycle.as_ref().map(|hooks| hooks.0.clone()),
        ..Default::default()
    }
}

pub(super) fn variable(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.into()),
        value_from: None,
    }
}

/// The name of the node that the pod runs on.
pub(super) fn node_name() -> EnvVar {
    let field_ref = ObjectFieldSelector {
        field_path: "spec.nodeName".to_owned(),
        ..Default::default()
    };
    variable_from(
        "NODE_ID",
        EnvVarSource {
            field_ref: Some(field_ref),
            ..Default::default()
        },
    )
}

/// The trace that the build's steps may go on in.
pub(super) fn trace(shape: &Shape<'_>) -> Option<EnvVar> {
    shape
        .build
        .traceparent
        .map(|traceparent| variable("TRACEPARENT", traceparent))
}

fn environment(shape: &Shape<'_>) -> Vec<EnvVar> {
    let pod = shape.pod();
    let pushgateway = pod
        .ecosystem
        .pushgateway
        .as_ref()
        .map(|address| address.as_str().to_owned());
    let mut environment = vec![
        variable("SD_HAB_ENABLED", pod.hab_enabled.to_string()),
        EnvVar {
            value: pod.runtime_class.clone(),
            ..named("SD_RUNTIME_CLASS")
        },
        EnvVar {
            value: pushgateway,
            ..named("SD_PUSHGATEWAY_URL")
        },
        variable(
            "SD_TERMINATION_GRACE_PERIOD_SECONDS",
            shape.grace_period.to_string(),
        ),
        variable("CONTAINER_IMAGE", shape.build.container),
        variable("SD_PIPELINE_ID", or_empty(shape.build.pipeline_id)),
        variable("SD_BUILD_PREFIX", shape.executor.prefix.as_str()),
        node_name(),
        variable("SD_BASE_COMMAND_PATH", "/sd/commands/"),
        variable("SD_TEMP", "/opt/sd_tmp"),
        limit(shape, "CONTAINER_CPU_LIMIT", "limits.cpu"),
        limit(shape, "CONTAINER_MEMORY_LIMIT", "limits.memory"),
    ];
    environment.extend(sidecars::build_variables(shape));
    let secrets = pod.secret_variables.iter();
    environment.extend(secrets.map(|it| secret_variable(&it.variable, &it.secret, &it.key)));
    environment.extend(shape.token.variable(shape.name));
    environment.extend(trace(shape));
    environment
}

/// What stands under `key` in a secret.
pub(super) fn secret_variable(name: &str, secret: &str, key: &str) -> EnvVar {
    let reference = SecretKeySelector {
        name: secret.to_owned(),
        key: key.to_owned(),
        ..Default::default()
    };
    let source = EnvVarSource {
        secret_key_ref: Some(reference),
        ..Default::default()
    };
    variable_from(name, source)
}

fn named(name: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        ..Default::default()
    }
}

fn variable_from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar {
        value_from: Some(source),
        ..named(name)
    }
}

fn limit(shape: &Shape<'_>, name: &str, resource: &str) -> EnvVar {
    let selector = ResourceFieldSelector {
        container_name: Some(shape.id_with_prefix.clone()),
        resource: resource.to_owned(),
        ..Default::default()
    };
    variable_from(
        name,
        EnvVarSource {
            resource_field_ref: Some(selector),
            ..Default::default()
        },
    )
}

/// The line that the entry point runs in the build's shell. Tokens, ids, numbers and addresses have no
/// character that could end a quote: the plan and the settings see to that.
fn run_line(shape: &Shape<'_>) -> String {
    let ecosystem = &shape.pod().ecosystem;
    let build_id = shape.build.build_id.to_string();
    let mut words = vec![
        shape.token.word().to_owned(),
        ecosystem.api.as_str().to_owned(),
        ecosystem.store.as_str().to_owned(),
        shape.timeout.clone(),
        build_id,
        ecosystem.ui.as_str().to_owned(),
    ];
    if shape.disk_cache.is_some() {
        words.push(ecosystem.cache.strategy.as_str().to_owned());
        words.extend(["/sdpipelinecache", "/sdjobcache", "/sdeventcache"].map(str::to_owned));
        words.extend(cache_words(&ecosystem.cache));
    }
    let mut line = "/opt/sd/run.sh".to_owned();
    for word in words {
        // Writing to a String cannot fail.
        let _ = write!(line, " \"{word}\"");
    }
    line.push('\n');
    line
}

/// How the launcher treats caches: compress, md5check, max size, max threads.
pub(super) fn cache_words(cache: &CacheSettings) -> [String; 4] {
    [
        cache.compress.clone(),
        cache.md5check.clone(),
        cache.max_size_mb.clone(),
        cache.max_go_threads.clone(),
    ]
}
