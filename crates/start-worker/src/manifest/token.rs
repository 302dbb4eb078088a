//! How a pod gets its build's token: in its arguments, where whoever may read pods reads it, or through a
//! secret that goes with the pod (D28).
//!
//! The secret has the pod's name and belongs to the pod, so it can only be made after the pod, whose
//! containers wait for it, and is removed with it by Kubernetes itself.

use std::collections::BTreeMap;

use common::{pod_identity::LABEL_BUILD, settings::TokenPlace};
use k8s_openapi::{
    ByteString,
    api::core::v1::{EnvVar, Pod, Secret},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

use super::build_container::secret_variable;

/// The variable that the arguments refer to. Not `SD_TOKEN`: the launcher's script uses that one itself.
const VARIABLE: &str = "SD_BUILD_TOKEN";
/// What the kubelet replaces by the variable's value.
const REFERENCE: &str = "$(SD_BUILD_TOKEN)";
/// Where the token stands in its secret.
const KEY: &str = "token";

/// How a pod gets its build's token.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    /// In its arguments.
    Told(&'a str),
    /// Through a secret.
    Kept,
}

/// A pod that waits for the secret with its build's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// The pod's name, and the secret's.
    pub name: String,
    /// The pod's UID.
    pub uid: String,
    label: Option<String>,
}

// === impl Token ===

impl<'a> Token<'a> {
    pub(super) fn of(place: TokenPlace, token: &'a str) -> Self {
        match place {
            TokenPlace::Arguments => Self::Told(token),
            TokenPlace::Secret => Self::Kept,
        }
    }

    /// What stands in the arguments.
    pub(super) fn word(self) -> &'a str {
        match self {
            Self::Told(token) => token,
            Self::Kept => REFERENCE,
        }
    }

    /// The variable of a container of the pod called `pod`.
    pub(super) fn variable(self, pod: &str) -> Option<EnvVar> {
        match self {
            Self::Told(_) => None,
            Self::Kept => Some(secret_variable(VARIABLE, pod, KEY)),
        }
    }
}

// === impl TokenOwner ===

impl TokenOwner {
    /// The owner to be of the secret that `pod` refers to; `None` if it refers to none, is not there, or has run
    /// already. What the pod says counts, not the settings: they may have changed since it was made.
    pub fn of(pod: &Pod) -> Option<Self> {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase.is_some_and(|phase| phase != "Pending") {
            return None;
        }
        Self::made(pod, pod.metadata.uid.as_deref()?)
    }

    /// The same for a manifest of which the API server has just made a pod with this UID.
    pub fn made(pod: &Pod, uid: &str) -> Option<Self> {
        let name = pod.metadata.name.as_deref()?;
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let mut variables = containers.flat_map(|container| container.env.iter().flatten());
        let refers = |variable: &EnvVar| {
            let source = variable.value_from.as_ref();
            let secret = source.and_then(|source| source.secret_key_ref.as_ref());
            variable.name == VARIABLE && secret.is_some_and(|secret| secret.name == name)
        };
        let labels = pod.metadata.labels.as_ref();
        variables.any(refers).then(|| Self {
            name: name.to_owned(),
            uid: uid.to_owned(),
            label: labels.and_then(|labels| labels.get(LABEL_BUILD)).cloned(),
        })
    }

    /// The secret that the pod waits for.
    pub fn secret(&self, token: &str) -> Secret {
        let owner = OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            ..Default::default()
        };
        let label = self.label.clone().map(|label| (LABEL_BUILD.to_owned(), label));
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: label.map(|label| BTreeMap::from([label])),
                owner_references: Some(vec![owner]),
                ..Default::default()
            },
            data: Some(BTreeMap::from([(
                KEY.to_owned(),
                ByteString(token.as_bytes().to_vec()),
            )])),
            immutable: Some(true),
            ..Default::default()
        }
    }

    /// Whether this secret, found under the pod's name, is the one that the pod waits for.
    pub fn owns(&self, secret: &Secret) -> bool {
        let owners = secret.metadata.owner_references.iter().flatten();
        owners.into_iter().any(|owner| owner.uid == self.uid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A pod with its secret's variable, as the API server gives it back; changed by `more`.
    fn pod(more: &Value) -> Pod {
        let reference = json!({ "secretKeyRef": { "name": "8609-abcde", "key": "token" } });
        let mut pod = json!({
            "metadata": { "name": "8609-abcde", "uid": "u1", "labels": { "sdbuild": "8609" } },
            "spec": { "containers": [
                { "name": "other" },
                { "name": "8609", "env": [{ "name": "SD_BUILD_TOKEN", "valueFrom": reference }] },
            ] },
            "status": { "phase": null },
        });
        for (pointer, value) in more.as_object().unwrap() {
            *pod.pointer_mut(pointer).unwrap() = value.clone();
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn a_pod_waits_for_the_secret_that_it_names() {
        let variable = "/spec/containers/1/env/0";
        let reference = "/spec/containers/1/env/0/valueFrom/secretKeyRef/name";
        let plain = json!({ "name": "SD_BUILD_TOKEN", "value": "x" });
        let cases = [
            ("it does", json!({}), true),
            ("not run yet", json!({ "/status/phase": "Pending" }), true),
            ("has run", json!({ "/status/phase": "Running" }), false),
            ("is over", json!({ "/status/phase": "Failed" }), false),
            ("not created", json!({ "/metadata/uid": null }), false),
            (
                "another variable",
                json!({ "/spec/containers/1/env/0/name": "S" }),
                false,
            ),
            ("a value", json!({ variable: plain }), false),
            ("another secret", json!({ reference: "s" }), false),
        ];
        for (name, more, waits) in cases {
            assert_eq!(TokenOwner::of(&pod(&more)).is_some(), waits, "{name}");
        }
    }

    #[test]
    fn the_secret_goes_with_the_pod() {
        let owner = TokenOwner::of(&pod(&json!({}))).unwrap();
        let secret = owner.secret("a.b.c");
        assert!(owner.owns(&secret));
        let later = TokenOwner::of(&pod(&json!({ "/metadata/uid": "u2" }))).unwrap();
        assert!(!later.owns(&secret) && !later.owns(&Secret::default()));
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "immutable": true, "data": { "token": "YS5iLmM=" },
            "metadata": {
                "name": "8609-abcde", "labels": { "sdbuild": "8609" },
                "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "8609-abcde", "uid": "u1" }],
            },
        });
        assert_eq!(serde_json::to_value(secret).unwrap(), expected);
    }
}
