//! Output to the terminal, with values made safe for it.

use std::io::{self, Write};
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::{self, Colour, FormatName};
use rhai::Dynamic;

use crate::script::fields::{ALERT, Field, MSG, brief};
use crate::script::{AlertFields, SnortMessage};
use crate::visible::{cut, visible};

/// The most bytes of a value that are shown.
const MAX_SHOWN: usize = 4_096;

/// The most bytes of a blob that are shown; `hexdump` shows all.
const MAX_BYTES: usize = 128;

/// How many bytes of a blob are shown in a table.
const IN_TABLE: usize = 48;

/// Writes to the terminal.
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    // A closed terminal is noticed at the next read.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes a line.
pub(super) fn say(text: &str) {
    print(&format!("{text}\n"));
}

/// The alert in one line.
pub(super) fn line(alert: &Alert, colour: Colour) -> String {
    let mut line = Vec::new();
    FormatName::Fast.format(colour).write(alert, &mut line);
    String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
}

/// A text of several lines, with everything but the line breaks escaped.
pub(super) fn lines(text: &str) -> String {
    text.lines().map(|line| visible(line.as_bytes())).collect::<Vec<_>>().join("\n")
}

/// A script's output. If it has several lines, each is indented, so that text from an alert can't imitate
/// the shell.
pub(super) fn printed(text: &str) -> String {
    if text.trim_end_matches('\n').contains('\n') {
        let indented = |line: &str| format!("  {}\n", visible(line.as_bytes()));
        text.lines().map(indented).collect()
    } else {
        format!("{}\n", visible(text.trim_end_matches('\n').as_bytes()))
    }
}

/// A value as the result of the input; `None` if there is nothing to show.
pub(super) fn value(value: &Dynamic) -> Option<String> {
    if value.is_unit() {
        return None;
    }
    if let Some(SnortMessage(alert)) = value.read_lock::<SnortMessage>().as_deref() {
        return Some(table("AlertMessage", MSG, alert));
    }
    if let Some(AlertFields(alert)) = value.read_lock::<AlertFields>().as_deref() {
        return Some(table("Alert", ALERT, alert));
    }
    if let Ok(bytes) = value.as_blob_ref() {
        return Some(some_bytes(&bytes));
    }
    if let Some(lines) = layers(value) {
        return Some(lines);
    }
    Some(bounded(&visible(brief(value).as_bytes())))
}

/// Bytes as hexadecimal numbers and characters.
pub(super) fn some_bytes(bytes: &[u8]) -> String {
    let shown = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let mut dump = Vec::new();
    format::hexdump(shown, &mut dump);
    let dump = lines(&String::from_utf8_lossy(&dump));
    let head = match bytes.len() {
        0 => return "no bytes".to_owned(),
        1 => "1 byte".to_owned(),
        n => format!("{n} bytes"),
    };
    match bytes.len() - shown.len() {
        0 => format!("{head}\n{dump}"),
        more => format!("{head}\n{dump}\n… {more} more; hexdump(…) shows all"),
    }
}

/// The headers of a packet, one per line; `None` if a value is something else.
pub(super) fn layers(value: &Dynamic) -> Option<String> {
    let list = value.as_array_ref().ok().filter(|list| !list.is_empty())?;
    let lines: Option<Vec<_>> = list.iter().map(layer).collect();
    Some(lines?.join("\n"))
}

fn layer(value: &Dynamic) -> Option<String> {
    let fields = value.as_map_ref().ok()?;
    let name = fields.get("name")?.clone().into_string().ok()?;
    let number = |name| fields.get(name)?.as_int().ok();
    let (start, end) = (number("start")?, number("end")?);
    let others =
        fields.iter().filter(|(name, _)| !matches!(name.as_str(), "name" | "start" | "end"));
    let others: Vec<_> = others.map(|(name, value)| format!("{name}={value}")).collect();
    let line = format!("{name} [{start}..{end}] {}", others.join(" "));
    Some(bounded(&visible(line.trim_end().as_bytes())))
}

/// A value in a table.
fn in_table(value: &Dynamic) -> String {
    if let Ok(bytes) = value.as_blob_ref() {
        return text_or_numbers(&bytes);
    }
    let names = value.as_array_ref().ok().filter(|list| !list.is_empty()).and_then(|list| {
        let name = |layer: &Dynamic| layer.as_map_ref().ok()?.get("name").map(ToString::to_string);
        list.iter().map(name).collect::<Option<Vec<_>>>()
    });
    names.map_or_else(|| brief(value), |names| format!("{}; `layers` shows them", names.join(", ")))
}

/// How many bytes there are, and how they begin: as text if they look like one.
fn text_or_numbers(bytes: &[u8]) -> String {
    let begin = bytes.get(..IN_TABLE).unwrap_or(bytes);
    let dots = if begin.len() < bytes.len() { " …" } else { "" };
    let is_text = begin.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'));
    match begin {
        [] => "<0 bytes>".to_owned(),
        _ if is_text => {
            format!("<{} bytes: {:?}{dots}>", bytes.len(), String::from_utf8_lossy(begin))
        }
        _ => {
            let begin = begin.iter().take(16).map(|byte| format!("{byte:02x}"));
            let dots = if bytes.len() > 16 { " …" } else { "" };
            let begin = begin.collect::<Vec<_>>().join(" ");
            format!("<{} bytes: {begin}{dots}>", bytes.len())
        }
    }
}

fn bounded(text: &str) -> String {
    let shown = cut(text, MAX_SHOWN);
    match text.len() - shown.len() {
        0 => text.to_owned(),
        more => format!("{shown}… ({more} bytes more)"),
    }
}

/// All fields, one per line.
fn table(name: &str, fields: &[Field], alert: &Arc<Alert>) -> String {
    let line = |field: &Field| {
        let value = in_table(&field.get(alert));
        format!("\n  {:<18} {}", field.name, bounded(&visible(value.as_bytes())))
    };
    std::iter::once(name.to_owned()).chain(fields.iter().map(line)).collect()
}
