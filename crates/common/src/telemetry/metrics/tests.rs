use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::*;
use crate::{outcome::ParkReason, verdict};

fn metrics() -> Metrics {
    Metrics::new("test-worker", "1.2.3").unwrap()
}

fn failed() -> Labels {
    let failure = verdict::Failure {
        reason: verdict::Reason::ImageName,
        actor: verdict::Actor::You,
        message: String::new(),
    };
    verdict::Verdict::Failed(failure).labels()
}

/// The value of the series, as it stands in the text.
fn value(metrics: &Metrics, series: &str) -> Option<String> {
    let text = metrics.render();
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
}

#[track_caller]
fn assert_value(metrics: &Metrics, series: &str, expected: &str) {
    assert_eq!(
        value(metrics, series).as_deref(),
        Some(expected),
        "{series} in:\n{}",
        metrics.render()
    );
}

#[test]
fn every_event_has_its_series() {
    let metrics = metrics();
    metrics.settlement_lost(Queue::Checks);
    metrics.parked("expired");
    metrics.published(PublishResult::TimedOut);
    metrics.reconnects(NewSession::Lost);
    metrics.consumer_up(Queue::Main, true);
    metrics.verdict(failed());
    metrics.late(Queue::Checks, Duration::from_millis(300));
    metrics.waits(Held::Parked, 2, Some(Duration::from_secs(45)));
    metrics.pod_after(Duration::from_secs(3));
    metrics.running_after(Duration::from_secs(30));
    metrics.pod(PodAction::Adopted);
    metrics.annotation_unusable("cpu");
    metrics.cache_removed(CacheEntry::File, 3);
    metrics.call(
        Verb::CreatePod,
        AnswerClass::of(Some(409)),
        Duration::from_millis(30),
    );
    let table = [
        (r#"sd_worker_settlements_lost_total{queue="checks"}"#, "1"),
        (r#"sd_worker_parked_total{reason="expired"}"#, "1"),
        (r#"sd_worker_publishes_total{result="timed_out"}"#, "1"),
        (r#"sd_worker_reconnects_total{after="lost"}"#, "1"),
        (r#"sd_worker_consumer_up{queue="main"}"#, "1"),
        (
            r#"sd_worker_verdicts_total{actor="you",reason="image_name",verdict="failed"}"#,
            "1",
        ),
        (
            r#"sd_worker_delivery_lag_seconds_bucket{queue="checks",le="0.5"}"#,
            "1",
        ),
        (
            r#"sd_worker_delivery_lag_seconds_bucket{queue="checks",le="0.25"}"#,
            "0",
        ),
        (r#"sd_worker_queue_depth{queue="parked"}"#, "2"),
        (r#"sd_worker_queue_wait_seconds{queue="parked"}"#, "45"),
        (r#"sd_worker_start_duration_seconds_bucket{le="5"}"#, "1"),
        (r#"sd_worker_pod_startup_seconds_bucket{le="20"}"#, "0"),
        (r#"sd_worker_pods_total{action="adopted"}"#, "1"),
        (r#"sd_worker_annotations_unusable_total{annotation="cpu"}"#, "1"),
        (r#"sd_worker_cache_removed_total{entry="file"}"#, "3"),
        (r#"sd_worker_cache_removed_total{entry="folder"}"#, "0"),
        (
            r#"sd_worker_calls_total{class="4xx",peer="cluster",verb="create pod"}"#,
            "1",
        ),
        (
            r#"sd_worker_call_duration_seconds_bucket{peer="cluster",verb="create pod",le="0.025"}"#,
            "0",
        ),
        (
            r#"sd_worker_call_duration_seconds_bucket{peer="cluster",verb="create pod",le="0.05"}"#,
            "1",
        ),
        (
            r#"sd_worker_build_info{service="test-worker",version="1.2.3"}"#,
            "1",
        ),
    ];
    for (series, expected) in table {
        assert_value(&metrics, series, expected);
    }
    metrics.consumer_up(Queue::Main, false);
    assert_value(&metrics, r#"sd_worker_consumer_up{queue="main"}"#, "0");
}

/// One event of each kind, so that every family has a series.
fn everything(metrics: &Metrics) {
    metrics.delivery_begins(Queue::Main).settled("start", "created");
    metrics.late(Queue::Checks, Duration::ZERO);
    metrics.parked("not-json");
    metrics.consumer_up(Queue::Main, true);
    metrics.waits(Held::Consumed(Queue::Main), 0, Some(Duration::ZERO));
    metrics.pod_after(Duration::ZERO);
    metrics.running_after(Duration::ZERO);
    metrics.verdict(failed());
    metrics.annotation_unusable("cpu");
    metrics.call(Verb::GetPod, AnswerClass::Success, Duration::ZERO);
}

#[test]
fn the_table_of_families_is_what_is_served() {
    let metrics = metrics();
    everything(&metrics);
    let text = metrics.render();
    let served: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let told: BTreeMap<String, &str> = families::ALL
        .iter()
        .map(|family| (family.prometheus_name(), family.prometheus_kind()))
        .collect();
    let told: BTreeMap<&str, &str> = told.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    assert_eq!(served, told);
    for family in families::ALL {
        let name = family.prometheus_name();
        let keys: BTreeSet<&str> = family.labels.iter().map(|label| label.key).collect();
        let series = text.lines().filter(|line| {
            let rest = line.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with(['{', ' ', '_']) && !rest.starts_with("_sum"))
        });
        for line in series.filter(|line| line.split(['{', ' ']).next() == Some(name.as_str())) {
            let labels = line.split_once('{').map_or("", |(_, labels)| labels);
            let found: BTreeSet<&str> = labels
                .split("\",")
                .filter_map(|label| label.split_once("=\"").map(|(key, _)| key))
                .collect();
            assert_eq!(found, keys, "{line}");
        }
    }
}

#[test]
fn the_document_of_metrics_is_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METRICS.md");
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == families::reference(),
        "docs/METRICS.md differs from the table of families: `make docs` writes it anew"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_what_it_takes() {
    let metrics = metrics();
    let number = |series| -> f64 { value(&metrics, series).unwrap().parse().unwrap() };
    assert!(number("process_resident_memory_bytes") > 1_000_000.0);
    assert!(number("process_cpu_seconds_total") >= 0.0);
    assert!(number("process_threads") >= 1.0);
    assert!(number("process_open_fds") >= 3.0);
    assert!(number("process_max_fds") >= number("process_open_fds"));
}

#[test]
fn a_delivery_is_in_flight_until_it_is_settled() {
    let metrics = metrics();
    let in_flight = r#"sd_worker_deliveries_in_flight{queue="main"}"#;
    let first = metrics.delivery_begins(Queue::Main);
    let second = metrics.delivery_begins(Queue::Main);
    assert_value(&metrics, in_flight, "2");
    first.settled("start", "done");
    assert_value(&metrics, in_flight, "1");
    drop(second);
    assert_value(&metrics, in_flight, "0");
    let settled = r#"sd_worker_deliveries_total{job="start",outcome="done",queue="main"}"#;
    assert_value(&metrics, settled, "1");
    let timed = r#"sd_worker_delivery_duration_seconds_count{job="start",queue="main"}"#;
    assert_value(&metrics, timed, "1");
}

#[test]
fn a_panic_leaves_nothing_in_flight() {
    let metrics = metrics();
    let in_hand = metrics.clone();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _in_flight = in_hand.delivery_begins(Queue::Checks);
        panic!("in the handler");
    }));
    assert!(panicked.is_err());
    assert_value(&metrics, r#"sd_worker_deliveries_in_flight{queue="checks"}"#, "0");
}

#[test]
fn peers_are_down_until_they_are_back() {
    let metrics = metrics();
    let down = r#"sd_worker_peers_down{peer="cluster"}"#;
    assert_value(&metrics, down, "0");
    let one = metrics.peer_down(Peer::Cluster);
    let other = metrics.peer_down(Peer::Cluster);
    assert_value(&metrics, down, "2");
    drop((one, other));
    assert_value(&metrics, down, "0");
}

#[test]
fn alerts_see_a_zero_before_the_first_one() {
    fn all<L: Label>(metrics: &Metrics, name: &str) {
        for label in L::ALL {
            assert_value(
                metrics,
                &format!("{name}{{{}=\"{}\"}}", L::KEY, label.value()),
                "0",
            );
        }
    }
    let metrics = metrics();
    all::<Queue>(&metrics, "sd_worker_settlements_lost_total");
    all::<NewSession>(&metrics, "sd_worker_reconnects_total");
    all::<PublishResult>(&metrics, "sd_worker_publishes_total");
    all::<PodAction>(&metrics, "sd_worker_pods_total");
    all::<CacheEntry>(&metrics, "sd_worker_cache_removed_total");
    all::<Peer>(&metrics, "sd_worker_peers_down");
    all::<SpanResult>(&metrics, "sd_worker_spans_total");
    for reason in ParkReason::NAMES {
        assert_value(
            &metrics,
            &format!(r#"sd_worker_parked_total{{reason="{reason}"}}"#),
            "0",
        );
    }
    // Of verdicts where they are counted.
    let verdicts = |metrics: &Metrics| metrics.render().matches("\nsd_worker_verdicts_total{").count();
    assert_eq!(verdicts(&metrics), 0);
    metrics.verdicts_begin(verdict::labels());
    assert_eq!(verdicts(&metrics), verdict::labels().len());
    metrics.verdict(failed());
    assert_eq!(verdicts(&metrics), verdict::labels().len());
}

/// An alert must not act on what was seen before the broker went away.
#[test]
fn of_a_queue_that_is_out_of_sight_nothing_is_told() {
    let metrics = metrics();
    let (depth, age) = (
        r#"sd_worker_queue_depth{queue="main"}"#,
        r#"sd_worker_queue_wait_seconds{queue="main"}"#,
    );
    for _session in 0..2 {
        metrics.waits(Held::Consumed(Queue::Main), 7, Some(Duration::from_secs(300)));
        metrics.waits(Held::Consumed(Queue::Checks), 9, None);
        metrics.waits(Held::Parked, 1, Some(Duration::ZERO));
        assert_value(&metrics, depth, "7");
        assert_value(&metrics, age, "300");
        metrics.lost_sight_of(Held::Consumed(Queue::Main));
        assert_eq!([depth, age].map(|series| value(&metrics, series)), [None, None]);
        assert_value(&metrics, r#"sd_worker_queue_depth{queue="parked"}"#, "1");
    }
}

/// What no enum of the code lists is one thing for each process: its name and its version.
#[test]
fn every_label_is_a_closed_set() {
    for family in families::ALL {
        for set in family.labels {
            match set.values {
                families::Values::These(values) => assert!(!values().is_empty(), "{}", set.key),
                families::Values::Own(_) => assert_eq!(family.name, "sd.worker.build.info", "{}", set.key),
            }
        }
    }
}

#[test]
fn the_text_has_each_family_once_and_no_scope_labels() {
    let metrics = metrics();
    metrics.delivery_begins(Queue::Main).settled("start", "done");
    metrics.delivery_begins(Queue::Starts).settled("stop", "done");
    let text = metrics.render();
    let mut types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let count = types.len();
    types.dedup();
    assert_eq!(types.len(), count, "{text}");
    assert!(!text.contains("otel_scope"), "{text}");
    assert!(!text.contains("target_info"), "{text}");
}

#[test]
fn classes_of_answers() {
    let table = [
        (None, AnswerClass::NoAnswer),
        (Some(200), AnswerClass::Success),
        (Some(201), AnswerClass::Success),
        (Some(302), AnswerClass::Other),
        (Some(404), AnswerClass::ClientError),
        (Some(429), AnswerClass::ClientError),
        (Some(503), AnswerClass::ServerError),
        (Some(600), AnswerClass::Other),
    ];
    for (status, class) in table {
        assert_eq!(AnswerClass::of(status), class, "{status:?}");
    }
}
