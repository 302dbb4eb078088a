//! What a step makes of a pod's status: states, conditions and phase, by the rules of a real kubelet.
//!
//! Pure: takes the time, returns the status, talks to nobody.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStatus, HostIP, Pod, PodSpec, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
};

use super::{
    conditions,
    container::{change, end, waiting},
    layout::{Layout, goes_on},
    life::Step,
    node::ADDRESS,
};

/// The text of the kubelet for a container that it cannot find in the runtime.
const NOT_LOCATED: &str = "The container could not be located when the pod was terminated";

/// The status after a step; the same one if the step says nothing about it.
pub(super) fn after(
    mut status: PodStatus,
    pod: &Pod,
    layout: &Layout,
    step: &Step,
    now: Timestamp,
) -> PodStatus {
    let Some(spec) = &pod.spec else { return status };
    match step {
        Step::PhaseFailed { reason, message } => {
            status.phase = Some("Failed".to_owned());
            status.reason = Some(reason.clone());
            status.message = Some(layout.fill(message, None));
            // What waits stays so: a recording's pod that was evicted before its build began shows it.
            end_running(&mut status, 137, now);
        }
        Step::Admitted => admit(&mut status, spec, now),
        Step::Waiting { container, .. }
        | Step::Running(container)
        | Step::Terminated { container, .. }
        | Step::CrashLoop { container, .. } => {
            let Some(name) = layout.name(*container) else {
                return status;
            };
            admit(&mut status, spec, now);
            if let Some(found) = find(&mut status, name) {
                change(found, layout, step, now);
            }
        }
        Step::Wait(_) | Step::Hold | Step::Event { .. } | Step::Recorded(_) => return status,
    }
    settle(&mut status, spec, now);
    status
}

/// The status once a deleted pod has stopped: what ran was told to end, what waited was never found.
pub(super) fn stopped(mut status: PodStatus, pod: &Pod, now: Timestamp) -> PodStatus {
    end_running(&mut status, 143, now);
    lose_waiting(&mut status, now);
    if let Some(spec) = &pod.spec {
        settle(&mut status, spec, now);
    }
    status
}

/// The containers that run, by name.
pub(super) fn running(status: &PodStatus) -> Vec<&str> {
    containers(status)
        .filter(|container| {
            container
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
        })
        .map(|container| container.name.as_str())
        .collect()
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .flatten()
}

fn find<'a>(status: &'a mut PodStatus, name: &str) -> Option<&'a mut ContainerStatus> {
    every_container(status).find(|container| container.name == name)
}

/// Gives every container its first status, once.
fn admit(status: &mut PodStatus, spec: &PodSpec, now: Timestamp) {
    if status.container_statuses.is_some() {
        return;
    }
    let inits = spec.init_containers.as_deref().unwrap_or_default();
    let reason = if inits.is_empty() {
        "ContainerCreating"
    } else {
        "PodInitializing"
    };
    let first = |name: &str, image: Option<&str>| ContainerStatus {
        name: name.to_owned(),
        image: image.unwrap_or_default().to_owned(),
        state: Some(waiting(reason, None)),
        last_state: Some(ContainerState::default()),
        started: Some(false),
        ..ContainerStatus::default()
    };
    let all = |list: &[k8s_openapi::api::core::v1::Container]| {
        list.iter()
            .map(|container| first(&container.name, container.image.as_deref()))
            .collect::<Vec<_>>()
    };
    status.start_time = Some(Time(now));
    status.host_ip = Some(ADDRESS.to_owned());
    status.host_ips = Some(vec![HostIP {
        ip: ADDRESS.to_owned(),
    }]);
    status.init_container_statuses = (!inits.is_empty()).then(|| all(inits));
    status.container_statuses = Some(all(&spec.containers));
}

/// Ends what runs.
fn end_running(status: &mut PodStatus, exit_code: i32, now: Timestamp) {
    for container in every_container(status) {
        if container
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
        {
            end(container, exit_code, "Error", None, now);
        }
    }
}

/// What neither runs nor has ended is not to be found in the runtime.
fn lose_waiting(status: &mut PodStatus, now: Timestamp) {
    for container in every_container(status) {
        let state = container.state.as_ref();
        if state.is_none_or(|state| state.running.is_none() && state.terminated.is_none()) {
            let text = Some(NOT_LOCATED.to_owned());
            end(container, 137, "ContainerStatusUnknown", text, now);
        }
    }
}

fn every_container(status: &mut PodStatus) -> impl Iterator<Item = &mut ContainerStatus> {
    status
        .init_container_statuses
        .iter_mut()
        .chain(&mut status.container_statuses)
        .flatten()
}

/// Derives readiness, phase and conditions from the states.
fn settle(status: &mut PodStatus, spec: &PodSpec, now: Timestamp) {
    let inits = spec.init_containers.as_deref().unwrap_or_default();
    for container in status.init_container_statuses.iter_mut().flatten() {
        let native = inits
            .iter()
            .any(|init| init.name == container.name && goes_on(init));
        let state = container.state.clone().unwrap_or_default();
        let done = state.terminated.is_some_and(|ended| ended.exit_code == 0);
        container.ready = if native { state.running.is_some() } else { done };
    }
    for container in status.container_statuses.iter_mut().flatten() {
        container.ready = container
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some());
    }
    if status.phase.as_deref() != Some("Failed") {
        status.phase = Some(phase(status, spec).to_owned());
    }
    if status.container_statuses.is_some() {
        conditions::update(status, spec, now);
    }
}

/// The kubelet's own rule, for pods that do not restart.
fn phase(status: &PodStatus, spec: &PodSpec) -> &'static str {
    let inits = spec.init_containers.as_deref().unwrap_or_default();
    let all = || {
        status
            .container_statuses
            .iter()
            .flatten()
            .filter_map(|container| container.state.as_ref())
    };
    let ended: Vec<i32> = all()
        .filter_map(|state| Some(state.terminated.as_ref()?.exit_code))
        .collect();
    let initialized = status
        .init_container_statuses
        .iter()
        .flatten()
        .all(|container| container.ready);
    let init_failed = status.init_container_statuses.iter().flatten().any(|container| {
        let native = inits
            .iter()
            .any(|init| init.name == container.name && goes_on(init));
        let code = container
            .state
            .as_ref()
            .and_then(|state| Some(state.terminated.as_ref()?.exit_code));
        !native && code.is_some_and(|code| code != 0)
    });
    let all_ended = !ended.is_empty() && ended.len() == all().count();
    if init_failed || (all_ended && ended.iter().any(|code| *code != 0)) {
        "Failed"
    } else if all_ended {
        "Succeeded"
    } else if initialized && all().count() > 0 && all().all(|state| state.waiting.is_none()) {
        "Running"
    } else {
        "Pending"
    }
}

#[cfg(test)]
mod tests;
