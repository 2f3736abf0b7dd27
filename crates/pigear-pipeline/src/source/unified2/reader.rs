use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::plural;
use pigear_alert::unified2::{Record, RecordType};
use tracing::{info, warn};

use super::bookmark::{Mark, Position};
use super::input;
use super::listing::Listing;
use super::place::{FileName, Head, Place};
use super::progress::Progress;
use super::set_aside::SetAside;
use super::spool::{FileId, Spool};
use super::tail::{Damage, Found, Growth, Tail};
use super::window::{CompleteEvent, Window};

mod checks;
mod close;
mod file;
mod next_file;
mod start;

use file::{Detour, FilePosition, FoundFile, NextFile, Open};

/// Reads the files of a log in order.
///
/// A file that can't be read is [set aside](SetAside), and tried again after the others.
pub(super) struct Reader {
    listing: Listing,
    /// Files of the listing before this one need not be read.
    scanned: usize,
    open: Option<Open>,
    /// The position when a file was last open.
    last: Option<Place>,
    /// The start time of the file that was opened last.
    begun: Duration,
    /// Positions in files that are no longer read, or need not be.
    left: HashMap<FileId, FilePosition>,
    set_aside: Vec<SetAside>,
    /// The last files that were closed or truncated: there may be copies of them.
    copied: VecDeque<(FileId, FilePosition)>,
    window: Window,
    unknown: HashSet<RecordType>,
    damaged: u64,
    /// Files that are something else than logs.
    foreign: HashSet<FileId>,
    /// How many events were read, and whether a file was read from its start.
    events: u64,
    reads_from_start: bool,
    said_packets_only: bool,
    progress: Progress,
}

/// The result of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There may be more.
    Some,
    /// The end of the log is reached for now.
    AtEnd,
}

impl Reader {
    /// Starts at the first record. An event waits at most this long for its packet.
    pub(super) fn new(spool: Spool, packet_wait: Duration) -> Self {
        let (open, last, begun, left, set_aside, copied) = Default::default();
        let (scanned, unknown, damaged, progress) = Default::default();
        let (foreign, events, reads_from_start, said_packets_only) = Default::default();
        Self {
            listing: Listing::new(spool),
            scanned,
            open,
            last,
            begun,
            left,
            set_aside,
            copied,
            window: Window::new(packet_wait),
            unknown,
            damaged,
            foreign,
            events,
            reads_from_start,
            said_packets_only,
            progress,
        }
    }

    pub(super) fn spool(&self) -> &Spool {
        self.listing.spool()
    }

    /// Where to start again so that nothing is lost; `None` if there are no files yet.
    pub(super) fn mark(&self) -> Option<Mark> {
        let open = self.open.as_ref().map(Open::place);
        let place = self.window.start().cloned().or(open).or_else(|| self.last.clone());
        if let Some(place) = place {
            return Some(self.mark_at(&place));
        }
        let mark = Mark { position: Position::start(), set_aside: self.positions_set_aside(None) };
        (!mark.set_aside.is_empty()).then_some(mark)
    }

    /// The same, but for an event that begins here.
    pub(super) fn mark_at(&self, place: &Place) -> Mark {
        let set_aside = self.positions_set_aside(Some(place.file.id));
        let mut mark = Mark { position: place.position(), set_aside };
        if let Some(Open { file, detour: Some(detour), .. }) = &self.open
            && file.id == place.file.id
        {
            mark.set_aside.push(mark.position);
            mark.position = detour.place.position();
        }
        mark
    }

    /// Where to continue in the files that were set aside, other than one that is read on anyway.
    fn positions_set_aside(&self, other_than: Option<FileId>) -> Vec<Position> {
        let is_needed =
            |file: &&SetAside| Some(file.place.file.id) != other_than && !file.has_original();
        self.set_aside.iter().filter(is_needed).map(|file| file.place.position()).collect()
    }

    /// Whether the log has any files.
    pub(super) fn has_log(&self) -> bool {
        self.open.is_some() || self.last.is_some() || !self.listing.files().is_empty()
    }

    /// Why the log, or a file of it, can't be read.
    pub(super) fn problem(&self) -> Option<io::Error> {
        let of = |path: String, error: &io::Error| {
            io::Error::new(error.kind(), format!("{path}: {error}"))
        };
        let dir = || self.listing.spool().dir().display().to_string();
        let set_aside = self.set_aside.iter().find_map(|file| {
            file.problem().map(|error| of(self.shown(&file.place.file.name), error))
        });
        set_aside.or_else(|| self.listing.problem().map(|error| of(dir(), error)))
    }

    /// The progress, to be shown to a user.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How many times data was skipped because it is not a record.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How many records belonged to no event.
    pub(super) fn strays(&self) -> u64 {
        self.window.strays()
    }

    /// Checks the directory and the files that were set aside at the next read.
    pub(super) fn recheck(&mut self) {
        self.listing.recheck();
        self.set_aside.iter_mut().for_each(SetAside::try_soon);
    }

    /// Reads records, and adds complete events to `out`.
    pub(super) fn read(&mut self, out: &mut Vec<CompleteEvent>) -> Read {
        let Some(open) = &mut self.open else {
            let Some(next) = self.next_file() else { return Read::AtEnd };
            self.open(next, out);
            return Read::Some;
        };
        match open.tail.grow() {
            Ok(Growth::AtEnd) => {
                let damage = open.tail.take_damage();
                self.mark_readable();
                self.log_skipped(damage);
                self.warn_of_packets_only();
                self.advance(out)
            }
            grown => self.grown(grown, out),
        }
    }

    /// Adds the events that will probably get no more records.
    pub(super) fn take_expired(&mut self, out: &mut Vec<CompleteEvent>) {
        let half = self.open.as_ref().is_some_and(|open| open.tail.pending() > 0);
        self.window.take_expired(half, Instant::now(), out);
    }

    /// Whether events could still get more records.
    pub(super) fn has_open_events(&self) -> bool {
        self.window.start().is_some()
    }

    /// Adds the events that could still get more records.
    pub(super) fn finish(&mut self, out: &mut Vec<CompleteEvent>) {
        self.window.finish(out);
    }

    /// Waits for the log to change, or until the next check is due, at most this long.
    pub(super) fn wait(&self, longest: Duration) {
        let pause = self.window.pause().map_or(longest, |pause| pause.min(longest));
        self.listing.wait(pause);
    }

    fn grown(&mut self, grown: io::Result<Growth>, out: &mut Vec<CompleteEvent>) -> Read {
        match grown {
            Ok(Growth::More(bytes)) => {
                self.progress.add_read(bytes);
                self.mark_readable();
                self.take_all(out);
            }
            Ok(Growth::Truncated) => self.close_truncated(),
            Ok(Growth::AtEnd) => return Read::AtEnd,
            Err(error) => self.set_open_aside(error),
        }
        Read::Some
    }

    fn take_all(&mut self, out: &mut Vec<CompleteEvent>) {
        let now = Instant::now();
        while let Some(Open { tail, file, .. }) = &mut self.open {
            let (offset, head) = (tail.offset(), tail.head());
            match tail.next() {
                Found::Nothing => return,
                Found::Skipped => {}
                Found::Damage(damage) => self.log_skipped(Some(damage)),
                Found::Record(Record::Unknown { record_type, .. }) => {
                    if self.unknown.insert(record_type) {
                        info!("records of type {} are skipped", record_type.0);
                    }
                }
                Found::Record(record) => {
                    self.events += u64::from(matches!(record, Record::Event(_)));
                    let place = || Place { file: Arc::clone(file), offset, head };
                    self.window.take(&record, place, now, out);
                }
            }
        }
    }

    fn log_skipped(&mut self, damage: Option<Damage>) {
        if let (Some(Damage { offset, bytes, error }), Some(open)) = (damage, &self.open) {
            self.damaged += 1;
            let name = open.file.name.to_string_lossy();
            warn!("{name}: skipped {} at offset {offset}: {error}", plural::count(bytes, "byte"));
        }
    }

    /// At the end of a file: opens the next, if there is one.
    fn advance(&mut self, out: &mut Vec<CompleteEvent>) -> Read {
        let Some(next) = self.next_file() else { return Read::AtEnd };
        let Some(open) = &mut self.open else { return Read::AtEnd };
        // Snort wrote to it until it started the next, perhaps after the last read.
        let grown = open.tail.grow();
        let read = self.grown(grown, out);
        if read == Read::Some {
            self.set_aside.extend(next.trouble);
            return read;
        }
        self.leave_open(out);
        self.open(next, out);
        Read::Some
    }

    fn fail(&mut self, mut file: SetAside, error: io::Error) {
        file.fail(self.shown(&file.place.file.name), error);
        self.set_aside.push(file);
    }

    fn open(&mut self, next: NextFile, out: &mut Vec<CompleteEvent>) {
        let NextFile { file, opened, head, offset, trouble, is_detour } = next;
        let last = self.last.as_ref().filter(|last| last.file.id != file.id);
        let detour = last.filter(|_| is_detour);
        let detour = detour.map(|place| Detour { place: place.clone(), begun: self.begun });
        if detour.is_some() {
            self.window.finish(out);
        }
        let metadata = opened.metadata();
        match Tail::new(opened, offset, head) {
            Ok((tail, id)) => {
                self.reads_from_start |= offset == 0;
                // It may be another file than the one that was checked.
                let name = file.name.clone();
                let file = if id == file.id { file } else { Arc::new(FileName { name, id }) };
                self.open = Some(Open { file, tail, trouble, detour });
                self.note_begun();
            }
            Err(error) if input::is_damaged(&error) => {
                let found = metadata.map(|found| FoundFile::of(&found)).unwrap_or_default();
                self.stop_decompressing(Place { file, offset, head }, found, &error);
            }
            Err(error) => {
                let place = Place { file, offset, head: Head::default() };
                self.fail(trouble.unwrap_or_else(|| SetAside::known(place)), error);
            }
        }
    }

    fn shown(&self, name: &OsStr) -> String {
        self.listing.spool().dir().join(name).display().to_string()
    }
}
