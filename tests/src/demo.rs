//! The demo: all scenarios at the same time, in one corner of the real peers, in a live table; then what was
//! expected, what came, and one build's trace. It judges with the scenarios' own expectations only.

mod row;
mod screen;
mod summary;

use std::{
    io::IsTerminal as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::future::join_all;

use self::{
    row::Row,
    screen::{Screen, Slot, Startup},
    summary::Ended,
};
use crate::{
    collector::waterfall,
    jaeger::Jaeger,
    scenario::{Act, Scenario, Stage, Told, all},
    world::{Peers, World},
};

/// Between two starts, so that an eye can follow.
const STAGGER: Duration = Duration::from_millis(250);

/// Before the workers are killed: the other builds are under way then, and their first spans exported.
const BEFORE_THE_KILL: Duration = Duration::from_secs(2);

/// How often the table is looked after.
const PACE: Duration = Duration::from_millis(200);

/// The build whose trace is shown: it waits, and both workers have a part in it.
const TRACED: &str = "no-node-yet";

/// Where the shown trace comes from.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Traces {
    /// The collector in this process.
    Collector,
    /// A real Jaeger's query API.
    Jaeger,
}

/// Plays the demo; `true` if every build met its expected end. Fails when it could not be played.
pub async fn run(traces: Traces) -> anyhow::Result<bool> {
    let (screen, stage) = open().await?;
    let jaeger = jaeger(&stage, traces).await?;
    let scenarios = all();
    println!(
        "\n{} builds; their pods are checked after 1 s, 2 s, 6 s, and then every 6 s.\n",
        scenarios.len()
    );
    screen.header(&Row::header());
    let begin = Instant::now();
    let builds = scenarios.iter().enumerate().map(|(number, scenario)| {
        let after = STAGGER * u32::try_from(number).unwrap_or_default();
        build(&screen, &stage, scenario, after)
    });
    let ended = join_all(builds).await;
    let took = begin.elapsed();
    screen.end();

    let width = screen.width();
    print!("{}", summary::table(&ended, took, width));
    print!("{}", summary::texts(&ended, width));
    print!("{}", trace(&stage, &ended, jaeger.as_ref()).await);
    let troubles = troubles(&stage);
    print!("{}", summary::troubles(&troubles));
    if jaeger.is_some() && std::io::stdin().is_terminal() {
        println!("\nJaeger answers until you press Ctrl-C.");
        tokio::signal::ctrl_c().await?;
    }
    Ok(troubles.is_empty() && ended.iter().all(Ended::met))
}

/// Starts peers and workers, and tells so.
async fn open() -> anyhow::Result<(Arc<Screen>, Stage)> {
    println!("Real peers, started for this run:");
    let startup = Startup::new();
    let peers = Peers::shared_with(&|name, ready| startup.tell(name, ready)).await?;
    let world = World::new("demo").await?;
    startup.tell("start-worker, verify-worker", false);
    let screen = Arc::new(Screen::new());
    let notes = Arc::clone(&screen);
    let tell = move |told: Told| notes.note(&told);
    let stage = Stage::open(Arc::new(world), tell)
        .await
        .context("start the workers")?;
    startup.tell("start-worker, verify-worker", true);
    startup.end();
    // The world holds them from here on.
    drop(peers);
    Ok((screen, stage))
}

/// One build from its message to its end, with its row in the table.
async fn build<'a>(screen: &Screen, stage: &Stage, scenario: &'a Scenario, after: Duration) -> Ended<'a> {
    let kills = scenario.acts.iter().any(|act| matches!(act, Act::KillWorkers));
    let slot = screen.slot();
    slot.show(&Row::coming(scenario));
    tokio::time::sleep(if kills { after + BEFORE_THE_KILL } else { after }).await;
    let begin = Instant::now();
    let (id, result) = match stage.publish(scenario).await {
        Ok(id) => (Some(id), follow(&slot, stage, scenario, id).await),
        Err(error) => (None, Err(error)),
    };
    let story = id.and_then(|id| stage.story(id).ok());
    if let Some(story) = &story {
        slot.end(&Row::of(scenario, story), result.is_ok());
    }
    Ended {
        scenario,
        story,
        problem: result.err().map(|error| format!("{error:#}")),
        took: begin.elapsed(),
    }
}

/// Plays a scenario and keeps its row up to date meanwhile.
async fn follow(slot: &Slot, stage: &Stage, scenario: &Scenario, id: u64) -> anyhow::Result<()> {
    let mut pace = tokio::time::interval(PACE);
    let mut playing = std::pin::pin!(stage.play(scenario, id));
    loop {
        tokio::select! {
            result = &mut playing => return result,
            _ = pace.tick() => slot.show(&Row::of(scenario, &stage.story(id)?)),
        }
    }
}

/// With a real Jaeger it gets all spans as well, and its own answer is what is shown.
async fn jaeger(stage: &Stage, traces: Traces) -> anyhow::Result<Option<Jaeger>> {
    match traces {
        Traces::Collector => Ok(None),
        Traces::Jaeger => {
            println!("Jaeger as well (built once, which takes minutes) ...");
            let jaeger = Jaeger::start(stage.world().directory()).await?;
            stage.world().collector.forward_to(jaeger.endpoint());
            Ok(Some(jaeger))
        }
    }
}

/// The waterfall of the traced build.
async fn trace(stage: &Stage, ended: &[Ended<'_>], jaeger: Option<&Jaeger>) -> String {
    let traced = ended.iter().find(|ended| ended.scenario.name == TRACED);
    let Some((ended, id)) = traced.and_then(|ended| Some((ended, ended.story.as_ref()?.build.id))) else {
        return String::new();
    };
    let trace = match stage.trace_is_complete(ended.scenario, id).await {
        Ok(trace) => trace,
        Err(error) => return format!("\n{error:#}\n"),
    };
    let Some(jaeger) = jaeger else {
        return summary::trace(ended.scenario, id, &stage.world().collector.waterfall(&trace));
    };
    match jaeger.spans(&trace).await {
        Ok(spans) => {
            let shown = summary::trace(ended.scenario, id, &waterfall(&spans));
            format!("{shown}Jaeger's own answer: {}\n", jaeger.link(&trace))
        }
        Err(error) => format!("\nJaeger: {error:#}\n"),
    }
}

/// What would make the demo mean something else than it seems to.
fn troubles(stage: &Stage) -> Vec<String> {
    let world = stage.world();
    let mut troubles = world.peers.kubelet.faults(world.namespace.name());
    troubles.extend(world.collector.garbage());
    troubles
}
