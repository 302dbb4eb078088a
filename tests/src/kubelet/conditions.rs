//! A pod's conditions, derived from its containers' states. Pure.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{ContainerStatus, PodCondition, PodSpec, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
};

/// Why a condition is false: a reason, and the containers that keep it so.
type Cause = Option<(&'static str, Option<String>)>;

/// Sets the kubelet's conditions; those of others (the scheduler's, a disruption's) stay.
pub(super) fn update(status: &mut PodStatus, spec: &PodSpec, now: Timestamp) {
    let phase = status.phase.clone().unwrap_or_default();
    let terminal = phase == "Failed" || phase == "Succeeded";
    let inits: Vec<ContainerStatus> = status.init_container_statuses.clone().unwrap_or_default();
    let containers: Vec<ContainerStatus> = status.container_statuses.clone().unwrap_or_default();

    let begun = inits
        .iter()
        .chain(&containers)
        .any(|one| one.container_id.is_some());
    let incomplete = names(inits.iter().filter(|one| !one.ready));
    let natives = inits.iter().filter(|one| is_native(spec, &one.name));
    let unready = names(
        natives
            .filter(|one| !one.ready)
            .chain(containers.iter().filter(|one| !one.ready)),
    );

    let initialized: Cause = (!incomplete.is_empty() && !terminal).then(|| {
        (
            "ContainersNotInitialized",
            Some(format!("containers with incomplete status: [{incomplete}]")),
        )
    });
    let ready: Cause = match phase.as_str() {
        "Failed" => Some(("PodFailed", None)),
        "Succeeded" => Some(("PodCompleted", None)),
        _ if unready.is_empty() => None,
        _ => Some((
            "ContainersNotReady",
            Some(format!("containers with unready status: [{unready}]")),
        )),
    };
    set(status, "PodReadyToStartContainers", begun && !terminal, None, now);
    set(status, "Initialized", initialized.is_none(), initialized, now);
    set(status, "Ready", ready.is_none(), ready.clone(), now);
    set(status, "ContainersReady", ready.is_none(), ready, now);
}

fn is_native(spec: &PodSpec, name: &str) -> bool {
    let mut inits = spec.init_containers.iter().flatten();
    inits.any(|init| init.name == name && super::layout::goes_on(init))
}

fn names<'a>(containers: impl Iterator<Item = &'a ContainerStatus>) -> String {
    containers
        .map(|container| container.name.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn set(status: &mut PodStatus, kind: &str, holds: bool, cause: Cause, now: Timestamp) {
    let value = if holds { "True" } else { "False" };
    let (reason, message) = cause.map_or((None, None), |(reason, message)| {
        (Some(reason.to_owned()), message)
    });
    let conditions = status.conditions.get_or_insert_default();
    let before = conditions.iter().position(|condition| condition.type_ == kind);
    let unchanged = before.filter(|at| conditions[*at].status == value);
    let since = unchanged.and_then(|at| conditions[at].last_transition_time.clone());
    let condition = PodCondition {
        type_: kind.to_owned(),
        status: value.to_owned(),
        reason,
        message,
        last_transition_time: Some(since.unwrap_or(Time(now))),
        ..PodCondition::default()
    };
    match before {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}
