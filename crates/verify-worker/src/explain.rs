//! `verify-worker explain`: what the worker would make of pods that somebody has at hand.
//!
//! Reads pods on standard input, prints facts, verdict and the message as the build would get it. Nothing is
//! connected to; the settings are read for the clocks. Without the memory of earlier checks the pods' own
//! timestamps start the clocks, and one look counts for the two that a clock asks for.

mod answer;
mod input;

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgMatches, Command, value_parser};
use common::{
    clock,
    command_line::Tool,
    settings::{ProcessEnvironment, Settings},
    verdict::quoted,
};
use jiff::Timestamp;
use rayon::prelude::*;

use self::{
    answer::{Answer, Circumstances},
    input::{Input, Kind},
};

/// `EX_USAGE`: the settings are wrong.
const EXIT_SETTINGS: u8 = 64;
/// `EX_DATAERR`: what was to be explained cannot be read.
const EXIT_DATA: u8 = 65;

/// The subcommand.
pub const TOOL: Tool = Tool { command, run };

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
enum ExplainError {
    #[error("{0}")]
    Settings(String),
    #[error("{0}")]
    Input(String),
    #[error("the answer cannot be written: {0}")]
    Output(#[from] io::Error),
}

fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let output = option("output", "FORMAT", "How to answer")
        .short('o')
        .value_parser(["text", "json"])
        .default_value("text");
    Command::new("explain")
        .about("Explain pods: kubectl get pod NAME -o json | verify-worker explain")
        .long_about(
            "Reads a Pod, a PodList or a List as kubectl prints them, in JSON or YAML, on standard input. Prints \
             facts, verdict and the message as the build would get it. Nothing is connected to.",
        )
        .arg(output)
        .arg(option("at", "TIME", "When to look, as RFC 3339 [default: now]").value_parser(value_parser!(Timestamp)))
        .arg(
            option("started-at", "TIME", "When the start was first handled [default: the pod's creation]")
                .value_parser(value_parser!(Timestamp)),
        )
        .arg(
            option("events", "FILE", "The pods' events: kubectl get events -o json")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(option("container", "NAME", "The container that the build runs in [default: by label]"))
}

#[expect(clippy::print_stderr, reason = "a tool has no log")]
fn run(arguments: &ArgMatches, config_dir: Option<&Path>) -> ExitCode {
    match explain(arguments, config_dir) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the answer has read enough.
        Err(ExplainError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(match error {
                ExplainError::Settings(_) => EXIT_SETTINGS,
                ExplainError::Input(_) => EXIT_DATA,
                ExplainError::Output(_) => 1,
            })
        }
    }
}

fn explain(arguments: &ArgMatches, config_dir: Option<&Path>) -> Result<(), ExplainError> {
    let settings = Settings::load(&ProcessEnvironment, config_dir)
        .map_err(|problems| ExplainError::Settings(problems.to_string()))?;
    let Input {
        pods,
        mut events,
        skipped,
    } = read(Kind::Pod, "standard input", &standard_input()?)?;
    note(skipped);
    if let Some(file) = arguments.get_one::<PathBuf>("events") {
        let name = file.display();
        let bytes = std::fs::read(file).map_err(|error| ExplainError::Input(format!("{name}: {error}")))?;
        events.extend(read(Kind::Event, name, &bytes)?.events);
    }
    let at = arguments.get_one("at").copied().unwrap_or_else(clock::now);
    let circumstances = Circumstances {
        at,
        started_at: arguments.get_one("started-at").copied(),
        container: arguments.get_one::<String>("container").map(String::as_str),
        events: answer::happened(events, at),
        settings: &settings,
    };
    let answers: Vec<Answer> = pods
        .into_par_iter()
        .map(|seen| Answer::new(seen, &circumstances))
        .collect();
    let mut output = BufWriter::new(io::stdout().lock());
    if arguments
        .get_one::<String>("output")
        .is_some_and(|format| format == "json")
    {
        serde_json::to_writer_pretty(&mut output, &answers).map_err(io::Error::from)?;
        writeln!(output)?;
    } else {
        for answer in &answers {
            writeln!(output, "{answer}")?;
        }
    }
    output.flush()?;
    Ok(())
}

/// Tells once for each kind what was skipped.
#[expect(clippy::print_stderr, reason = "a tool has no log")]
fn note(skipped: Vec<String>) {
    let kinds: BTreeSet<_> = skipped.into_iter().collect();
    for kind in kinds {
        eprintln!("skipped: {} is no Pod or Event", quoted(&kind));
    }
}

fn standard_input() -> Result<Vec<u8>, ExplainError> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| ExplainError::Input(format!("standard input: {error}")))?;
    Ok(bytes)
}

fn read(kind: Kind, name: impl Display, bytes: &[u8]) -> Result<Input, ExplainError> {
    input::read(bytes, kind).map_err(|error| ExplainError::Input(format!("{name}: {error}")))
}
