//! The API's rules as tables: who is refused with which words, and what an accepted change leaves behind.

use jiff::Timestamp;

use super::*;
use crate::builds_api::token::{Scope, token_for};

const ID: u64 = 8609;
const CLOSED: &str = "Can only update RUNNING, QUEUED, BLOCKED, FROZEN, or UNSTABLE builds";

fn caller(build: u64, scope: Scope) -> Caller {
    let token = token_for(build, scope, at(0), at(3600));
    Caller::read(Some(&format!("Bearer {token}")), at(3599)).expect("a valid token")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn update(body: &str) -> Update {
    Update::parse(body.as_bytes()).expect("a valid body")
}

#[track_caller]
fn refused(caller: &Caller, status: Option<Status>, body: &str, code: u16, message: &str) {
    let build = status.map(|status| Build::new(ID, status, at(0)));
    let refusal = put(caller, ID, build.as_ref(), &update(body)).expect_err("must be refused");
    assert_eq!(
        (refusal.status.as_u16(), refusal.message.as_str()),
        (code, message)
    );
}

#[test]
fn a_change_is_refused_in_the_order_of_the_checks() {
    let own = caller(ID, Scope::Temporal);
    let other = caller(1, Scope::Temporal);
    let user = caller(ID, Scope::User);
    let admin = caller(ID, Scope::Admin);
    // Another build's token learns nothing about whether the build exists.
    refused(&other, None, "{}", 403, "Credential only valid for 1");
    refused(
        &other,
        Some(Status::Success),
        "{}",
        403,
        "Credential only valid for 1",
    );
    refused(&own, None, "{}", 404, "Build 8609 does not exist");
    for status in Status::ALL.into_iter().filter(|status| !status.open()) {
        refused(&own, Some(status), "{}", 403, CLOSED);
        refused(&user, Some(status), r#"{"status":"RUNNING"}"#, 403, CLOSED);
    }
    refused(
        &own,
        Some(Status::Running),
        r#"{"status":"RUNNING"}"#,
        403,
        "Build 8609 is already running",
    );
    refused(
        &own,
        Some(Status::Running),
        r#"{"status":"QUEUED"}"#,
        400,
        "Cannot update builds to QUEUED",
    );
    refused(
        &own,
        Some(Status::Blocked),
        r#"{"status":"BLOCKED"}"#,
        400,
        "Cannot update builds to BLOCKED",
    );
    refused(
        &user,
        Some(Status::Queued),
        "{}",
        400,
        "User can only update builds to ABORTED",
    );
    refused(
        &admin,
        Some(Status::Queued),
        r#"{"status":"SUCCESS"}"#,
        400,
        "Admin can only update builds to ABORTED or FAILURE",
    );
}

#[test]
fn an_open_build_takes_changes_of_its_own_tokens() {
    for scope in [Scope::Temporal, Scope::Build] {
        for status in Status::ALL.into_iter().filter(|status| status.open()) {
            let build = Build::new(ID, status, at(0));
            let result = put(
                &caller(ID, scope),
                ID,
                Some(&build),
                &update(r#"{"status":"FAILURE"}"#),
            );
            assert!(result.is_ok(), "{scope:?} {status:?}");
        }
    }
    let queued = Build::new(ID, Status::Queued, at(0));
    assert!(
        put(
            &caller(ID, Scope::Temporal),
            ID,
            Some(&queued),
            &update(r#"{"status":"QUEUED"}"#)
        )
        .is_ok()
    );
}

#[test]
fn a_body_outside_the_schema_is_a_400() {
    for body in [
        "",
        "[]",
        r#"{"state":"FAILURE"}"#,
        r#"{"status":"failure"}"#,
        r#"{"status":null}"#,
        r#"{"statusMessage":""}"#,
        r#"{"statusMessage":7}"#,
        r#"{"statusMessageType":"FATAL"}"#,
        r#"{"stats":{"hostname":7}}"#,
        r#"{"stats":{"imagePullStartTime":"yesterday"}}"#,
        r#"{"stats":[]}"#,
        r#"{"meta":"text"}"#,
    ] {
        let refusal = Update::parse(body.as_bytes()).expect_err(body);
        assert_eq!(refusal.status.as_u16(), 400, "{body}");
    }
    let times =
        r#"{"stats":{"imagePullStartTime":"2026-01-02T03:04:05.678Z","own":[1]},"statusMessageType":"WARN"}"#;
    assert!(Update::parse(times.as_bytes()).is_ok());
}

#[test]
fn a_token_is_refused_without_its_conditions() {
    let queued = Build::new(ID, Status::Queued, at(0));
    let own = caller(ID, Scope::Temporal);
    let ninety = json!({ "buildTimeout": 90 });
    let words = |result: Result<(), Refusal>| result.map_err(|no| (no.status.as_u16(), no.message));
    assert_eq!(words(token(&own, ID, Some(&queued), &ninety)), Ok(()));
    assert_eq!(
        words(token(&own, ID, None, &ninety)),
        Err((404, "Build does not exist".to_owned()))
    );
    let mismatch = Err((404, "Build Id parameter and token does not match".to_owned()));
    assert_eq!(
        words(token(&caller(1, Scope::Temporal), ID, Some(&queued), &ninety)),
        mismatch
    );
    let nonsense = token(&own, ID, Some(&queued), &json!({ "buildTimeout": "soon" }));
    assert_eq!(
        words(nonsense),
        Err((400, "Invalid buildTimeout value: \"soon\"".to_owned()))
    );
    for status in Status::ALL {
        let result = token(&own, ID, Some(&Build::new(ID, status, at(0))), &ninety);
        let open = matches!(status, Status::Queued | Status::Blocked);
        let expected = if open {
            Ok(())
        } else {
            Err((403, "Build is already running or finished.".to_owned()))
        };
        assert_eq!(words(result), expected, "{status:?}");
    }
}

/// A build in `status` that says "before", after the update in `body`.
fn after(status: Status, body: &str) -> Build {
    let mut build = Build::new(ID, status, at(0));
    build.status_message = Some("before".to_owned());
    build.apply(&update(body), "8609", at(60));
    build
}

#[test]
fn the_message_is_kept_replaced_forced_or_cleared() {
    let rows = [
        (
            Status::Queued,
            r#"{"stats":{"hostname":"node-1"}}"#,
            Status::Queued,
            None,
        ),
        (
            Status::Queued,
            r#"{"statusMessage":"new"}"#,
            Status::Queued,
            Some("new"),
        ),
        (Status::Running, r#"{"stats":{}}"#, Status::Running, None),
        (Status::Queued, r#"{"status":"RUNNING"}"#, Status::Running, None),
        (
            Status::Queued,
            r#"{"status":"FAILURE"}"#,
            Status::Failure,
            Some("before"),
        ),
        (
            Status::Queued,
            r#"{"status":"FAILURE","statusMessage":"new"}"#,
            Status::Failure,
            Some("new"),
        ),
        (
            Status::Running,
            r#"{"status":"SUCCESS"}"#,
            Status::Success,
            Some("before"),
        ),
        (
            Status::Queued,
            r#"{"status":"ABORTED","statusMessage":"x"}"#,
            Status::Aborted,
            Some("Aborted by 8609"),
        ),
        (
            Status::Frozen,
            r#"{"status":"ABORTED"}"#,
            Status::Aborted,
            Some("Frozen build aborted by 8609"),
        ),
        (
            Status::Unstable,
            r#"{"stats":{}}"#,
            Status::Unstable,
            Some("before"),
        ),
        (
            Status::Unstable,
            r#"{"statusMessage":"new"}"#,
            Status::Unstable,
            Some("new"),
        ),
        (
            Status::Unstable,
            r#"{"status":"FAILURE","statusMessage":"x"}"#,
            Status::Unstable,
            Some("before"),
        ),
    ];
    for (before, body, status, message) in rows {
        let build = after(before, body);
        assert_eq!(
            (build.status, build.status_message.as_deref()),
            (status, message),
            "{before:?} {body}"
        );
    }
}

#[test]
fn stats_are_merged_key_by_key_and_times_are_set() {
    let mut build = Build::new(ID, Status::Queued, at(0));
    build.apply(
        &update(r#"{"stats":{"hostname":"node-1","own":{"a":1}}}"#),
        "8609",
        at(1),
    );
    build.apply(&update(r#"{"stats":{"own":{"b":2}}}"#), "8609", at(2));
    assert_eq!(build.stat("hostname"), Some("node-1"));
    assert_eq!(build.stats["own"], json!({ "b": 2 }), "merged at the top only");
    assert_eq!(
        (build.start_time, build.end_time, build.done()),
        (None, None, false)
    );
    build.apply(&update(r#"{"status":"RUNNING"}"#), "8609", at(3));
    assert_eq!((build.start_time, build.steps[0].code), (Some(at(3)), Some(0)));
    for status in ["SUCCESS", "FAILURE", "ABORTED"] {
        let ended = after(
            Status::Queued,
            &format!(r#"{{"status":"{status}","meta":{{"a":1}}}}"#),
        );
        assert_eq!(
            (ended.end_time, ended.steps[0].code),
            (Some(at(60)), Some(130)),
            "{status}"
        );
        assert_eq!(
            (ended.meta.clone(), ended.done()),
            (json!({ "a": 1 }), true),
            "{status}"
        );
    }
}

#[test]
fn a_build_of_an_aborted_event_is_aborted_by_any_change() {
    let mut build = Build::new(ID, Status::Queued, at(0));
    build.event_aborted = true;
    build.apply(&update(r#"{"stats":{"hostname":"node-1"}}"#), "8609", at(60));
    assert_eq!((build.status, build.end_time), (Status::Aborted, Some(at(60))));
}

#[test]
fn a_token_must_be_well_formed_and_valid() {
    let good = token_for(ID, Scope::Temporal, at(0), at(60));
    let read = |header: Option<&str>, second| Caller::read(header, at(second)).map_err(|no| no.message);
    let bearer = format!("Bearer {good}");
    assert!(read(Some(&bearer), 59).is_ok_and(|caller| caller.owns(ID) && caller.temporal()));
    assert_eq!(read(Some(&bearer), 60), Err("Expired token".to_owned()));
    assert_eq!(read(None, 0), Err("Missing authentication".to_owned()));
    assert_eq!(read(Some(&good), 0), Err("Missing authentication".to_owned()));
    let cut = bearer.rsplit_once('.').map(|(head, _)| head);
    assert_eq!(read(cut, 0), Err("Invalid token".to_owned()));
    let refusal = caller(ID, Scope::Temporal)
        .require(&["user", "build"])
        .expect_err("no such scope");
    assert_eq!(
        (refusal.status.as_u16(), refusal.message.as_str()),
        (403, "Insufficient scope")
    );
}
