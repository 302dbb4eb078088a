//! P1 under whatever happens to a build's pod: looks of several chains, orders that are carried out, delivered
//! again or broken off between any two steps, first starts that come again, pods that die, run or vanish.
//!
//! What verify-worker does is its own code. Start-worker is what it promises: one name for life, a dead pod is
//! deleted by its UID, whatever else stands under the name is adopted, and a build that the API calls running gets
//! no pod. The end-to-end tests hold start-worker to that.

use common::{
    job::{Job, StartState},
    verdict::{Moment, Sight, judge},
};
use proptest::prelude::*;

use super::*;
use crate::{
    outcome::last_look,
    testing::{check_in, policy},
};

/// Replacements that a build may have.
const CAP: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Waits,
    Runs,
    /// Refused by its node; it never ran.
    Dead,
}

#[derive(Debug, Clone, Copy)]
struct Pod {
    uid: u32,
    made_anew: u32,
    state: State,
}

/// Where a handling is broken off; the message is delivered again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Break {
    Never,
    First,
    Second,
    Third,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    /// A chain's check falls due.
    Look(usize, Break),
    /// Start-worker takes an order.
    Order(usize, Break),
    /// The broker delivers the first start again.
    FirstStart,
    /// What becomes of the pod.
    Fate(State),
    Vanish,
    /// The builds API goes down, or comes back.
    Api(bool),
    /// The broker delivers a check again that was acked, as after a crash of its own.
    Again(usize),
}

/// A chain of checks.
#[derive(Debug, Clone)]
struct Chain {
    check: CheckState,
    /// One of its looks saw the build run.
    saw_it_run: bool,
}

#[derive(Debug)]
struct World {
    now: Timestamp,
    pod: Option<Pod>,
    uids: u32,
    first_starts: u32,
    /// Deliveries that may have come once more than the work was to be done.
    repeats: u32,
    /// UIDs whose build ran.
    ran: Vec<u32>,
    /// The builds API answers, and knows at once what ran.
    api: bool,
    /// A first start made a pod while it did not.
    blind: bool,
    chains: Vec<Chain>,
    orders: Vec<StartState>,
    /// A chain came to its end.
    ended: bool,
    policy: common::policy::Policy,
}

// === impl Chain ===

impl Chain {
    fn new(check: CheckState) -> Self {
        Self {
            check,
            saw_it_run: false,
        }
    }
}

// === impl World ===

impl World {
    /// A build whose pod was just made, and its first check.
    fn new(api: bool) -> Self {
        let first = CheckState {
            started_at: time("2026-01-01T12:00:00Z"),
            ..check()
        };
        let mut world = Self {
            now: first.started_at,
            pod: None,
            uids: 0,
            first_starts: 0,
            repeats: 0,
            ran: Vec::new(),
            api,
            blind: false,
            chains: vec![Chain::new(first)],
            orders: Vec::new(),
            ended: false,
            // Chains that saw the build run go on.
            policy: policy(&[("CHECK_WATCH_RUNNING", "1m")]),
        };
        world.create(0);
        world
    }

    fn act(&mut self, act: Act) {
        let repeats = match act {
            Act::Look(_, broken) | Act::Order(_, broken) => broken != Break::Never,
            Act::Again(_) => true,
            Act::FirstStart | Act::Fate(_) | Act::Vanish | Act::Api(_) => false,
        };
        self.repeats += u32::from(repeats);
        match act {
            Act::Look(chain, broken) => self.look(chain, broken),
            Act::Order(order, broken) => self.order(order, broken),
            Act::FirstStart => {
                self.first_starts += 1;
                // No answer is no reason against a build that has no chain of checks by this start.
                if self.pod.is_none() && self.is_wanted() != Some(false) {
                    self.blind |= !self.api;
                    // It does not know of the chain that lives.
                    self.chains.push(Chain::new(CheckState {
                        started_at: self.now,
                        ..check()
                    }));
                    self.create(0);
                }
            }
            Act::Fate(state) => {
                if let Some(pod) = self.pod.as_mut().filter(|pod| pod.state == State::Waits) {
                    pod.state = state;
                    if state == State::Runs {
                        self.ran.push(pod.uid);
                    }
                }
            }
            Act::Vanish => self.pod = None,
            Act::Api(answers) => self.api = answers,
            Act::Again(chain) => {
                if let Some(check) = self.nth(chain) {
                    self.chains.push(self.chains[check].clone());
                }
            }
        }
    }

    /// As the API says, if it does.
    fn is_wanted(&self) -> Option<bool> {
        self.api.then_some(self.ran.is_empty())
    }

    fn nth(&self, chain: usize) -> Option<usize> {
        chain.checked_rem(self.chains.len())
    }

    fn look(&mut self, chain: usize, broken: Break) {
        let Some(chain) = self.nth(chain) else { return };
        self.now += common::verdict::SECOND_LOOK;
        let runs = self.pod.is_some_and(|pod| pod.state == State::Runs);
        let Chain { check, saw_it_run } = self.chains[chain].clone();
        let saw_it_run = saw_it_run || runs;
        let facts = self.pod.map(facts_of);
        let decision = self.decide(&check, facts.as_ref());
        if broken == Break::First {
            return;
        }
        match decision.then {
            // The same check comes back.
            Then::End(Outcome::Again(again)) => {
                self.chains[chain] = Chain {
                    check: check_in(&again.body),
                    saw_it_run,
                };
            }
            Then::End(_) => {
                self.ended = true;
                self.chains.remove(chain);
            }
            Then::Rearm(next) | Then::Watch(next) => self.go_on(chain, next, saw_it_run, broken),
            Then::Recreate(order, next) => {
                let order = start_of(&order);
                self.assert_ordered_once(saw_it_run, &order);
                self.orders.push(order);
                if broken != Break::Second {
                    self.go_on(chain, next, saw_it_run, broken);
                }
            }
        }
    }

    /// The next check is armed; broken off before the ack, this one comes again beside it.
    fn go_on(&mut self, chain: usize, next: Next, saw_it_run: bool, broken: Break) {
        let next = Chain {
            check: next.check,
            saw_it_run,
        };
        if broken == Break::Third && self.chains.len() < 4 {
            self.chains.push(next);
        } else {
            self.chains[chain] = next;
        }
    }

    /// What the handler does with a look.
    fn decide(&self, check: &CheckState, facts: Option<&Facts>) -> Decision {
        let mut last = last_look(check, facts);
        let moment = Moment {
            now: self.now,
            started_at: check.started_at,
            start_deadline: Duration::from_hours(1),
            recreated: facts.map_or(check.recreated, |facts| facts.recreated),
        };
        let sight = facts.map_or(
            Sight::Absent {
                ever_seen: check.uid.is_some(),
            },
            Sight::Pod,
        );
        let clocks = &self.policy.settings.checks.clocks;
        let mut judgement = judge(sight, &last, &moment, clocks);
        if matches!(judgement.verdict, Verdict::Recreate { .. }) {
            match self.is_wanted() {
                Some(true) => {}
                Some(false) => {
                    last.ran = true;
                    judgement = judge(sight, &last, &moment, clocks);
                }
                None => {
                    return Decision {
                        report: Report::Nothing,
                        then: Then::End(with_config(|config| {
                            unasked(check, config, &judgement.verdict, facts)
                        })),
                        if_finished: IfFinished::End,
                        seen: check.clone(),
                    };
                }
            }
        }
        let at = Circumstances {
            now: self.now,
            ..at(0, &self.policy.ladder)
        };
        with_config(|config| of_look(check, config, judgement, facts, None, &at))
    }

    /// Only a pod that never ran, at most so often, and counted by the pod itself.
    fn assert_ordered_once(&self, saw_it_run: bool, order: &StartState) {
        let recreate = order.recreate.as_ref().expect("what is to be replaced");
        assert!(order.armed, "the chain that orders lives");
        assert!((1..=CAP).contains(&recreate.n), "{recreate:?}");
        assert!(!saw_it_run, "a look saw it run: {recreate:?}");
        assert_eq!(
            self.is_wanted(),
            Some(true),
            "the build ran, or may have: {recreate:?}"
        );
        if let Some(pod) = self.pod {
            assert_eq!(pod.state, State::Dead, "{recreate:?}");
            assert_eq!(recreate.uid.as_deref(), Some(pod.uid.to_string().as_str()));
            assert_eq!(recreate.n, pod.made_anew + 1, "{recreate:?}");
        }
    }

    /// What start-worker promises.
    fn order(&mut self, order: usize, broken: Break) {
        let Some(place) = order.checked_rem(self.orders.len()) else {
            return;
        };
        let order = self.orders[place].clone();
        let recreate = order.recreate.expect("an order");
        let dead = self
            .pod
            .filter(|pod| recreate.uid.as_deref() == Some(pod.uid.to_string().as_str()));
        let adopts = self.pod.is_some() && dead.is_none();
        if !adopts && self.is_wanted().is_none() {
            // It is held: its chain may have ended meanwhile.
            return;
        }
        if !adopts && self.is_wanted() == Some(true) {
            if broken == Break::First {
                return;
            }
            self.pod = None;
            if broken == Break::Second {
                return;
            }
            self.create(recreate.n);
            if broken == Break::Third {
                return;
            }
        }
        self.orders.remove(place);
    }

    fn create(&mut self, made_anew: u32) {
        assert!(self.pod.is_none(), "the name is unique");
        self.uids += 1;
        self.pod = Some(Pod {
            uid: self.uids,
            made_anew,
            state: State::Waits,
        });
    }
}

fn facts_of(pod: Pod) -> Facts {
    let (phase, state) = match pod.state {
        State::Waits => ("Pending", json!({ "waiting": { "reason": "PodInitializing" } })),
        State::Runs => (
            "Running",
            json!({ "running": { "startedAt": "2026-01-01T12:00:01Z" } }),
        ),
        State::Dead => ("Failed", json!({})),
    };
    let container = json!({
        "name": "8609", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
    });
    let dead = pod.state == State::Dead;
    let json = json!({
        "metadata": {
            "name": "8609-abcde", "uid": pod.uid.to_string(), "labels": { "sdbuild": "8609" },
            "annotations": { "screwdriver.cd/recreated": pod.made_anew.to_string() },
        },
        "spec": { "nodeName": "node1", "restartPolicy": "Never", "containers": [{ "name": "8609" }] },
        "status": {
            "phase": phase, "reason": dead.then_some("OutOfcpu"),
            "containerStatuses": (!dead).then(|| vec![container]),
        },
    });
    Facts::read(&serde_json::from_value(json).expect("a pod"))
}

fn start_of(body: &[u8]) -> StartState {
    match Job::decode(body).expect("a job") {
        Job::Start(job) => job.state.expect("a start of ours"),
        other => panic!("no start: {other:?}"),
    }
}

fn broken() -> impl Strategy<Value = Break> {
    prop_oneof![
        4 => Just(Break::Never),
        1 => Just(Break::First),
        1 => Just(Break::Second),
        1 => Just(Break::Third),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0_usize..4, broken()).prop_map(|(chain, broken)| Act::Look(chain, broken)),
        4 => (0_usize..4, broken()).prop_map(|(order, broken)| Act::Order(order, broken)),
        1 => Just(Act::FirstStart),
        3 => Just(Act::Fate(State::Dead)),
        1 => Just(Act::Fate(State::Runs)),
        1 => Just(Act::Vanish),
        1 => any::<bool>().prop_map(Act::Api),
        1 => (0_usize..4).prop_map(Act::Again),
    ]
}

proptest! {
    #[test]
    fn a_build_runs_once_whatever_happens(api: bool, acts in prop::collection::vec(act(), 1..60)) {
        let mut world = World::new(api);
        for act in acts {
            world.act(act);
            prop_assert!(world.blind || world.ran.len() <= 1, "it ran in {:?}", world.ran);
            prop_assert!(world.ended || !world.chains.is_empty(), "nobody looks any more");
            if let Some(pod) = world.pod {
                prop_assert!(pod.made_anew <= CAP);
            }
        }
        // Who comes again when the pod that it made is gone already makes one that counts from there.
        let most = (CAP + 1) * (1 + world.first_starts + world.repeats);
        prop_assert!(world.uids <= most, "{} pods", world.uids);
    }
}
