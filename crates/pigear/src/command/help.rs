//! `pigear help TOPIC`: a command's help, the fields of alerts, or a handler's keys.

mod keys;

use std::fmt::Write;

use super::args;
use super::failure::Failure;
use super::output::write_out;
use crate::keys::GENERAL_KEYS;
use crate::registry::Registry;
pub(super) use keys::{about, usual};

pub(super) fn run(topic: &[String], registry: &Registry) -> Result<(), Failure> {
    let text = match topic {
        #[cfg(feature = "script")]
        [name] if name == "fields" => fields(),
        [name] if registry.resolve(name).is_ok() => handler(name, registry),
        [name, extra, ..] if name == "fields" || registry.resolve(name).is_ok() => {
            let one = anyhow::anyhow!("unexpected {extra:?}: write pigear help {name}");
            return Err(Failure::usage(one));
        }
        words => command(words, registry)?,
    };
    write_out(text.as_bytes())
}

/// The help of a command; of `pigear` itself without words.
fn command(words: &[String], registry: &Registry) -> Result<String, Failure> {
    let mut whole = args::command(registry);
    whole.build();
    let mut command = &mut whole;
    for word in words {
        command = command
            .find_subcommand_mut(word)
            .ok_or_else(|| Failure::usage(anyhow::anyhow!(unknown(word, registry))))?;
    }
    Ok(command.render_long_help().to_string())
}

fn unknown(word: &str, registry: &Registry) -> String {
    let handlers = registry.about().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    format!(
        "no help on {word:?}; there is help on commands, on `fields`, and on handlers: {handlers}"
    )
}

fn handler(name: &str, registry: &Registry) -> String {
    let kind = registry.resolve(name).unwrap_or(name);
    let about = registry.about().find(|(known, _)| *known == kind).map_or("", |(_, about)| about);
    let (about, usual) = about.split_once("; ").unwrap_or((about, ""));
    let mut text = format!("{kind}: {about}\n");
    if !usual.is_empty() {
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "\nUsual keys:\n  {usual}");
    }
    for (title, keys) in
        [("All keys", registry.keys(kind)), ("Keys of every handler", &GENERAL_KEYS)]
    {
        if !keys.is_empty() {
            let _ = writeln!(text, "\n{title}:");
        }
        for key in keys {
            let line = format!("  {key:<15} {}", keys::about(kind, key).unwrap_or_default());
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

#[cfg(feature = "script")]
const UNKNOWN: &str = "A field that isn't known is absent in JSON, None in Python, and () in filters and in the shell.";

/// The fields of alerts. Their names are the same in filters, in the shell, in JSON and in Python.
#[cfg(feature = "script")]
fn fields() -> String {
    use crate::script::fields::{ALERT, Field, MSG};

    let lines = |variable: &str, fields: &[Field]| {
        let line = |field: &Field| format!("  {variable}.{:<18} {}\n", field.name, field.about);
        fields.iter().map(line).collect::<String>()
    };
    format!(
        "What Snort said:\n{}\nAll other fields:\n{}\n{UNKNOWN}\n",
        lines("msg", MSG),
        lines("alert", ALERT)
    )
}
