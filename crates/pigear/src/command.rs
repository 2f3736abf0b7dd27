//! The command line.
//!
//! Arguments are first parsed, then converted to a [`Config`](crate::config::Config), and only then is
//! the system touched. An error is printed once, here, as `error: WHAT: CAUSE`, with a hint where the
//! user can do something about it. Status: 0 done, 1 failed, 2 wrong usage.

mod args;
mod completions;
mod config;
mod demo;
mod doctor;
mod environment;
mod failure;
mod help;
mod host;
#[cfg(feature = "store")]
mod lanes;
mod listen;
#[cfg(feature = "store")]
mod local_zone;
mod log;
mod man;
mod mistakes;
mod mkdir;
mod output;
mod play;
mod privileges;
mod progress;
#[cfg(feature = "store")]
mod query;
mod seen_secrets;
#[cfg(feature = "nats")]
mod sensors;
mod service;
mod settings;
mod signals;
#[cfg(feature = "store")]
mod store_path;
#[cfg(feature = "top")]
mod top;
mod unexpected;
#[cfg(feature = "web")]
mod web;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use clap::FromArgMatches;

use crate::registry::Registry;
use crate::visible::{visible, visible_lines};
use args::{Args, Command};
use failure::Failure;
pub use host::{Host, Interrupt};
use output::write_out;

/// Runs the command line of `pigear` with the handlers of a registry. This can be the whole `main` of
/// your own program.
#[must_use]
pub fn main(registry: &Registry) -> ExitCode {
    ExitCode::from(run(std::env::args_os(), registry, &()))
}

/// Runs a command line, whose first word is the program's name, and returns its status: for programs
/// that do more than this.
#[must_use]
pub fn run(words: impl IntoIterator<Item = OsString>, registry: &Registry, host: &dyn Host) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    if completions::answer(&words, registry) {
        return 0;
    }
    let words = store_behind_command(words);
    let mut command = args::command(registry);
    let mut is_typed = true;
    let parsed = command
        .try_get_matches_from_mut(&words)
        .and_then(|matches| {
            // The commands have options of the same names.
            let with_environment = match matches.subcommand() {
                None => args::with_environment,
                Some(("config", config)) if config.subcommand_name() == Some("show") => {
                    args::with_environment_of_show
                }
                Some(_) => return Ok(matches),
            };
            // What is typed is right: it was parsed without the environment.
            is_typed = false;
            with_environment(args::command(registry)).try_get_matches_from(&words)
        })
        .and_then(|matches| Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => {
            let message = if is_typed {
                unexpected::message(&error, &words, registry, &command)
            } else {
                unexpected::of_environment(&error)
            };
            match message {
                // If it can't be printed, there is no reader.
                Some(text) => drop(io::stderr().write_all(visible_lines(&text).as_bytes())),
                None => print_wrong_usage(&error, &words),
            }
            return u8::try_from(error.exit_code()).unwrap_or(u8::MAX);
        }
    };
    log::start(args.debug, args.quiet);
    host.start(args.debug);
    let status = carry_out(args, registry, host).map_or_else(|failure| failure.report(), |()| 0);
    log::finish();
    status
}

/// The commands that read a store also accept the options that name it before the command.
fn store_behind_command(mut words: Vec<OsString>) -> Vec<OsString> {
    let mut command = 1;
    while let Some(word) = words.get(command).and_then(|word| word.to_str()) {
        let (option, has_value) = word.split_once('=').map_or((word, false), |(it, _)| (it, true));
        command += match option {
            "--store" | "--config" if has_value => 1,
            "--store" | "--config" => 2,
            _ => break,
        };
    }
    let is_reader =
        |word: &OsString| ["lanes", "query", "redeliver", "top", "web"].iter().any(|it| word == it);
    if command > 1 && words.get(command).is_some_and(is_reader) {
        let name = words.remove(command);
        words.insert(1, name);
    }
    words
}

/// Prints the error unchanged, unless an argument in it could control the terminal, or is very long.
fn print_wrong_usage(error: &clap::Error, words: &[OsString]) {
    let plain = error.render().to_string();
    let safe = visible_lines(&plain);
    let is_odd = |word: &OsString| visible(word.as_bytes()).as_bytes() != word.as_bytes();
    // If it can't be printed, there is no reader.
    let _ = if error.use_stderr() && (safe != plain || words.iter().any(is_odd)) {
        io::stderr().write_all(safe.as_bytes())
    } else {
        error.print()
    };
}

fn carry_out(args: Args, registry: &Registry, host: &dyn Host) -> Result<(), Failure> {
    match args.command {
        None => listen::run(&args.listen, registry, host),
        Some(Command::Demo(args)) => demo::run(&args, registry, host),
        Some(Command::Play(args)) => play::run(&args, host),
        #[cfg(feature = "store")]
        Some(Command::Query(args)) => query::run(&args, registry),
        #[cfg(feature = "top")]
        Some(Command::Top(args)) => top::run(*args, registry),
        #[cfg(feature = "store")]
        Some(Command::Lanes(args)) => lanes::run(&args, registry),
        #[cfg(feature = "store")]
        Some(Command::Redeliver(args)) => lanes::send_again(&args, registry),
        #[cfg(feature = "nats")]
        Some(Command::Sensors(args)) => sensors::run(&args),
        #[cfg(feature = "web")]
        Some(Command::Web(args)) => web::run(*args, registry, host),
        Some(Command::Config { command }) => config::run(&command, registry),
        Some(Command::Doctor(args)) => doctor::run(&args, registry),
        Some(Command::Completions { shell }) => write_out(&completions::script(shell)?),
        Some(Command::Man { command, dir }) => man::run(&command, dir.as_deref(), registry),
        Some(Command::Help { topic }) => help::run(&topic, registry),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_store_may_be_named_before_a_command_that_reads_it() {
        let moved = |line: &str| {
            let words = line.split(' ').map(OsString::from).collect();
            store_behind_command(words).join(" ".as_ref()).into_string().unwrap()
        };
        assert_eq!(moved("pigear --store a.db lanes"), "pigear lanes --store a.db");
        let expected = "pigear query --config a --store=b --limit 1";
        assert_eq!(moved("pigear --config a --store=b query --limit 1"), expected);
        for unchanged in ["pigear --store lanes", "pigear --store a play", "pigear", "pigear lanes"]
        {
            assert_eq!(moved(unchanged), unchanged);
        }
    }

    #[test]
    fn the_arguments_are_sound() {
        Args::command().debug_assert();
    }
}
