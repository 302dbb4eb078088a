//! From the types of k8s-openapi to the part of them that is read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1 as api,
    apimachinery::pkg::apis::meta::v1::{MicroTime, Time},
};
use serde::de::IgnoredAny;

use super::{
    Annotations, Condition, Container, ContainerState, ContainerStatus, Event, InvolvedObject, Labels,
    Limits, Metadata, Pod, Resources, Running, Series, Spec, Status, Terminated, Waiting,
};
use crate::pod_identity::ANNOTATION_RECREATED;

// === impl Pod ===

impl From<&api::Pod> for Pod {
    fn from(pod: &api::Pod) -> Self {
        let metadata = &pod.metadata;
        let entry = |map: &Option<BTreeMap<String, String>>, key: &str| map.as_ref()?.get(key).cloned();
        Self {
            metadata: Metadata {
                name: metadata.name.clone(),
                uid: metadata.uid.clone(),
                creation_timestamp: time(metadata.creation_timestamp.as_ref()),
                deletion_timestamp: time(metadata.deletion_timestamp.as_ref()),
                deletion_grace_period_seconds: metadata.deletion_grace_period_seconds,
                labels: Some(Labels {
                    sdbuild: entry(&metadata.labels, "sdbuild"),
                }),
                annotations: Some(Annotations {
                    recreated: entry(&metadata.annotations, ANNOTATION_RECREATED),
                }),
            },
            spec: pod.spec.as_ref().map(Spec::from),
            status: pod.status.as_ref().map(Status::from),
        }
    }
}

// === impl Spec ===

impl From<&api::PodSpec> for Spec {
    fn from(spec: &api::PodSpec) -> Self {
        Self {
            node_name: spec.node_name.clone(),
            restart_policy: spec.restart_policy.clone(),
            scheduling_gates: spec
                .scheduling_gates
                .as_ref()
                .map(|gates| gates.iter().map(|_| IgnoredAny).collect()),
            init_containers: all(spec.init_containers.as_ref()),
            containers: all(Some(&spec.containers)),
        }
    }
}

// === impl Container ===

impl From<&api::Container> for Container {
    fn from(container: &api::Container) -> Self {
        let limits = container.resources.as_ref().and_then(|it| it.limits.as_ref());
        let memory = limits.and_then(|it| it.get("memory")).map(|it| it.0.clone());
        Self {
            name: container.name.clone(),
            image: container.image.clone(),
            restart_policy: container.restart_policy.clone(),
            resources: Some(Resources {
                limits: Some(Limits { memory }),
            }),
        }
    }
}

// === impl Status ===

impl From<&api::PodStatus> for Status {
    fn from(status: &api::PodStatus) -> Self {
        Self {
            phase: status.phase.clone(),
            reason: status.reason.clone(),
            message: status.message.clone(),
            start_time: time(status.start_time.as_ref()),
            conditions: all(status.conditions.as_ref()),
            init_container_statuses: all(status.init_container_statuses.as_ref()),
            container_statuses: all(status.container_statuses.as_ref()),
        }
    }
}

// === impl Condition ===

impl From<&api::PodCondition> for Condition {
    fn from(condition: &api::PodCondition) -> Self {
        Self {
            r#type: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            last_transition_time: time(condition.last_transition_time.as_ref()),
        }
    }
}

// === impl ContainerStatus ===

impl From<&api::ContainerStatus> for ContainerStatus {
    fn from(status: &api::ContainerStatus) -> Self {
        Self {
            name: status.name.clone(),
            state: status.state.as_ref().map(ContainerState::from),
            last_state: status.last_state.as_ref().map(ContainerState::from),
            restart_count: Some(status.restart_count),
            started: status.started,
        }
    }
}

// === impl ContainerState ===

impl From<&api::ContainerState> for ContainerState {
    fn from(state: &api::ContainerState) -> Self {
        Self {
            waiting: state.waiting.as_ref().map(|it| Waiting {
                reason: it.reason.clone(),
                message: it.message.clone(),
            }),
            running: state.running.as_ref().map(|it| Running {
                started_at: time(it.started_at.as_ref()),
            }),
            terminated: state.terminated.as_ref().map(|it| Terminated {
                reason: it.reason.clone(),
                message: it.message.clone(),
                exit_code: Some(it.exit_code),
                started_at: time(it.started_at.as_ref()),
                finished_at: time(it.finished_at.as_ref()),
            }),
        }
    }
}

// === impl Event ===

impl From<&api::Event> for Event {
    fn from(event: &api::Event) -> Self {
        let micro = |time: Option<&MicroTime>| time.map(|time| time.0);
        Self {
            metadata: Metadata {
                creation_timestamp: time(event.metadata.creation_timestamp.as_ref()),
                ..Metadata::default()
            },
            involved_object: InvolvedObject {
                uid: event.involved_object.uid.clone(),
                field_path: event.involved_object.field_path.clone(),
            },
            reason: event.reason.clone(),
            message: event.message.clone(),
            r#type: event.type_.clone(),
            first_timestamp: time(event.first_timestamp.as_ref()),
            last_timestamp: time(event.last_timestamp.as_ref()),
            at: micro(event.event_time.as_ref()),
            series: event.series.as_ref().map(|series| Series {
                last_observed_time: micro(series.last_observed_time.as_ref()),
            }),
        }
    }
}

fn time(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

fn all<'a, From, To: std::convert::From<&'a From>>(list: Option<&'a Vec<From>>) -> Option<Vec<To>> {
    list.map(|list| list.iter().map(To::from).collect())
}
