//! The pods of builds, as a watch of the namespace shows them: how many were made, and what the last one is
//! doing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::{
    Api, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::task::JoinSet;

/// The label that holds the build's id.
const LABEL: &str = "sdbuild";

/// What was seen of one build's pods.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    /// The names of all that were made, by UID.
    made: BTreeMap<String, String>,
    /// The states of those that are there, by UID.
    there: BTreeMap<String, String>,
}

/// Watches the pods of one namespace until it is dropped.
#[derive(Debug)]
pub struct PodWatch {
    seen: Arc<Mutex<BTreeMap<u64, Sighting>>>,
    _watch: JoinSet<()>,
}

// === impl Sighting ===

impl Sighting {
    /// How many pods were made.
    pub fn made(&self) -> usize {
        self.made.len()
    }

    /// How many are there, terminating ones too.
    pub fn left(&self) -> usize {
        self.there.len()
    }

    /// The state of the pod that is there: `Pending` without a node, else what its build container does
    /// (`Running`, `Completed`, or why it waits or ended), `Terminating` once it is deleted, the pod's own
    /// reason if it has one. `gone` when none is left, empty when there never was one.
    pub fn state(&self) -> &str {
        match self.there.values().next() {
            Some(state) => state,
            None if self.made.is_empty() => "",
            None => "gone",
        }
    }

    /// The name of the pod that is there.
    pub fn name(&self) -> Option<&str> {
        let uid = self.there.keys().next()?;
        self.made.get(uid).map(String::as_str)
    }

    /// How many different names they had. A build has one name for life.
    pub fn names(&self) -> usize {
        self.made.values().collect::<BTreeSet<_>>().len()
    }

    #[cfg(test)]
    pub(super) fn gone(made: usize) -> Self {
        Self {
            made: (0..made)
                .map(|number| (number.to_string(), "pod".to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    fn saw(&mut self, pod: &Pod) {
        let uid = pod.uid().unwrap_or_default();
        self.made.insert(uid.clone(), pod.name_any());
        self.there.insert(uid, state(pod));
    }
}

// === impl PodWatch ===

impl PodWatch {
    /// Watches from now on.
    pub fn start(pods: Api<Pod>) -> Self {
        let seen = Arc::<Mutex<BTreeMap<u64, Sighting>>>::default();
        let shared = Arc::clone(&seen);
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            let mut events = watcher(pods, watcher::Config::default())
                .default_backoff()
                .boxed();
            while let Some(event) = events.next().await {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => {
                        if let Some(build) = build(&pod) {
                            seen.entry(build).or_default().saw(&pod);
                        }
                    }
                    Ok(watcher::Event::Delete(pod)) => {
                        if let Some(sighting) = build(&pod).and_then(|build| seen.get_mut(&build)) {
                            sighting.there.remove(&pod.uid().unwrap_or_default());
                        }
                    }
                    // A new list follows: what it does not name is gone.
                    Ok(watcher::Event::Init) => seen.values_mut().for_each(|it| it.there.clear()),
                    Ok(watcher::Event::InitDone) | Err(_) => {}
                }
            }
        });
        Self { seen, _watch: watch }
    }

    /// What was seen of a build's pods so far.
    pub fn of(&self, build: u64) -> Sighting {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&build).cloned().unwrap_or_default()
    }
}

fn build(pod: &Pod) -> Option<u64> {
    pod.labels().get(LABEL)?.parse().ok()
}

fn state(pod: &Pod) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let status = pod.status.clone().unwrap_or_default();
    if let Some(reason) = status.reason {
        return reason;
    }
    let on_node = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    if !on_node {
        return "Pending".to_owned();
    }
    let name = pod.labels().get(LABEL).cloned().unwrap_or_default();
    let mut containers = status.container_statuses.into_iter().flatten();
    let build = containers.find(|container| container.name == name);
    let word = build
        .and_then(|container| container.state)
        .map(word)
        .unwrap_or_default();
    if word.is_empty() {
        "Scheduled".to_owned()
    } else {
        word
    }
}

fn word(state: ContainerState) -> String {
    if state.running.is_some() {
        return "Running".to_owned();
    }
    let waits = state.waiting.and_then(|waiting| waiting.reason);
    let ended = state.terminated.and_then(|terminated| terminated.reason);
    waits.or(ended).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(node: Option<&str>, container: &serde_json::Value) -> Pod {
        let pod = json!({
            "metadata": { "name": "7-abcde", "uid": "u", "labels": { "sdbuild": "7" } },
            "spec": { "nodeName": node, "containers": [] },
            "status": { "containerStatuses": [{
                "name": "7", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": container,
            }] },
        });
        serde_json::from_value(pod).expect("a pod")
    }

    #[test]
    fn the_build_container_speaks_for_its_pod() {
        let waiting = json!({ "waiting": { "reason": "ErrImagePull" } });
        let ended = json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137 } });
        let states = [
            (pod(None, &json!({})), "Pending"),
            (pod(Some("n"), &json!({})), "Scheduled"),
            (pod(Some("n"), &waiting), "ErrImagePull"),
            (pod(Some("n"), &json!({ "running": {} })), "Running"),
            (pod(Some("n"), &ended), "OOMKilled"),
        ];
        for (pod, expected) in states {
            assert_eq!(state(&pod), expected);
        }
    }

    #[test]
    fn a_pod_that_is_gone_still_counts_as_made() {
        let mut sighting = Sighting::default();
        assert_eq!((sighting.made(), sighting.state()), (0, ""));
        sighting.saw(&pod(None, &json!({})));
        assert_eq!((sighting.name(), sighting.left()), (Some("7-abcde"), 1));
        sighting.there.clear();
        assert_eq!((sighting.made(), sighting.state()), (1, "gone"));
    }
}
