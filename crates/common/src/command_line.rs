//! What a worker can be told on its command line: to run, to show its settings, or to do one thing without
//! a connection.
//!
//! `--config-dir` goes before or after a tool's name. `--help` and `--version` end here too.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, error::ErrorKind, value_parser};

/// `EX_USAGE`: the arguments are wrong.
const EXIT_USAGE: u8 = 64;
const CONFIG_DIR: &str = "config-dir";
const CHECK_CONFIG: &str = "check-config";

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
    /// Show the settings of this folder, or of the usual one, and what is wrong with them.
    CheckConfig(Option<PathBuf>),
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
        return wish(&matches);
    };
    if matches.get_flag(CHECK_CONFIG) {
        let text = format!("--{CHECK_CONFIG} goes without {name}");
        let error = command(service, version, tools).error(ErrorKind::ArgumentConflict, text);
        return Wish::Done(answer(&error));
    }
    let chosen = tools.iter().find(|tool| (tool.command)().get_name() == name);
    Wish::Done(chosen.map_or(ExitCode::FAILURE, |tool| {
        (tool.run)(arguments, directory.map(PathBuf::as_path))
    }))
}

/// What is wanted without a tool.
fn wish(matches: &ArgMatches) -> Wish {
    let directory = matches.get_one::<PathBuf>(CONFIG_DIR).cloned();
    if matches.get_flag(CHECK_CONFIG) {
        Wish::CheckConfig(directory)
    } else {
        Wish::Run(directory)
    }
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
    let check = Arg::new(CHECK_CONFIG)
        .long(CHECK_CONFIG)
        .help("Print the settings that hold and where they come from; exit 0, or 64 with all problems")
        .action(ArgAction::SetTrue);
    Command::new(service)
        .version(version)
        .arg(directory)
        .arg(check)
        .subcommands(tools.iter().map(|tool| (tool.command)()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_runs_or_shows_its_settings() {
        let wish_of = |line: &[&str]| wish(&command("a-worker", "1.0.0", &[]).get_matches_from(line));
        assert!(matches!(wish_of(&["a"]), Wish::Run(None)));
        assert!(matches!(
            wish_of(&["a", "--check-config"]),
            Wish::CheckConfig(None)
        ));
        let folder = Some(PathBuf::from("x"));
        let Wish::CheckConfig(found) = wish_of(&["a", "--config-dir", "x", "--check-config"]) else {
            panic!("the settings are to be shown");
        };
        assert_eq!(found, folder);
    }

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
