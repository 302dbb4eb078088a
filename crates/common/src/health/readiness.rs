//! Whether the process can do its work, as a set of conditions with one owner each.

use std::borrow::Cow;

use tokio::sync::watch;

/// Why a condition does not hold before its owner has said anything.
const STARTING: &str = "starting";
/// Why a condition does not hold after its owner has gone.
const GONE: &str = "stopped";

/// All conditions together. Ready when there is at least one and every one holds. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    conditions: watch::Sender<Vec<State>>,
}

/// One condition of readiness, held by the room that knows. It does not hold until the owner says so,
/// and never again once the owner has dropped it: an owner that died cannot leave "ready" behind.
#[derive(Debug)]
#[must_use = "a dropped condition keeps the process unready"]
pub struct Condition {
    index: usize,
    readiness: Readiness,
}

#[derive(Debug)]
struct State {
    name: &'static str,
    /// `None`: it holds.
    unready: Option<Cow<'static, str>>,
}

// === impl Readiness ===

impl Readiness {
    /// Unready, for want of conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition; `name` begins its line on `/readyz`.
    pub fn condition(&self, name: &'static str) -> Condition {
        let mut index = 0;
        self.conditions.send_modify(|conditions| {
            index = conditions.len();
            conditions.push(State {
                name,
                unready: Some(Cow::Borrowed(STARTING)),
            });
        });
        Condition {
            index,
            readiness: self.clone(),
        }
    }

    /// Whether every condition holds.
    pub fn is_ready(&self) -> bool {
        is_ready(&self.conditions.borrow())
    }

    /// Returns when every condition holds.
    pub async fn ready(&self) {
        // Cannot fail: `self` is a sender.
        let _ = self
            .conditions
            .subscribe()
            .wait_for(|conditions| is_ready(conditions))
            .await;
    }

    /// One line for each condition that does not hold; none when ready.
    pub fn reasons(&self) -> Vec<String> {
        let conditions = self.conditions.borrow();
        if conditions.is_empty() {
            return vec![STARTING.to_owned()];
        }
        conditions.iter().filter_map(State::line).collect()
    }

    fn set(&self, index: usize, unready: Option<Cow<'static, str>>) {
        let mut turned = None;
        self.conditions.send_if_modified(|conditions| {
            let before = is_ready(conditions);
            let Some(state) = conditions.get_mut(index).filter(|state| state.unready != unready) else {
                return false;
            };
            state.unready = unready;
            let line = state.line();
            let after = is_ready(conditions);
            turned = (before != after).then_some(line);
            true
        });
        match turned {
            None => {}
            Some(None) => tracing::info!("ready"),
            Some(Some(reason)) => tracing::warn!(reason, "not ready"),
        }
    }
}

fn is_ready(conditions: &[State]) -> bool {
    !conditions.is_empty() && conditions.iter().all(|state| state.unready.is_none())
}

// === impl Condition ===

impl Condition {
    /// The condition holds.
    pub fn ready(&self) {
        self.readiness.set(self.index, None);
    }

    /// The condition does not hold. `reason` is shown to whoever asks: no secrets.
    pub fn unready(&self, reason: impl Into<Cow<'static, str>>) {
        self.readiness.set(self.index, Some(reason.into()));
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.unready(GONE);
    }
}

// === impl State ===

impl State {
    /// `name: reason` on a single line.
    fn line(&self) -> Option<String> {
        let reason = self.unready.as_ref()?;
        let words: Vec<_> = reason.split_whitespace().collect();
        Some(format!("{}: {}", self.name, words.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn unready_without_conditions() {
        let readiness = Readiness::new();
        assert!(!readiness.is_ready());
        assert_eq!(readiness.reasons(), ["starting"]);
    }

    #[test]
    fn ready_only_when_every_owner_says_so() {
        let readiness = Readiness::new();
        let broker = readiness.condition("broker");
        let consumer = readiness.condition("consumer");
        assert_eq!(readiness.reasons(), ["broker: starting", "consumer: starting"]);
        broker.ready();
        assert_eq!(readiness.reasons(), ["consumer: starting"]);
        assert!(!readiness.is_ready());
        consumer.ready();
        assert_eq!(readiness.reasons(), [""; 0]);
        assert!(readiness.is_ready());
        broker.unready("connection refused");
        assert_eq!(readiness.reasons(), ["broker: connection refused"]);
        assert!(!readiness.is_ready());
    }

    #[test]
    fn an_owner_that_is_gone_leaves_unready_behind() {
        let readiness = Readiness::new();
        let broker = readiness.condition("broker");
        broker.ready();
        drop(broker);
        assert_eq!(readiness.reasons(), ["broker: stopped"]);
    }

    #[test]
    fn a_reason_of_many_lines_takes_one() {
        let readiness = Readiness::new();
        let broker = readiness.condition("broker");
        broker.unready("no permission:\n  rabbitmqctl set_permissions\r\n");
        assert_eq!(
            readiness.reasons(),
            ["broker: no permission: rabbitmqctl set_permissions"]
        );
    }

    #[tokio::test]
    async fn waiting_ends_with_the_last_condition() {
        let readiness = Readiness::new();
        let broker = readiness.condition("broker");
        assert_eq!(readiness.ready().now_or_never(), None);
        let waiting = readiness.ready();
        tokio::pin!(waiting);
        assert_eq!(waiting.as_mut().now_or_never(), None);
        broker.ready();
        assert_eq!(waiting.as_mut().now_or_never(), Some(()));
    }
}
