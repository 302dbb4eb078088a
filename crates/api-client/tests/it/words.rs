//! Refusals of the API that are answers by what they say.

use screwdriver_api_client::{Class, Exchanged, JobId};

use crate::api::{Api, answer, refusal};
use crate::{build, tools};

fn job() -> JobId {
    JobId::try_from(777).unwrap()
}

#[tokio::test]
async fn what_the_api_says_in_words_is_told_as_a_value() {
    let started = Api::answering(|| refusal(403, "Build is already running or finished.")).await;
    let api = tools(&started.uri);
    let exchanged = api.builds().exchange_token(build(), 90).await.unwrap();
    assert_eq!(exchanged, Exchanged::RunningOrFinished);
    let none = Api::answering(|| refusal(404, "Builds do not exist")).await;
    let statuses = tools(&none.uri).builds().statuses(&[job()], 1).await.unwrap();
    assert!(statuses.is_empty());
}

#[tokio::test]
async fn the_same_words_in_a_page_or_of_another_status_are_errors() {
    for (status, json) in [(403, false), (404, false), (403, true), (404, true)] {
        let words = match status {
            403 if json => "Builds do not exist",
            404 if json => "Build is already running or finished.",
            _ => "Builds do not exist; Build is already running or finished.",
        };
        let say = move || {
            if json {
                refusal(status, words)
            } else {
                answer(status, words)
            }
        };
        let server = Api::answering(say).await;
        let api = tools(&server.uri);
        let exchanged = api.builds().exchange_token(build(), 90).await;
        let statuses = api.builds().statuses(&[job()], 1).await;
        for class in [exchanged.unwrap_err().class(), statuses.unwrap_err().class()] {
            assert_eq!(class, Class::Environment, "{status}: {words}");
        }
    }
}
