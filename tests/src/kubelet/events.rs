//! Events about one pod, counted up when they come again, as the kubelet's recorder does.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::layout::Layout;

/// An event to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occurrence {
    /// The container, as a field path; none for the pod as a whole.
    pub(super) field_path: Option<String>,
    /// `Normal` or `Warning`.
    pub(super) kind: &'static str,
    /// Its reason.
    pub(super) reason: String,
    /// Its text.
    pub(super) message: String,
    /// Who says so; the kubelet if unset.
    pub(super) component: Option<String>,
    /// How often by now; one more than before if unset.
    pub(super) count: Option<i32>,
}

/// Writes the events of one pod.
pub(super) struct Recorder {
    events: Api<Event>,
    node: String,
    about: ObjectReference,
    seen: HashMap<String, (String, i32)>,
}

// === impl Recorder ===

impl Recorder {
    /// For the pod of `layout` on `node`.
    pub(super) fn new(client: Client, layout: &Layout, node: &str) -> Self {
        Self {
            events: Api::namespaced(client, &layout.namespace),
            node: node.to_owned(),
            about: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(layout.pod.clone()),
                namespace: Some(layout.namespace.clone()),
                uid: Some(layout.uid.clone()),
                ..ObjectReference::default()
            },
            seen: HashMap::new(),
        }
    }

    /// Writes an event. An event that cannot be written is lost, as a real one would be.
    pub(super) async fn record(&mut self, occurrence: Occurrence, now: Timestamp) {
        let key = format!(
            "{:?} {} {}",
            occurrence.field_path, occurrence.reason, occurrence.message
        );
        let result = if let Some((name, count)) = self.seen.get_mut(&key) {
            *count = occurrence.count.unwrap_or(*count + 1);
            let again = json!({"count": *count, "lastTimestamp": Time(now)});
            self.events
                .patch(name, &PatchParams::default(), &Patch::Merge(again))
                .await
        } else {
            let event = self.event(occurrence, now);
            let name = event.metadata.name.clone().unwrap_or_default();
            self.seen.insert(key, (name, event.count.unwrap_or(1)));
            self.events.create(&PostParams::default(), &event).await
        };
        if let Err(error) = result {
            tracing::debug!(pod = self.about.name, "event lost: {error}");
        }
    }

    fn event(&self, occurrence: Occurrence, now: Timestamp) -> Event {
        let own = occurrence.component.is_none();
        let component = occurrence.component.unwrap_or_else(|| "kubelet".to_owned());
        let host = own.then(|| self.node.clone());
        let pod = self.about.name.as_deref().unwrap_or_default();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{pod}.{:016x}", rand::random::<u64>())),
                namespace: self.about.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                field_path: occurrence.field_path,
                ..self.about.clone()
            },
            type_: Some(occurrence.kind.to_owned()),
            reason: Some(occurrence.reason),
            message: Some(occurrence.message),
            count: Some(occurrence.count.unwrap_or(1)),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            source: Some(EventSource {
                component: Some(component.clone()),
                host: host.clone(),
            }),
            reporting_component: Some(component),
            reporting_instance: host,
            ..Event::default()
        }
    }
}
