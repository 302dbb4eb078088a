//! Pods as the workers read them. An API server keeps on every object who manages which of its fields: a tree
//! larger than the rest, of which nothing here needs a leaf. It is passed over instead of being built.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Pod, PodSpec, PodStatus},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use serde::Deserialize;

/// A pod, as far as [`Facts`](crate::facts::Facts) and selectors look at it.
#[derive(Deserialize)]
pub(super) struct ReadPod {
    metadata: Metadata,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

/// The answer to a create, as far as anybody looks at it.
#[derive(Deserialize)]
pub(super) struct Made {
    pub(super) metadata: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    /// Every object has one: what has none is no API server's answer.
    uid: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    /// With it the time that the deletion was asked for is known.
    deletion_grace_period_seconds: Option<i64>,
}

/// What tells an object from others of its name.
#[derive(Deserialize)]
pub(super) struct Identity {
    pub(super) uid: String,
}

// === impl ReadPod ===

impl From<ReadPod> for Pod {
    fn from(read: ReadPod) -> Self {
        let Metadata {
            name,
            uid,
            labels,
            annotations,
            creation_timestamp,
            deletion_timestamp,
            deletion_grace_period_seconds,
        } = read.metadata;
        Self {
            metadata: ObjectMeta {
                name,
                uid: Some(uid),
                labels,
                annotations,
                creation_timestamp,
                deletion_timestamp,
                deletion_grace_period_seconds,
                ..ObjectMeta::default()
            },
            spec: read.spec,
            status: read.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::facts::Facts;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "8609-x2f3k", "namespace": "builds", "uid": "a1", "resourceVersion": "7",
                "labels": { "sdbuild": "8609" }, "annotations": { "screwdriver.cd/recreated": "2" },
                "creationTimestamp": "2026-01-02T03:04:05Z", "deletionTimestamp": "2026-01-02T03:05:05Z",
                "deletionGracePeriodSeconds": 30,
                "managedFields": [{
                    "manager": "start-worker", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                    "fieldsV1": { "f:spec": { "f:containers": { "k:{\"name\":\"8609\"}": { ".": {} } } } },
                }],
            },
            "spec": { "nodeName": "node-1", "restartPolicy": "Never", "containers": [{ "name": "8609", "image": "node:22" }] },
            "status": {
                "phase": "Running", "conditions": [{ "type": "PodScheduled", "status": "True" }],
                "containerStatuses": [{
                    "name": "8609", "image": "node:22", "imageID": "", "ready": true, "restartCount": 0,
                    "state": { "running": { "startedAt": "2026-01-02T03:04:09Z" } },
                }],
            },
        })
    }

    #[test]
    fn what_is_passed_over_is_no_fact() {
        let whole: Pod = serde_json::from_value(pod()).unwrap();
        let read: ReadPod = serde_json::from_value(pod()).unwrap();
        let read = Pod::from(read);
        assert_eq!(Facts::read(&read), Facts::read(&whole));
        assert_eq!(Facts::read(&read).recreated, 2);
        assert_eq!(Facts::read(&read).deleted_at, "2026-01-02T03:04:35Z".parse().ok());
        assert_eq!(read.metadata.labels, whole.metadata.labels);
        assert_eq!(read.metadata.managed_fields, None);
    }

    #[test]
    fn an_answer_without_an_identity_is_no_pod() {
        for answer in [
            json!({}),
            json!({ "metadata": {} }),
            json!({ "metadata": { "uid": null } }),
        ] {
            assert!(serde_json::from_value::<ReadPod>(answer).is_err());
        }
        assert!(serde_json::from_value::<Made>(json!({ "kind": "Status", "metadata": {} })).is_err());
        assert!(serde_json::from_value::<Made>(pod()).is_ok());
    }
}
