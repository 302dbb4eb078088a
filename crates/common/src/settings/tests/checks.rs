//! When checks look, and how long a reason may stand.

use super::*;

#[test]
fn init_timeout_is_minutes_and_zero_is_the_default() {
    for (text, milliseconds) in [
        ("5", 300_000),
        ("0", 300_000),
        ("0.05", 3_000),
        ("1.5", 90_000),
        ("0.000001", 1),
        ("1440", 86_400_000),
    ] {
        let settings = load(&[("RABBITMQ_BUILD_INIT_TIMEOUT", text)]).unwrap();
        assert_eq!(
            settings.checks.init_timeout,
            Duration::from_millis(milliseconds),
            "{text}"
        );
    }
    for text in ["-1", "1441", "soon", "NaN", "inf"] {
        assert!(
            problems(&[("RABBITMQ_BUILD_INIT_TIMEOUT", text)]).contains("RABBITMQ_BUILD_INIT_TIMEOUT"),
            "{text}"
        );
    }
}

#[test]
fn steps_at_or_beyond_the_init_timeout_are_dropped() {
    let ladder = |ladder: &str, minutes: &str| {
        let settings = load(&[("CHECK_LADDER", ladder), ("RABBITMQ_BUILD_INIT_TIMEOUT", minutes)]);
        settings
            .unwrap()
            .checks
            .ladder
            .iter()
            .map(Duration::as_millis)
            .collect::<Vec<_>>()
    };
    assert_eq!(ladder("15s,60s", "5"), [15_000, 60_000]);
    assert_eq!(ladder("15s, 60s", "1"), [15_000]);
    assert_eq!(ladder("500ms,2s,1m,2h", "5"), [500, 2_000, 60_000]);
    assert_eq!(ladder("15s", "0.25"), [0; 0]);
    for text in ["60s,15s", "15s,15s", "0s,15s", "15", "15s;60s"] {
        assert!(
            problems(&[("CHECK_LADDER", text)]).contains("CHECK_LADDER: expected rising"),
            "{text}"
        );
    }
}

#[test]
fn running_builds_are_watched_only_if_asked_for() {
    let pace = |set: &[(&str, &str)]| load(set).unwrap().checks.watch_running;
    assert_eq!(pace(&[]), None);
    assert_eq!(pace(&[("CHECK_WATCH_RUNNING", "0s")]), None);
    let two_minutes = Some(Duration::from_mins(2));
    assert_eq!(pace(&[("CHECK_WATCH_RUNNING", "2m")]), two_minutes);
    let error = load(&[("CHECK_WATCH_RUNNING", "10ms")]).unwrap_err().to_string();
    assert!(
        error.contains("CHECK_WATCH_RUNNING") && error.contains("1s or more"),
        "{error}"
    );
}

#[test]
fn a_ladder_may_be_a_list() {
    let dir = config_dir(&[(
        "local.yaml",
        "checks: { ladder: [1s, 2s], clocks: { pulling: 1h } }",
    )]);
    let checks = load_from(dir.path(), &[]).unwrap().checks;
    assert_eq!(checks.ladder, [Duration::from_secs(1), Duration::from_secs(2)]);
    assert_eq!(checks.clocks.pulling, Duration::from_hours(1));
}

#[test]
fn graces_are_set_by_reason() {
    use crate::verdict::Reason;
    let dir = config_dir(&[(
        "local.yaml",
        "checks: { graces: { registry: 10m, image_not_found: 5s } }\n",
    )]);
    let settings = load_from(dir.path(), &[("CHECK_GRACES", "{image_not_found: '90s'}")]).unwrap();
    let graces = settings.checks.clocks.graces;
    let expected = [
        (Reason::ImageNotFound, Duration::from_secs(90)),
        (Reason::Registry, Duration::from_mins(10)),
    ];
    assert_eq!(graces.into_iter().collect::<Vec<_>>(), expected);
    let problems = problems(&[("CHECK_GRACES", "{nosuch: '1s', registry: 'soon'}")]);
    assert!(problems.contains("CHECK_GRACES: nosuch"), "{problems}");
    assert!(problems.contains("CHECK_GRACES: registry"), "{problems}");
}
