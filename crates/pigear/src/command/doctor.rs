//! `pigear doctor`: what is wrong between Snort and Pigear.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::CommandFactory;
use pigear_alert::plural;

use super::args::{Args, DoctorArgs};
use super::failure::Failure;
use super::output::write_out;
use super::{environment, settings};
use crate::config::{Config, SourceConfig};
use crate::doctor::{Subject, examine};
use crate::listen::known_user;
use crate::registry::Registry;

pub(super) fn run(args: &DoctorArgs, registry: &Registry) -> Result<(), Failure> {
    let mut given = environment::listen_args(registry)?;
    let named = given.as_ref().and_then(|given| given.config.clone());
    let named = args.config.clone().or(named);
    let file = named.as_deref();
    // What is wrong with the file is a finding.
    let read = file.map(|file| Config::read(file).ok());
    let is_known = !matches!(read, Some(None)) || !args.logdir.is_empty();
    let mut config = read.flatten().unwrap_or_default();
    if !args.logdir.is_empty() {
        let source =
            |dir: &PathBuf| SourceConfig { logdir: Some(dir.clone()), ..SourceConfig::default() };
        config.sources = args.logdir.iter().map(source).collect();
        // They are instead of these.
        if let Some(given) = &mut given {
            given.source = SourceConfig::default();
        }
    }
    if let Some(given) = given.filter(|_| is_known) {
        config = settings::merged(config, given, registry)?;
    }
    if config.sources.is_empty() {
        config.sources.push(SourceConfig::default());
    }
    let snort_user = args.snort_user.clone();
    if let Some(user) = &snort_user {
        known_user(user)?;
    }
    let proc = PathBuf::from("/proc");
    let misspelt = environment::misspelt(registry).iter().map(ToString::to_string).collect();
    let subject =
        Subject { config, is_known, file, registry, snort_user, misspelt, has_command, proc };
    let report = examine(subject, args.listen.map(Duration::from_secs));
    let text = if args.json { report.json() } else { report.text() };
    write_out(text.as_bytes())?;
    match report.wrong() {
        0 => Ok(()),
        1 => Err(anyhow!("1 thing is wrong").into()),
        many => Err(anyhow!("{} are wrong", plural::count(many as u64, "thing")).into()),
    }
}

/// Whether a Pigear that was started with these words, of which one is its name, runs a command. Handlers have such
/// names, too.
fn has_command(words: &[String]) -> bool {
    let is_name = |word: &&String| Path::new(word).file_name().is_some_and(|it| it == "pigear");
    let words = words.iter().skip_while(|word| !is_name(word));
    // What isn't allowed together isn't asked here.
    let command = Args::command().args_conflicts_with_subcommands(false).ignore_errors(true);
    let parsed = command.try_get_matches_from(words);
    parsed.is_ok_and(|parsed| parsed.subcommand_name().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pigear_with_a_command_is_told_from_one_that_receives() {
        let has_command =
            |line: &str| has_command(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in [
            "pigear doctor --config a",
            "python3 -m pigear --config a query",
            "/usr/bin/pigear --store=a --debug lanes",
        ] {
            assert!(has_command(line), "{line}");
        }
        for line in [
            "pigear --config a --data-handler web",
            "pigear --config a",
            "pigear --of-another-version",
            "vi query",
        ] {
            assert!(!has_command(line), "{line}");
        }
    }
}
