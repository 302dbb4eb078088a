//! What a worker can be told on its command line: to run, or to do one thing without a connection.
//!
//! `--config-dir` goes before or after a tool's name. `--help` and `--version` end here too.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgMatches, Command, value_parser};

/// `EX_USAGE`: the arguments are wrong.
const EXIT_USAGE: u8 = 64;
const CONFIG_DIR: &str = "config-dir";

/// A subcommand: something that a worker's binary does beside running, without any connection.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name, help and arguments.
    pub command: fn() -> Command,
    /// Does it. The folder is `--config-dir`'s.
    pub run: fn(&ArgMatches, Option<&Path>) -> ExitCode,
}

/// What the operator wants.
pub enum Wish {
    /// Run the worker with the settings of this folder, or of the usual one.
    Run(Option<PathBuf>),
    /// A tool did its work; the process ends so.
    Done(ExitCode),
}

/// Reads the process's arguments. `--help`, `--version` and wrong arguments are answered here.
pub fn parse(service: &'static str, version: &'static str, tools: &[Tool]) -> Wish {
    let matches = match command(service, version, tools).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return Wish::Done(answer(&error)),
    };
    let directory = matches.get_one::<PathBuf>(CONFIG_DIR);
    let Some((name, arguments)) = matches.subcommand() else {
        return Wish::Run(directory.cloned());
    };
    let chosen = tools.iter().find(|tool| (tool.command)().get_name() == name);
    Wish::Done(chosen.map_or(ExitCode::FAILURE, |tool| {
        (tool.run)(arguments, directory.map(PathBuf::as_path))
    }))
}

fn answer(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told that nothing can be printed.
    error.print().ok();
    if error.use_stderr() {
        ExitCode::from(EXIT_USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

fn command(service: &'static str, version: &'static str, tools: &[Tool]) -> Command {
    let directory = Arg::new(CONFIG_DIR)
        .long(CONFIG_DIR)
        .value_name("DIR")
        .help("Folder with default.yaml and local.yaml [default: $NODE_CONFIG_DIR, else ./config]")
        .value_parser(value_parser!(PathBuf))
        .global(true);
    Command::new(service)
        .version(version)
        .arg(directory)
        .subcommands(tools.iter().map(|tool| (tool.command)()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound_and_the_folder_goes_anywhere() {
        let tool = Tool {
            command: || Command::new("explain"),
            run: |_, _| ExitCode::SUCCESS,
        };
        command("a-worker", "1.0.0", &[tool]).debug_assert();
        for line in [
            ["a", "--config-dir", "x", "explain"],
            ["a", "explain", "--config-dir", "x"],
        ] {
            let matches = command("a-worker", "1.0.0", &[tool]).get_matches_from(line);
            assert_eq!(matches.get_one::<PathBuf>(CONFIG_DIR), Some(&PathBuf::from("x")));
            assert_eq!(matches.subcommand_name(), Some("explain"));
        }
    }
}
