//! The stages of a pod's way to its build, with the pod's own times: where the minutes went.

use jiff::Timestamp;

use super::Facts;

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
    /// From then until all init containers (the launcher) had run.
    Initialised,
    /// From then, or from the binding where there is none, until the build container ran; its image is pulled here.
    Started,
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
            stage(StageKind::Initialised, bound, initialised),
            stage(StageKind::Started, initialised.or(bound), self.build_started_at()),
        ];
        let mut all: Vec<Stage> = own.into_iter().flatten().chain(self.pulls()).collect();
        all.sort_by_key(|stage| stage.from);
        all
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
