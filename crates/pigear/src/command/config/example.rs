//! A configuration file with every key.

use std::fmt::Write;

use super::described::{Section, sections};
use super::samples::sample;
use crate::command::help::about;
use crate::config::HANDLER_KEYS;
use crate::registry::Registry;

const HEAD: &str = "\
# Pigear's configuration, with every key. Those of sources and handlers, of which there may be several, are below.
# To set one, remove the # before it, and before the name of its table. \"pigear config check FILE\" finds mistakes.
# What a key is for is said above it; more is in the manual. On the command line, --keep-days is keep_days, and
# PIGEAR_KEEP_DAYS in the environment.
";

pub(super) fn text(registry: &Registry) -> String {
    let mut text = HEAD.to_owned();
    for section in sections(registry) {
        write_section(&mut text, &section);
    }
    text += "\n# Every handler has these keys:\n#\n# [[handler]]\n";
    for key in HANDLER_KEYS {
        write_key(&mut text, "", key);
    }
    for (kind, says) in registry.about() {
        let says = says.split_once("; ").map_or(says, |(says, _)| says);
        // Writing to a `String` can't fail.
        let _ = write!(text, "\n# {kind}: {says}\n#\n# [[handler]]\n# type = \"{kind}\"\n");
        for key in registry.keys(kind) {
            write_key(&mut text, kind, key);
        }
    }
    text
}

fn write_section(text: &mut String, section: &Section) {
    if !section.header.is_empty() {
        // Writing to a `String` can't fail.
        let _ = write!(text, "\n# {}\n", section.header);
    }
    for key in &section.keys {
        let _ = write!(text, "\n# {}\n# {} = {}\n", key.about, key.name, key.sample);
    }
}

/// A key of a handler, with a value that it may have.
fn write_key(text: &mut String, kind: &str, key: &str) {
    let about = about(kind, key).unwrap_or_default();
    let sample = sample(kind, key).unwrap_or_default();
    // Writing to a `String` can't fail.
    let _ = writeln!(text, "# {:<40}# {about}", format!("{key:<17}= {sample}  "));
}
