//! Texts and numbers that JSON can write and Rust's types cannot hold: what only shows in a pod is taken as far as it
//! goes, since the producer's language has them all.

use super::*;

/// The configuration of a start whose `field` is this JSON, as it stands.
fn with(field: &str, json: &str) -> String {
    let mut config = config();
    config.as_object_mut().unwrap().remove(field);
    let config = config.to_string();
    let rest = config.strip_prefix('{').unwrap();
    format!(r#"{{"job":"start","buildConfig":{{"{field}":{json},{rest}}}"#)
}

/// Deeper than any parser goes.
fn deep() -> String {
    format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))
}

#[test]
fn annotations_of_others_may_be_anything() {
    for odd in [
        r#"{"a":"\ud800"}"#,
        r#"{"\udfff":1}"#,
        r#"{"a":1e400}"#,
        r#"{"a":-1e400}"#,
        &format!(r#"{{"a":{}}}"#, deep()),
        r#"{"a":1,"a":2}"#,
    ] {
        let odd = odd.replacen('{', r#"{"screwdriver.cd/cpu":"HIGH","#, 1);
        let body = with("annotations", &odd);
        let job = decoded(&body);
        assert_eq!(
            Value::Object(job.config().unwrap().annotations.clone()),
            json!({ "screwdriver.cd/cpu": "HIGH" }),
            "{}",
            &odd[..60.min(odd.len())]
        );
    }
}

#[test]
fn annotations_that_cannot_be_held_are_the_nearest() {
    let cases = [
        (
            r#""HI\ud800GH""#.to_owned(),
            json!("HI\u{fffd}\u{fffd}\u{fffd}GH"),
        ),
        ("1e400".to_owned(), json!("Infinity")),
        ("-1e400".to_owned(), json!("-Infinity")),
        (deep(), json!({})),
        (r#"["\ud800"]"#.to_owned(), json!({})),
        ("3".to_owned(), json!(3)),
        (r#"[{"a":null}]"#.to_owned(), json!([{ "a": null }])),
    ];
    for (value, expected) in cases {
        let body = with(
            "annotations",
            &format!(r#"{{"beta.screwdriver.cd/cpu":{value}}}"#),
        );
        let job = decoded(&body);
        assert_eq!(
            job.config().unwrap().annotations["beta.screwdriver.cd/cpu"],
            expected
        );
    }
    // Of the same one twice the later counts.
    let body = with(
        "annotations",
        r#"{"screwdriver.cd/cpu":1,"screwdriver.cd/ram":2,"screwdriver.cd/cpu":3}"#,
    );
    let annotations = decoded(&body).config().unwrap().annotations.clone();
    assert_eq!(
        Value::Object(annotations),
        json!({ "screwdriver.cd/cpu": 3, "screwdriver.cd/ram": 2 })
    );
}

#[test]
fn fields_that_nobody_reads_may_be_anything() {
    for odd in ["\"\\ud800\"", "1e400", &deep(), "[1e400,\"\\udead\"]"] {
        for field in ["causeMessage", "provider", "blockedBy"] {
            assert_eq!(decoded(&with(field, odd)).kind(), "start", "{field}");
        }
        for field in ["pipeline", "template"] {
            let body = with(field, &format!(r#"{{"id":1,"scmContext":{odd}}}"#));
            assert_eq!(decoded(&body).kind(), "start", "{field}");
        }
    }
}

#[test]
fn names_that_cannot_be_held_are_the_nearest() {
    let odd = r#""a\ud800b""#;
    let near = Some("a\u{fffd}\u{fffd}\u{fffd}b");
    let body = with("jobName", odd);
    assert_eq!(decoded(&body).config().unwrap().job_name.as_deref(), near);
    let body = with("pipeline", &format!(r#"{{"id":1,"name":{odd}}}"#));
    let job = decoded(&body);
    assert_eq!(
        job.config().unwrap().pipeline.as_ref().unwrap().name.as_deref(),
        near
    );
    let body = with("template", &format!(r#"{{"fullName":{odd},"version":{odd}}}"#));
    let job = decoded(&body);
    let template = job.config().unwrap().template.as_ref().unwrap();
    assert_eq!(
        (template.full_name.as_deref(), template.version.as_deref()),
        (near, near)
    );
    let body = with("container", odd);
    let Job::Start(job) = decoded(&body) else {
        panic!("no start")
    };
    assert_eq!(Some(job.container.as_ref()), near);
}

/// As the predecessor's language turns into text what it takes for something.
#[test]
fn names_of_other_types_are_their_texts() {
    for (name, expected) in [
        ("true", Some("true")),
        ("false", None),
        ("7", Some("7")),
        ("0", None),
        ("1.50", Some("1.5")),
        ("3.0", Some("3")),
        ("1e21", Some("1e+21")),
        ("-2.5e-7", Some("-2.5e-7")),
        (r#"["a","b",null,1]"#, Some("a,b,,1")),
        ("[]", None),
        ("{}", None),
        ("null", None),
        (r#""""#, None),
    ] {
        let body = with("pipeline", &format!(r#"{{"id":1,"name":{name}}}"#));
        let job = decoded(&body);
        let found = job.config().unwrap().pipeline.as_ref().unwrap().name.clone();
        assert_eq!(found.as_deref(), expected, "{name}");
        let body = with("template", &format!(r#"{{"version":{name}}}"#));
        let job = decoded(&body);
        let found = job.config().unwrap().template.as_ref().unwrap().version.clone();
        assert_eq!(found.as_deref(), expected, "{name}");
    }
}

/// The later one counts, as with the producer's own parser.
#[test]
fn fields_may_be_there_twice() {
    let body = r#"{"job":"stop","buildConfig":{"buildId":1},"job":"start","buildConfig":
        {"buildId":2,"apiUri":"https://a.example","container":"a","token":"t.t.t","pipeline":{"id":1,"id":3},
         "buildId":4,"container":"b"}}"#;
    let Job::Start(job) = decoded(body) else {
        panic!("no start")
    };
    assert_eq!((job.config.build_id.get(), job.container.as_ref()), (4, "b"));
    assert_eq!(job.config.pipeline.map(|pipeline| pipeline.id), Some(3));
}
