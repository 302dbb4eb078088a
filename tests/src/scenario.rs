//! Builds of every fate, as data: what the producer publishes, what the world does meanwhile, and how it has
//! to end. The same list feeds the end-to-end tests and the demo.
//!
//! Here is what a scenario is. Its neighbours hold the list ([`all`]), compare a build's [`Story`] with what
//! was [`Expected`], and play a scenario on a [`Stage`].

mod expected;
mod journal;
mod list;
mod pod_watch;
mod stage;
mod story;

use std::time::Duration;

use crate::{builds_api::Status, kubelet::Life};

pub use self::{
    expected::Expected,
    journal::Line,
    list::{all, catalogue},
    pod_watch::{PodWatch, Sighting},
    stage::{Stage, Told},
    story::Story,
};

/// The executor whose pods need a node with a label that no node has until [`Act::AddNode`].
pub const SELECTIVE: &str = "k8s-sandbox";

/// One build, from its message to its end.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name: lower case with dashes, unique in the list.
    pub name: &'static str,
    /// One sentence: what it shows.
    pub shows: &'static str,
    /// The image of its build; unique in the list, since it chooses the pods' lives.
    pub image: &'static str,
    /// The lives of its pods, one after the other; further pods live like the last.
    pub lives: Vec<Life>,
    /// What the producer publishes.
    pub message: Message,
    /// What the world does meanwhile, in order.
    pub acts: Vec<Act>,
    /// How it has to end.
    pub expected: Expected,
}

/// How a start message differs from an ordinary one.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// The build's status in the API when it is published.
    pub status: Status,
    /// How old the message is, as its token tells.
    pub age: Duration,
    /// How often it is published.
    pub copies: usize,
    /// The executor that its annotation asks for.
    pub executor: Option<&'static str>,
}

/// Something that the world does, or waits for before it does the next thing.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// Nothing until this is seen.
    Await(Sight),
    /// The pod goes on that stands at a hold.
    Release,
    /// A node comes that takes pods of the executor [`SELECTIVE`].
    AddNode,
    /// The launcher in the pod reports a status, as it does at the build's begin and end.
    Launcher(Status),
    /// A user aborts the build.
    Abort,
    /// SIGKILL to both workers.
    KillWorkers,
    /// Both workers are started again.
    StartWorkers,
}

/// Something to be seen of a build.
#[derive(Debug, Clone, Copy)]
pub enum Sight {
    /// Its pod is in this state: see [`Sighting`].
    Pod(&'static str),
    /// The user was told a text that begins like this.
    Told(&'static str),
    /// A worker brought one of its messages to this outcome.
    Outcome(&'static str),
    /// It was checked so often.
    Checks(usize),
    /// Its check has fallen due, and nobody takes it.
    CheckDue,
}

// === impl Message ===

impl Default for Message {
    fn default() -> Self {
        Self {
            status: Status::Queued,
            age: Duration::ZERO,
            copies: 1,
            executor: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_images_are_unique_and_names_are_plain() {
        let scenarios = all();
        let names: BTreeSet<_> = scenarios.iter().map(|scenario| scenario.name).collect();
        let images: BTreeSet<_> = scenarios.iter().map(|scenario| scenario.image).collect();
        assert_eq!([names.len(), images.len()], [scenarios.len(); 2]);
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(names.iter().all(|name| plain(name)), "{names:?}");
    }

    #[test]
    fn every_failure_names_its_cause_and_who_acts() {
        for scenario in all() {
            if scenario.expected.status == Status::Failure {
                let pieces = scenario.expected.message;
                assert!(
                    pieces.iter().any(|piece| piece.contains("can mend it")),
                    "{}",
                    scenario.name
                );
                assert!(pieces.len() >= 3, "{}: lead, actor and cause", scenario.name);
            }
        }
    }
}
