//! `pigear query`: shows what is in the store.

mod packet;
mod table;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pigear_alert::format::{Colour, Format, FormatName};
use pigear_pipeline::Handler;

use super::args::{QueryArgs, StoreArgs};
use super::failure::Failure;
use super::lanes;
use super::listen::say;
use super::output::write_out;
use crate::config::Config;
use crate::handler::compress::Compress;
use crate::handler::pcap;
use crate::handler::rotate::Rotation;
use crate::keys::local_format;
use crate::standard_output;
use crate::store::{Criteria, Further, LetterContent, Reader, StoreError, Stored};
use crate::visible::visible;

/// How many alerts are shown by default.
const LIMIT: usize = 100;

/// How many counts are shown by default.
const COUNTS: usize = 25;

/// How often to check for new alerts.
const TICK: Duration = Duration::from_millis(100);

pub(super) fn run(args: &QueryArgs) -> Result<(), Failure> {
    let path = path(&args.store)?;
    let mut reader = Reader::open(&path)?;
    let limit = args.limit.unwrap_or(LIMIT);
    if let Some(id) = args.packet {
        let alert = reader.get(id)?.ok_or_else(|| match reader.unreadable() {
            0 => anyhow!("there is no alert {id} in the store"),
            _ => anyhow!("alert {id} could not be read: its record is damaged"),
        })?;
        return write_out(packet::text(&alert, &*Lines::new(args).format).as_bytes());
    }
    if args.dead_letters {
        lanes::check_lane(&reader, args.lane.as_deref())?;
        return dead_letters(&mut reader, args, limit);
    }
    let criteria = args.criteria()?;
    if let Some(by) = args.count_by {
        let counts = reader.count(&criteria, by)?;
        say_unreadable(&reader);
        return write_out(table::text(&counts, by, args.limit.unwrap_or(COUNTS)).as_bytes());
    }
    if let Some(file) = &args.pcap {
        save(&mut reader, &criteria, args.limit, file)?;
        say_unreadable(&reader);
        return Ok(());
    }
    if args.follow {
        return follow(&path, reader, &criteria, args, limit);
    }
    show(&mut reader, &criteria, args, limit)?;
    say_unreadable(&reader);
    Ok(())
}

/// Reports how many alerts could not be read.
fn say_unreadable(reader: &Reader) {
    match reader.unreadable() {
        0 => {}
        1 => say("1 alert could not be read: its record is damaged"),
        n => say(&format!("{n} alerts could not be read: their records are damaged")),
    }
}

/// The store's path, from the command line or the configuration.
pub(super) fn path(args: &StoreArgs) -> Result<PathBuf, Failure> {
    let config = args.config.as_deref().map(Config::read).transpose()?;
    let path = args.store.clone().or(config.and_then(|config| config.store.path));
    path.ok_or_else(|| {
        let problem = anyhow!("no store given; use --store PATH, or --config FILE with [store]");
        Failure::usage(problem)
    })
}

/// The format of an alert.
struct Lines {
    format: Box<dyn Format>,
    /// Whether its number is printed before it.
    numbered: bool,
}

impl Lines {
    fn new(args: &QueryArgs) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = io::stdout().is_terminal() && !plain;
        let colour = if colour { Colour::Always } else { Colour::Never };
        let format = local_format(args.format.unwrap_or(FormatName::Fast), colour);
        Self { format, numbered: args.format.is_none() }
    }

    fn write(&self, stored: &Stored, out: &mut Vec<u8>) {
        if self.numbered {
            out.extend_from_slice(format!("{:>6}  ", stored.id).as_bytes());
        }
        self.format.write(&stored.alert, out);
    }
}

fn show(
    reader: &mut Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    limit: usize,
) -> Result<(), Failure> {
    let (lines, mut shown) = (Lines::new(args), 0);
    let mut output = Output::default();
    reader.newest(criteria, |stored| {
        if shown == limit {
            return Further::Enough;
        }
        shown += 1;
        lines.write(&stored, &mut output.bytes);
        if output.flush_some() && shown < limit { Further::On } else { Further::Enough }
    })?;
    output.finish()
}

/// Shows the newest alerts, oldest first, and then each new one.
fn follow(
    path: &Path,
    mut reader: Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    limit: usize,
) -> Result<(), Failure> {
    let (lines, mut newest) = (Lines::new(args), Vec::new());
    let mut last = reader.last()?;
    reader.newest(criteria, |stored| {
        if stored.id <= last && newest.len() < limit {
            newest.push(stored);
        }
        if newest.len() < limit { Further::On } else { Further::Enough }
    })?;
    let mut output = Output::default();
    newest.iter().rev().for_each(|stored| lines.write(stored, &mut output.bytes));
    drop(newest);
    loop {
        if !output.flush() {
            return output.finish();
        }
        thread::sleep(TICK);
        // Before the old store is read a last time.
        let next = successor(&reader, path);
        last = reader.after(last, criteria, |stored| {
            lines.write(&stored, &mut output.bytes);
            if output.flush_some() { Further::On } else { Further::Enough }
        })?;
        if let Some(next) = next {
            say("the store was replaced; following the new one");
            (reader, last) = (next, 0);
        }
    }
}

/// The store that is now where another one was, once it can be read.
fn successor(reader: &Reader, path: &Path) -> Option<Reader> {
    if reader.is_stale() { Reader::open(path).ok() } else { None }
}

/// Writes the packets to a file for Wireshark, oldest first.
fn save(
    reader: &mut Reader,
    criteria: &Criteria,
    limit: Option<usize>,
    path: &Path,
) -> Result<(), Failure> {
    let mut ids = Vec::new();
    reader.newest(criteria, |stored| {
        ids.push(stored.id);
        if limit.is_none_or(|limit| ids.len() < limit) { Further::On } else { Further::Enough }
    })?;
    if path.exists() {
        return Err(anyhow!("{} exists and is not overwritten", path.display()).into());
    }
    let options = pcap::Options {
        path: path.to_owned(),
        mode: None,
        rotate: Rotation::default(),
        keep: None,
        compress: Compress::default(),
    };
    let mut file = pcap::Pcap::new(options).map_err(|problem| anyhow!("{problem}"))?;
    for id in ids.into_iter().rev() {
        // It may have been removed meanwhile.
        let Some(alert) = reader.get(id)? else { continue };
        file.handle(&[Arc::new(alert)]).context("cannot write the packets")?;
    }
    file.finish().context("cannot write the packets")?;
    Ok(())
}

fn dead_letters(reader: &mut Reader, args: &QueryArgs, limit: usize) -> Result<(), Failure> {
    let lines = Lines::new(args);
    let (mut output, mut left_out) = (Output::default(), 0_u64);
    for letter in reader.dead_letters(args.lane.as_deref(), limit)? {
        if args.format.is_some() {
            match letter.alert() {
                Some(alert) => lines.format.write(alert, &mut output.bytes),
                None => left_out += 1,
            }
            continue;
        }
        let again = if letter.again { ", to be sent again" } else { "" };
        let reason = visible(letter.reason.as_bytes());
        let lane = visible(letter.lane.as_bytes());
        let count = match letter.count {
            1 => String::new(),
            count => format!(", about {count} alerts"),
        };
        let head = format!("{} {lane}{again}{count}: {reason}\n", letter.refused);
        output.bytes.extend_from_slice(head.as_bytes());
        let id = letter.alert_id;
        match letter.content {
            LetterContent::Alert(alert) => lines.write(&Stored { id, alert }, &mut output.bytes),
            LetterContent::Damaged(bytes) => {
                let text = format!("{id:>6}  damaged, as base64: {}\n", BASE64.encode(&bytes));
                output.bytes.extend_from_slice(text.as_bytes());
            }
        }
    }
    output.finish()?;
    match left_out {
        0 => {}
        1 => say("1 dead letter was left out: its alert is damaged, and has no format"),
        n => say(&format!(
            "{n} dead letters were left out: their alerts are damaged, and have no format"
        )),
    }
    Ok(())
}

/// Standard output, until its reader closes it.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    failure: Option<io::Error>,
}

impl Output {
    /// Writes if the buffer is large. False if the reader has closed the output.
    fn flush_some(&mut self) -> bool {
        self.bytes.len() < 64 * 1024 || self.flush()
    }

    fn flush(&mut self) -> bool {
        let stdout = standard_output::open().map_err(io::Error::other);
        let written = stdout.and_then(|mut stdout| {
            stdout.write_all(&self.bytes)?;
            stdout.flush()
        });
        self.bytes.clear();
        self.failure = self.failure.take().or(written.err());
        self.failure.is_none()
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.flush();
        match self.failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow!(error).context("cannot write to standard output").into())
            }
            _ => Ok(()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = error.source.hint();
        let failure: Self = anyhow!(error.source)
            .context(format!("cannot use the store {}", error.path.display()))
            .into();
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
