//! A message as read from a queue, safe to print: tokens are blotted out.

use lapin::{
    message::Delivery,
    types::{AMQPValue, FieldTable},
};
use serde_json::{Map, Value};

/// What stands in place of a token.
const BLOTTED: &str = "[redacted]";

/// A message that a test looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The exchange that it was published to.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// Whether it survives a restart of the broker.
    pub persistent: bool,
    /// Its content type.
    pub content_type: Option<String>,
    /// Its id, if its publisher gave it one.
    pub message_id: Option<String>,
    /// Its headers as JSON; null when it has no table at all.
    pub headers: Value,
    /// Its body as JSON, or as a JSON string if it is none; without tokens.
    pub body: Value,
}

// === impl Seen ===

impl Seen {
    pub(super) fn read(delivery: &Delivery) -> Self {
        let properties = &delivery.properties;
        let text = String::from_utf8_lossy(&delivery.data);
        let mut body = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
        blot(&mut body);
        Self {
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            redelivered: delivery.redelivered,
            persistent: *properties.delivery_mode() == Some(2),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            headers: properties.headers().as_ref().map_or(Value::Null, table),
            body,
        }
    }

    /// The build that it is about, if it says so.
    pub fn build(&self) -> Option<u64> {
        self.body["buildConfig"]["buildId"].as_u64()
    }
}

/// Blots out the value of every key named token, at any depth, and text that looks like a token.
fn blot(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if key.eq_ignore_ascii_case("token") {
                    *value = BLOTTED.into();
                }
                blot(value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blot),
        Value::String(text) if text.contains("eyJ") => BLOTTED.clone_into(text),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn table(table: &FieldTable) -> Value {
    let pairs = table
        .inner()
        .iter()
        .map(|(key, value)| (key.to_string(), header(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn header(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(truth) => (*truth).into(),
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortShortUInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::ShortUInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongUInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Timestamp(seconds) => (*seconds).into(),
        AMQPValue::Float(number) => (*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => text.to_string().into(),
        AMQPValue::ByteArray(bytes) => String::from_utf8_lossy(bytes.as_slice()).into(),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(header).collect(),
        AMQPValue::FieldTable(inner) => table(inner),
        AMQPValue::DecimalValue(_) | AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_are_blotted_out_wherever_they_stand() {
        let mut body = json!({
            "job": "start",
            "buildConfig": { "token": "eyJhbGciOi.x.y", "buildId": 7, "deep": [{ "Token": 5 }] },
            "note": "Bearer eyJhbGciOi.x.y",
        });
        blot(&mut body);
        let expected = json!({
            "job": "start",
            "buildConfig": { "token": BLOTTED, "buildId": 7, "deep": [{ "Token": BLOTTED }] },
            "note": BLOTTED,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn headers_become_json() {
        let mut death = FieldTable::default();
        death.insert("count".into(), AMQPValue::LongLongInt(2));
        death.insert("queue".into(), AMQPValue::LongString("ClusterA".into()));
        let mut headers = FieldTable::default();
        headers.insert(
            "x-death".into(),
            AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()),
        );
        assert_eq!(
            table(&headers),
            json!({ "x-death": [{ "count": 2, "queue": "ClusterA" }] })
        );
    }
}
