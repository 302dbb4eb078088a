//! Every call of an API once, against a server that answers as the builds API does: what goes out, and what
//! is made of the answer.

use std::fmt::Write as _;

use screwdriver_api_client::{
    BuildStatus, BuildUpdate, CacheScope, Credential, EventId, EventStatus, Exchanged, JobId, JobState, Json,
    Listing, NewEvent, PipelineId, PipelineState, Sort, StepState,
};

use crate::api::Api;
use crate::{answers, build, client, token, tools};

fn event() -> EventId {
    EventId::try_from(4242).unwrap()
}

fn job() -> JobId {
    JobId::try_from(777).unwrap()
}

fn pipeline() -> PipelineId {
    PipelineId::try_from(123).unwrap()
}

/// The requests so far, each with its body, if it has one.
fn show(server: &Api) -> String {
    let mut text = String::new();
    for seen in server.take() {
        writeln!(text, "{} {}", seen.line, seen.body).unwrap();
    }
    text
}

#[tokio::test]
async fn builds() {
    let server = Api::routing(answers::route).await;
    let api = tools(&server.uri);
    let got = api.builds().get(build()).await.unwrap();
    assert_eq!((got.id, &got.status), (build(), &BuildStatus::Queued));
    assert_eq!(
        got.status_message.as_deref(),
        Some("Waiting for resources to be available.")
    );
    assert_eq!((got.job_id, got.event_id), (Some(job()), Some(event())));
    assert_eq!(
        got.stats.queue_enter_time,
        "2024-05-06T07:08:10.000Z".parse().ok()
    );
    assert_eq!(got.steps[0].name, "sd-setup-init");
    assert!(!got.has_ended());
    let updated = api
        .builds()
        .update(build(), &BuildUpdate::aborted())
        .await
        .unwrap();
    assert_eq!(updated, got);
    assert_eq!(api.builds().steps(build()).await.unwrap()[0].lines, Some(12));
    assert_eq!(
        api.builds().steps_in(build(), StepState::Success).await.unwrap()[0].code,
        Some(0)
    );
    assert_eq!(
        api.builds().step(build(), "sd-setup-init").await.unwrap().lines,
        Some(12)
    );
    let statuses = api
        .builds()
        .statuses(&[job(), JobId::try_from(778).unwrap()], 2)
        .await
        .unwrap();
    assert_eq!((statuses[0].job_id, statuses[0].builds[0].id), (job(), build()));
    let exchanged = api.builds().exchange_token(build(), 120).await.unwrap();
    assert_eq!(exchanged, Exchanged::Token(token()));
    insta::assert_snapshot!(show(&server), @r#"
    GET /v4/builds/8609 
    PUT /v4/builds/8609 {"status":"ABORTED"}
    GET /v4/builds/8609/steps 
    GET /v4/builds/8609/steps?status=success 
    GET /v4/builds/8609/steps/sd-setup-init 
    GET /v4/builds/statuses?numBuilds=2&jobIds=777&jobIds=778 
    POST /v4/builds/8609/token {"buildTimeout":120}
    "#);
    assert!(api.builds().statuses(&[], 2).await.unwrap().is_empty());
    assert_eq!(show(&server), "", "nothing is asked about no jobs");
}

#[tokio::test]
async fn events() {
    let server = Api::routing(answers::route).await;
    let api = tools(&server.uri);
    let new = NewEvent::start(pipeline(), "~commit")
        .cause_message("by hand")
        .sha("ccc49349d3cffbd12ea9e3d41521480b4aa5de5f")
        .meta(
            Json::new(
                &[("a", 1)]
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
            )
            .unwrap(),
        );
    let created = api.events().create(&new).await.unwrap();
    assert_eq!(
        (created.id, created.status),
        (event(), Some(EventStatus::InProgress))
    );
    let again = NewEvent::restart(build())
        .parent_event(event())
        .group_event(event())
        .parent_build(build());
    api.events().create(&again).await.unwrap();
    api.events()
        .create(
            &NewEvent::start(pipeline(), "~pr")
                .pull_request(15)
                .base_branch("main")
                .config_pipeline_sha("ccc4"),
        )
        .await
        .unwrap();
    assert_eq!(
        api.events().get(event()).await.unwrap().pipeline_id,
        Some(pipeline())
    );
    assert_eq!(api.events().builds(event()).await.unwrap().len(), 1);
    assert_eq!(api.events().stop(event()).await.unwrap().id, event());
    insta::assert_snapshot!(show(&server), @r#"
    POST /v4/events {"pipelineId":123,"startFrom":"~commit","causeMessage":"by hand","sha":"ccc49349d3cffbd12ea9e3d41521480b4aa5de5f","meta":{"a":1}}
    POST /v4/events {"buildId":8609,"parentEventId":4242,"groupEventId":4242,"parentBuildId":8609}
    POST /v4/events {"pipelineId":123,"startFrom":"~pr","configPipelineSha":"ccc4","baseBranch":"main","prNum":15}
    GET /v4/events/4242 
    GET /v4/events/4242/builds?fetchSteps=false 
    PUT /v4/events/4242/stop 
    "#);
}

#[tokio::test]
async fn jobs() {
    let server = Api::routing(answers::route).await;
    let api = tools(&server.uri);
    assert_eq!(api.jobs().get(job()).await.unwrap().name, "main");
    let listing = Listing::default().filter("status", "QUEUED");
    assert_eq!(api.jobs().builds(job(), listing).all().await.unwrap().len(), 1);
    let latest = api.jobs().latest_build(job(), None).await.unwrap();
    assert_eq!(latest.id, build());
    api.jobs()
        .latest_build(job(), Some(&BuildStatus::Success))
        .await
        .unwrap();
    let meta = api.jobs().last_successful_meta(job()).await.unwrap();
    assert_eq!(meta.field("a").unwrap().as_u64(), Some(1));
    let changed = api
        .jobs()
        .set_state(job(), &JobState::Disabled, Some("flaky"))
        .await
        .unwrap();
    assert_eq!(changed.id, job());
    api.jobs()
        .set_state(job(), &JobState::Enabled, None)
        .await
        .unwrap();
    insta::assert_snapshot!(show(&server), @r#"
    GET /v4/jobs/777 
    GET /v4/jobs/777/builds?page=1&count=50&status=QUEUED&fetchSteps=false 
    GET /v4/jobs/777/builds?page=2&count=50&status=QUEUED&fetchSteps=false 
    GET /v4/jobs/777/latestBuild 
    GET /v4/jobs/777/latestBuild?status=SUCCESS 
    GET /v4/jobs/777/lastSuccessfulMeta 
    PUT /v4/jobs/777 {"state":"DISABLED","stateChangeMessage":"flaky"}
    PUT /v4/jobs/777 {"state":"ENABLED"}
    "#);
}

#[tokio::test]
async fn pipelines() {
    let server = Api::routing(answers::route).await;
    let api = tools(&server.uri);
    let pipelines = api.pipelines();
    let found = pipelines
        .list(Listing::default().filter("search", "guide"))
        .all()
        .await
        .unwrap();
    assert_eq!(
        (found[0].id, &found[0].state),
        (pipeline(), &Some(PipelineState::Active))
    );
    assert_eq!(pipelines.get(pipeline()).await.unwrap(), found[0]);
    let jobs = pipelines
        .jobs(pipeline(), Listing::default())
        .first(1)
        .await
        .unwrap();
    assert_eq!(jobs[0].id, job());
    let events = pipelines
        .events(pipeline(), Listing::default().sort(Sort::Ascending))
        .first(1)
        .await
        .unwrap();
    assert_eq!(events[0].id, event());
    let listing = Listing::default().page_size(10).filter("fetchSteps", "true");
    assert_eq!(
        pipelines.builds(pipeline(), listing).first(1).await.unwrap()[0].id,
        build()
    );
    let latest = pipelines
        .latest_build(pipeline(), "PR-15:main", Some(&BuildStatus::Failure))
        .await
        .unwrap();
    assert_eq!(latest.id, build());
    let commit = pipelines.latest_commit_event(pipeline()).await.unwrap();
    assert_eq!(commit, pipelines.last_successful_event(pipeline()).await.unwrap());
    for scope in [
        CacheScope::Pipeline,
        CacheScope::Job(job()),
        CacheScope::Event(event()),
    ] {
        pipelines.delete_cache(pipeline(), scope).await.unwrap();
    }
    insta::assert_snapshot!(show(&server), @r"
    GET /v4/pipelines?page=1&count=50&search=guide 
    GET /v4/pipelines?page=2&count=50&search=guide 
    GET /v4/pipelines/123 
    GET /v4/pipelines/123/jobs?page=1&count=50 
    GET /v4/pipelines/123/events?page=1&count=50&sort=ascending 
    GET /v4/pipelines/123/builds?page=1&count=10&fetchSteps=true 
    GET /v4/pipelines/123/jobs/PR-15:main/latestBuild?status=FAILURE 
    GET /v4/pipelines/123/latestCommitEvent 
    GET /v4/pipelines/123/lastSuccessfulEvent 
    DELETE /v4/pipelines/123/caches?scope=pipelines&cacheId=123 
    DELETE /v4/pipelines/123/caches?scope=jobs&cacheId=777 
    DELETE /v4/pipelines/123/caches?scope=events&cacheId=4242 
    ");
}

#[tokio::test]
async fn build_clusters_and_the_api_itself() {
    let server = Api::routing(answers::route).await;
    let api = tools(&server.uri);
    let clusters = api.build_clusters().list().await.unwrap();
    assert_eq!(
        (clusters[0].name.as_str(), clusters[0].weightage),
        ("iris", Some(20.0))
    );
    assert_eq!(api.build_clusters().get("iris").await.unwrap(), clusters[0]);
    let authorised = server.take();
    assert!(
        authorised
            .iter()
            .all(|seen| seen.headers.contains_key("authorization"))
    );

    api.status().await.unwrap();
    assert_eq!(api.service_status().await.unwrap().store.as_deref(), Some("OK"));
    let versions = api.versions().await.unwrap();
    assert_eq!(versions.versions, ["screwdriver-models@28.0.0"]);
    assert_eq!(versions.licenses[0].name, "joi");
    client()
        .api(&server.uri, Credential::Anonymous)
        .unwrap()
        .status()
        .await
        .unwrap();
    let anonymous = server.take();
    assert!(
        anonymous
            .iter()
            .all(|seen| !seen.headers.contains_key("authorization"))
    );
    let lines: Vec<_> = authorised
        .into_iter()
        .chain(anonymous)
        .map(|seen| seen.line)
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GET /v4/buildclusters
    GET /v4/buildclusters/iris
    GET /v4/status
    GET /v4/status?exhaustive=true
    GET /v4/versions
    GET /v4/status
    ");
}
