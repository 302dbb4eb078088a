//! What was published and delivered on a connection's channels, so that a confirm or an ack, which carry only
//! a number, can be told by the routing key of their message.

use std::collections::{BTreeMap, HashMap};

use super::{
    frame::Method,
    plan::{Event, Point},
};

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Broker,
}

/// One connection's messages under way.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    channels: HashMap<u16, Channel>,
}

#[derive(Debug, Default)]
struct Channel {
    confirms: bool,
    published: u64,
    unconfirmed: BTreeMap<u64, String>,
    unacked: BTreeMap<u64, String>,
}

// === impl Ledger ===

impl Ledger {
    /// Takes note of a method and tells which events it is; an ack of several messages is several.
    pub(super) fn note(&mut self, from: Side, channel: u16, method: &Method) -> Vec<Event> {
        if *method == Method::ChannelOpen {
            self.channels.remove(&channel);
            return Vec::new();
        }
        let channel = self.channels.entry(channel).or_default();
        let (point, keys) = match (from, method) {
            (Side::Client, Method::ConfirmSelect) => {
                channel.confirms = true;
                return Vec::new();
            }
            (Side::Client, Method::Publish { key }) => {
                channel.publish(key);
                (Point::Publish, vec![key.clone()])
            }
            (Side::Broker, Method::Deliver { tag, key }) => {
                channel.unacked.insert(*tag, key.clone());
                (Point::Deliver, vec![key.clone()])
            }
            (Side::Client, Method::Ack { tag, multiple }) => {
                (Point::Ack, settle(&mut channel.unacked, *tag, *multiple))
            }
            (Side::Broker, Method::Ack { tag, multiple }) => {
                (Point::Confirm, settle(&mut channel.unconfirmed, *tag, *multiple))
            }
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| Event { point, key }).collect()
    }
}

// === impl Channel ===

impl Channel {
    fn publish(&mut self, key: &str) {
        if self.confirms {
            self.published += 1;
            self.unconfirmed.insert(self.published, key.to_owned());
        }
    }
}

/// The keys of the messages that are settled.
fn settle(open: &mut BTreeMap<u64, String>, tag: u64, multiple: bool) -> Vec<String> {
    if !multiple {
        return open.remove(&tag).into_iter().collect();
    }
    let later = open.split_off(&tag.saturating_add(1));
    std::mem::replace(open, later).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(key: &str) -> Method {
        Method::Publish { key: key.to_owned() }
    }

    fn deliver(tag: u64, key: &str) -> Method {
        Method::Deliver {
            tag,
            key: key.to_owned(),
        }
    }

    fn ack(tag: u64, multiple: bool) -> Method {
        Method::Ack { tag, multiple }
    }

    fn told(events: &[Event]) -> Vec<(Point, &str)> {
        events
            .iter()
            .map(|event| (event.point, event.key.as_str()))
            .collect()
    }

    #[test]
    fn confirms_and_acks_are_told_by_the_key_of_their_message() {
        let mut ledger = Ledger::default();
        // Not in confirm mode yet: has no number.
        ledger.note(Side::Client, 1, &publish("early"));
        ledger.note(Side::Client, 1, &Method::ConfirmSelect);
        ledger.note(Side::Client, 1, &publish("a"));
        ledger.note(Side::Client, 1, &publish("b"));
        ledger.note(Side::Client, 2, &Method::ConfirmSelect);
        ledger.note(Side::Client, 2, &publish("c"));
        let both = ledger.note(Side::Broker, 1, &ack(2, true));
        assert_eq!(told(&both), [(Point::Confirm, "a"), (Point::Confirm, "b")]);
        let other = ledger.note(Side::Broker, 2, &ack(1, false));
        assert_eq!(told(&other), [(Point::Confirm, "c")]);
        let delivered = ledger.note(Side::Broker, 3, &deliver(4, "d"));
        assert_eq!(told(&delivered), [(Point::Deliver, "d")]);
        let acked = ledger.note(Side::Client, 3, &ack(4, false));
        assert_eq!(told(&acked), [(Point::Ack, "d")]);
    }

    #[test]
    fn a_channel_that_is_opened_anew_counts_anew() {
        let mut ledger = Ledger::default();
        for key in ["a", "b"] {
            ledger.note(Side::Client, 1, &Method::ChannelOpen);
            ledger.note(Side::Client, 1, &Method::ConfirmSelect);
            ledger.note(Side::Client, 1, &publish(key));
        }
        let confirmed = ledger.note(Side::Broker, 1, &ack(1, false));
        assert_eq!(told(&confirmed), [(Point::Confirm, "b")]);
        // A number that nobody knows is nobody's.
        assert_eq!(ledger.note(Side::Broker, 1, &ack(9, false)), []);
    }
}
