//! Which event of which connection meets a fault. A rule is used once; what it counts, it counts on each
//! connection by itself and from when it was given.

use std::{collections::HashMap, time::Duration};

/// What happens on a connection, as far as rules can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// A client publishes.
    Publish,
    /// The broker confirms a publish.
    Confirm,
    /// The broker delivers.
    Deliver,
    /// A client acks a delivery.
    Ack,
}

/// Which connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    Any,
    /// The n-th that the proxy accepted, from 1.
    Nth(usize),
    /// Those that clients call so (`connection_name`).
    Named(&'static str),
}

/// What becomes of the event's frame, and of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The frame is not passed on, and both ends lose their connection. At a confirm the broker has the
    /// message and the client does not know; at an ack it is the other way round.
    Cut,
    /// The frame, and what follows it in its direction, comes this much later.
    Delay(Duration),
    /// Neither the frame nor anything after it in its direction is passed on; the connection stays.
    Stall,
}

/// One fault to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    which: Which,
    point: Point,
    key: Option<String>,
    nth: usize,
    act: Act,
}

/// An event on a connection. Acks and confirms have the routing key of the message that they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) point: Point,
    pub(super) key: String,
}

/// The rules, with what they have counted.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<Counting>,
    fired: usize,
}

#[derive(Debug)]
struct Counting {
    rule: Rule,
    /// By the connection's number.
    seen: HashMap<usize, usize>,
    used: bool,
}

// === impl Rule ===

impl Rule {
    /// At the first such event of one of these connections.
    pub fn new(which: Which, point: Point, act: Act) -> Self {
        Self {
            which,
            point,
            key: None,
            nth: 1,
            act,
        }
    }

    /// Only messages with this routing key count.
    #[must_use]
    pub fn to(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// At the n-th event that counts, from 1.
    #[must_use]
    pub fn nth(mut self, nth: usize) -> Self {
        self.nth = nth;
        self
    }

    fn counts(&self, number: usize, name: &str, event: &Event) -> bool {
        let picked = match self.which {
            Which::Any => true,
            Which::Nth(nth) => nth == number,
            Which::Named(wanted) => wanted == name,
        };
        picked && self.point == event.point && self.key.as_ref().is_none_or(|key| *key == event.key)
    }
}

// === impl Plan ===

impl Plan {
    pub(super) fn add(&mut self, rules: impl IntoIterator<Item = Rule>) {
        self.rules.extend(rules.into_iter().map(|rule| Counting {
            rule,
            seen: HashMap::new(),
            used: false,
        }));
    }

    /// How many rules were used.
    pub(super) fn fired(&self) -> usize {
        self.fired
    }

    /// What becomes of an event on the connection of this number and name. Every rule counts it; the first
    /// one whose turn it is decides.
    pub(super) fn decide(&mut self, number: usize, name: &str, event: &Event) -> Option<Act> {
        let mut decided = None;
        for counting in &mut self.rules {
            if counting.used || !counting.rule.counts(number, name, event) {
                continue;
            }
            let seen = counting.seen.entry(number).or_default();
            *seen += 1;
            if *seen == counting.rule.nth && decided.is_none() {
                counting.used = true;
                self.fired += 1;
                decided = Some(counting.rule.act);
            }
        }
        decided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(point: Point, key: &str) -> Event {
        let key = key.to_owned();
        Event { point, key }
    }

    #[test]
    fn a_rule_counts_on_each_connection_and_is_used_once() {
        let mut plan = Plan::default();
        plan.add([Rule::new(Which::Named("p"), Point::Publish, Act::Cut)
            .to("a")
            .nth(2)]);
        let mut publish = |number, name, key| plan.decide(number, name, &event(Point::Publish, key));
        assert_eq!(publish(1, "p", "a"), None);
        assert_eq!(publish(2, "p", "a"), None, "another connection");
        assert_eq!(publish(1, "q", "a"), None, "another name");
        assert_eq!(publish(1, "p", "b"), None, "another key");
        assert_eq!(publish(1, "p", "a"), Some(Act::Cut));
        assert_eq!(publish(2, "p", "a"), None, "used up");
        assert_eq!(plan.fired(), 1);
    }

    #[test]
    fn connections_are_picked_by_order_too_and_points_are_told_apart() {
        let mut plan = Plan::default();
        plan.add([
            Rule::new(Which::Nth(2), Point::Ack, Act::Stall),
            Rule::new(Which::Any, Point::Confirm, Act::Delay(Duration::from_secs(1))).nth(2),
        ]);
        assert_eq!(plan.decide(1, "", &event(Point::Ack, "a")), None);
        assert_eq!(plan.decide(2, "", &event(Point::Ack, "a")), Some(Act::Stall));
        assert_eq!(plan.decide(3, "", &event(Point::Confirm, "a")), None);
        let second = plan.decide(3, "", &event(Point::Confirm, "b"));
        assert_eq!(second, Some(Act::Delay(Duration::from_secs(1))));
        assert_eq!(plan.fired(), 2);
    }
}
