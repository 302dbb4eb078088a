//! `make load`: what a build costs the workers. Figures, not a verdict: see docs/PERFORMANCE.md.

use clap::{Parser, Subcommand};
use testbed::load::{
    self, Plan, api_server,
    reference::{self, Duty},
};

/// Measures what the workers use for bursts of builds, beside a bare program that does the same wire work.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    plan: Plan,
}

/// What this process is when it is not the meter.
#[derive(Debug, Subcommand)]
enum Role {
    /// Measure what the API server takes, without workers.
    ApiServer(api_server::Plan),
    /// Be the bare program, told what to do by a file. Started by the meter.
    #[command(hide = true)]
    Reference {
        /// Whose work it does.
        duty: Duty,
        /// Where its messages come from.
        queue: String,
        /// The file of its orders.
        orders: std::path::PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    // As the workers have it: the default number of threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let Arguments { role, plan } = Arguments::parse();
    match role {
        Some(Role::Reference { duty, queue, orders }) => {
            runtime.block_on(reference::run(duty, &queue, &orders))
        }
        Some(Role::ApiServer(plan)) => runtime.block_on(api_server::run(plan)),
        None => runtime.block_on(load::run(plan)),
    }
}
