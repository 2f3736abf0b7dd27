//! Completions of the command line: options, handlers, keys with their values, and the fields of filters.
//!
//! A shell asks the program itself for candidates, so that they fit what was typed before: the keys of those
//! handlers that are named. `pigear completions SHELL` prints what makes the shell ask.

mod bash;
mod registration;
mod words;
mod zsh;

use std::ffi::{OsStr, OsString};

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Elvish, Fish, Powershell, Shells};
use clap_complete::{CompleteEnv, Shell};
#[cfg(feature = "store")]
use pigear_alert::format::FormatName;
#[cfg(feature = "store")]
use pigear_alert::maps::Classes;
use pigear_alert::packet::LinkType;
use pigear_alert::wire::Dialect;

use super::args;
use super::failure::Failure;
use crate::config::SourceKind;
use crate::registry::Registry;
#[cfg(feature = "store")]
use crate::store::{CountBy, NO_CLASS};
use bash::Bash;
use words::Handlers;
use zsh::Zsh;

/// The environment variable in which a shell says that it asks for candidates.
const VARIABLE: &str = "_PIGEAR_COMPLETE";

const SHELLS: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// What makes a shell ask for candidates.
pub(super) fn script(shell: Shell) -> Result<Vec<u8>, Failure> {
    let mut script = Vec::new();
    let completer = SHELLS.completer(&shell.to_string());
    if let Some(completer) = completer {
        let written =
            completer.write_registration(VARIABLE, "pigear", "pigear", "pigear", &mut script);
        written.map_err(anyhow::Error::from)?;
    }
    Ok(script)
}

/// Answers a shell that asks for candidates. Returns whether one does.
pub(super) fn answer(words: &[OsString], registry: &Registry) -> bool {
    let is_asked =
        std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty() && shell != "0");
    if !is_asked {
        return false;
    }
    let typed = bash::line().unwrap_or_else(|| words.to_vec());
    let completing = CompleteEnv::with_factory(|| with_candidates(registry, &typed))
        .var(VARIABLE)
        .bin("pigear")
        .completer("pigear")
        .shells(SHELLS);
    let answered = completing.try_complete(words, std::env::current_dir().ok().as_deref());
    answered.unwrap_or_else(|error| {
        // If it can't be printed, there is no reader.
        let _ = error.print();
        true
    })
}

/// The command line, with candidates where clap knows none.
fn with_candidates(registry: &Registry, typed: &[OsString]) -> Command {
    let kinds: Vec<_> = registry.about().collect();
    let handlers = Handlers::of(typed, registry);
    let command = args::command(registry)
        .mut_arg("data_handler", |arg| arg.add(by(move |word| words::handlers(&kinds, word))))
        .mut_arg("kind", |arg| arg.add(by(|word| words::names(&SourceKind::names(), word))))
        .mut_arg("dialect", |arg| {
            arg.add(by(|word| words::names(&Dialect::ALL.map(Dialect::name), word)))
        })
        .mut_arg("linktype", |arg| arg.add(by(|word| words::names(&LinkType::names(), word))))
        .mut_arg("keys", |arg| arg.add(by(move |word| handlers.candidates(word))));
    let topics = topics(&command, registry);
    let command = command.mut_subcommand("help", |help| {
        help.mut_arg("topic", |arg| arg.add(by(move |word| words::of_all(&topics, word))))
    });
    #[cfg(feature = "script")]
    let command = command.mut_arg("filter", |arg| arg.add(by(words::fields)));
    #[cfg(feature = "store")]
    let command = command.mut_subcommand("query", query);
    #[cfg(feature = "top")]
    let command = command.mut_subcommand("top", selection);
    command
}

/// What there is help on.
fn topics(command: &Command, registry: &Registry) -> Vec<String> {
    let commands = command.get_subcommands().map(|command| command.get_name().to_owned());
    let handlers = registry.about().map(|(name, _)| name.to_owned());
    commands.chain(handlers).chain(["fields".to_owned()]).collect()
}

#[cfg(feature = "store")]
fn query(command: Command) -> Command {
    let formats = FormatName::ALL.map(FormatName::name);
    selection(command)
        .mut_arg("format", |arg| arg.add(by(move |word| words::names(&formats, word))))
        .mut_arg("count_by", |arg| arg.add(by(|word| words::names(&CountBy::names(), word))))
}

/// The criteria for stored alerts.
#[cfg(feature = "store")]
fn selection(command: Command) -> Command {
    let classes = Classes::stock();
    let classes = classes.iter().map(|(_, class)| class.name.to_string());
    let classes: Vec<_> = classes.chain([NO_CLASS.to_owned()]).collect();
    let command =
        command.mut_arg("class", |arg| arg.add(by(move |word| words::of_all(&classes, word))));
    #[cfg(feature = "script")]
    let command = command.mut_arg("filter", |arg| arg.add(by(words::fields)));
    command
}

fn by(
    candidates: impl Fn(&str) -> Vec<CompletionCandidate> + Send + Sync + 'static,
) -> ArgValueCompleter {
    let of_word = move |word: &OsStr| word.to_str().map(&candidates).unwrap_or_default();
    ArgValueCompleter::new(of_word)
}
