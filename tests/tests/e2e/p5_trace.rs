//! P5: one story per build. The producer's trace goes on through start, delay and check to the builds API.

use std::collections::BTreeSet;

use testbed::{
    collector::{Kind, Span},
    kubelet::Life,
    poll,
    proxy::amqp::{Act, Point, Rule, Which},
    worker,
    world::World,
};

use crate::corner::{PRODUCER, SOON, TRACE, handled, has_node, holds_true, play, publish_traced, with};

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
        publish_traced(&world, &config).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        let story = STORY.map(|(who, what)| (who, what.replace("{queue}", world.vhost.queue())));
        // Each worker exports on its own time: the story is whole when it is.
        let whole = poll::until("the whole story", SOON, || async { told(&world, id, &story) });
        whole.await?;
        stages(&world).await?;
        documented(&world)?;
        calls(&world)?;
        anyhow::ensure!(
            world.collector.garbage().is_empty(),
            "{:?}",
            world.collector.garbage()
        );
        Ok(())
    })
    .await
}

/// For collectors that decide early what to keep: a check is a trace of its own, and leads back to the start's.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_can_be_a_trace_of_its_own_that_links_to_the_starts() -> anyhow::Result<()> {
    play("p5-linked", async |world| {
        let settings = [("OTEL_DELAYED_AS_CHILD", "false")];
        let (_start, _verify) = world.workers(&settings).await?;
        let (id, config) = world.build("node:22");
        publish_traced(&world, &config).await?;
        world.build_is(id, "on a node", SOON, has_node).await?;
        poll::until("two traces", SOON, || async { leads_back(&world, id) }).await
    })
    .await
}

/// Whether the check that saw the build run has a trace of its own, and its links lead to the start's.
fn leads_back(world: &World, id: u64) -> anyhow::Result<()> {
    let queue = world.vhost.queue();
    let armed = format!("publish {queue}.checks.v1");
    let spans = world.collector.with_attribute("build.id", &id.to_string());
    let mut looks = spans
        .iter()
        .filter(|span| span.name == format!("process {queue}.checks.v1"));
    let healthy = looks.find(|span| span.attribute("outcome").as_deref() == Some("healthy"));
    let healthy = healthy.ok_or_else(|| anyhow::anyhow!("no such check yet: {spans:?}"))?;
    anyhow::ensure!(
        healthy.trace_id != TRACE && healthy.parent.is_none(),
        "{healthy:?}"
    );
    let own = world.collector.trace(&healthy.trace_id);
    let told = own.iter().any(|span| span.name == "PUT /v4/builds/{id}");
    anyhow::ensure!(told, "the verdict's call is not in the check's trace yet");
    // Back from check to check, as far as the start.
    let mut look = healthy.clone();
    while look.trace_id != TRACE {
        let [link] = &look.links[..] else {
            anyhow::bail!("no single link: {look:?}");
        };
        let all = world.collector.trace(&link.trace_id);
        let linked = all.iter().find(|span| span.span_id == link.span_id);
        let linked = linked.ok_or_else(|| anyhow::anyhow!("{link:?} is not there yet"))?;
        anyhow::ensure!(linked.name.starts_with(&armed), "{linked:?} armed no check");
        let root = all
            .iter()
            .find(|span| Some(&span.span_id) == linked.parent.as_ref());
        look = root
            .cloned()
            .ok_or_else(|| anyhow::anyhow!("{linked:?} hangs in the air yet"))?;
    }
    anyhow::ensure!(look.name == format!("process {queue}"), "{look:?}");
    Ok(())
}

/// Each worker is killed in the middle: one before its ack arrived, one between two checks.
#[tokio::test(flavor = "multi_thread")]
async fn the_trace_goes_on_where_a_worker_died() -> anyhow::Result<()> {
    /// Five seconds between the first two checks: nothing is in hand when verify-worker dies.
    const CHECK: (&str, &str) = ("CHECK_LADDER", "1s");
    play("p5-killed", async |world| {
        world.script("sd/held:1", Life::held());
        let proxy = world.amqp_proxy()?;
        let mut start = world
            .worker(worker::Kind::Start, &with(&proxy.settings(), &[CHECK]))
            .await?;
        let mut verify = world.worker(worker::Kind::Verify, &[CHECK]).await?;
        let main = world.vhost.queue().to_owned();
        proxy.plan([Rule::new(Which::Named("start-worker consume"), Point::Ack, Act::Stall).to(&main)]);
        let (id, config) = world.build("sd/held:1");
        publish_traced(&world, &config).await?;
        holds_true("the stall", || proxy.fired() == 1).await?;
        handled(&verify, "rearmed", 1).await?;
        // What the first lives have told is at the collector.
        let lives = |who: &str, what: &str| -> usize {
            let spans = world.collector.trace(TRACE);
            spans
                .iter()
                .filter(|span| span.service == who && span.name == what)
                .count()
        };
        let (starts, checks) = (format!("process {main}"), format!("process {main}.checks.v1"));
        holds_true("the first start's span", || lives("start-worker", &starts) == 1).await?;
        holds_true("the first check's span", || lives("verify-worker", &checks) >= 1).await?;
        start.kill();
        verify.kill();
        start.restart().await?;
        handled(&start, "adopted", 1).await?;
        let before = lives("verify-worker", &checks);
        verify.restart().await?;
        let pod = world.one_pod(id, SOON).await?.metadata.name.unwrap_or_default();
        world.peers.kubelet.release(world.namespace.name(), &pod);
        handled(&verify, "healthy", 1).await?;
        holds_true("the second start's span", || lives("start-worker", &starts) == 2).await?;
        holds_true("another check's span", || {
            lives("verify-worker", &checks) > before
        })
        .await?;
        let story = STORY.map(|(who, what)| (who, what.replace("{queue}", &main)));
        poll::until("the whole story", SOON, || async { told(&world, id, &story) }).await?;
        // The same trace all the way, and no other about this build.
        let strays = world.collector.with_attribute("build.id", &id.to_string());
        let stray = strays.iter().find(|span| span.trace_id != TRACE);
        anyhow::ensure!(stray.is_none(), "another trace: {stray:?}");
        Ok(())
    })
    .await
}

/// What a user waited for who gave up.
#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_a_stop_tells_how_far_a_pod_came_that_never_ran() -> anyhow::Result<()> {
    play("p5-stopped", async |world| {
        world.script("sd/held:1", Life::held());
        let (_start, _verify) = world.workers(&[]).await?;
        let (id, config) = world.build("sd/held:1");
        publish_traced(&world, &config).await?;
        poll::until("a pod on its node", SOON, || async {
            let pod = world.one_pod(id, SOON).await?;
            let conditions = pod
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let bound = conditions
                .iter()
                .any(|condition| condition.type_ == "PodScheduled" && condition.status == "True");
            anyhow::ensure!(bound, "{conditions:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        world.publish(config.stop()).await?;
        poll::until("the pod's way", SOON, || async {
            let spans = world.collector.with_attribute("build.id", &id.to_string());
            let stopped = spans
                .iter()
                .find(|span| span.attribute("job.kind").as_deref() == Some("stop"));
            let stopped = stopped.ok_or_else(|| anyhow::anyhow!("no stop yet"))?;
            let trace = world.collector.trace(&stopped.trace_id);
            let told = trace
                .iter()
                .any(|span| span.name == "scheduled" && span.parent.as_ref() == Some(&stopped.span_id));
            anyhow::ensure!(told, "{}", world.collector.waterfall(&stopped.trace_id));
            Ok::<_, anyhow::Error>(())
        })
        .await
    })
    .await
}

/// Where the minutes went: the pod's own times, told once, by the look that saw the build run.
async fn stages(world: &World) -> anyhow::Result<()> {
    poll::until("the stages of the pod", SOON, || async {
        let spans = world.collector.trace(TRACE);
        for name in ["scheduled", "set up", "initialised", "started", "ran"] {
            let told: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
            let [stage] = told[..] else {
                anyhow::bail!(
                    "{} times {name} in\n{}",
                    told.len(),
                    world.collector.waterfall(TRACE)
                );
            };
            let look = spans
                .iter()
                .find(|span| Some(&span.span_id) == stage.parent.as_ref());
            anyhow::ensure!(
                look.is_some_and(|look| look.attribute("outcome").as_deref() == Some("healthy")),
                "{name} hangs at {look:?}"
            );
            anyhow::ensure!(stage.end >= stage.start && stage.attribute("k8s.pod.name").is_some());
        }
        // The launcher's image and the build's.
        let prepared = spans.iter().filter(|span| span.name == "prepared");
        let containers: BTreeSet<_> = prepared
            .filter_map(|span| span.attribute("k8s.container.name"))
            .collect();
        anyhow::ensure!(containers.len() == 2, "prepared: {containers:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// Every span and attribute is in docs/TELEMETRY.md, and every attribute in it is told of a build that runs, but for
/// what failures alone have.
fn documented(world: &World) -> anyhow::Result<()> {
    let document = include_str!("../../../docs/TELEMETRY.md");
    let (spans, attributes) = document.split_once("## Attributes").unwrap_or_default();
    let names = |text: &'static str| {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
        let cells = rows.filter_map(|row| row.split(" |").next());
        cells.flat_map(|cell| cell.split('`')).collect::<BTreeSet<&str>>()
    };
    let (spans, told) = (names(spans), names(attributes));
    let mut seen = BTreeSet::new();
    for span in world.collector.trace(TRACE) {
        let pattern = match (span.kind, span.name.split_once(' ')) {
            (Kind::Consumer, Some(("process", _))) => "process {queue}",
            (Kind::Producer, Some(("publish", _))) => "publish {queue}",
            (Kind::Client, Some((_, path))) if path.starts_with('/') => "{method} {path}",
            _ => &span.name,
        };
        anyhow::ensure!(
            spans.contains(pattern),
            "the span {} is not documented",
            span.name
        );
        for key in span.attributes.keys() {
            anyhow::ensure!(
                told.contains(key.as_str()),
                "{}: {key} is not documented",
                span.name
            );
            seen.insert(key.clone());
        }
    }
    let unseen: Vec<&&str> = told.iter().filter(|name| !seen.contains(**name)).collect();
    anyhow::ensure!(
        unseen == [&"", &"error.type", &"failure"],
        "never told: {unseen:?}"
    );
    Ok(())
}

/// Every call over HTTP tells whom it asked for what, and what was answered, as the conventions have it.
fn calls(world: &World) -> anyhow::Result<()> {
    let spans = world.collector.trace(TRACE);
    let calls: Vec<&Span> = spans.iter().filter(|span| span.kind == Kind::Client).collect();
    anyhow::ensure!(
        !calls.is_empty(),
        "no call in\n{}",
        world.collector.waterfall(TRACE)
    );
    for call in calls {
        let told = |key: &str| {
            let value = call.attribute(key);
            value.ok_or_else(|| anyhow::anyhow!("{} without {key}: {:?}", call.name, call.attributes))
        };
        let (url, address, port) = (told("url.full")?, told("server.address")?, told("server.port")?);
        anyhow::ensure!(
            url.split('/').nth(2) == Some(&format!("{address}:{port}")) && !url.contains("sdbuild"),
            "{}: {url} at {address}, {port}",
            call.name
        );
        let (method, status) = (told("http.request.method")?, told("http.response.status_code")?);
        let named = call.name.starts_with(&method) || call.attribute("k8s.namespace.name").is_some();
        anyhow::ensure!(
            named && status.starts_with(['2', '4']),
            "{}: {method}, {status}",
            call.name
        );
    }
    Ok(())
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
