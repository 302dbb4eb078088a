//! The pod of executor k8s: the build runs in a container of the pod.

use k8s_openapi::{
    api::core::v1::{Affinity, LocalObjectReference, Pod, PodSpec},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    build_container::build_container, labels, launcher, scheduling, shape::Shape, sidecars, volumes,
};

pub(super) fn pod(shape: &Shape<'_>) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some(shape.name.to_owned()),
            labels: Some(labels::labels(shape)),
            annotations: labels::annotations(shape, &shape.pod().annotations),
            ..Default::default()
        },
        spec: Some(spec(shape)),
        status: None,
    }
}

fn spec(shape: &Shape<'_>) -> PodSpec {
    let pod = shape.pod();
    let selectors = scheduling::selectors(shape);
    let node_affinity = scheduling::node_affinity(shape, &selectors);
    let pull_secret = pod
        .image_pull_secret
        .clone()
        .map(|name| vec![LocalObjectReference { name }]);
    let mut containers = vec![build_container(shape)];
    containers.extend(sidecars::containers(shape));
    PodSpec {
        runtime_class_name: pod.runtime_class.clone(),
        service_account_name: Some(pod.service_account.clone()),
        automount_service_account_token: Some(pod.automount_service_account_token),
        termination_grace_period_seconds: Some(shape.grace_period),
        restart_policy: Some("Never".to_owned()),
        dns_policy: Some(pod.dns_policy.clone()),
        image_pull_secrets: pull_secret,
        containers,
        init_containers: Some(vec![launcher::k8s(shape)]),
        volumes: Some(volumes::volumes(shape)),
        tolerations: scheduling::tolerations(&selectors),
        affinity: node_affinity.map(|node_affinity| Affinity {
            node_affinity: Some(node_affinity),
            ..Default::default()
        }),
        ..Default::default()
    }
}
