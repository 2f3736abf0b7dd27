//! `pigear config`: what is wrong with a configuration file, and what can be written into one.

mod described;
mod example;
mod samples;
mod schema;
mod show;

use std::path::Path;

use super::args::ConfigCommand;
use super::environment;
use super::failure::Failure;
use super::log;
use super::mistakes::{self, MAX_SHOWN};
use super::output::write_out;
use crate::config::{Config, Exposure};
use crate::registry::Registry;

pub(super) fn run(command: &ConfigCommand, registry: &Registry) -> Result<(), Failure> {
    if matches!(command, ConfigCommand::Check { .. } | ConfigCommand::Show(_)) {
        environment::warn_of_misspelt(registry);
    }
    match command {
        ConfigCommand::Check { file } => check(file, registry),
        ConfigCommand::Show(args) => show::run(args, registry),
        ConfigCommand::Example => write_out(example::text(registry).as_bytes()),
        ConfigCommand::Schema => write_out(schema::text(registry)?.as_bytes()),
    }
}

fn check(file: &Path, registry: &Registry) -> Result<(), Failure> {
    let shown = file.display();
    let text = Config::read_text(file)?;
    if let Some(exposure) = Exposure::of(file, &text) {
        log::say(&format!("warning: {exposure}"));
    }
    let found = Config::mistakes(&text, file, registry);
    if found.is_empty() {
        Config::parse(&text, file).map_err(anyhow::Error::from)?;
        return write_out(format!("{shown}: no mistakes\n").as_bytes());
    }
    Err(mistakes::print(&found, file, MAX_SHOWN).into())
}
