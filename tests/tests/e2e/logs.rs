//! docs/LOGGING.md is the dictionary of the log: every field of a real run is in it, and every field in it is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Map, Value};
use testbed::{
    builds_api::{Build, Status},
    helm::repository,
    kubelet::Life,
    poll,
    worker::{Kind, Worker},
};

use crate::{
    corner::{SOON, TRACE, counted, has_node, holds, ours, play, publish_traced},
    documented::code,
};

/// The texts of the lines that end a delivery.
const ENDS: [&str; 4] = ["done", "comes back", "parked", "handed back to the broker"];

/// Where each field of the dictionary stands.
fn dictionary() -> anyhow::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(repository().join("docs/LOGGING.md"))?;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let fields = rows.filter_map(|row| {
        let (field, rest) = row.split_once("` | ")?;
        let (place, _) = rest.split_once(" | ")?;
        Some((field.to_owned(), place.to_owned()))
    });
    Ok(fields.collect())
}

/// The attributes of spans, which lines have as well.
fn attributes() -> anyhow::Result<BTreeSet<String>> {
    let text = fs::read_to_string(repository().join("docs/TELEMETRY.md"))?;
    let (_, table) = text.split_once("## Attributes").unwrap_or_default();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    Ok(rows
        .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect())
}

fn lines(worker: &Worker) -> anyhow::Result<Vec<Map<String, Value>>> {
    let log = worker.log();
    log.lines()
        .map(|line| serde_json::from_str(line).map_err(|error| anyhow::anyhow!("{error}: {line}")))
        .collect()
}

/// The fields of a line that the code writes, of what follows `tracing::`.
fn log_line(code: &str) -> Option<&str> {
    let (macro_name, rest) = code.split_once('!')?;
    let writes = ["trace", "debug", "info", "warn", "error"].contains(&macro_name);
    let (fields, _text) = rest.split_once('"')?;
    writes.then_some(fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_real_run_is_what_the_dictionary_says() -> anyhow::Result<()> {
    play("logs", async |world| {
        world.script("sd/bare:1", Life::start_error());
        let (start, verify) = world.workers(&[("LOG_FORMAT", "json")]).await?;
        let (healthy, config) = world.build("node:22");
        world.publish(config.start()).await?;
        let (failing, config) = world.build("sd/bare:1");
        world.publish(config.start()).await?;
        world.publish("not JSON").await?;
        world.build_is(healthy, "on a node", SOON, has_node).await?;
        let failed = |build: &Build| build.status == Status::Failure;
        let told = world.build_is(failing, "FAILURE", SOON, failed).await?;
        holds(&world, &ours(&world, "parked"), 1, SOON).await?;
        poll::until("the line of the failure", SOON, || async {
            let lines = lines(&verify)?;
            let line = lines.iter().find(|line| line.contains_key("failure"));
            let line = line.ok_or_else(|| anyhow::anyhow!("nobody tells of it"))?;
            anyhow::ensure!(
                line["outcome"] == "failed" && line["build.id"] == failing,
                "{line:?}"
            );
            anyhow::ensure!(
                line["failure"].as_str() == told.status_message.as_deref(),
                "{line:?}"
            );
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        let (dictionary, attributes) = (dictionary()?, attributes()?);
        let mut seen = BTreeSet::new();
        for worker in [&start, &verify] {
            let lines = lines(worker)?;
            for line in &lines {
                hold_to(line, &dictionary, &attributes)?;
                seen.extend(line.keys().cloned());
            }
            // One line for each delivery; the last may be on their way.
            let ends = lines.iter().filter(|line| is_end(line)).count();
            let settled = counted(worker, &["sd_worker_deliveries_total"]).await?;
            #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
            let differ = (ends as f64 - settled).abs();
            anyhow::ensure!(differ <= 2.0, "{ends} lines for {settled} deliveries");
        }
        let unseen = dictionary.keys().filter(|field| !seen.contains(*field));
        let sources = code(&repository().join("crates"));
        let sources: Vec<&str> = sources.split("tracing::").filter_map(log_line).collect();
        for field in unseen {
            let written = ["?", "%", "(", " "].map(|before| format!("{before}{field}"));
            let used = sources
                .iter()
                .any(|line| written.iter().any(|field| line.contains(field.as_str())));
            anyhow::ensure!(used, "{field} is in docs/LOGGING.md and nowhere in the code");
        }
        Ok(())
    })
    .await
}

/// Without a collector no trace of ours has an id; the producer's goes through both workers all the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_every_outcome_names_the_producers_trace() -> anyhow::Result<()> {
    play("logs-untraced", async |world| {
        let settings = [("LOG_FORMAT", "json"), ("OTEL_SDK_DISABLED", "true")];
        let (start, verify) = world.workers(&settings).await?;
        let (id, config) = world.build("node:22");
        publish_traced(&world, &config).await?;
        for (worker, outcome) in [(&start, "created"), (&verify, "healthy")] {
            poll::until(outcome, SOON, || async {
                let lines = lines(worker)?;
                let of_build = lines
                    .iter()
                    .filter(|line| line.get("build.id") == Some(&id.into()));
                let mut ends = of_build.filter(|line| is_end(line));
                let line = ends.find(|line| line["outcome"] == outcome);
                let line = line.ok_or_else(|| anyhow::anyhow!("no such line yet"))?;
                anyhow::ensure!(line.get("trace_id") == Some(&TRACE.into()), "{line:?}");
                Ok::<_, anyhow::Error>(())
            })
            .await?;
        }
        anyhow::ensure!(world.collector.spans().is_empty(), "spans were exported");
        Ok(())
    })
    .await
}

/// Nothing is told of each batch; what is lost is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_once_for_each_signal() -> anyhow::Result<()> {
    play("logs-away", async |world| {
        let settings = [
            ("LOG_FORMAT", "json"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ];
        let worker = world.worker(Kind::Start, &settings).await?;
        let failed = ["sd_worker_spans_total", "result=\"failed\""];
        for batch in 1..=2 {
            let before = counted(&worker, &failed).await?;
            let (_id, config) = world.build("node:22");
            world.publish(config.start()).await?;
            poll::until(&format!("batch {batch}"), SOON, || async {
                let now = counted(&worker, &failed).await?;
                anyhow::ensure!(now > before, "{now} spans have failed");
                let told = refusals(&worker)?;
                anyhow::ensure!(told == ["metrics", "spans"], "told of {told:?}");
                Ok::<_, anyhow::Error>(())
            })
            .await?;
        }
        let (dictionary, attributes) = (dictionary()?, attributes()?);
        for line in lines(&worker)? {
            hold_to(&line, &dictionary, &attributes)?;
        }
        Ok(())
    })
    .await
}

/// What lines of the log say that a collector refuses, sorted.
fn refusals(worker: &Worker) -> anyhow::Result<Vec<String>> {
    let lines = lines(worker)?;
    let refusals = lines
        .iter()
        .filter(|line| line["message"] == "the collector refuses");
    let mut told: Vec<String> = refusals
        .filter_map(|line| line.get("telemetry")?.as_str().map(ToOwned::to_owned))
        .collect();
    told.sort();
    Ok(told)
}

fn is_end(line: &Map<String, Value>) -> bool {
    line.contains_key("outcome") && line["message"].as_str().is_some_and(|text| ENDS.contains(&text))
}

fn hold_to(
    line: &Map<String, Value>,
    dictionary: &BTreeMap<String, String>,
    attributes: &BTreeSet<String>,
) -> anyhow::Result<()> {
    for field in line.keys() {
        let known = dictionary.contains_key(field) || attributes.contains(field);
        anyhow::ensure!(known, "{field} is not in docs/LOGGING.md: {line:?}");
    }
    for (field, place) in dictionary {
        let needed = place == "every line" || place == "outcome" && is_end(line);
        anyhow::ensure!(!needed || line.contains_key(field), "no {field} in {line:?}");
    }
    if is_end(line) && line["job"] != "unknown" && line["job"] != "probe" {
        for needed in ["trace_id", "build.id", "attempt"] {
            anyhow::ensure!(line.contains_key(needed), "no {needed} in {line:?}");
        }
    }
    Ok(())
}
