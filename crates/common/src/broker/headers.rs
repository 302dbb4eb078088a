//! AMQP header tables to values of ours and back. Total: a strange header is as good as none.

use jiff::Timestamp;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::{
    attempt::Death,
    telemetry::propagation::{TRACEPARENT, TRACESTATE, TraceContext},
};

/// Why a message was parked.
const REASON: &str = "x-sd-reason";
/// When a delayed message is due, in milliseconds since 1970.
const DUE: &str = "x-sd-due";
/// How often a quorum queue has delivered a message before.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// The deaths that the broker counted, newest first; entries of another shape are passed over.
pub(super) fn deaths(headers: &FieldTable) -> Vec<Death> {
    let Some(AMQPValue::FieldArray(entries)) = headers.inner().get("x-death") else {
        return Vec::new();
    };
    entries.as_slice().iter().filter_map(death).collect()
}

/// How often a quorum queue has delivered the message before; 0 for other queues, which do not count.
pub(super) fn deliveries(headers: &FieldTable) -> u32 {
    let count = headers.inner().get(DELIVERY_COUNT).and_then(count).unwrap_or(0);
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn death(entry: &AMQPValue) -> Option<Death> {
    let AMQPValue::FieldTable(table) = entry else {
        return None;
    };
    let table = table.inner();
    Some(Death {
        queue: text(table.get("queue")?)?,
        reason: text(table.get("reason")?)?,
        count: count(table.get("count")?)?,
    })
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn count(value: &AMQPValue) -> Option<u64> {
    match value {
        AMQPValue::LongLongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongUInt(number) => Some(u64::from(*number)),
        AMQPValue::ShortInt(number) => u64::try_from(*number).ok(),
        AMQPValue::ShortUInt(number) => Some(u64::from(*number)),
        AMQPValue::ShortShortInt(number) => u64::try_from(*number).ok(),
        AMQPValue::ShortShortUInt(number) => Some(u64::from(*number)),
        _ => None,
    }
}

/// The trace that the headers carry.
pub(super) fn trace_context(headers: &FieldTable) -> Option<TraceContext> {
    let headers = headers.inner();
    let traceparent = text(headers.get(TRACEPARENT)?)?;
    TraceContext::parse(&traceparent, headers.get(TRACESTATE).and_then(text).as_deref())
}

/// When a message that was to come after a delay was due.
pub(super) fn due(headers: &FieldTable) -> Option<Timestamp> {
    let millis = headers.inner().get(DUE).and_then(count)?;
    Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()
}

/// Headers for a message of ours; `due` for one that is to come after a delay.
pub(super) fn of_ours(context: Option<&TraceContext>, due: Option<Timestamp>) -> FieldTable {
    let mut table = FieldTable::default();
    if let Some(due) = due {
        let millis = AMQPValue::LongLongInt(due.as_millisecond());
        table.insert(ShortString::from(DUE), millis);
    }
    if let Some(context) = context {
        insert(&mut table, TRACEPARENT, &context.traceparent());
        if let Some(state) = context.tracestate() {
            insert(&mut table, TRACESTATE, state);
        }
    }
    table
}

/// Headers for a parked message: its own, without the broker's counts and a time that is past, and the reason.
pub(super) fn of_parked(original: &FieldTable, reason: &str) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in original.inner() {
        if !is_brokers_own(key.as_str()) && key.as_str() != DUE {
            table.insert(key.clone(), value.clone());
        }
    }
    insert(&mut table, REASON, reason);
    table
}

/// Headers that the broker writes: sent back to it, some versions would go on counting from them.
fn is_brokers_own(key: &str) -> bool {
    key == "x-death"
        || key == DELIVERY_COUNT
        || key == "x-acquired-count"
        || key.starts_with("x-first-death-")
        || key.starts_with("x-last-death-")
}

fn insert(table: &mut FieldTable, key: &'static str, value: &str) {
    table.insert(ShortString::from(key), AMQPValue::LongString(value.into()));
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldArray;

    use super::*;

    fn table(entries: &[(&'static str, AMQPValue)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (key, value) in entries {
            table.insert((*key).into(), value.clone());
        }
        table
    }

    fn long(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    #[test]
    fn reads_deaths_and_passes_over_odd_entries() {
        let good = table(&[
            ("queue", long("main")),
            ("reason", long("rejected")),
            ("count", AMQPValue::LongLongInt(3)),
        ]);
        let negative = table(&[
            ("queue", long("q")),
            ("reason", long("r")),
            ("count", AMQPValue::LongInt(-1)),
        ]);
        let deaths_header = AMQPValue::FieldArray(FieldArray::from(vec![
            AMQPValue::Boolean(true),
            AMQPValue::FieldTable(good),
            AMQPValue::FieldTable(negative),
            AMQPValue::FieldTable(FieldTable::default()),
        ]));
        let read = deaths(&table(&[("x-death", deaths_header)]));
        assert_eq!(
            read,
            [Death {
                queue: "main".into(),
                reason: "rejected".into(),
                count: 3
            }]
        );
        assert_eq!(deaths(&table(&[("x-death", long("odd"))])), []);
    }

    #[test]
    fn reads_how_often_a_message_was_delivered() {
        let counted = |value| deliveries(&table(&[("x-delivery-count", value)]));
        assert_eq!(counted(AMQPValue::LongLongInt(3)), 3);
        assert_eq!(counted(AMQPValue::LongLongInt(i64::MAX)), u32::MAX);
        assert_eq!(counted(long("odd")), 0);
        assert_eq!(deliveries(&FieldTable::default()), 0);
    }

    #[test]
    fn a_delayed_message_tells_when_it_is_due() {
        let time = Timestamp::from_millisecond(1_780_000_000_123).unwrap();
        assert_eq!(due(&of_ours(None, Some(time))), Some(time));
        assert_eq!(due(&of_ours(None, None)), None);
        for odd in [
            long("soon"),
            AMQPValue::LongLongInt(-5),
            AMQPValue::LongLongInt(i64::MAX),
        ] {
            assert_eq!(due(&table(&[("x-sd-due", odd)])), None);
        }
    }

    #[test]
    fn parked_messages_keep_foreign_headers_and_lose_the_brokers_counts() {
        let original = table(&[
            ("traceparent", long("00-x")),
            ("x-death", long("gone")),
            ("x-first-death-queue", long("gone")),
            ("x-delivery-count", AMQPValue::LongInt(2)),
            ("x-sd-due", AMQPValue::LongLongInt(2)),
        ]);
        let parked = of_parked(&original, "not-json");
        let keys: Vec<_> = parked.inner().keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["traceparent", "x-sd-reason"]);
    }
}
