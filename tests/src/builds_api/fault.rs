//! Faults on demand: which of the next requests are answered wrongly, late or not at all.

use std::{fmt, time::Duration};

use http::Response;

/// What happens to a request instead of, or besides, its ordinary answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status with the API's own kind of body; nothing is changed.
    Status(u16),
    /// This very answer, such as a proxy's page; nothing is changed.
    Answer(Response<String>),
    /// No answer, ever; nothing is changed.
    Stall,
    /// The connection is cut before anything is done.
    Cut,
    /// The change is made, then the connection is cut.
    CutAfter,
    /// The ordinary answer, this much later.
    Delay(Duration),
}

/// How a server that is down looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// Every request, the status probe too, gets a 503.
    Unavailable,
    /// Every request is cut.
    Closes,
}

/// The faults still to come, oldest first.
#[derive(Default)]
pub(super) struct Plan(Vec<Entry>);

struct Entry {
    left: u32,
    matches: Matcher,
    fault: Fault,
}

pub(super) type Matcher = Box<dyn Fn(&str, &str) -> bool + Send>;

// === impl Plan ===

impl Plan {
    pub(super) fn add(&mut self, times: u32, matches: Matcher, fault: Fault) {
        self.0.push(Entry {
            left: times,
            matches,
            fault,
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for this request, which is thereby used up.
    pub(super) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let entry = self
            .0
            .iter_mut()
            .find(|entry| entry.left > 0 && (entry.matches)(method, path))?;
        entry.left -= 1;
        Some(entry.fault.clone())
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|entry| (entry.left, &entry.fault)))
            .finish()
    }
}
