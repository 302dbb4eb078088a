//! Whatever an answer holds, reading it ends in a value or an error; what was read can be written, and what is not
//! known is lost nowhere.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Names and values that mean something to one of the types, to get beyond the first field.
const NAMES: [&str; 24] = [
    "id",
    "name",
    "status",
    "state",
    "jobId",
    "pipelineId",
    "eventId",
    "type",
    "stats",
    "steps",
    "meta",
    "code",
    "lines",
    "createTime",
    "endTime",
    "hostname",
    "builds",
    "versions",
    "licenses",
    "weightage",
    "isActive",
    "n",
    "t",
    "m",
];
const TEXTS: [&str; 8] = [
    "SUCCESS",
    "ENABLED",
    "8609",
    "0",
    "2024-05-06T07:08:09.123Z",
    "9999-12-31T23:59:60Z",
    "-009999-01-01T00:00:00Z",
    "",
];

fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(TEXTS.as_slice()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof![
            select(NAMES.as_slice()).prop_map(ToOwned::to_owned),
            any::<String>()
        ];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name, inner, 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Reads a thing of each kind with `read`.
macro_rules! of_every_kind {
    ($read:ident, $($argument:expr),*) => {
        $read::<Build>($($argument),*);
        $read::<Vec<Build>>($($argument),*);
        $read::<Event>($($argument),*);
        $read::<Job>($($argument),*);
        $read::<Pipeline>($($argument),*);
        $read::<BuildCluster>($($argument),*);
        $read::<ServiceStatus>($($argument),*);
        $read::<Versions>($($argument),*);
        $read::<License>($($argument),*);
        $read::<Step>($($argument),*);
        $read::<LogLine>($($argument),*);
        $read::<JobStatuses>($($argument),*);
    };
}

fn read_bytes<T: DeserializeOwned>(bytes: &[u8]) {
    let _ = serde_json::from_slice::<T>(bytes);
}

/// What was read is written as the same thing.
fn read_and_write<T: Serialize + DeserializeOwned + PartialEq + Debug>(sent: &Value) {
    if let Ok(read) = serde_json::from_value::<T>(sent.clone()) {
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(serde_json::from_value::<T>(written).unwrap(), read);
    }
}

/// A thing with just what it needs, and with fields of names that no release has had.
fn keep_unknown<T: Serialize + DeserializeOwned + Debug>(fields: &Value) {
    let mut sent = json!({
        "id": 8609, "name": "main", "status": "SUCCESS", "m": "", "jobId": 777, "archived": false, "builds": [],
        "versions": [], "licenses": [],
    });
    let known = sent.as_object_mut().unwrap();
    let unknown = fields.as_object().unwrap().iter();
    known.extend(unknown.map(|(name, value)| (format!("x-{name}"), value.clone())));
    let read: T = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), sent);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, whole in json(), cut: prop::sample::Index, other: u8) {
        of_every_kind!(read_bytes, &bytes);
        // JSON with one byte replaced, and what is left of it when it is cut there.
        let mut damaged = whole.to_string().into_bytes();
        let cut = cut.index(damaged.len());
        damaged[cut] = other;
        of_every_kind!(read_bytes, &damaged);
        of_every_kind!(read_bytes, &damaged[..cut]);
    }

    #[test]
    fn no_json_panics_and_what_is_read_survives(sent in json()) {
        of_every_kind!(read_and_write, &sent);
    }

    #[test]
    fn fields_that_nobody_knows_survive(fields in btree_map(any::<String>(), json(), 0..4)) {
        let fields: Value = fields.into_iter().collect();
        keep_unknown::<Build>(&fields);
        keep_unknown::<Event>(&fields);
        keep_unknown::<Job>(&fields);
        keep_unknown::<Pipeline>(&fields);
        keep_unknown::<BuildCluster>(&fields);
        keep_unknown::<ServiceStatus>(&fields);
        keep_unknown::<Versions>(&fields);
        keep_unknown::<License>(&fields);
        keep_unknown::<Step>(&fields);
        keep_unknown::<LogLine>(&fields);
        keep_unknown::<JobStatuses>(&fields);
    }
}
