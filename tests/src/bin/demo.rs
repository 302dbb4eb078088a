//! `make demo`: builds of every fate flow through both workers on real peers. Exit code 0 only if every build
//! met its expected end; Ctrl-C takes everything down.

use std::process::ExitCode;

use testbed::demo::Traces;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Builds of every fate on real peers.
#[derive(clap::Parser)]
struct Demo {
    /// Where the trace that is shown at the end comes from.
    #[arg(long, value_enum, default_value = "collector")]
    traces: Traces,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Demo { traces } = clap::Parser::parse();
    // What the demo started ends when it is dropped, whichever way out it takes.
    let result = tokio::select! {
        result = testbed::demo::run(traces) => result,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\ninterrupted: everything is taken down");
            return ExitCode::from(INTERRUPTED);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nthe demo could not be played: {error:#}");
            ExitCode::FAILURE
        }
    }
}
