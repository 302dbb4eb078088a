//! What users read, and that nothing in it is secret.

use super::*;
use crate::{
    text::clean,
    verdict::catalogue::{Row, Scope, all, find},
};

#[test]
fn failures_begin_with_the_predecessors_text() {
    let image = "Build failed to start. Please check if your image is valid. ";
    let admin = "Build failed to start. Please reach out to your cluster admin for help. ";
    let cases = [
        ("ErrImagePull", image),
        ("ImagePullBackOff", image),
        ("InvalidImageName", image),
        ("CrashLoopBackOff", admin),
        ("CreateContainerConfigError", admin),
        ("CreateContainerError", admin),
        ("StartError", admin),
    ];
    for (reason, expected) in cases {
        let now = pod("Pending", &waiting(reason, "text"));
        let verdicts = chain(&[(0, &now), (600, &now), (1_200, &now)]);
        let message = &failure(&verdicts[2]).message;
        assert!(message.starts_with(expected), "{reason}: {message}");
    }
    for phase in ["Failed", "Unknown"] {
        let judgement = first_look(&pod(phase, &ended("Error", 1)));
        let expected = format!("Failed to create pod. Pod status is: {}", phase.to_lowercase());
        let message = &failure(&judgement.verdict).message;
        assert!(message.starts_with(&expected), "{message}");
        assert!(message.contains("container exited with code 1"), "{message}");
    }
}

#[test]
fn a_failure_has_cause_actor_step_and_quotation() {
    let now = pod(
        "Pending",
        &waiting("ErrImagePull", "failed to resolve image:\n\tnode:22: not found"),
    );
    let verdicts = chain(&[(0, &now), (60, &now)]);
    insta::assert_snapshot!(failure(&verdicts[1]).message, @"Build failed to start. Please check if your image is valid. The registry does not have image `node:22`. You can mend it: check the image's name and tag. Kubernetes says: ErrImagePull: failed to resolve image: node:22: not found");
}

#[test]
fn delays_and_waits_begin_with_the_predecessors_text() {
    let delayed = "Build initialization delayed - pod creation taking longer than expected";
    assert_eq!(delayed_message(None), delayed);
    assert_eq!(delayed_message(Some(" ")), delayed);
    assert_eq!(
        delayed_message(Some("0/1 nodes\nare available")),
        format!("{delayed}: 0/1 nodes are available")
    );
    assert_eq!(waiting_message(None), WAITING_FOR_RESOURCES);
    assert_eq!(
        waiting_message(Some("0/1 nodes")),
        "Waiting for resources to be available. 0/1 nodes"
    );
}

#[test]
fn image_texts_of_both_generations_of_runtimes() {
    let cases = [
        (
            r#"failed to resolve reference "I": pulling from host H failed with status code [manifests 1]: 403 Forbidden"#,
            Reason::ImageDenied,
        ),
        (
            r#"failed to resolve reference "docker.io/library/x:1": docker.io/library/x:1: not found"#,
            Reason::ImageNotFound,
        ),
        (
            "pull access denied, repository does not exist or may require authorization: server message",
            Reason::ImageDenied,
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status: 503 Service Unavailable",
            Reason::Registry,
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            Reason::ImageDenied,
        ),
        (
            "toomanyrequests: You have reached your pull rate limit",
            Reason::Registry,
        ),
        ("dial tcp 10.0.0.1:443: i/o timeout", Reason::Registry),
        ("read tcp: connection reset by peer", Reason::Registry),
        (
            r#"failed to pull image "x": no match for platform in manifest: not found"#,
            Reason::ImageUnsuitable,
        ),
        (
            "could not fetch content descriptor sha256:ab from remote: not found",
            Reason::ImageDamaged,
        ),
        ("write /var/lib: no space left on device", Reason::NodeFault),
        // Names prove nothing.
        (
            r#"failed to resolve reference "r/connection refused:1": r/not-found: manifest unknown"#,
            Reason::ImageNotFound,
        ),
        ("something that nobody has seen", Reason::ImagePull),
    ];
    for (text, expected) in cases {
        assert_eq!(
            find(Scope::Waiting, "ErrImagePull", text).map(|row| row.reason),
            Some(expected),
            "{text}"
        );
    }
}

#[test]
fn secrets_are_hidden() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJidWlsZElkIjoxfQ.c2lnbmF0dXJl";
    let cases = [
        (
            "GET https://user:pa55@r.io/v2/x: 401".to_owned(),
            "GET https://r.io/v2/x: 401",
        ),
        (
            "at https://r.io/token?scope=a%3Ab&sig=s3cret: 401".into(),
            "at https://r.io/token: 401",
        ),
        (
            "see \"http://r/x?y=s3cret\", please".into(),
            "see \"http://r/x\", please",
        ),
        (
            "Authorization: Bearer abcdef rejected".into(),
            "Authorization: Bearer [hidden] rejected",
        ),
        (
            "header \"Authorization:Basic dXNlcjpwYXNz\"".into(),
            "header \"Authorization:[hidden] [hidden]",
        ),
        ("no basic auth credentials".into(), "no basic auth credentials"),
        ("bearer token expired".into(), "bearer token expired"),
        (format!("--build_token {jwt}"), "--build_token [hidden]"),
        (format!("args [\"{jwt}\", \"x\"]"), "args [\"[hidden]\", \"x\"]"),
        ("cut eyJhbGciOiJIUzI1NiJ9".into(), "cut [hidden]"),
        ("SD_TOKEN=s3cret;x=1".into(), "SD_TOKEN=[hidden];x=1"),
        (
            "{\"password\":\"s3cret\",\"a\":1}".into(),
            "{\"password\":[hidden]\",\"a\":1}",
        ),
        ("password: s3cret no".into(), "password: [hidden] no"),
        (
            "mkdir /etc/passwd: not a directory".into(),
            "mkdir /etc/passwd: not a directory",
        ),
        (
            "login robot:s3cret@r.io failed".into(),
            "login [hidden]@r.io failed",
        ),
        (
            "pull \"robot:s3cret@r.io/tools:1\"".into(),
            "pull \"[hidden]@r.io/tools:1\"",
        ),
        (
            "r:5000/tools:1@sha256:abab tools:1@sha256:abab".into(),
            "r:5000/tools:1@sha256:abab tools:1@sha256:abab",
        ),
        ("{\"auth\":\"dXNlcjpwYXNz\"}".into(), "{\"auth\":[hidden]\"}"),
        (
            "git clone ghp_0123456789abcdef failed".into(),
            "git clone [hidden] failed",
        ),
        (
            "tools@sha256:abab: not found".into(),
            "tools@sha256:abab: not found",
        ),
        (
            "secret \"nosuch\" not found".into(),
            "secret \"nosuch\" not found",
        ),
        ("one\r\n\ttwo\u{2028}three\u{0}four".into(), "one two three four"),
    ];
    for (text, expected) in cases {
        assert_eq!(clean(&text, 500), expected, "{text}");
    }
}

#[test]
fn secrets_that_stand_apart_from_their_names_are_hidden() {
    let cases = [
        ("token: s3cret", "token: [hidden]"),
        ("token: hunter", "token: [hidden]"),
        ("secret: s3cret.", "secret: [hidden]"),
        ("apikey: s3cret no", "apikey: [hidden] no"),
        ("{\"token\": \"s3cret\"}", "{\"token\": [hidden]"),
        ("\"password\" : \"s3cret\" no", "\"password\" : [hidden] no"),
        ("X-Registry-Auth: czNjcmV0 no", "X-Registry-Auth: [hidden] no"),
        ("login --password s3cret no", "login --password [hidden] no"),
        (
            "Cookie: session=s3cret; id=s3cret; no",
            "Cookie: [hidden] [hidden] no",
        ),
        ("pass=s3cret", "pass=[hidden]"),
        ("pass: s3cret", "pass: [hidden]"),
        ("Bearer:s3cret bearer=s3cret", "Bearer:[hidden] bearer=[hidden]"),
        ("at r.io/x%3Fsig%3Ds3cret: 401", "at r.io/x: 401"),
        (
            "Authorization: Basic s3cret no",
            "Authorization: Basic [hidden] no",
        ),
        (
            "failed to fetch anonymous token: unexpected status",
            "failed to fetch anonymous token: unexpected status",
        ),
        (
            "failed for volume \"token\" : secret \"nosuch\" not found",
            "failed for volume \"token\" : secret \"nosuch\" not found",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(clean(text, 500), expected, "{text}");
    }
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(clean("äöüß", 4), "äöüß");
    assert_eq!(clean("äöüßé", 4), "ä...");
    assert_eq!(clean("abc", 2), "..");
    assert_eq!(clean(&"x".repeat(100_000), 500).len(), 500);
}

#[test]
fn long_names_leave_the_message_bounded() {
    let mut now = pod("Pending", &waiting("ErrImagePull", &"not found ".repeat(1_000)));
    now["spec"]["containers"][0]["image"] = json!("i".repeat(5_000));
    now["spec"]["nodeName"] = json!("n".repeat(5_000));
    let verdicts = chain(&[(0, &now), (60, &now)]);
    assert!(failure(&verdicts[1]).message.chars().count() <= message::MESSAGE);
}

#[test]
fn the_table_is_sound() {
    for row in all() {
        let Row {
            cause, advice, texts, ..
        } = row;
        assert!(!cause.ends_with('.') && !advice.ends_with('.'), "{row:?}");
        assert!(texts.iter().all(|text| *text == text.to_lowercase()), "{row:?}");
        assert!(!row.reasons.is_empty(), "{row:?}");
        for sentence in [cause, advice] {
            let placeholders = sentence
                .split('{')
                .skip(1)
                .map(|rest| rest.split('}').next().unwrap_or_default());
            for name in placeholders {
                assert!(
                    ["container", "image", "node", "code", "limit"].contains(&name),
                    "{name}: {row:?}"
                );
            }
        }
    }
}

/// A row that stands below one that takes everything it could match would never be found.
#[test]
fn every_row_can_be_reached() {
    for row in all() {
        let reason = row.reasons[0].replace('*', "x");
        let text = row.texts.first().copied().unwrap_or("some text");
        let found = find(row.scope, &reason, text).expect("a row");
        assert!(std::ptr::eq(found, row), "{row:?} is hidden by {found:?}");
    }
}
