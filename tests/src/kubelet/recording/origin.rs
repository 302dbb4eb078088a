//! The recorded pod, and how what was recorded of it reads on another pod. Pure.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;

use crate::kubelet::{layout::Layout, life::Role};

/// What a container's status has from its node's build or from its own spec.
const LEFT_OUT_OF_CONTAINERS: [&str; 4] = ["resources", "allocatedResources", "volumeMounts", "user"];

/// The recorded pod.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// When it was created.
    pub(super) created: Timestamp,
    /// How many times faster it is played.
    pub(super) speed: f64,
    name: String,
    namespace: String,
    uid: String,
    image: String,
    containers: Vec<(String, Role)>,
}

// === impl Origin ===

impl Origin {
    /// The pod of a snapshot, played `speed` times as fast.
    pub(super) fn of(recorded: &Value, speed: f64) -> anyhow::Result<Self> {
        let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(recorded.clone())?;
        let layout = Layout::of(&pod).context("the recorded pod has no containers")?;
        let created = pod
            .metadata
            .creation_timestamp
            .context("the recorded pod has no time of creation")?;
        let roles = [Role::Launcher, Role::Build, Role::Sidecar];
        let containers = roles
            .into_iter()
            .filter_map(|role| Some((layout.name(role)?.to_owned(), role)));
        Ok(Self {
            created: created.0,
            speed,
            containers: containers.collect(),
            image: layout.image().to_owned(),
            name: layout.pod,
            namespace: layout.namespace,
            uid: layout.uid,
        })
    }

    /// The role of a recorded container.
    pub(super) fn role(&self, container: &str) -> Option<Role> {
        self.containers
            .iter()
            .find(|(name, _)| name == container)
            .map(|(_, role)| *role)
    }

    /// Gives the containers of a list their new names and drops those that the pod does not have.
    pub(super) fn rename(&self, list: &mut Value, layout: &Layout) {
        let Some(containers) = list.as_array_mut() else {
            return;
        };
        containers.retain_mut(|container| {
            let role = container["name"].as_str().and_then(|name| self.role(name));
            let Some(name) = role.and_then(|role| layout.name(role)) else {
                return false;
            };
            container["name"] = name.into();
            if let Some(fields) = container.as_object_mut() {
                fields.retain(|name, _| !LEFT_OUT_OF_CONTAINERS.contains(&name.as_str()));
            }
            true
        });
    }

    /// Shifts the times and rewrites the texts of `value`, which is the field `name` of something.
    pub(super) fn adapt(&self, name: &str, value: &mut Value, layout: &Layout, start: Timestamp) {
        match value {
            Value::String(text) => match text.parse::<Timestamp>() {
                Ok(time) if name.ends_with("At") || name.ends_with("Time") => {
                    *text = self.shift(time, start).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                }
                _ if name == "message" || name == "image" => *text = self.text(text, layout),
                _ => {}
            },
            Value::Array(list) => list
                .iter_mut()
                .for_each(|each| self.adapt("", each, layout, start)),
            Value::Object(fields) => {
                for (name, each) in fields {
                    self.adapt(name, each, layout, start);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A recorded time in the life of a pod bound at `start`. The zero time says "never" and stays.
    fn shift(&self, time: Timestamp, start: Timestamp) -> Timestamp {
        if time == Timestamp::UNIX_EPOCH {
            return time;
        }
        let since = time.duration_since(self.created).as_secs_f64() / self.speed;
        let shifted =
            jiff::SignedDuration::try_from_secs_f64(since).and_then(|since| start.checked_add(since));
        shifted.unwrap_or(start)
    }

    /// A recorded text with the new pod's names.
    pub(super) fn text(&self, text: &str, layout: &Layout) -> String {
        let pod = |name: &str, namespace: &str, uid: &str| format!("{name}_{namespace}({uid})");
        let text = text
            .replace(
                &pod(&self.name, &self.namespace, &self.uid),
                &pod(&layout.pod, &layout.namespace, &layout.uid),
            )
            .replace(&self.uid, &layout.uid)
            .replace(&self.image, layout.image());
        // "containers with unready status: [dind build]"
        match text.strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
            Some((before, names)) if before.starts_with("containers with ") => {
                let names = names.split(' ').filter_map(|name| layout.name(self.role(name)?));
                format!("{before}[{}]", names.collect::<Vec<_>>().join(" "))
            }
            _ => text,
        }
    }
}
