//! The verify-worker. What its start and stop do, in order, is in `common::process` and `common::service`.

use std::process::ExitCode;

use verify_worker::{SERVICE, explain, run};

fn main() -> ExitCode {
    common::process::main(SERVICE, env!("CARGO_PKG_VERSION"), &[explain::TOOL], run)
}
