//! Whatever arrives: no panic, and no token in what is said about it.

use proptest::{prelude::*, sample::Index};

use super::*;

/// Good messages, each with the token in it.
fn good() -> Vec<Vec<u8>> {
    let check = json!({
        "executor": "k8s", "pod": "8609-abcde", "startedAt": "2026-01-01T00:00:00Z", "number": 0,
        "phase": "pulling", "phaseSince": "2026-01-01T00:00:15Z",
    });
    let start = json!({ "executor": "k8s", "since": "2026-01-01T00:00:00Z", "recreate": { "n": 1 } });
    let body = |job: &str| json!({ "job": job, "buildConfig": config() });
    let with = |job: &str, field: &str, state: &Value| {
        let mut body = body(job);
        body[field] = state.clone();
        body
    };
    let all = [
        body("start"),
        body("stop"),
        with("verify", "check", &check),
        with("start", "start", &start),
    ];
    all.iter().map(|body| body.to_string().into_bytes()).collect()
}

fn assert_discreet(result: &Result<Job<'_>, DecodeError>) {
    if let Err(error) = result {
        let said = format!("{error} {error:?} {}", error.as_str());
        assert!(!said.contains("canary"), "{said}");
    }
}

/// The places of a value, as JSON pointers.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    for (key, inner) in value.as_object().into_iter().flatten() {
        places(inner, &format!("{here}/{key}"), all);
    }
}

#[test]
fn no_debug_output_shows_a_token() {
    for body in good() {
        let said = format!("{:?}", Job::decode(&body).unwrap());
        assert!(!said.contains("canary") && said.contains("[redacted]"), "{said}");
    }
}

/// The token in every place of every message, in every disguise.
#[test]
fn a_misplaced_token_is_not_told() {
    let disguises = [json!(CANARY), json!([CANARY]), json!({ CANARY: CANARY })];
    for body in good() {
        let whole: Value = serde_json::from_slice(&body).unwrap();
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        assert!(all.len() > 5, "{all:?}");
        for place in all {
            for disguise in &disguises {
                let mut altered = whole.clone();
                *altered.pointer_mut(&place).unwrap() = disguise.clone();
                assert_discreet(&Job::decode(altered.to_string().as_bytes()));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_job_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Job::decode(&body);
    }

    #[test]
    fn any_json_is_a_job_or_an_error(
        job in prop_oneof![Just("start"), Just("stop"), Just("clear"), Just("verify"), Just("probe")],
        text in "[\\[\\]{}\":,a-z0-9. ]{0,60}",
    ) {
        for key in ["buildConfig", "cacheConfig", "check", "start", "stop"] {
            let _ = Job::decode(format!(r#"{{"job":"{job}","{key}":{text}}}"#).as_bytes());
        }
    }

    #[test]
    fn damaged_messages_neither_panic_nor_tell(
        which in any::<Index>(),
        hits in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        end in any::<Index>(),
        cut in any::<bool>(),
    ) {
        let mut body = which.get(&good()).clone();
        for (place, byte) in hits {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if cut {
            body.truncate(end.index(body.len()));
        }
        assert_discreet(&Job::decode(&body));
    }
}
