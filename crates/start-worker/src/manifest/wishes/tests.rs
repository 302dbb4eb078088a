use serde_json::{Map, json};

use super::*;

const SIZES: Sizes = Sizes {
    max: 12.0,
    turbo: 10.0,
    high: 6.0,
    low: 2.0,
    micro: 0.5,
};

/// What `read` makes of this value, and what it notes.
fn read<T>(value: &Value, read: impl FnOnce(&mut Wishes<'_>, &'static str) -> T) -> (T, Vec<Instead>) {
    let annotations: Map<String, Value> = [("screwdriver.cd/cpu".to_owned(), value.clone())]
        .into_iter()
        .collect();
    let mut wishes = Wishes::of(Annotations::new(&annotations));
    let wish = read(&mut wishes, "cpu");
    let fallbacks = wishes.fallbacks();
    assert!(fallbacks.iter().all(|fallback| fallback.annotation == "cpu"));
    (
        wish,
        fallbacks.into_iter().map(|fallback| fallback.instead).collect(),
    )
}

// Of a path the lifetime would be one and the same for all wishes.
fn disk(wishes: &mut Wishes<'_>, name: &'static str) -> &'static str {
    wishes.disk(name)
}

fn flag(wishes: &mut Wishes<'_>, name: &'static str) -> bool {
    wishes.flag(name)
}

#[test]
fn what_is_no_size_is_low_and_noted() {
    for value in [
        json!("4"),
        json!("high"),
        json!(1.5),
        json!(true),
        json!([4]),
        json!(""),
    ] {
        let (size, noted) = read(&value, |wishes, name| wishes.size(name, &SIZES, Max::Named));
        assert_eq!((size, noted), (2.0, vec![Instead::Low]), "{value}");
    }
    for (value, expected) in [
        (json!("MAX"), 12.0),
        (json!(64), 12.0),
        (json!(0), 0.0),
        (json!(null), 2.0),
    ] {
        let (size, noted) = read(&value, |wishes, name| wishes.size(name, &SIZES, Max::Named));
        assert_eq!((size, noted), (expected, vec![]), "{value}");
    }
    let (size, noted) = read(&json!(3), |wishes, name| {
        wishes.named_size(name, &SIZES, Max::Named)
    });
    assert_eq!((size, noted), (2.0, vec![Instead::Low]));
}

#[test]
fn disks_have_names() {
    let cases = [
        (json!("TURBO"), "TURBO", vec![]),
        (json!("LOW"), "LOW", vec![]),
        (json!(null), "LOW", vec![]),
        (json!("MAX"), "LOW", vec![Instead::Low]),
        (json!(3), "LOW", vec![Instead::Low]),
    ];
    for (value, expected, noted) in cases {
        assert_eq!(read(&value, disk), (expected, noted), "{value}");
    }
}

#[test]
fn only_the_boolean_switches_something_on() {
    let cases = [
        (json!(true), true, vec![]),
        (json!(false), false, vec![]),
        (json!(null), false, vec![]),
        (json!("true"), false, vec![Instead::NotAsked]),
        (json!(1), false, vec![Instead::NotAsked]),
    ];
    for (value, expected, noted) in cases {
        assert_eq!(read(&value, flag), (expected, noted), "{value}");
    }
}

#[test]
fn texts_are_texts() {
    let text = |value: &Value| read(value, |wishes, name| wishes.text(name).map(str::to_owned));
    assert_eq!(text(&json!("High")), (Some("High".to_owned()), vec![]));
    assert_eq!(text(&json!("")), (None, vec![]));
    assert_eq!(text(&json!(3)), (None, vec![Instead::NotAsked]));
}

#[test]
fn minutes_are_capped_and_what_is_no_number_is_told_as_such() {
    let cases = [
        (json!(30), 30.0),
        (json!("30"), 30.0),
        (json!(1.5), 1.5),
        (json!(500), 120.0),
        (json!("Infinity"), 120.0),
        (json!(-5), -5.0),
        (json!("0"), 0.0),
        (json!(true), 1.0),
        (json!(0), 90.0),
        (json!(""), 90.0),
        (json!(null), 90.0),
    ];
    for (value, expected) in cases {
        let read = read(&value, |wishes, name| wishes.minutes(name, 90.0, 120.0));
        assert_eq!(read, (expected, vec![]), "{value}");
    }
    let (minutes, noted) = read(&json!("soon"), |wishes, name| wishes.minutes(name, 90.0, 120.0));
    assert!(minutes.is_nan());
    assert_eq!(noted, [Instead::NotANumber]);
    let (zero, _) = read(&json!("-0"), |wishes, name| wishes.minutes(name, 90.0, 120.0));
    assert_eq!(zero.to_string(), "0");
}

#[test]
fn a_job_gets_more_seconds_and_never_fewer() {
    let cases = [
        (json!(90), 90, vec![]),
        (json!("90"), 90, vec![]),
        (json!(60.5), 61, vec![]),
        (json!(10), 30, vec![]),
        (json!(-1), 30, vec![]),
        (json!(0), 30, vec![]),
        (json!(1e300), i64::MAX, vec![]),
        (json!("soon"), 30, vec![Instead::Operators]),
        (json!("Infinity"), 30, vec![Instead::Operators]),
        (json!([90]), 90, vec![]),
        (json!([90, 91]), 30, vec![Instead::Operators]),
    ];
    for (value, expected, noted) in cases {
        let read = read(&value, |wishes, name| wishes.at_least(name, 30));
        assert_eq!(read, (expected, noted), "{value}");
    }
}

#[test]
fn storage_is_the_jobs_up_to_the_maximum() {
    let amount = |text| StorageQuantity::parse(text);
    let both = EphemeralStorage {
        default: amount("5Gi"),
        max: amount("20Gi"),
    };
    let neither = EphemeralStorage {
        default: None,
        max: None,
    };
    let cases = [
        (json!(null), Some("5Gi"), None, vec![]),
        (json!("10Gi"), Some("10Gi"), Some("10Gi"), vec![]),
        (json!("10240Mi"), Some("10240Mi"), Some("10240Mi"), vec![]),
        (json!("1Ti"), Some("20Gi"), Some("1Ti"), vec![]),
        (json!(1_048_576), Some("1048576"), Some("1048576"), vec![]),
        (json!("lots"), Some("5Gi"), None, vec![Instead::Operators]),
        (json!("0"), Some("5Gi"), None, vec![Instead::Operators]),
        (json!(-1), Some("5Gi"), None, vec![Instead::Operators]),
        (json!(true), Some("5Gi"), None, vec![Instead::Operators]),
    ];
    for (value, with_both, with_neither, noted) in cases {
        for (operators, expected) in [(&both, with_both), (&neither, with_neither)] {
            let annotations: Map<String, Value> =
                [("screwdriver.cd/ephemeralStorage".to_owned(), value.clone())]
                    .into_iter()
                    .collect();
            let mut wishes = Wishes::of(Annotations::new(&annotations));
            let storage = wishes.storage("ephemeralStorage", operators);
            assert_eq!(storage.as_deref(), expected, "{value}");
            let fallbacks = wishes.fallbacks().into_iter().map(|fallback| fallback.instead);
            assert_eq!(fallbacks.collect::<Vec<_>>(), noted, "{value}");
        }
    }
}
