//! What a namespace looks like, in text: printed when a test fails, and only then.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod};
use kube::{Api, Client, ResourceExt, api::ListParams};

/// One line for each pod, container and event of `namespace`.
pub(super) async fn namespace(client: Client, namespace: &str) -> String {
    let mut text = format!("=== namespace {namespace} ===\n");
    match Api::<Pod>::namespaced(client.clone(), namespace)
        .list(&ListParams::default())
        .await
    {
        Ok(pods) => pods.iter().for_each(|pod| pod_lines(&mut text, pod)),
        Err(error) => drop(writeln!(text, "pods: {error}")),
    }
    match Api::<Event>::namespaced(client, namespace)
        .list(&ListParams::default())
        .await
    {
        Ok(events) => events.iter().for_each(|event| text.push_str(&event_line(event))),
        Err(error) => drop(writeln!(text, "events: {error}")),
    }
    text
}

fn pod_lines(text: &mut String, pod: &Pod) {
    let status = pod.status.clone().unwrap_or_default();
    let _ = writeln!(
        text,
        "pod {} uid {} node {} phase {} {} {}{}",
        pod.name_any(),
        pod.uid().unwrap_or_default(),
        pod.spec
            .as_ref()
            .and_then(|spec| spec.node_name.as_deref())
            .unwrap_or("(none)"),
        status.phase.as_deref().unwrap_or("?"),
        status.reason.as_deref().unwrap_or_default(),
        status.message.as_deref().unwrap_or_default(),
        if pod.metadata.deletion_timestamp.is_some() {
            " (terminating)"
        } else {
            ""
        },
    );
    let bad = status
        .conditions
        .iter()
        .flatten()
        .filter(|condition| condition.message.is_some());
    for condition in bad {
        let _ = writeln!(
            text,
            "  {}={} {} {}",
            condition.type_,
            condition.status,
            condition.reason.as_deref().unwrap_or_default(),
            condition.message.as_deref().unwrap_or_default(),
        );
    }
    let containers = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .flatten();
    for container in containers {
        container_line(text, container);
    }
}

fn container_line(text: &mut String, container: &ContainerStatus) {
    let _ = writeln!(
        text,
        "  container {} image {} restarts {}: {}",
        container.name,
        container.image,
        container.restart_count,
        state(container.state.as_ref()),
    );
    if container
        .last_state
        .as_ref()
        .is_some_and(|last| *last != ContainerState::default())
    {
        let _ = writeln!(text, "    before: {}", state(container.last_state.as_ref()));
    }
}

fn state(state: Option<&ContainerState>) -> String {
    let (kind, reason, message) = match state {
        Some(ContainerState {
            waiting: Some(waiting),
            ..
        }) => ("waiting".to_owned(), &waiting.reason, &waiting.message),
        Some(ContainerState {
            terminated: Some(ended),
            ..
        }) => (
            format!("terminated {}", ended.exit_code),
            &ended.reason,
            &ended.message,
        ),
        Some(ContainerState { running: Some(_), .. }) => return "running".to_owned(),
        _ => return "no state".to_owned(),
    };
    let words = [reason.as_deref(), message.as_deref()].into_iter().flatten();
    words.fold(kind, |text, word| format!("{text} {word}"))
}

fn event_line(event: &Event) -> String {
    format!(
        "event {} {} x{} {}\n",
        event.involved_object.name.as_deref().unwrap_or("?"),
        event.reason.as_deref().unwrap_or("?"),
        event.count.unwrap_or(1),
        event.message.as_deref().unwrap_or_default(),
    )
}
