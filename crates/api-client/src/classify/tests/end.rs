//! What the API's words mean for the build that they are about.

use super::*;

#[test]
fn finished_is_what_the_api_says_of_this_build_and_nothing_else() {
    let closed = "Can only update RUNNING, QUEUED, BLOCKED, FROZEN, or UNSTABLE builds";
    let gone = "Build 8609 does not exist";
    assert_eq!(
        ask(8609, 403, &said(403, closed)).unwrap_err().class(),
        Class::Finished
    );
    assert_eq!(
        ask(8609, 404, &said(404, gone)).unwrap_err().class(),
        Class::Finished
    );

    let page = format!("<html><body>{gone}</body></html>").into_bytes();
    let near_misses = [
        (
            "another build is gone",
            404,
            said(404, "Build 860 does not exist"),
        ),
        (
            "the id is only the beginning of another",
            404,
            said(404, "Build 86091 does not exist"),
        ),
        ("text before", 404, said(404, "Sorry: Build 8609 does not exist")),
        (
            "text after",
            404,
            said(404, "Build 8609 does not exist, nor does its pipeline"),
        ),
        ("no id", 404, said(404, "Build does not exist")),
        ("no such route", 404, said(404, "Not Found")),
        (
            "another build's token",
            403,
            said(403, "Credential only valid for 8609"),
        ),
        ("no scope", 403, said(403, "Insufficient scope")),
        (
            "duplicate pod",
            403,
            said(
                403,
                "Can not update status to RUNNING. Build Id: 8609 is still running.",
            ),
        ),
        (
            "text before",
            403,
            said(403, "You Can only update RUNNING builds"),
        ),
        ("another case", 403, said(403, "can only update RUNNING builds")),
        ("nothing after", 403, said(403, "Can only update")),
        ("texts exchanged", 403, said(403, gone)),
        ("texts exchanged", 404, said(404, closed)),
        ("a page", 404, page),
        ("plain text", 403, closed.as_bytes().to_vec()),
        ("JSON text", 403, json!(closed).to_string().into_bytes()),
        (
            "another field",
            403,
            json!({"error": closed}).to_string().into_bytes(),
        ),
        ("cut off", 403, said(403, closed)[..60].to_vec()),
        ("empty", 404, Vec::new()),
    ];
    for (name, status, body) in near_misses {
        let error = ask(8609, status, &body).unwrap_err();
        assert_eq!(error.class(), Class::Environment, "{name}: {error:?}");
    }
    for status in [400, 401, 409, 410, 429, 500, 502] {
        let error = ask(8609, status, &said(status, closed)).unwrap_err();
        assert_ne!(error.class(), Class::Finished, "{status}");
    }
}

#[test]
fn without_a_build_nothing_is_finished() {
    let body = said(403, "Can only update RUNNING builds");
    assert!(matches!(
        classify(ANY, plain(403, &body), NOW),
        Err(Error::Forbidden { .. })
    ));
}

#[test]
fn a_build_is_wanted_unless_the_api_says_that_it_started() {
    let ask = |status: u16, body: &[u8]| wanted(about(8609), plain(status, body), NOW);
    let started = "Build is already running or finished.";
    assert_eq!(ask(200, br#"{"token":"eyJ"}"#).unwrap(), Wanted::Yes);
    assert_eq!(ask(200, b"not even JSON").unwrap(), Wanted::Yes);
    assert_eq!(ask(403, &said(403, started)).unwrap(), Wanted::RunningOrFinished);
    assert!(matches!(
        ask(403, started.as_bytes()),
        Err(Error::Forbidden { .. })
    ));
    assert!(matches!(
        ask(403, &said(403, "Insufficient scope")),
        Err(Error::Forbidden { .. })
    ));
    assert!(matches!(
        ask(404, &said(404, started)),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        ask(404, &said(404, "Build does not exist")),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(ask(503, &said(503, started)), Err(Error::Server { .. })));
}
