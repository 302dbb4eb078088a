//! P5: one story per build. The producer's trace goes on through start, delay and check to the builds API.

use std::collections::BTreeSet;

use testbed::{
    broker::{AMQPValue, FieldTable},
    collector::{Kind, Span},
    poll,
    world::World,
};

use crate::corner::{SOON, has_node, play};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PRODUCER: &str = "00f067aa0ba902b7";
/// What the story must tell, in its order: who, what.
const STORY: [(&str, &str); 6] = [
    ("start-worker", "process {queue}"),
    ("start-worker", "publish {queue}.checks.v1.delay.1000"),
    ("start-worker", "create pod"),
    ("verify-worker", "process {queue}.checks.v1"),
    ("verify-worker", "get pod"),
    ("verify-worker", "PUT /v4/builds/{id}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_producer_to_the_verdict() -> anyhow::Result<()> {
    play("p5", async |world| {
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("node:22");
        let mut headers = FieldTable::default();
        let parent = format!("00-{TRACE}-{PRODUCER}-01");
        headers.insert("traceparent".into(), AMQPValue::LongString(parent.into()));
        world
            .vhost
            .publish_with_headers(world.vhost.queue(), config.start(), headers)
            .await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        let story = STORY.map(|(who, what)| (who, what.replace("{queue}", world.vhost.queue())));
        // Each worker exports on its own time: the story is whole when it is.
        let whole = poll::until("the whole story", SOON, || async { told(&world, id, &story) });
        whole.await?;
        anyhow::ensure!(
            world.collector.garbage().is_empty(),
            "{:?}",
            world.collector.garbage()
        );
        Ok(())
    })
    .await
}

/// Everything that the trace has to show.
fn told(world: &World, id: u64, story: &[(&str, String)]) -> anyhow::Result<()> {
    let spans = world.collector.trace(TRACE);
    for (who, what) in story {
        let told = spans
            .iter()
            .any(|span| span.service == *who && span.name == *what);
        let so_far = || world.collector.waterfall(TRACE);
        anyhow::ensure!(told, "{who} has not told `{what}` in\n{}", so_far());
    }
    let loose = spans.iter().find(|span| !connected(span, &spans));
    anyhow::ensure!(loose.is_none(), "{loose:?} hangs in the air");
    let first = spans.iter().find(|span| span.parent.as_deref() == Some(PRODUCER));
    let takes = |span: &Span| span.name == story[0].1 && span.kind == Kind::Consumer;
    anyhow::ensure!(first.is_some_and(takes), "the producer is followed by {first:?}");
    let builds: BTreeSet<_> = spans
        .iter()
        .filter_map(|span| span.attribute("build.id"))
        .collect();
    anyhow::ensure!(builds == BTreeSet::from([id.to_string()]), "builds {builds:?}");
    for asked in world.api.history().iter().filter(|asked| asked.updates(id)) {
        let carried = asked.traceparent.as_deref().unwrap_or("nothing");
        let caller = spans
            .iter()
            .find(|span| carried == format!("00-{TRACE}-{}-01", span.span_id));
        let calls = |span: &Span| span.name == "PUT /v4/builds/{id}";
        anyhow::ensure!(
            caller.is_some_and(calls),
            "an update carried {carried}, which is {caller:?}"
        );
    }
    Ok(())
}

/// Every span's parent is in the trace, or is the producer's.
fn connected(span: &Span, all: &[Span]) -> bool {
    span.parent
        .as_deref()
        .is_some_and(|parent| parent == PRODUCER || all.iter().any(|other| other.span_id == parent))
}
