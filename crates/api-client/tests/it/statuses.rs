//! Every status that a server can answer with, and what it comes to: through the whole client, so that
//! neither the connection nor the HTTP library has a say of its own.

use std::fmt::Write as _;

use screwdriver_api_client::{BuildUpdate, Error, Retry};

use crate::api::{Api, answer};
use crate::{build, client, token};

/// What an answer means, as a caller sees it.
fn meaning<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{} ({:?})", error.as_str(), error.class()),
    }
}

#[tokio::test]
async fn every_status_has_a_meaning_and_it_is_the_same_for_all_calls() {
    // The status is the name of the step that is asked for, or the number of the build.
    let server = Api::routing(|seen| {
        let path = seen.line.split(['?', ' ']).nth(1).unwrap();
        let status = path.split('/').find_map(|part| part.parse().ok()).unwrap();
        answer(status, if status == 200 { "[]" } else { "" })
    })
    .await;
    let client = client();
    let api = client.api(&server.uri, token()).unwrap().retry(Retry::NEVER);
    let update = BuildUpdate::message("waiting");
    let mut table = String::new();
    let mut last = String::new();
    for status in 200..600_u64 {
        let build = status.try_into().unwrap();
        let reported = meaning(client.update_build(&server.uri, build, &token(), &update).await);
        if !(200..300).contains(&status) {
            let read = meaning(api.builds().steps(build).await);
            assert_eq!(read, reported, "{status}");
            // A download may be elsewhere, but not nowhere.
            let opened = meaning(api.builds().all_artifacts(build).await);
            assert_eq!(opened, reported, "{status}");
        }
        if reported != last {
            writeln!(table, "from {status}: {reported}").unwrap();
            last = reported;
        }
    }
    insta::assert_snapshot!(table, @r"
    from 200: done
    from 300: unexpected (Environment)
    from 400: invalid (Permanent)
    from 401: unauthorized (Environment)
    from 402: invalid (Permanent)
    from 403: forbidden (Environment)
    from 404: not-found (Environment)
    from 405: invalid (Permanent)
    from 408: server (Transient)
    from 409: invalid (Permanent)
    from 429: rate-limited (Transient)
    from 430: invalid (Permanent)
    from 500: server (Transient)
    ");
}

#[tokio::test]
async fn a_success_without_the_body_that_it_should_have_is_unreadable() {
    for (status, body) in [(200, ""), (204, ""), (200, "null"), (200, "<html>"), (200, "[1")] {
        let server = Api::answering(move || answer(status, body)).await;
        let api = client().api(&server.uri, token()).unwrap();
        let error = api.builds().steps(build()).await.unwrap_err();
        assert!(
            matches!(error, Error::Undecodable { .. }),
            "{status} {body}: {error:?}"
        );
    }
}
