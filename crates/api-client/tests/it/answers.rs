//! What a builds API answers to each of its calls.

use axum::response::Response;

use crate::api::{Seen, answer, refusal};
use crate::token;

const BUILD: &str = r#"{"id":8609,"jobId":777,"eventId":4242,"status":"QUEUED","createTime":"2024-05-06T07:08:09.000Z",
    "statusMessage":"Waiting for resources to be available.","stats":{"queueEnterTime":"2024-05-06T07:08:10.000Z"},
    "steps":[{"name":"sd-setup-init","startTime":"2024-05-06T07:08:09.000Z"}],"meta":{"a":1}}"#;
const STEP: &str = r#"{"name":"sd-setup-init","code":0,"lines":12}"#;
const STEPS: &str = r#"[{"name":"sd-setup-init","code":0,"lines":12}]"#;
const EVENT: &str = r#"{"id":4242,"pipelineId":123,"type":"pipeline","status":"IN_PROGRESS"}"#;
const JOB: &str = r#"{"id":777,"name":"main","pipelineId":123,"state":"ENABLED","archived":false}"#;
const PIPELINE: &str =
    r#"{"id":123,"name":"screwdriver-cd/guide","state":"ACTIVE","scmContext":"github:github.com"}"#;
const CLUSTER: &str =
    r#"{"name":"iris","isActive":true,"weightage":20,"scmOrganizations":["screwdriver-cd"]}"#;

fn list_of(item: &str, seen: &Seen) -> String {
    // The second page of every list is empty.
    if seen.line.contains("page=2") {
        "[]".to_owned()
    } else {
        format!("[{item}]")
    }
}

pub(crate) fn route(seen: &Seen) -> Response {
    let path = seen.line.split(['?', ' ']).nth(1).unwrap();
    let parts: Vec<_> = path.split('/').skip(2).collect();
    let body = match parts.as_slice() {
        ["status"] if seen.line.contains("exhaustive") => r#"{"api":"OK","queue":"OK","store":"OK"}"#.to_owned(),
        ["status"] => "OK".to_owned(),
        ["versions"] => {
            r#"{"versions":["screwdriver-models@28.0.0"],"licenses":[{"name":"joi","licenses":["BSD-3-Clause"]}]}"#
                .to_owned()
        }
        ["builds", "statuses"] => format!(r#"[{{"jobId":777,"builds":[{BUILD}]}}]"#),
        ["builds", _, "token"] => format!(r#"{{"token":"{}"}}"#, token().expose()),
        ["builds", _, "steps"] => STEPS.to_owned(),
        ["builds", _, "steps", _] => STEP.to_owned(),
        ["builds", _]
        | ["jobs", _, "latestBuild"]
        | ["pipelines", _, "jobs", _, "latestBuild"] => BUILD.to_owned(),
        ["events"] => return answer(201, EVENT),
        ["events", _, "builds"] => format!("[{BUILD}]"),
        ["events", ..] | ["pipelines", _, "latestCommitEvent" | "lastSuccessfulEvent"] => EVENT.to_owned(),
        ["jobs" | "pipelines", _, "builds"] => list_of(BUILD, seen),
        ["jobs", _, "lastSuccessfulMeta"] => r#"{"a":1}"#.to_owned(),
        ["jobs", _] => JOB.to_owned(),
        ["pipelines"] => list_of(PIPELINE, seen),
        ["pipelines", _, "jobs"] => list_of(JOB, seen),
        ["pipelines", _, "events"] => list_of(EVENT, seen),
        ["pipelines", _, "caches"] => return answer(204, ""),
        ["pipelines", _] => PIPELINE.to_owned(),
        ["buildclusters"] => format!("[{CLUSTER}]"),
        ["buildclusters", _] => CLUSTER.to_owned(),
        _ => return refusal(404, "Not Found"),
    };
    answer(200, body)
}
