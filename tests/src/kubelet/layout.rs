//! Which container of a pod has which role. Pure.

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;

use super::life::Role;

/// A pod's containers by role, and the names that texts may mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The pod's name.
    pub(super) pod: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its identity; a pod of the same name has another.
    pub(super) uid: String,
    launcher: Option<Named>,
    build: Named,
    sidecar: Option<Named>,
}

/// A container's name and list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: String,
    image: String,
    init: bool,
}

// === impl Layout ===

impl Layout {
    /// None for a pod without containers, which the API server would not take.
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let build = build_container(pod, &spec.containers)?;
        let inits = spec.init_containers.as_deref().unwrap_or_default();
        let other = spec
            .containers
            .iter()
            .find(|container| container.name != build.name);
        let native = inits.iter().find(|container| goes_on(container));
        Some(Self {
            pod: pod.name_any(),
            namespace: pod.namespace().unwrap_or_default(),
            uid: pod.uid().unwrap_or_default(),
            launcher: inits
                .iter()
                .find(|container| !goes_on(container))
                .map(|found| named(found, true)),
            build: named(build, false),
            sidecar: native
                .map(|found| named(found, true))
                .or_else(|| other.map(|found| named(found, false))),
        })
    }

    /// The name of the container with a role.
    pub(super) fn name(&self, role: Role) -> Option<&str> {
        self.named(role).map(|found| found.name.as_str())
    }

    /// The image of the build's container.
    pub(super) fn image(&self) -> &str {
        &self.build.image
    }

    /// How an event refers to the container with a role.
    pub(super) fn field_path(&self, role: Role) -> Option<String> {
        self.named(role).map(|found| {
            let list = if found.init {
                "initContainers"
            } else {
                "containers"
            };
            format!("spec.{list}{{{}}}", found.name)
        })
    }

    /// A text with its placeholders filled in.
    pub(super) fn fill(&self, text: &str, container: Option<Role>) -> String {
        let container = container.and_then(|role| self.named(role)).unwrap_or(&self.build);
        text.replace("{image}", &container.image)
            .replace("{container}", &container.name)
            .replace("{pod}", &self.pod)
            .replace("{namespace}", &self.namespace)
            .replace("{uid}", &self.uid)
    }

    fn named(&self, role: Role) -> Option<&Named> {
        match role {
            Role::Launcher => self.launcher.as_ref(),
            Role::Build => Some(&self.build),
            Role::Sidecar => self.sidecar.as_ref(),
        }
    }
}

/// An init container that keeps running beside the others.
pub(super) fn goes_on(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn named(container: &Container, init: bool) -> Named {
    Named {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        init,
    }
}

fn build_container<'a>(pod: &Pod, containers: &'a [Container]) -> Option<&'a Container> {
    let label = pod.labels().get("sdbuild").map(String::as_str);
    let names = [label, Some("vm-launcher"), Some("build")];
    let called = |name: &str| containers.iter().find(|container| container.name == name);
    names
        .into_iter()
        .flatten()
        .find_map(called)
        .or_else(|| containers.first())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_follow_label_and_list() {
        let dind = json!({"name": "dind", "image": "dind", "restartPolicy": "Always"});
        let launcher = json!({"name": "launcher-8609", "image": "launcher"});
        let table = [
            (
                json!([dind, launcher]),
                json!(["8609"]),
                (Some("launcher-8609"), "8609", Some("dind")),
            ),
            (
                json!([launcher]),
                json!(["docker", "8609"]),
                (Some("launcher-8609"), "8609", Some("docker")),
            ),
            (
                json!([]),
                json!(["x", "vm-launcher"]),
                (None, "vm-launcher", Some("x")),
            ),
            (json!([]), json!(["x", "build"]), (None, "build", Some("x"))),
            (json!([]), json!(["only"]), (None, "only", None)),
        ];
        for (inits, names, (launcher, build, sidecar)) in table {
            let containers: Vec<_> = names
                .as_array()
                .unwrap()
                .iter()
                .map(|name| json!({"name": name}))
                .collect();
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": "p", "labels": {"sdbuild": "8609"}},
                "spec": {"initContainers": inits, "containers": containers}}))
            .unwrap();
            let layout = Layout::of(&pod).unwrap();
            let roles = (
                layout.name(Role::Launcher),
                layout.name(Role::Build).unwrap(),
                layout.name(Role::Sidecar),
            );
            assert_eq!(roles, (launcher, build, sidecar));
        }
    }
}
