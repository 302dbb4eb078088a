//! Lists: they come page after page as they are asked for, and they end.

use std::pin::pin;
use std::task::Poll;

use axum::response::Response;
use screwdriver_api_client::{Class, Error, Items, Job, Listing, PipelineId};

use crate::api::{Api, Seen, answer, refusal};
use crate::tools;

fn page(seen: &Seen) -> u64 {
    let (_, rest) = seen.line.split_once("page=").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}

fn jobs(ids: impl Iterator<Item = u64>) -> Response {
    let jobs: Vec<_> = ids
        .map(|id| format!(r#"{{"id":{id},"name":"job-{id}"}}"#))
        .collect();
    answer(200, format!("[{}]", jobs.join(",")))
}

fn list(server: &Api) -> Items<Job> {
    let pipeline = PipelineId::try_from(123).unwrap();
    tools(&server.uri)
        .pipelines()
        .jobs(pipeline, Listing::default().page_size(2))
}

#[tokio::test]
async fn a_list_ends_with_an_empty_page_and_not_with_a_short_one() {
    // The second page is short: the API filters some lists after it has cut the pages.
    let server = Api::routing(|seen| match page(seen) {
        1 => jobs(1..=2),
        2 => jobs(3..=3),
        3 => jobs(4..=5),
        _ => jobs(0..0),
    })
    .await;
    let ids: Vec<_> = list(&server)
        .all()
        .await
        .unwrap()
        .iter()
        .map(|job| job.id.get())
        .collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn a_page_is_fetched_only_when_it_is_needed() {
    let server = Api::routing(|seen| jobs(2 * page(seen) - 1..=2 * page(seen))).await;
    let mut items = list(&server);
    assert_eq!(server.take().len(), 0);
    for id in 1..=2 {
        assert_eq!(items.next().await.unwrap().unwrap().id.get(), id);
    }
    assert_eq!(server.take().len(), 1);
    assert_eq!(items.next().await.unwrap().unwrap().id.get(), 3);
    assert_eq!(server.take().len(), 1);
    let odd = list(&server).only(|job| job.id.get() % 2 == 1);
    let ids: Vec<_> = odd
        .first(3)
        .await
        .unwrap()
        .iter()
        .map(|job| job.id.get())
        .collect();
    assert_eq!(ids, [1, 3, 5]);
}

#[tokio::test]
async fn an_api_that_does_not_know_pages_is_noticed() {
    let server = Api::answering(|| jobs(1..=2)).await;
    let mut items = list(&server);
    for id in 1..=2 {
        assert_eq!(items.next().await.unwrap().unwrap().id.get(), id);
    }
    let error = items.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::SamePage { page: 2 }), "{error:?}");
    assert_eq!(error.class(), Class::Permanent);
    assert!(items.next().await.is_none());
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn an_error_ends_a_list_after_what_came_before_it() {
    let server = Api::routing(|seen| match page(seen) {
        1 => jobs(1..=2),
        _ => refusal(404, "Pipeline does not exist"),
    })
    .await;
    let mut items = list(&server);
    assert!(items.next().await.unwrap().is_ok());
    assert!(items.next().await.unwrap().is_ok());
    assert!(matches!(items.next().await, Some(Err(Error::NotFound { .. }))));
    assert!(items.next().await.is_none());
    assert!(items.next().await.is_none(), "and stays at its end");
}

#[tokio::test]
async fn a_list_is_a_stream_too() {
    let server = Api::routing(|seen| if page(seen) == 1 { jobs(1..=2) } else { jobs(0..0) }).await;
    let mut items = pin!(list(&server));
    let mut ids = Vec::new();
    while let Some(job) = std::future::poll_fn(|context| -> Poll<Option<Result<Job, Error>>> {
        futures_util::Stream::poll_next(items.as_mut(), context)
    })
    .await
    {
        ids.push(job.unwrap().id.get());
    }
    assert_eq!(ids, [1, 2]);
}
