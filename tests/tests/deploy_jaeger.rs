//! A real Jaeger is asked for the story of a build: `make test-deploy`.

use std::time::Duration;

use testbed::{
    broker::Broker,
    builds_api::Build,
    collector::waterfall,
    jaeger::{Jaeger, Trace},
    kubelet::Life,
    poll,
    world::{Peers, World},
};

const SOON: Duration = Duration::from_secs(60);

fn has_node(build: &Build) -> bool {
    build.stat("hostname").is_some()
}

/// The one trace of the build that both services are in, once it holds everything.
async fn whole(jaeger: &Jaeger, id: u64, expected: &[(&str, &str)]) -> anyhow::Result<Trace> {
    poll::until("the whole trace", SOON, || async {
        let mut traces = jaeger.of_build("verify-worker", id).await?;
        anyhow::ensure!(traces.len() == 1, "{} traces", traces.len());
        let trace = traces.remove(0);
        let story = trace.story();
        for (service, begin) in expected {
            let told = |(who, what): &&(&str, &str)| who == service && what.starts_with(begin);
            anyhow::ensure!(
                story.iter().any(|span| told(&span)),
                "{service} does not tell {begin} in {story:#?}"
            );
        }
        Ok(trace)
    })
    .await
}

const STORY: [(&str, &str); 8] = [
    ("start-worker", "process "),
    ("start-worker", "publish "),
    ("start-worker", "create pod"),
    ("verify-worker", "process "),
    ("verify-worker", "get pod"),
    ("verify-worker", "scheduled"),
    ("verify-worker", "started"),
    ("verify-worker", "PUT /v4/builds/{id}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn jaeger_shows_one_trace_with_both_services_the_delay_and_the_verdict() -> anyhow::Result<()> {
    let world = World::new("jaeger").await?;
    println!("peers: {}, Jaeger (private)", Peers::shared().await?.describe());
    let jaeger = Jaeger::start(world.directory()).await?;
    let endpoint = jaeger.endpoint();
    let _workers = world
        .workers(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("CHECK_LADDER", "1s,2s"),
        ])
        .await?;
    let (id, config) = world.build("node:22");
    world.publish(config.start()).await?;
    world.build_is(id, "on a node", SOON, has_node).await?;
    let trace = whole(&jaeger, id, &STORY).await?;
    delay(&trace, Duration::from_millis(800))?;
    let verdict = trace
        .spans
        .iter()
        .find(|span| span.tag("outcome").as_deref() == Some("healthy"));
    anyhow::ensure!(verdict.is_some_and(|span| span.tag("build.id") == Some(id.to_string())));
    println!("{}", jaeger.link(&trace.id));
    let spans = jaeger.spans(&trace.id).await?;
    anyhow::ensure!(spans.len() == trace.spans.len(), "{} spans", spans.len());
    println!("{}", waterfall(&spans));
    Ok(())
}

/// The check begins when it is due, not when it is armed.
fn delay(trace: &Trace, least: Duration) -> anyhow::Result<()> {
    let start = |service: &str| {
        let of_service = trace.spans.iter().filter(|span| {
            let service_of = trace.processes.get(&span.process);
            service_of.is_some_and(|found| found.service_name == service)
                && span.operation_name.starts_with("process ")
        });
        of_service.map(|span| span.start_time).min()
    };
    let (Some(armed), Some(due)) = (start("start-worker"), start("verify-worker")) else {
        anyhow::bail!("{:#?}", trace.story());
    };
    let waited = Duration::from_micros(due.saturating_sub(armed));
    anyhow::ensure!(waited >= least, "the check came {waited:?} after its start");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn jaeger_shows_one_trace_though_workers_and_broker_were_killed_in_between() -> anyhow::Result<()> {
    if !Peers::shared().await?.broker.owned() {
        println!("skipped: the broker of AMQP_URL is not ours to kill");
        return Ok(());
    }
    let directory = tempfile::Builder::new().prefix("sd-jaeger-").tempdir()?;
    let broker = Broker::private(directory.path()).await?;
    let world = World::with_broker("jaeger-killed", &broker).await?;
    world.script("sd/held:1", Life::held());
    let jaeger = Jaeger::start(world.directory()).await?;
    let endpoint = jaeger.endpoint();
    let (mut start, mut verify) = world
        .workers(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("CHECK_LADDER", "8s,9s"),
        ])
        .await?;
    let (id, config) = world.build("sd/held:1");
    world.publish(config.start()).await?;
    let pod = world.one_pod(id, SOON).await?.metadata.name.unwrap_or_default();
    world.queue_empties(world.vhost.queue(), SOON).await?;
    poll::until("the start's spans at Jaeger", SOON, || async {
        let traces = jaeger.of_build("start-worker", id).await?;
        anyhow::ensure!(traces.len() == 1, "{} traces", traces.len());
        Ok::<_, anyhow::Error>(())
    })
    .await?;
    poll::until_safe_from_a_kill().await?;
    start.kill();
    verify.kill();
    broker.kill().await?;
    broker.restart().await?;
    start.restart().await?;
    verify.restart().await?;
    world.peers.kubelet.release(world.namespace.name(), &pod);
    world.build_is(id, "on a node", SOON, has_node).await?;
    let trace = whole(&jaeger, id, &STORY).await?;
    // The broker keeps the delay over its own death.
    delay(&trace, Duration::from_secs(7))?;
    println!("{}", jaeger.link(&trace.id));
    Ok(())
}
