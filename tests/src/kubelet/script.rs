//! Which pod gets which life: a table by namespace and image, so that parallel tests do not meet.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

use super::life::Life;

/// A namespace and an image or a pod.
type Key = (String, String);

/// What the tests have ordered, and what went wrong with it.
#[derive(Debug, Default)]
pub(super) struct Script {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    lives: HashMap<Key, VecDeque<Life>>,
    gates: HashMap<Key, Arc<Semaphore>>,
    /// With the namespace of the pod that they are about.
    faults: Vec<(Option<String>, String)>,
}

// === impl Script ===

impl Script {
    /// The pods of an image get these lives in turn, all further ones the last.
    pub(super) fn order(&self, namespace: &str, image: &str, lives: impl IntoIterator<Item = Life>) {
        self.tables(|tables| {
            tables
                .lives
                .insert(key(namespace, image), lives.into_iter().collect())
        });
    }

    /// The life of the next pod with this image; a healthy one if nothing is ordered.
    pub(super) fn life(&self, namespace: &str, image: &str) -> Life {
        let next = self.tables(|tables| {
            let lives = tables.lives.get_mut(&key(namespace, image))?;
            if lives.len() > 1 {
                lives.pop_front()
            } else {
                lives.front().cloned()
            }
        });
        next.unwrap_or_else(Life::healthy)
    }

    /// What a pod waits at; each permit lets it pass once, a permit given in advance too.
    pub(super) fn gate(&self, namespace: &str, pod: &str) -> Arc<Semaphore> {
        self.tables(|tables| {
            tables
                .gates
                .entry(key(namespace, pod))
                .or_insert_with(|| Arc::new(Semaphore::new(0)))
                .clone()
        })
    }

    /// Keeps an error, of a pod in `namespace` or of the kubelet itself, for the test that wonders.
    pub(super) fn fault(&self, namespace: Option<&str>, text: String) {
        tracing::error!(namespace, "scripted kubelet: {text}");
        self.tables(|tables| tables.faults.push((namespace.map(str::to_owned), text)));
    }

    /// The errors so far that concern `namespace`.
    pub(super) fn faults(&self, namespace: &str) -> Vec<String> {
        let concerns = |of: &Option<String>| of.as_deref().is_none_or(|of| of == namespace);
        self.tables(|tables| {
            let faults = tables.faults.iter().filter(|(of, _)| concerns(of));
            faults.map(|(_, text)| text.clone()).collect()
        })
    }

    fn tables<T>(&self, with: impl FnOnce(&mut Tables) -> T) -> T {
        with(&mut self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn key(namespace: &str, name: &str) -> Key {
    (namespace.to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::life::Step;

    #[test]
    fn lives_come_in_order_and_only_in_their_namespace() {
        let script = Script::default();
        let life = |count: usize| Life::new(vec![Step::Hold; count]);
        script.order("one", "tools:1", [life(1), life(2)]);
        let steps = |namespace| script.life(namespace, "tools:1").steps.len();
        assert_eq!([steps("one"), steps("one"), steps("one")], [1, 2, 2]);
        assert_eq!(steps("two"), Life::healthy().steps.len());
    }

    #[test]
    fn a_release_in_advance_counts() {
        let script = Script::default();
        script.gate("one", "pod").add_permits(1);
        assert!(script.gate("one", "pod").try_acquire().is_ok());
        assert!(script.gate("two", "pod").try_acquire().is_err());
    }

    #[test]
    fn a_fault_is_its_namespaces_business_or_everybodys() {
        let script = Script::default();
        script.fault(Some("one"), "refused".to_owned());
        script.fault(None, "ended".to_owned());
        assert_eq!(script.faults("one"), ["refused", "ended"]);
        assert_eq!(script.faults("two"), ["ended"]);
    }
}
