//! Messages of ours: what goes into a queue comes out of it, and the build's configuration byte for byte.

use super::*;
use crate::{
    telemetry::propagation::TraceContext,
    verdict::{LastLook, Phase},
};

/// Everything that a reader and writer of JSON could alter: blanks, the order and repetition of keys, how
/// numbers and texts are written, fields that we do not know.
const ODD: &str = r#"{ "zeta" : 1.0, "buildId":"8609",	"more":[1e3,-0.0,123456789012345678901234567890 ],
  "token":"a.b.c","apiUri":"https:\/\/api.sd.example","container":"\u006eode:22", "more": "\u00e9é\ud83d\ude00",
  "annotations":{"b":1,"a":{"deep":[[{}]]},"b":2}, "blockedBy" : null }"#;

fn time(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn trace() -> Option<TraceContext> {
    TraceContext::parse(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        Some("vendor=value"),
    )
}

fn check_state() -> CheckState {
    CheckState {
        executor: "k8s".to_owned(),
        pod: "8609-abcde".to_owned(),
        uid: Some("u1".to_owned()),
        started_at: time("2026-01-01T00:00:00.123456789Z"),
        number: 3,
        attempt: 2,
        look: LastLook {
            phase: Some(Phase::PullFailing),
            phase_since: Some(time("2026-01-01T00:00:15Z")),
            cause: Some("b-1/image_not_found".into()),
            cause_since: Some(time("2026-01-01T00:00:30Z")),
            overdue_since: Some(time("2026-01-01T00:01:00Z")),
            missing_since: Some(time("2026-01-01T00:01:15Z")),
            ran: true,
        },
        recreated: 1,
        deletion: Some("drained".to_owned()),
        message: Some("a \"text\"\nof two lines".to_owned()),
        report_due: true,
        held: 60_000,
        once: true,
        trace_context: trace(),
    }
}

fn start_state() -> StartState {
    StartState {
        executor: "k8s-vm".to_owned(),
        attempt: 4,
        since: time("2026-01-01T00:00:00.5Z"),
        held: 70_000,
        armed: true,
        recreate: Some(Recreate {
            uid: Some("u1".to_owned()),
            n: 2,
        }),
        trace_context: trace(),
    }
}

fn stop_state() -> StopState {
    StopState {
        pass: 2,
        attempt: 7,
        held: 0,
        trace_context: trace(),
    }
}

fn odd_config(kind: &str) -> String {
    format!(r#"{{"buildConfig":{ODD},"job":"{kind}"}}"#)
}

/// Decodes, encodes and decodes again, so that the second hop is tested too.
fn assert_configuration(body: &[u8], kind: &str) {
    let text = std::str::from_utf8(body).unwrap();
    let beginning = format!(r#"{{"job":"{kind}","buildConfig":{ODD},""#);
    assert!(text.starts_with(&beginning), "{text}");
    let job = Job::decode(body).unwrap();
    assert_eq!(job.config().unwrap().raw.0.get(), ODD);
}

#[test]
fn a_check_survives_its_queue() {
    let incoming = odd_config("start");
    let body = message::check(decoded(&incoming).config().unwrap(), &check_state());
    assert_configuration(&body, "verify");
    let Job::Check(job) = Job::decode(&body).unwrap() else {
        panic!("no check")
    };
    assert_eq!(job.state, Some(check_state()));
    assert_eq!(message::check(&job.config, &check_state()), body);
    let job = Job::Check(job);
    assert_eq!(
        (job.counted_attempts(), job.trace_context()),
        (Some(2), trace().as_ref())
    );
}

#[test]
fn a_start_survives_its_queue() {
    let incoming = odd_config("start");
    let body = message::start(decoded(&incoming).config().unwrap(), &start_state());
    assert_configuration(&body, "start");
    let Job::Start(job) = Job::decode(&body).unwrap() else {
        panic!("no start")
    };
    assert_eq!(job.state, Some(start_state()));
    assert_eq!(job.container, "node:22");
    assert_eq!(message::start(&job.config, &start_state()), body);
    let job = Job::Start(job);
    assert_eq!(
        (job.counted_attempts(), job.trace_context()),
        (Some(4), trace().as_ref())
    );
}

#[test]
fn a_stop_survives_its_queue() {
    let incoming = odd_config("stop");
    let body = message::stop(decoded(&incoming).config().unwrap(), &stop_state());
    assert_configuration(&body, "stop");
    let Job::Stop(job) = Job::decode(&body).unwrap() else {
        panic!("no stop")
    };
    assert_eq!(job.state, Some(stop_state()));
    assert_eq!(message::stop(&job.config, &stop_state()), body);
    let job = Job::Stop(job);
    assert_eq!(
        (job.counted_attempts(), job.trace_context()),
        (Some(7), trace().as_ref())
    );
}

/// Passed on as it came: what we do not know of a cache may mean something to another version.
#[test]
fn a_clear_survives_its_queue() {
    const CACHE: &str = r#"{ "resource":"caches","id":"5" ,"action":"delete","scope":"jobs",
        "buildClusters":["ClusterA"],"pipelineId":1.0,"more":[1e3] }"#;
    let incoming = format!(r#"{{"cacheConfig":{CACHE},"job":"clear"}}"#);
    let Job::Clear(job) = decoded(&incoming) else {
        panic!("no clear")
    };
    let state = StopState {
        pass: 1,
        ..stop_state()
    };
    let body = message::clear(&job.config, &state);
    let text = std::str::from_utf8(&body).unwrap();
    let beginning = format!(r#"{{"job":"clear","cacheConfig":{CACHE},"stop":{{"pass":1,"attempt":7,"#);
    assert!(text.starts_with(&beginning), "{text}");
    let Job::Clear(job) = Job::decode(&body).unwrap() else {
        panic!("no clear")
    };
    assert_eq!(job.state, Some(state.clone()));
    assert_eq!(message::clear(&job.config, &state), body);
    let job = Job::Clear(job);
    assert_eq!(
        (job.counted_attempts(), job.trace_context()),
        (Some(7), trace().as_ref())
    );
}

#[test]
fn a_probe_survives_its_queue() {
    assert!(matches!(Job::decode(&message::probe()), Ok(Job::Probe)));
}

/// The fields by name: a worker of another version reads them.
#[test]
fn states_are_written_as_agreed() {
    let body = odd_config("start");
    let job = decoded(&body);
    let config = job.config().unwrap();
    let written = |body: &[u8], key: &str| serde_json::from_slice::<Value>(body).unwrap()[key].clone();
    let trace = json!({
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "vendor=value",
    });
    assert_eq!(
        written(&message::check(config, &check_state()), "check"),
        json!({
            "executor": "k8s", "pod": "8609-abcde", "uid": "u1", "startedAt": "2026-01-01T00:00:00.123456789Z",
            "number": 3, "attempt": 2, "phase": "pullFailing", "phaseSince": "2026-01-01T00:00:15Z",
            "cause": "b-1/image_not_found", "causeSince": "2026-01-01T00:00:30Z",
            "overdueSince": "2026-01-01T00:01:00Z", "missingSince": "2026-01-01T00:01:15Z", "ran": true,
            "recreated": 1, "deletion": "drained", "message": "a \"text\"\nof two lines", "reportDue": true, "held": 60_000,
            "once": true, "traceContext": trace,
        })
    );
    assert_eq!(
        written(&message::start(config, &start_state()), "start"),
        json!({
            "executor": "k8s-vm", "attempt": 4, "since": "2026-01-01T00:00:00.5Z", "held": 70_000,
            "armed": true, "recreate": { "uid": "u1", "n": 2 }, "traceContext": trace,
        })
    );
    assert_eq!(
        written(&message::stop(config, &stop_state()), "stop"),
        json!({ "pass": 2, "attempt": 7, "traceContext": trace })
    );
    let held = StopState {
        held: 60_000,
        ..stop_state()
    };
    assert_eq!(
        written(&message::stop(config, &held), "stop"),
        json!({ "pass": 2, "attempt": 7, "held": 60_000, "traceContext": trace })
    );
}

#[test]
fn a_newer_workers_check_is_read_as_far_as_it_is_known() {
    let check = json!({
        "executor": "k8s", "pod": "8609-abcde", "startedAt": "2026-01-01T00:00:00Z", "number": 1,
        "phase": "hibernating", "phaseSince": "2026-01-01T00:00:15Z", "traceContext": 7, "news": [1],
    });
    let body = json!({ "job": "verify", "buildConfig": config(), "check": check }).to_string();
    let Job::Check(job) = decoded(&body) else {
        panic!("no check")
    };
    let state = job.state.unwrap();
    assert_eq!(state.look.phase, None);
    assert_eq!((state.number, state.attempt, state.uid), (1, 0, None));
    assert_eq!(state.trace_context, None);
}

/// Whoever reads a parked message, or writes one, finds its fields in docs/ARCHITECTURE.md.
#[test]
fn the_fields_are_the_ones_in_the_docs() {
    let docs = include_str!("../../../../../docs/ARCHITECTURE.md");
    let stop = StopState {
        held: 1,
        ..stop_state()
    };
    let written = [
        ("check", serde_json::to_value(check_state()).unwrap()),
        ("start", serde_json::to_value(start_state()).unwrap()),
        ("stop", serde_json::to_value(stop).unwrap()),
    ];
    for (object, value) in written {
        let start = format!("| `{object}` | ");
        let row = docs.lines().find_map(|line| line.strip_prefix(start.as_str()));
        let fields = row.and_then(|row| row.split('|').nth(1)).unwrap_or_default();
        let mut told: Vec<&str> = fields.split('`').skip(1).step_by(2).collect();
        let mut there: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        told.sort_unstable();
        there.sort_unstable();
        assert_eq!(told, there, "{object} in docs/ARCHITECTURE.md");
    }
}
