//! The start-worker. What its start and stop do, in order, is in `common::process` and `common::service`.

use std::process::ExitCode;

use start_worker::{SERVICE, render, run};

fn main() -> ExitCode {
    common::process::main(SERVICE, env!("CARGO_PKG_VERSION"), &[render::TOOL], run)
}
