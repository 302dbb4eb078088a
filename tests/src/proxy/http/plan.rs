//! Which call meets a fault. A rule counts the calls that it is about, and happens to a range of them.

use std::time::Duration;

use http::StatusCode;

/// Which calls: by verb and path template. Empty means any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct On {
    verb: &'static str,
    template: &'static str,
}

/// What happens to a call instead of, or besides, its ordinary way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// This answer; the peer hears nothing of the call.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its content type.
        kind: &'static str,
        /// Its body.
        body: String,
    },
    /// No answer, ever; the peer hears nothing of the call.
    Stall,
    /// The call reaches the peer, whose answer never arrives.
    StallAfter,
    /// The call is made this much later.
    Delay(Duration),
    /// The connection is cut; the peer hears nothing of the call.
    Cut,
    /// The connection is cut after the peer has done it.
    CutAfter,
}

/// One fault to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    on: On,
    act: Act,
    first: usize,
    times: usize,
}

/// The rules, with what they have counted.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<(Rule, usize)>,
    fired: usize,
}

// === impl On ===

impl On {
    /// Every call.
    pub const ANY: Self = Self::new("", "");
    /// A pod is created.
    pub const CREATE_POD: Self = Self::new("POST", "/api/v1/namespaces/{namespace}/pods");
    /// A pod is read.
    pub const GET_POD: Self = Self::new("GET", "/api/v1/namespaces/{namespace}/pods/{name}");
    /// A pod is deleted.
    pub const DELETE_POD: Self = Self::new("DELETE", "/api/v1/namespaces/{namespace}/pods/{name}");
    /// Pods are deleted by their label.
    pub const DELETE_PODS: Self = Self::new("DELETE", "/api/v1/namespaces/{namespace}/pods");
    /// A build is updated.
    pub const UPDATE_BUILD: Self = Self::new("PUT", "/v4/builds/{id}");
    /// It is asked whether a build still waits for a pod.
    pub const WANTED: Self = Self::new("POST", "/v4/builds/{id}/token");

    /// Calls of this verb whose path fits this template.
    pub const fn new(verb: &'static str, template: &'static str) -> Self {
        Self { verb, template }
    }

    /// Whether it is about such a call.
    pub fn fits(&self, verb: &str, template: &str) -> bool {
        (self.verb.is_empty() || self.verb == verb) && (self.template.is_empty() || self.template == template)
    }
}

// === impl Act ===

impl Act {
    /// An answer with a plain text, as proxies give it.
    ///
    /// # Panics
    /// The status is none.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::answer_of(status, "text/plain", body)
    }

    /// An answer in JSON.
    ///
    /// # Panics
    /// The status is none.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::answer_of(status, "application/json", body.to_string())
    }

    fn answer_of(status: u16, kind: &'static str, body: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status);
        Self::Answer {
            status: status.unwrap_or_else(|_| panic!("not a status")),
            kind,
            body: body.into(),
        }
    }
}

// === impl Rule ===

impl Rule {
    /// At the first such call.
    pub fn new(on: On, act: Act) -> Self {
        Self {
            on,
            act,
            first: 1,
            times: 1,
        }
    }

    /// At the n-th such call, from 1.
    #[must_use]
    pub fn nth(mut self, nth: usize) -> Self {
        self.first = nth;
        self
    }

    /// At that many calls, one after the other.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// At every call from then on, until the proxy is healed.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn happens(&self, met: usize) -> bool {
        met >= self.first && met - self.first < self.times
    }
}

// === impl Plan ===

impl Plan {
    pub(super) fn add(&mut self, rules: impl IntoIterator<Item = Rule>) {
        self.rules.extend(rules.into_iter().map(|rule| (rule, 0)));
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// How many calls have met a fault.
    pub(super) fn fired(&self) -> usize {
        self.fired
    }

    /// What happens to a call. Every rule about it counts it; the first whose turn it is decides.
    pub(super) fn decide(&mut self, verb: &str, template: &str) -> Option<Act> {
        let mut decided = None;
        for (rule, met) in &mut self.rules {
            if rule.on.fits(verb, template) {
                *met += 1;
                if decided.is_none() && rule.happens(*met) {
                    decided = Some(rule.act.clone());
                }
            }
        }
        self.fired += usize::from(decided.is_some());
        decided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: &str = "/api/v1/namespaces/{namespace}/pods";

    #[test]
    fn a_rule_happens_to_its_range_of_the_calls_that_it_is_about() {
        let mut plan = Plan::default();
        plan.add([Rule::new(On::CREATE_POD, Act::Cut).nth(2).times(2)]);
        let mut creates =
            |count: usize| -> Vec<Option<Act>> { (0..count).map(|_| plan.decide("POST", PODS)).collect() };
        assert_eq!(creates(4), [None, Some(Act::Cut), Some(Act::Cut), None]);
        assert_eq!(plan.decide("GET", PODS), None);
        assert_eq!(plan.fired(), 2);
    }

    #[test]
    fn the_first_rule_whose_turn_it_is_decides_and_the_others_count() {
        let mut plan = Plan::default();
        let late = Act::Delay(Duration::from_secs(1));
        plan.add([
            Rule::new(On::ANY, Act::Stall),
            Rule::new(On::CREATE_POD, late.clone()).nth(2).always(),
        ]);
        assert_eq!(plan.decide("POST", PODS), Some(Act::Stall));
        assert_eq!(plan.decide("POST", PODS), Some(late.clone()));
        assert_eq!(plan.decide("POST", PODS), Some(late));
        plan.clear();
        assert_eq!(plan.decide("POST", PODS), None);
    }
}
