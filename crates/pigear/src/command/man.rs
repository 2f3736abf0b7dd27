//! `pigear man`: the manual pages.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args;
use super::failure::Failure;
use super::output::write_out;
use crate::registry::Registry;

/// A section: its title, and pairs of a term and its description.
type Section = (&'static str, &'static [(&'static str, &'static str)]);

const EXIT_STATUS: Section = (
    "EXIT STATUS",
    &[
        ("0", "Everything was done."),
        ("1", "Something failed. The error is printed to standard error."),
        (
            "2",
            "Wrong usage: an unknown option, key, handler or filter, or a value that is not allowed.",
        ),
        ("128+N", "A repeated signal N ended the program before its handlers were done."),
    ],
);

const FILES: Section = (
    "FILES",
    &[
        ("/var/log/snort/snort_alert", "The socket, unless --logdir or snort.conf says otherwise."),
        (
            "/etc/snort/snort.conf",
            "Snort's configuration: where Snort logs, and where the files with names are.",
        ),
        (
            "classification.config, reference.config, sid-msg.map, gen-msg.map",
            "Names for an alert's numbers. They are looked for beside snort.conf, and read again when they change.",
        ),
        (
            "/etc/pigear/pigear.toml",
            "Where query, top, lanes, redeliver and web look for the store if nothing else says where it is.",
        ),
        (
            ".NAME.bookmark",
            "How far Snort's log NAME was read; beside the log, unless --bookmark says otherwise.",
        ),
        ("~/.local/state/pigear/history", "The history of the shell."),
    ],
);

const ENVIRONMENT: Section = (
    "ENVIRONMENT",
    &[
        (
            "PIGEAR_...",
            "Each option of pigear without a command: --keep-days as PIGEAR_KEEP_DAYS. The command line takes \
            precedence over it, and it over the configuration file.",
        ),
        (
            "PIGEAR_STORE",
            "Also the store of query, top, lanes, redeliver and web, unless --store or --config is given.",
        ),
        ("NO_COLOR", "If it is set and not empty, output has no colours."),
        ("COLUMNS", "The width of the help, where standard output is no terminal."),
        (
            "XDG_STATE_HOME",
            "The directory for the history of the shell, instead of ~/.local/state.",
        ),
        ("TZ", "The time zone of local times."),
    ],
);

/// Prints the page of a command, or writes all pages to a directory.
pub(super) fn run(
    words: &[String],
    directory: Option<&Path>,
    registry: &Registry,
) -> Result<(), Failure> {
    let mut whole = args::command(registry);
    whole.build();
    if let Some(directory) = directory {
        return write_all(&whole, "pigear", directory);
    }
    let mut command = &whole;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let known = command.get_subcommands().map(clap::Command::get_name);
            let known = known.collect::<Vec<_>>().join(", ");
            Failure::usage(anyhow::anyhow!("no command {word:?}; commands are {known}"))
        })?;
    }
    let name = std::iter::once("pigear").chain(words.iter().map(String::as_str));
    write_out(&page(command, &name.collect::<Vec<_>>().join("-"))?)
}

fn write_all(command: &clap::Command, name: &str, directory: &Path) -> Result<(), Failure> {
    let path = directory.join(format!("{name}.1"));
    let written = fs::write(&path, page(command, name)?);
    written.with_context(|| format!("cannot write {}", path.display()))?;
    for command in command.get_subcommands() {
        write_all(command, &format!("{name}-{}", command.get_name()), directory)?;
    }
    Ok(())
}

fn page(command: &clap::Command, name: &str) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    render(command, name, &mut page).context("cannot write the manual")?;
    Ok(page)
}

fn render(command: &clap::Command, name: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    let is_whole = name == "pigear";
    let man = Man::new(command.clone()).title(name);
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(page)?;
    }
    if command.get_subcommands().next().is_some() {
        man.render_subcommands_section(page)?;
    }
    if is_whole {
        man.render_extra_section(page)?;
        #[cfg(feature = "script")]
        fields(page)?;
        section(&FILES, page)?;
        section(&ENVIRONMENT, page)?;
    }
    section(&EXIT_STATUS, page)?;
    if is_whole { man.render_version_section(page) } else { Ok(()) }
}

fn section((title, entries): &Section, page: &mut Vec<u8>) -> std::io::Result<()> {
    list(title, entries.iter().map(|(term, about)| ((*term).to_owned(), *about)), page)
}

fn list<'a>(
    title: &str,
    entries: impl Iterator<Item = (String, &'a str)>,
    page: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, about) in entries {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(about)]);
    }
    roff.to_writer(page)
}

/// The fields of filters.
#[cfg(feature = "script")]
fn fields(page: &mut Vec<u8>) -> std::io::Result<()> {
    use crate::script::fields::{ALERT, MSG};

    let msg = MSG.iter().map(|field| (format!("msg.{}", field.name), field.about));
    let alert = ALERT.iter().map(|field| (format!("alert.{}", field.name), field.about));
    list("FIELDS", msg.chain(alert), page)
}
