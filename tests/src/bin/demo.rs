//! `make demo`: builds of every fate flow through both workers on real peers. Exit code 0 only if every build
//! met its expected end; Ctrl-C takes everything down.

use std::process::ExitCode;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    // What the demo started ends when it is dropped, whichever way out it takes.
    let result = tokio::select! {
        result = testbed::demo::run() => result,
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
