//! One alert: headline, fields, headers as a tree, and a hexdump.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use pigear_alert::Alert;
use pigear_alert::format::{Contents, Format, Full, Part, hexdump};

use super::list::Step;
use super::message::{Message, Opened};
use super::outbox::Outbox;
use crate::script::fields::{ALERT, Field, MSG, brief};
use crate::script::tree;
use crate::store::{Marks, Reader, StoreIdentity};
use crate::visible::{cut, visible};

/// The most bytes of a field that are shown.
const MAX_VALUE: usize = 4_096;

/// Fields that are shown in another way: as the hexdump and the tree.
const SHOWN_ELSEWHERE: [&str; 4] = ["layers", "message", "payload", "pkt"];

/// An alert on the screen.
#[derive(Debug, Default)]
pub(super) struct Detail {
    pub(super) id: i64,
    /// What was said about it, when it was last read.
    pub(super) marks: Marks,
    /// Its lines, which may be wider than the screen; `None` while it is being read.
    lines: Option<Vec<DetailLine>>,
    /// The first line that is on the screen, counted as the screen wraps them.
    top: usize,
    /// How many lines there are on the screen, and how many fit.
    extent: (usize, usize),
}

/// A line of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DetailLine {
    Heading(&'static str),
    Text(String),
}

impl Detail {
    /// An alert that is being read.
    pub(super) fn new(id: i64, marks: Marks) -> Self {
        Self { id, marks, ..Self::default() }
    }

    /// Shows what was read.
    pub(super) fn show(&mut self, opened: Opened) {
        if opened.id == self.id {
            self.lines = Some(match opened.alert {
                Ok(alert) => lines(&Arc::new(*alert)),
                Err(problem) => vec![DetailLine::Text(problem)],
            });
        }
    }

    /// Its lines; `None` while it is being read.
    pub(super) fn lines(&self) -> Option<&[DetailLine]> {
        self.lines.as_deref()
    }

    /// The screen wraps the lines to so many, of which so many fit. Returns the first that is to be shown.
    pub(super) fn fit(&mut self, lines: usize, height: usize) -> usize {
        self.extent = (lines, height);
        self.top = self.top.min(lines.saturating_sub(height));
        self.top
    }

    pub(super) fn step(&mut self, step: Step) {
        let (lines, height) = self.extent;
        self.top = step.from(self.top, (lines + 1).saturating_sub(height), height);
    }
}

/// Reads an alert on a thread of its own. In another store than this one, its number is another alert.
pub(super) fn open(path: PathBuf, (store, id): (Option<StoreIdentity>, i64), outbox: Outbox) {
    let unread = outbox.clone();
    let work = move || {
        let alert = read(&path, store, id);
        // Without a receiver the program ends anyway.
        let _ = outbox.send(Message::Opened(Box::new(Opened { store, id, alert })));
    };
    if let Err(error) = thread::Builder::new().name("alert".to_owned()).spawn(work) {
        let alert = Err(format!("cannot start a thread: {error}"));
        let _ = unread.send(Message::Opened(Box::new(Opened { store, id, alert })));
    }
}

fn read(path: &Path, of: Option<StoreIdentity>, id: i64) -> Result<Box<Alert>, String> {
    let problem =
        |error: crate::store::StoreError| format!("cannot read the store: {}", error.source);
    let mut reader = Reader::open(path).map_err(problem)?;
    if of.is_some() && of != Some(reader.identity().map_err(problem)?) {
        return Err("another store is there now than the one that is shown".to_owned());
    }
    match reader.get(id).map_err(problem)? {
        Some(alert) => Ok(Box::new(alert)),
        None if reader.unreadable() > 0 => {
            Err(format!("alert {id} could not be read: its record is damaged"))
        }
        None => Err(format!("alert {id} is not in the store any more")),
    }
}

/// All that is known of an alert.
fn lines(alert: &Arc<Alert>) -> Vec<DetailLine> {
    let mut lines = Vec::new();
    let mut add = |heading: Option<&'static str>, text: &str| {
        if !text.is_empty() {
            lines.extend(heading.map(DetailLine::Heading));
            lines.extend(text.lines().map(|line| DetailLine::Text(visible(line.as_bytes()))));
        }
    };
    add(None, &paragraph(alert));
    add(Some("layers"), &tree(alert));
    if alert.message.has_packet() {
        let mut dump = Vec::new();
        hexdump(&alert.message.pkt, &mut dump);
        add(Some("packet"), &String::from_utf8_lossy(&dump));
    }
    if let Some(part) = alert.inspected() {
        let mut dump = Vec::new();
        hexdump(part, &mut dump);
        add(Some("part of the stream that Snort inspected"), &String::from_utf8_lossy(&dump));
    }
    add(Some("fields"), &[fields("msg", MSG, alert), fields("alert", ALERT, alert)].concat());
    lines
}

/// The paragraph of the format `full`.
fn paragraph(alert: &Alert) -> String {
    let contents = Contents { packet: Part::Omitted, ..Contents::default() };
    let mut text = Vec::new();
    Full { contents, ..Full::default() }.write(alert, &mut text);
    String::from_utf8_lossy(text.trim_ascii_end()).into_owned()
}

/// The fields that are known, one per line.
fn fields(of: &str, fields: &[Field], alert: &Arc<Alert>) -> String {
    let shown = fields.iter().filter(|field| !SHOWN_ELSEWHERE.contains(&field.name));
    let line = |field: &Field| {
        let value = field.get(alert);
        let name = format!("{of}.{}", field.name);
        let text = visible(brief(&value).as_bytes());
        (!value.is_unit()).then(|| format!("{name:<24} {}\n", cut(&text, MAX_VALUE)))
    };
    shown.filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrolling_ends_with_the_last_line() {
        let mut detail = Detail::new(1, Marks::default());
        assert_eq!(detail.fit(30, 10), 0);
        detail.step(Step::Last);
        assert_eq!(detail.fit(30, 10), 20);
        detail.step(Step::Down);
        assert_eq!(detail.fit(30, 10), 20);
        assert_eq!(detail.fit(30, 40), 0, "all fit");
        detail.step(Step::PageDown);
        assert_eq!(detail.fit(5, 10), 0);
    }
}
