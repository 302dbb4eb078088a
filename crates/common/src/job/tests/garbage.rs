//! What is not a job, and what exactly is said about it.

use super::*;

fn refused(body: &[u8]) -> DecodeError {
    Job::decode(body).expect_err(&String::from_utf8_lossy(body))
}

fn invalid(field: &'static str, expected: &'static str) -> DecodeError {
    DecodeError::Invalid { field, expected }
}

/// A good message of this kind with one field of its configuration replaced, or left out.
fn message(job: &str, field: &str, value: Option<Value>) -> String {
    let mut config = config();
    match value {
        Some(value) => config[field] = value,
        None => drop(config.as_object_mut().unwrap().remove(field)),
    }
    json!({ "job": job, "buildConfig": config }).to_string()
}

#[test]
fn no_json() {
    let cases: [(&[u8], usize, usize); 7] = [
        (b"", 1, 0),
        (b"  ", 1, 2),
        (b"start", 1, 1),
        (b"{", 1, 1),
        (b"{\"job\":\n\"start\"", 2, 7),
        (b"{\"job\":\"probe\"} {}", 1, 17),
        (b"\xff\xfe", 1, 1),
    ];
    for (body, line, column) in cases {
        assert_eq!(refused(body), DecodeError::NotJson { line, column }, "{body:?}");
    }
    let not_utf8 = b"{\"job\":\"start\",\"buildConfig\":{\"x\":\"\xff\"}}";
    assert!(matches!(refused(not_utf8), DecodeError::NotJson { line: 1, .. }));
}

#[test]
fn json_but_no_job() {
    // The fields of an object in their order: no object all the same.
    let list = json!(["start", config(), null, null, null, null]).to_string();
    let cases = [
        "null",
        "true",
        "7",
        "\"start\"",
        "[]",
        "[1,2]",
        // Refused at its first character already.
        "[1,",
        "{}",
        "{\"job\":null}",
        "{\"job\":7}",
        "{\"job\":[\"start\"]}",
        "{\"buildConfig\":{}}",
        &list,
    ];
    for body in cases {
        assert_eq!(refused(body.as_bytes()), DecodeError::NotAJob, "{body}");
    }
}

#[test]
fn jobs_that_nobody_knows() {
    for job in ["", "Start", "start ", "restart", "check", CANARY] {
        let body = json!({ "job": job, "buildConfig": config() }).to_string();
        assert_eq!(refused(body.as_bytes()), DecodeError::UnknownJob, "{body}");
    }
}

#[test]
fn jobs_without_what_they_are_about() {
    let missing = |field| DecodeError::Missing { field };
    for job in ["start", "stop", "verify"] {
        for rest in ["", r#","buildConfig":null"#, r#","cacheConfig":{}"#] {
            let body = format!(r#"{{"job":"{job}"{rest}}}"#);
            assert_eq!(refused(body.as_bytes()), missing("buildConfig"), "{body}");
        }
        for config in [
            "7",
            "true",
            "\"x\"",
            "[]",
            r#"[8609,"https://api.sd.example","a"]"#,
        ] {
            let body = format!(r#"{{"job":"{job}","buildConfig":{config}}}"#);
            assert_eq!(
                refused(body.as_bytes()),
                invalid("buildConfig", "an object"),
                "{body}"
            );
        }
        let body = format!(r#"{{"job":"{job}","buildConfig":{{}}}}"#);
        assert_eq!(refused(body.as_bytes()), missing("buildConfig.buildId"), "{body}");
    }
    for rest in ["", r#","cacheConfig":null"#, r#","buildConfig":{}"#] {
        let body = format!(r#"{{"job":"clear"{rest}}}"#);
        assert_eq!(refused(body.as_bytes()), missing("cacheConfig"), "{body}");
    }
    for config in [
        "7",
        "[]",
        r#"["caches","delete","jobs","",1,1]"#,
        r#"{"scope":7}"#,
        r#"{"prefix":{}}"#,
    ] {
        let body = format!(r#"{{"job":"clear","cacheConfig":{config}}}"#);
        assert_eq!(
            refused(body.as_bytes()),
            invalid("cacheConfig", "an object of texts and ids"),
            "{body}"
        );
    }
}

/// Field, what it must be, and values that it must not have. `null` is as good as absent everywhere.
fn required() -> [(&'static str, &'static str, Vec<Value>); 3] {
    let wrong = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect()
    };
    [
        (
            "buildConfig.buildId",
            "a positive whole number",
            wrong(&[
                "0",
                "-1",
                "1.5",
                "1e3",
                "true",
                "\"x\"",
                "\"\"",
                "\"0\"",
                "\"-1\"",
                "\"+1\"",
                "\"1.0\"",
                "[8609]",
                "{}",
                "9007199254740992",
            ]),
        ),
        (
            "buildConfig.apiUri",
            "an http or https address",
            wrong(&[
                "\"foo.bar\"",
                "\"ftp://api.sd.example\"",
                "\"https://\"",
                "\"/v4\"",
                "\"\"",
                "\"mailto:a@b\"",
                "7",
                "[]",
                "{}",
            ]),
        ),
        (
            "buildConfig.token",
            "a text",
            wrong(&["\"\"", "\"a b\"", "7", "true", "[]", "{}"]),
        ),
    ]
}

#[test]
fn required_fields() {
    for (field, expected, values) in required() {
        let name = field.strip_prefix("buildConfig.").unwrap();
        for job in ["start", "stop", "verify"] {
            for value in &values {
                let body = message(job, name, Some(value.clone()));
                assert_eq!(refused(body.as_bytes()), invalid(field, expected), "{body}");
            }
            if (job, name) == ("stop", "token") {
                continue;
            }
            for absent in [None, Some(Value::Null)] {
                let body = message(job, name, absent);
                assert_eq!(refused(body.as_bytes()), DecodeError::Missing { field }, "{body}");
            }
        }
    }
}

#[test]
fn only_a_start_needs_an_image() {
    let field = "buildConfig.container";
    for value in [json!(7), json!([]), json!({}), json!(false)] {
        let body = message("start", "container", Some(value));
        assert_eq!(refused(body.as_bytes()), invalid(field, "a text"), "{body}");
    }
    for absent in [None, Some(Value::Null), Some(json!(""))] {
        let body = message("start", "container", absent.clone());
        assert_eq!(refused(body.as_bytes()), DecodeError::Missing { field }, "{body}");
        for job in ["stop", "verify"] {
            assert!(Job::decode(message(job, "container", absent.clone()).as_bytes()).is_ok());
        }
    }
}

#[test]
fn fields_that_pods_show() {
    let cases = [
        ("annotations", "buildConfig.annotations", "an object", json!([])),
        ("annotations", "buildConfig.annotations", "an object", json!("x")),
        ("jobId", "buildConfig.jobId", "a whole number", json!(-1)),
        ("jobId", "buildConfig.jobId", "a whole number", json!("x")),
        ("eventId", "buildConfig.eventId", "a whole number", json!(1.5)),
        ("prNum", "buildConfig.prNum", "a whole number", json!([15])),
        ("jobName", "buildConfig.jobName", "a text", json!(7)),
        (
            "pipeline",
            "buildConfig.pipeline",
            "an object with a whole number `id`",
            json!({}),
        ),
        (
            "pipeline",
            "buildConfig.pipeline",
            "an object with a whole number `id`",
            json!([123, "org/repo"]),
        ),
        (
            "pipeline",
            "buildConfig.pipeline",
            "an object with a whole number `id`",
            json!({ "id": "../.." }),
        ),
        ("template", "buildConfig.template", "an object", json!("ns/tmpl")),
        (
            "template",
            "buildConfig.template",
            "an object",
            json!(["ns/tmpl", "1"]),
        ),
    ];
    for (name, field, expected, value) in cases {
        let body = message("start", name, Some(value));
        assert_eq!(refused(body.as_bytes()), invalid(field, expected), "{body}");
    }
}

#[test]
fn states_that_we_did_not_write() {
    let check = json!({ "executor": "k8s", "pod": "p", "startedAt": "2026-01-01T00:00:00Z", "number": 0 });
    let start = json!({ "executor": "k8s", "since": "2026-01-01T00:00:00Z" });
    let stop = json!({ "pass": 1 });
    let replaced = |state: &Value, field: &str, value: Value| {
        let mut state = state.clone();
        state[field] = value;
        state
    };
    let list = json!(["k8s", 0, "2026-01-01T00:00:00Z", 0, false, null, null]);
    let cases = [
        ("verify", "check", json!(7)),
        ("verify", "check", json!([])),
        ("verify", "check", json!({})),
        (
            "verify",
            "check",
            replaced(&check, "startedAt", json!("yesterday")),
        ),
        ("verify", "check", replaced(&check, "number", json!(-1))),
        ("verify", "check", replaced(&check, "executor", json!(null))),
        ("verify", "check", replaced(&check, "held", json!("long"))),
        ("start", "start", json!("x")),
        ("start", "start", json!({})),
        ("start", "start", list),
        ("start", "start", replaced(&start, "since", json!(0))),
        ("start", "start", replaced(&start, "armed", json!("yes"))),
        (
            "start",
            "start",
            replaced(&start, "recreate", json!({ "uid": "u1" })),
        ),
        ("stop", "stop", json!({})),
        ("stop", "stop", json!([1, 0, null])),
        ("stop", "stop", replaced(&stop, "pass", json!(256))),
    ];
    for (job, field, state) in cases {
        let body = json!({ "job": job, "buildConfig": config(), field: state }).to_string();
        assert_eq!(
            refused(body.as_bytes()),
            invalid(field, "the state of a message of ours"),
            "{body}"
        );
    }
    // The same without the fault: what is refused above is refused for its fault.
    for (job, field, state) in [
        ("verify", "check", check),
        ("start", "start", start),
        ("stop", "stop", stop),
    ] {
        let body = json!({ "job": job, "buildConfig": config(), field: state }).to_string();
        assert_eq!(decoded(&body).counted_attempts(), Some(0), "{body}");
    }
}

#[test]
fn errors_have_names() {
    let missing = DecodeError::Missing { field: "x" };
    assert_eq!(refused(b"").as_str(), "not-json");
    assert_eq!(refused(b"7").as_str(), "not-a-job");
    assert_eq!(refused(b"{\"job\":\"x\"}").as_str(), "unknown-job");
    assert_eq!(missing.as_str(), "missing-field");
    assert_eq!(invalid("x", "y").as_str(), "invalid-field");
}
