//! Output to the terminal, with values made safe for it.

use std::io::{self, Write};
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::{Colour, FormatName};
use rhai::Dynamic;

use crate::script::fields::{ALERT, Field, MSG, brief};
use crate::script::{AlertFields, SnortMessage};
use crate::visible::{cut, visible};

/// The most bytes of a value that are shown.
const MAX_SHOWN: usize = 4_096;

/// The most bytes of a blob that are shown; `hexdump` shows all.
const MAX_BYTES: usize = 32;

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
    let text = match value.as_blob_ref() {
        Ok(bytes) => some_bytes(&bytes),
        Err(_) => brief(value),
    };
    Some(bounded(&visible(text.as_bytes())))
}

fn some_bytes(bytes: &[u8]) -> String {
    let shown: Vec<_> = bytes.iter().take(MAX_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > MAX_BYTES { " …" } else { "" };
    format!("<{} bytes: {}{more}>", bytes.len(), shown.join(" "))
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
        let value = brief(&field.get(alert));
        format!("\n  {:<18} {}", field.name, bounded(&visible(value.as_bytes())))
    };
    std::iter::once(name.to_owned()).chain(fields.iter().map(line)).collect()
}
