//! What both binaries do around their service, and the same backwards: command line, settings, telemetry, runtime;
//! and the code that the process ends with.
//!
//! Settings are read with all problems at once (exit 64). Telemetry begins outside the runtime and ends after it.

use std::{
    error::Error,
    io::{self, Write as _},
    num::NonZero,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use crate::{
    command_line::{self, Tool, Wish},
    service::{Process, ServiceError},
    settings::{ProcessEnvironment, Settings},
    telemetry::Telemetry,
};

/// `EX_USAGE`: the settings are wrong, and no restart mends them.
const EXIT_SETTINGS: u8 = 64;
/// Longest that exporting the last spans may take.
const FLUSH: Duration = Duration::from_secs(2);

/// Most threads of the runtime. Deliveries wait for peers nearly all of their time: two threads start more builds
/// than an API server takes, and each more costs wake-ups and memory on machines of many cores.
const MOST_THREADS: usize = 2;

/// Longest that threads which cannot be stopped are waited for at the end.
const LEFTOVERS: Duration = Duration::from_millis(500);

/// The whole of a worker's `main`: runs it, or one of its tools.
#[expect(clippy::print_stderr, reason = "before telemetry begins there is no log")]
pub fn main<Run, Running>(service: &'static str, version: &'static str, tools: &[Tool], run: Run) -> ExitCode
where
    Run: FnOnce(Process) -> Running,
    Running: Future<Output = Result<(), ServiceError>>,
{
    let config_dir = match command_line::parse(service, version, tools) {
        Wish::Run(config_dir) => config_dir,
        Wish::CheckConfig(config_dir) => return check_config(config_dir.as_deref()),
        Wish::Done(code) => return code,
    };
    // Before anything connects: every TLS client of the process uses this provider.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("a TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    let settings = match Settings::load(&ProcessEnvironment, config_dir.as_deref()) {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    // Outside the runtime: the exporter has a thread and a client of its own, which must not be dropped in one.
    let telemetry = match Telemetry::init(&settings.telemetry, service, version) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}: {}", chain(&error));
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_THREADS))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let process = Process {
        service,
        settings,
        metrics: telemetry.metrics().clone(),
    };
    let code = runtime.block_on(async {
        let ended = run(process).await;
        let code = exit_code(&ended);
        if let Err(error) = ended {
            tracing::error!(error = &error as &dyn Error, "the worker cannot run");
        }
        telemetry.shutdown(FLUSH).await;
        code
    });
    // A file system that does not answer keeps its thread: it is not waited for.
    runtime.shutdown_timeout(LEFTOVERS);
    code
}

/// Prints the settings that hold, or else all that is wrong with them.
#[expect(clippy::print_stderr, reason = "a tool's output")]
fn check_config(config_dir: Option<&Path>) -> ExitCode {
    let check = Settings::check(&ProcessEnvironment, config_dir);
    for warning in &check.warnings {
        eprintln!("warning: {warning}");
    }
    match &check.settings {
        Ok(_) => {
            // Whoever reads may have enough of it, as `head` has.
            let _read = write!(io::stdout(), "{check}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(EXIT_SETTINGS)
        }
    }
}

fn exit_code(ended: &Result<(), ServiceError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(ServiceError::Executor { .. } | ServiceError::BuildsApi(_)) => ExitCode::from(EXIT_SETTINGS),
        Err(ServiceError::Signals(_) | ServiceError::Health(_)) => ExitCode::FAILURE,
    }
}

fn chain(error: &dyn Error) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        texts.push(source.to_string());
        next = source.source();
    }
    texts.join(": ")
}
