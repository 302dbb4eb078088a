//! A test's corner of the peers, which explains itself when the test fails.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use testbed::{
    broker::{AMQPValue, FieldTable, Seen, message::BuildConfig},
    builds_api::Build,
    poll,
    worker::Worker,
    world::World,
};

/// Generous: the machine may be building something else.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The trace that [`publish_traced`] names, and the producer's span in it.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const PRODUCER: &str = "00f067aa0ba902b7";

/// Where checks wait, but for what an outage holds.
pub(crate) const CHECKS: [&str; 5] = [
    "checks.v1",
    "checks.v1.delay.1000",
    "checks.v1.delay.4000",
    "checks.v1.delay.6000",
    "checks.v1.delay.15000",
];

/// Runs `test` in a corner of its own.
pub(crate) async fn play<F, Fut>(name: &str, test: F) -> anyhow::Result<()>
where
    F: FnOnce(Arc<World>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let world = Box::pin(World::new(name)).await?;
    Box::pin(play_in(world, test)).await
}

/// The same in a corner that the test has made.
pub(crate) async fn play_in<F, Fut>(world: World, test: F) -> anyhow::Result<()>
where
    F: FnOnce(Arc<World>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let world = Arc::new(world);
    let result = AssertUnwindSafe(test(world.clone())).catch_unwind().await;
    if !matches!(result, Ok(Ok(()))) {
        eprintln!("{}", world.explain().await);
    }
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    // What the kubelet said and the API server refused would make the test mean something else.
    assert_eq!(
        world.peers.kubelet.faults(world.namespace.name()),
        Vec::<String>::new()
    );
    Ok(())
}

/// The seed's words for a build that runs: it has a node.
pub(crate) fn has_node(build: &Build) -> bool {
    build.stat("hostname").is_some()
}

/// Waits until the build has no pod that is not terminating.
pub(crate) async fn no_living_pod(world: &World, build: u64, deadline: Duration) -> anyhow::Result<()> {
    poll::until(&format!("the end of build {build}'s pods"), deadline, || async {
        let pods = world.pods(build).await?;
        let living = pods.iter().filter(|pod| lives(pod)).count();
        anyhow::ensure!(living == 0, "{living} pods live");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// Waits until the queue holds that many messages that nobody has taken, and gives them.
pub(crate) async fn holds(
    world: &World,
    queue: &str,
    wanted: usize,
    deadline: Duration,
) -> anyhow::Result<Vec<Seen>> {
    // Reading counts as a delivery, of which a message has not many: only what may have changed is read.
    let read = Mutex::new(None);
    poll::until(&format!("queue {queue} to hold {wanted}"), deadline, || async {
        let depth = world.vhost.depth(queue).await?;
        let known = read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .filter(|(then, at): &(_, Instant)| *then == depth && at.elapsed() < Duration::from_secs(2));
        anyhow::ensure!(known.is_none(), "its {depth:?} messages were others a moment ago");
        let messages = messages(world, queue).await?;
        *read.lock().unwrap_or_else(PoisonError::into_inner) = Some((depth, Instant::now()));
        anyhow::ensure!(messages.len() == wanted, "it holds {}", messages.len());
        Ok(messages)
    })
    .await
}

/// What the queue holds, without the workers' probes of their queues, which wait there after a start.
pub(crate) async fn messages(world: &World, queue: &str) -> anyhow::Result<Vec<Seen>> {
    let mut messages = world.vhost.peek(queue, 100).await?;
    messages.retain(|seen| seen.body["job"] != "probe");
    Ok(messages)
}

/// How many pods there are in the corner, terminating ones too.
pub(crate) async fn all_pods(world: &World) -> anyhow::Result<usize> {
    let all = world.namespace.pods().list(&ListParams::default()).await?;
    Ok(all.items.len())
}

/// Whether the pod is not terminating.
pub(crate) fn lives(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
}

/// Waits until the worker has counted `times` deliveries with this outcome, or more.
pub(crate) async fn handled(worker: &Worker, outcome: &str, times: usize) -> anyhow::Result<()> {
    let label = format!("outcome=\"{outcome}\"");
    poll::until(&format!("the outcome {outcome}"), SOON, || async {
        let counted = counted(worker, &["sd_worker_deliveries", &label]).await?;
        anyhow::ensure!(counted + 0.5 > number(times), "counted {counted} of {times}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// Publishes a start that belongs to a trace of its producer's.
pub(crate) async fn publish_traced(world: &World, config: &BuildConfig) -> anyhow::Result<()> {
    let mut headers = FieldTable::default();
    let parent = format!("00-{TRACE}-{PRODUCER}-01");
    headers.insert("traceparent".into(), AMQPValue::LongString(parent.into()));
    let queue = world.vhost.queue();
    world
        .vhost
        .publish_with_headers(queue, config.start(), headers)
        .await
}

/// Waits until no check, and nothing that comes back, waits any more.
pub(crate) async fn chains_end(world: &World) -> anyhow::Result<()> {
    for queue in CHECKS.into_iter().chain(["starts.v1", "parked"]) {
        world.queue_empties(&ours(world, queue), SOON).await?;
    }
    Ok(())
}

/// Waits until the worker's log says this.
pub(crate) async fn logged(worker: &Worker, words: &str) -> anyhow::Result<()> {
    poll::until(&format!("the log to say: {words}"), SOON, || async {
        let log = worker.log();
        anyhow::ensure!(log.contains(words), "it says\n{log}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

/// Waits until this holds.
pub(crate) async fn holds_true(what: &str, truth: impl Fn() -> bool) -> anyhow::Result<()> {
    poll::until(what, SOON, || async { truth().then_some(()).ok_or("not yet") }).await
}

/// No worker has said that the build failed, and it has not.
pub(crate) fn not_failed(world: &World, id: u64) -> anyhow::Result<()> {
    let told = world.api.accepted(id);
    let status = told.iter().find_map(|asked| asked.status());
    anyhow::ensure!(status.is_none(), "build {id} was told to be {status:?}");
    Ok(())
}

/// Settings of a proxy's with more, as a worker takes them.
pub(crate) fn with<'a>(
    proxy: &'a [(String, String)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let led = proxy.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    led.chain(more.iter().copied()).collect()
}

/// A queue of the workers', which are all named after the main one.
pub(crate) fn ours(world: &World, suffix: &str) -> String {
    format!("{}.{suffix}", world.vhost.queue())
}

/// The sum of the worker's counters whose line has all these labels.
pub(crate) async fn counted(worker: &Worker, labels: &[&str]) -> anyhow::Result<f64> {
    let metrics = worker.metrics().await?;
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let matching = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    Ok(matching
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}

/// A count as counters tell it.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
