//! `pigear config`: what is wrong with a configuration file, and what can be written into one.

mod described;
mod example;
mod schema;
mod show;

use std::path::Path;

use anyhow::{Context, anyhow};
use pigear_alert::plural;

use super::args::ConfigCommand;
use super::failure::Failure;
use super::log;
use super::output::write_out;
use crate::config::{Config, Exposure};
use crate::input_file::{self, MAX_OWN_CONFIG};
use crate::registry::Registry;
use crate::visible::visible_lines;

/// More mistakes than this have few causes.
const MAX_SHOWN: usize = 100;

pub(super) fn run(command: &ConfigCommand, registry: &Registry) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { file } => check(file, registry),
        ConfigCommand::Show(args) => show::run(args, registry),
        ConfigCommand::Example => write_out(example::text(registry).as_bytes()),
        ConfigCommand::Schema => write_out(schema::text(registry)?.as_bytes()),
    }
}

fn check(file: &Path, registry: &Registry) -> Result<(), Failure> {
    let shown = file.display();
    let text = input_file::read_text(file, MAX_OWN_CONFIG);
    let text = text.with_context(|| format!("cannot read {shown}"))?;
    if let Some(exposure) = Exposure::of(file, &text) {
        log::say(&format!("warning: {exposure}"));
    }
    let mistakes = Config::mistakes(&text, registry);
    for mistake in mistakes.iter().take(MAX_SHOWN) {
        let (line, column) = (mistake.line, mistake.column);
        let problem = visible_lines(&mistake.problem);
        log::say(&format!("{shown}:{line}:{column}: {}", problem.trim_end()));
    }
    if let Some(more) = mistakes.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        log::say(&format!("{shown}: and {more} more"));
    }
    match mistakes.len() {
        0 => write_out(format!("{shown}: no mistakes\n").as_bytes()),
        many => Err(anyhow!("{shown} has {}", plural::count(many as u64, "mistake")).into()),
    }
}
