//! What a step makes of one container's status. Pure.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
        ContainerStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};

use super::{layout::Layout, life::Step};

/// Changes the container that a step is about.
pub(super) fn change(container: &mut ContainerStatus, layout: &Layout, step: &Step, now: Timestamp) {
    match step {
        Step::Waiting {
            container: role,
            reason,
            message,
        } => {
            let message = message.as_ref().map(|text| layout.fill(text, Some(*role)));
            container.state = Some(waiting(reason, message));
            container.started = Some(false);
        }
        Step::Running(_) => run(container, now),
        Step::Terminated {
            container: role,
            exit_code,
            reason,
            message,
        } => {
            let message = message.as_ref().map(|text| layout.fill(text, Some(*role)));
            end(container, *exit_code, reason, message, now);
        }
        Step::CrashLoop {
            container: role,
            exit_code,
        } => {
            end(container, *exit_code, "Error", None, now);
            container.last_state = container.state.take();
            let text = "back-off 10s restarting failed container={container} pod={pod}_{namespace}({uid})";
            container.state = Some(waiting("CrashLoopBackOff", Some(layout.fill(text, Some(*role)))));
            container.restart_count += 1;
            container.ready = false;
        }
        _ => {}
    }
}

fn run(container: &mut ContainerStatus, now: Timestamp) {
    let id: String = (0..64)
        .map(|_| char::from(b"0123456789abcdef"[rand::random_range(0..16)]))
        .collect();
    container.container_id = Some(format!("containerd://{id}"));
    container.image_id = format!("{}@sha256:{}", container.image, "0".repeat(64));
    container.started = Some(true);
    container.state = Some(ContainerState {
        running: Some(ContainerStateRunning {
            started_at: Some(Time(now)),
        }),
        ..ContainerState::default()
    });
}

/// Ends a container, with the times that the kubelet gives for such an end.
pub(super) fn end(
    container: &mut ContainerStatus,
    exit_code: i32,
    reason: &str,
    message: Option<String>,
    now: Timestamp,
) {
    let ran = container.state.as_ref().and_then(|state| state.running.as_ref());
    let (started_at, finished_at) = match (reason, ran) {
        ("ContainerStatusUnknown", _) => (None, None),
        // The runtime's zero time: the container was created and never started.
        ("StartError", _) => (Some(Time(Timestamp::UNIX_EPOCH)), Some(Time(now))),
        (_, Some(running)) => (running.started_at.clone(), Some(Time(now))),
        (_, None) => (Some(Time(now)), Some(Time(now))),
    };
    let ended = ContainerStateTerminated {
        exit_code,
        reason: Some(reason.to_owned()),
        message,
        started_at,
        finished_at,
        container_id: container.container_id.clone(),
        ..ContainerStateTerminated::default()
    };
    container.state = Some(ContainerState {
        terminated: Some(ended),
        ..ContainerState::default()
    });
    container.started = Some(false);
}

/// A state in which nothing runs and nothing has ended.
pub(super) fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(reason.to_owned()),
            message,
        }),
        ..ContainerState::default()
    }
}
