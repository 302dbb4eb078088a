//! The stages of a pod's way to its build, with the pod's own times: where the minutes went.

use jiff::Timestamp;

use super::{Facts, Role, State};

/// One stage that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Which one.
    pub kind: StageKind,
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
}

/// Which stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageKind {
    /// From the pod's creation until it was bound to a node.
    Scheduled,
    /// From then until volumes, network and sandbox were set up.
    SetUp,
    /// From the binding until all init containers (the launcher) had run.
    Initialised,
    /// From then, or from the binding where there is none, until the build container ran; its image is pulled here.
    Started,
    /// From the moment at which the kubelet turned to this container until it ran: its image is pulled and it is made
    /// here, one container after the other.
    Prepared(String),
    /// The run of this container, which had to end before the build.
    Ran(String),
    /// The pull of this container's image, as far as the pod's events tell of it.
    Pulled(String),
}

// === impl Facts ===

impl Facts {
    /// The stages that are over, in the order of their beginnings. Times that a pod does not tell leave a stage out.
    pub fn stages(&self) -> Vec<Stage> {
        let bound = self.scheduled_at();
        let initialised = self
            .condition("Initialized")
            .and_then(|condition| condition.since);
        let stage = |kind, from: Option<Timestamp>, to: Option<Timestamp>| {
            let (from, to) = (from?, to?);
            Some(Stage {
                kind,
                from,
                to: to.max(from),
            })
        };
        let own = [
            stage(StageKind::Scheduled, self.created_at, bound),
            stage(StageKind::SetUp, bound, self.set_up_at()),
            stage(StageKind::Initialised, bound, initialised),
            stage(StageKind::Started, initialised.or(bound), self.build_started_at()),
        ];
        let own = own.into_iter().flatten();
        let mut all: Vec<Stage> = own.chain(self.preparations()).chain(self.pulls()).collect();
        all.sort_by_key(|stage| stage.from);
        all
    }

    fn set_up_at(&self) -> Option<Timestamp> {
        self.condition("PodReadyToStartContainers")?.since
    }

    /// What the status tells of containers, up to the first of which it does not tell how its first run began.
    fn preparations(&self) -> Vec<Stage> {
        let mut stages = Vec::new();
        let Some(mut free) = self.set_up_at().or(self.scheduled_at()) else {
            return stages;
        };
        for container in &self.containers {
            let (began, over) = match &container.state {
                State::Running { since } => (*since, None),
                State::Ended(ended) => (ended.started_at, ended.finished_at),
                State::Absent | State::Waiting { .. } => (None, None),
            };
            // A container that never ran tells the epoch.
            let first = began.filter(|began| container.restarts == 0 && *began >= free);
            let Some(began) = first else { break };
            stages.push(Stage {
                kind: StageKind::Prepared(container.name.clone()),
                from: free,
                to: began,
            });
            free = began;
            if container.role == Role::Init {
                let Some(over) = over else { break };
                free = over.max(began);
                stages.push(Stage {
                    kind: StageKind::Ran(container.name.clone()),
                    from: began,
                    to: free,
                });
            }
        }
        stages
    }

    /// A kubelet tells of the beginning of a pull and of its end in two events about one container.
    fn pulls(&self) -> impl Iterator<Item = Stage> {
        let events = self.events.as_deref().unwrap_or_default();
        let begun = events.iter().filter(|event| event.reason == "Pulling");
        begun.filter_map(|begin| {
            let container = begin.container.as_ref()?;
            let from = begin.first_at?;
            let ends = events.iter().filter(|event| {
                event.reason == "Pulled"
                    && event.container.as_ref() == Some(container)
                    && event.at >= Some(from)
            });
            let to = ends.filter_map(|event| event.at).min()?;
            Some(Stage {
                kind: StageKind::Pulled(container.clone()),
                from,
                to,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn facts(pod: Value) -> Facts {
        serde_json::from_value(pod).unwrap()
    }

    fn pod(conditions: &Value, state: &Value) -> Value {
        json!({
            "metadata": { "name": "1-abcde", "creationTimestamp": "2026-11-01T10:00:00Z" },
            "spec": { "nodeName": "n", "initContainers": [{ "name": "launcher" }], "containers": [{ "name": "build" }] },
            "status": {
                "phase": "Running",
                "conditions": conditions,
                "containerStatuses": [{ "name": "build", "state": state }],
            },
        })
    }

    fn condition(kind: &str, second: &str) -> Value {
        json!({ "type": kind, "status": "True", "lastTransitionTime": format!("2026-11-01T10:00:{second}Z") })
    }

    fn seconds(facts: &Facts) -> Vec<(StageKind, i8, i8)> {
        let second = |time: Timestamp| time.to_zoned(jiff::tz::TimeZone::UTC).second();
        let stages = facts.stages().into_iter();
        stages
            .map(|stage| (stage.kind, second(stage.from), second(stage.to)))
            .collect()
    }

    #[test]
    fn a_pod_that_runs_tells_all_its_stages() {
        let running = json!({ "running": { "startedAt": "2026-11-01T10:00:40Z" } });
        let all = json!([condition("PodScheduled", "05"), condition("Initialized", "20")]);
        assert_eq!(
            seconds(&facts(pod(&all, &running))),
            [
                (StageKind::Scheduled, 0, 5),
                (StageKind::Initialised, 5, 20),
                (StageKind::Started, 20, 40)
            ]
        );
        let bound = json!([condition("PodScheduled", "05")]);
        assert_eq!(
            seconds(&facts(pod(&bound, &running))),
            [(StageKind::Scheduled, 0, 5), (StageKind::Started, 5, 40)]
        );
        assert_eq!(seconds(&facts(pod(&json!([]), &running))), []);
    }

    #[test]
    fn what_is_not_over_is_no_stage_and_none_ends_before_it_begins() {
        let waiting = json!({ "waiting": { "reason": "ContainerCreating" } });
        let all = json!([condition("PodScheduled", "05"), condition("Initialized", "03")]);
        assert_eq!(
            seconds(&facts(pod(&all, &waiting))),
            [(StageKind::Scheduled, 0, 5), (StageKind::Initialised, 5, 5)]
        );
    }

    /// What the launcher's image took, what the launcher, and what the build's image: without the pod's events.
    #[test]
    fn containers_are_prepared_one_after_the_other() {
        let at = |second: i8| format!("2026-11-01T10:00:{second:02}Z");
        let ended = |from, to| json!({ "terminated": { "exitCode": 0, "startedAt": at(from), "finishedAt": at(to) } });
        let running = |from| json!({ "running": { "startedAt": at(from) } });
        let never = json!({ "terminated": { "exitCode": 1, "startedAt": null, "finishedAt": null } });
        let waiting = json!({ "waiting": {} });
        let told = |launcher: &Value, dind: &Value, build: &Value| {
            let mut pod = pod(
                &json!([
                    condition("PodScheduled", "05"),
                    condition("PodReadyToStartContainers", "07")
                ]),
                build,
            );
            pod["spec"]["containers"] = json!([{ "name": "dind" }, { "name": "build" }]);
            pod["status"]["initContainerStatuses"] = json!([{ "name": "launcher", "state": launcher }]);
            let dind = json!({ "name": "dind", "state": dind });
            pod["status"]["containerStatuses"]
                .as_array_mut()
                .unwrap()
                .push(dind);
            let stages = seconds(&facts(pod))
                .into_iter()
                .filter_map(|(kind, from, to)| match kind {
                    StageKind::SetUp => Some(format!("set up {from}-{to}")),
                    StageKind::Prepared(name) => Some(format!("{name} {from}-{to}")),
                    StageKind::Ran(name) => Some(format!("{name} ran {from}-{to}")),
                    _ => None,
                });
            stages.collect::<Vec<_>>().join(", ")
        };
        let cases = [
            (
                ended(15, 16),
                running(20),
                running(40),
                "set up 5-7, launcher 7-15, launcher ran 15-16, dind 16-20, build 20-40",
            ),
            (
                ended(15, 16),
                ended(20, 21),
                ended(40, 50),
                "set up 5-7, launcher 7-15, launcher ran 15-16, dind 16-20, build 20-40",
            ),
            (
                ended(15, 16),
                waiting.clone(),
                running(40),
                "set up 5-7, launcher 7-15, launcher ran 15-16",
            ),
            (
                running(15),
                waiting.clone(),
                waiting.clone(),
                "set up 5-7, launcher 7-15",
            ),
            (never, waiting.clone(), waiting.clone(), "set up 5-7"),
            (waiting.clone(), waiting.clone(), waiting, "set up 5-7"),
        ];
        for (launcher, dind, build, expected) in cases {
            assert_eq!(told(&launcher, &dind, &build), expected);
        }
    }

    #[test]
    fn events_tell_of_pulls() {
        let event = |reason: &str, container: &str, second: &str| {
            let time = format!("2026-11-01T10:00:{second}Z");
            let event = json!({
                "reason": reason,
                "metadata": {},
                "involvedObject": { "fieldPath": format!("spec.containers{{{container}}}") },
                "firstTimestamp": time,
                "lastTimestamp": time,
            });
            serde_json::from_value(event).unwrap()
        };
        let events = [
            event("Pulling", "build", "07"),
            event("Pulling", "dind", "08"),
            event("Pulled", "build", "30"),
            event("Pulled", "cached", "09"),
        ];
        let facts = facts(pod(&json!([]), &json!({}))).with_events(&events);
        assert_eq!(seconds(&facts), [(StageKind::Pulled("build".to_owned()), 7, 30)]);
    }
}
