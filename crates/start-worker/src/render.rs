//! `start-worker render`: the pod that a start message gives, printed instead of created.
//!
//! The way of production up to the pod (decode, executor, manifest), without a connection. Nothing is judged
//! that only concerns the moment: a message whose token has expired still shows its pod. The token itself is
//! printed only if asked for.

mod executor;
mod print;

use std::{
    error::Error,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use common::{
    command_line::Tool,
    job::{self, DecodeError, Job, StartJob},
    telemetry::propagation::TraceContext,
};

use self::{
    executor::{Executors, OptionsError},
    print::Format,
};
use crate::{
    executor::ExecutorError,
    manifest::{Manifest, ManifestError},
    plan::pod,
};

/// The subcommand.
pub const TOOL: Tool = Tool { command, run };

/// `EX_USAGE`: the settings or options are wrong.
const EXIT_SETTINGS: u8 = 64;
/// `EX_DATAERR`: the message is wrong.
const EXIT_INPUT: u8 = 65;
/// `EX_IOERR`: what was made cannot be printed.
const EXIT_OUTPUT: u8 = 74;

const OUTPUT: &str = "output";
const SHOW_TOKEN: &str = "show-token";
const EXECUTOR: &str = "executor";
const OPTIONS: &str = "options";

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
enum RenderError {
    /// The executor's settings or options give no pod.
    #[error("no pod can be made with these settings")]
    Settings(#[source] Box<dyn Error>),
    /// Standard input ends in an error.
    #[error("the message cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// It is no start message.
    #[error("the input is not a start message")]
    NotAStart(#[source] DecodeError),
    /// It is another message.
    #[error("the input is a message of job `{0}`; only starts make pods")]
    OtherJob(&'static str),
    /// Neither a message nor a build configuration.
    #[error(
        "the input is neither a start message (`job`, `buildConfig`) nor a build configuration (`buildId`)"
    )]
    Neither,
    /// The message asks for an executor that is not there.
    #[error("the message has no executor")]
    Executor(#[from] ExecutorError),
    /// The message gives no pod.
    #[error("no pod can be made of this message")]
    Message(#[source] ManifestError),
    /// Standard output does not take it.
    #[error("the pod cannot be printed")]
    Unprinted(#[source] Box<dyn Error>),
}

fn command() -> Command {
    Command::new("render")
        .about("Reads a start message or a build configuration from standard input and prints its pod")
        .arg(
            Arg::new(OUTPUT)
                .short('o')
                .long(OUTPUT)
                .help("How the pod is printed")
                .value_parser(PossibleValuesParser::new(["yaml", "json"]))
                .default_value("yaml"),
        )
        .arg(
            Arg::new(SHOW_TOKEN)
                .long(SHOW_TOKEN)
                .help("Print the build's token where the pod holds it")
                .action(ArgAction::SetTrue),
        )
        .arg(
            Arg::new(EXECUTOR)
                .long(EXECUTOR)
                .value_name("NAME")
                .help("Executor to use, whatever the message asks for"),
        )
        .arg(
            Arg::new(OPTIONS)
                .long(OPTIONS)
                .value_name("FILE")
                .help("JSON or YAML file with all options of that executor, used instead of the settings")
                .value_parser(value_parser!(PathBuf))
                .requires(EXECUTOR),
        )
}

fn run(arguments: &ArgMatches, config_dir: Option<&Path>) -> ExitCode {
    let rendered = render(arguments, config_dir, std::io::stdin(), &mut std::io::stdout());
    let (lines, code) = match rendered {
        Ok(notes) => (notes, ExitCode::SUCCESS),
        Err(error) => (vec![told(&error)], ExitCode::from(error.exit_code())),
    };
    for line in lines {
        // Nobody listens: nothing more can be said.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    code
}

/// Prints the pod; what is worth knowing beside it is returned.
fn render(
    arguments: &ArgMatches,
    config_dir: Option<&Path>,
    mut input: impl Read,
    output: &mut impl Write,
) -> Result<Vec<String>, RenderError> {
    let name = arguments.get_one::<String>(EXECUTOR).map(String::as_str);
    let options = arguments.get_one::<PathBuf>(OPTIONS).map(PathBuf::as_path);
    let (executors, mut notes) = match (name, options) {
        (Some(name), Some(file)) => Executors::alone(name, file)?,
        (name, _) => (Executors::configured(name, config_dir)?, Vec::new()),
    };
    let mut text = Vec::new();
    input.read_to_end(&mut text).map_err(RenderError::Unreadable)?;
    let text = message(&text)?;
    let mut job = match Job::decode(&text).map_err(RenderError::NotAStart)? {
        Job::Start(job) => job,
        other => return Err(RenderError::OtherJob(other.kind())),
    };
    let token = if arguments.get_flag(SHOW_TOKEN) {
        Shown::Token
    } else {
        Shown::Placeholder
    };
    let made = make(&mut job, &executors, token)?;
    let format = match arguments.get_one::<String>(OUTPUT).map(String::as_str) {
        Some("json") => Format::Json,
        Some(_) | None => Format::Yaml,
    };
    let hidden = (token == Shown::Placeholder).then(|| pod::token(&job));
    let text = print::text(&made.pod, format, hidden).map_err(RenderError::Unprinted)?;
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| RenderError::Unprinted(error.into()))?;
    notes.extend(made.fallbacks.iter().map(ToString::to_string));
    Ok(notes.iter().map(|note| format!("note: {note}")).collect())
}

/// What stands in the pod where the build's token would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Token,
    Placeholder,
}

fn make(job: &mut StartJob<'_>, executors: &Executors, shown: Shown) -> Result<Manifest, RenderError> {
    let executor = executors.of(job)?;
    let place = pod::place(job, executor);
    // Only what the message carries: there is no trace here that the build could go on in.
    let trace = job.state.as_ref().and_then(|state| state.trace_context.as_ref());
    let traceparent = trace.map(TraceContext::traceparent);
    let made = |job: &StartJob<'_>, token: &str| {
        pod::manifest(job, executor, &place.name, token, traceparent.as_deref())
    };
    let refused = |error| match error {
        ManifestError::NoBaseImage { .. } => RenderError::Settings(Box::new(error)),
        ManifestError::MalformedToken => RenderError::Message(error),
    };
    // With the token first: what production refuses is refused here.
    let mut manifest = made(job, pod::token(job)).map_err(refused)?;
    if shown == Shown::Placeholder {
        print::hide_in(job);
        manifest = made(job, print::PLACEHOLDER).map_err(refused)?;
    }
    Ok(manifest)
}

/// The input as a message: a bare build configuration becomes that of a start.
fn message(input: &[u8]) -> Result<Vec<u8>, RenderError> {
    match job::has(input, ["job", "buildConfig", "buildId"]) {
        // Decoding says what is wrong with it, and where.
        None | Some([true, ..] | [_, true, _]) => return Ok(input.to_vec()),
        Some([false, false, false]) => return Err(RenderError::Neither),
        Some([false, false, true]) => {}
    }
    let config = input.trim_ascii();
    Ok([br#"{"job":"start","buildConfig":"#.as_slice(), config, b"}"].concat())
}

/// The error and its causes in one line, or several if the cause has several.
fn told(error: &RenderError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

// === impl RenderError ===

impl RenderError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => EXIT_SETTINGS,
            Self::Unreadable(_)
            | Self::NotAStart(_)
            | Self::OtherJob(_)
            | Self::Neither
            | Self::Executor(_)
            | Self::Message(_) => EXIT_INPUT,
            Self::Unprinted(_) => EXIT_OUTPUT,
        }
    }
}

impl From<OptionsError> for RenderError {
    fn from(error: OptionsError) -> Self {
        Self::Settings(Box::new(error))
    }
}

#[cfg(test)]
mod tests;
