use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::plural;
use pigear_alert::unified2::{Record, RecordType};
use tracing::{info, warn};

use super::bookmark::Mark;
use super::input;
use super::listing::Listing;
use super::place::{FileName, Head, Place};
use super::progress::Progress;
use super::set_aside::SetAside;
use super::spool::{FileId, Spool, SpoolFile};
use super::tail::{Damage, Found, Growth, Tail};
use super::window::{CompleteEvent, Window};
use crate::input::open_regular;

mod checks;
mod start;

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
    copied: VecDeque<FilePosition>,
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

/// The file that is being read.
struct Open {
    file: Arc<FileName>,
    tail: Tail,
    /// It could not be read before, and may still be unreadable.
    trouble: Option<SetAside>,
    /// Where to continue after it, for a file that was set aside.
    detour: Option<Detour>,
}

/// Where a reader interrupted the sequence of files to read one that was set aside.
#[derive(Clone, Debug)]
struct Detour {
    place: Place,
    begun: Duration,
}

/// A position in a file.
#[derive(Clone, Copy, Debug, Default)]
struct FilePosition {
    head: Head,
    /// Where the next record begins.
    offset: u64,
    /// Where its known part ends.
    end: u64,
}

/// The next file to read.
struct NextFile {
    file: Arc<FileName>,
    opened: File,
    /// What it began with when the offset was chosen, as far as that is known.
    head: Head,
    offset: u64,
    trouble: Option<SetAside>,
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
        let place = self.window.start().cloned().or(open).or_else(|| self.last.clone())?;
        Some(self.mark_at(&place))
    }

    /// The same, but for an event that begins here.
    pub(super) fn mark_at(&self, place: &Place) -> Mark {
        let set_aside = self.set_aside.iter().map(|file| file.place.position());
        let mut mark = Mark { position: place.position(), set_aside: set_aside.collect() };
        if let Some(Open { file, detour: Some(detour), .. }) = &self.open
            && file.id == place.file.id
        {
            mark.set_aside.push(mark.position);
            mark.position = detour.place.position();
        }
        mark
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

    /// The open file was truncated or recreated. If its contents were copied before, the copy comes first.
    fn close_truncated(&mut self) {
        let Some(open) = &mut self.open else { return };
        let damage = open.tail.take_damage();
        self.log_skipped(damage);
        let Some(open) = self.open.take() else { return };
        warn!("{} was truncated or recreated", open.file.name.to_string_lossy());
        self.remember(open.left());
        self.left.remove(&open.file.id);
        self.note_last(&open);
        self.listing.recheck();
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

    fn leave_open(&mut self, out: &mut Vec<CompleteEvent>) {
        let Some(open) = self.open.take() else { return };
        if open.detour.is_some() {
            self.window.finish(out);
        }
        let half = open.tail.pending();
        if half > 0 {
            self.damaged += 1;
            warn!(
                "{} ends with an incomplete record of {}",
                open.file.name.to_string_lossy(),
                plural::count(half, "byte")
            );
        }
        self.remember(open.left());
        self.left.insert(open.file.id, open.left());
        self.note_last(&open);
    }

    /// Stores the position in a file that is no longer open.
    fn note_last(&mut self, open: &Open) {
        match &open.detour {
            Some(detour) => {
                (self.last, self.begun) = (Some(detour.place.clone()), detour.begun);
                self.scanned = 0;
            }
            None => self.last = Some(open.place()),
        }
    }

    /// Remembers a file of which there may be a copy.
    fn remember(&mut self, left: FilePosition) {
        const MAX_COPIED: usize = 64;
        self.copied.push_front(left);
        self.copied.truncate(MAX_COPIED);
    }

    /// Sets aside the open file, which can't be read at present.
    fn set_open_aside(&mut self, error: io::Error) {
        let Some(mut open) = self.open.take() else { return };
        if checks::is_damaged(&error) {
            self.note_last(&open);
            self.leave_damaged(&open.file, open.left(), &error);
            return;
        }
        let mut trouble = open.trouble.take().unwrap_or_else(|| SetAside::known(open.place()));
        trouble.place = open.place();
        trouble.fail(self.shown(&open.file.name), error);
        self.note_last(&open);
        self.set_aside.push(trouble);
    }

    fn mark_readable(&mut self) {
        if let Some(open) = &mut self.open
            && let Some(trouble) = open.trouble.take()
        {
            let path = self.listing.spool().dir().join(&open.file.name);
            trouble.succeed(path.display());
        }
    }

    /// The next file to read: the oldest unread one, or else one that was set aside.
    fn next_file(&mut self) -> Option<NextFile> {
        let name = self.open.as_ref().map(|open| open.file.name.clone());
        if self.listing.refresh(name.as_deref()) {
            self.has_changed();
        }
        self.note_begun();
        while let Some(file) = self.listing.files().get(self.scanned) {
            if self.is_next(file) {
                let file = file.clone();
                if let Some(next) = self.unread(&file) {
                    return Some(next);
                }
            }
            self.scanned += 1;
        }
        self.next_set_aside()
    }

    /// The directory was read again.
    fn has_changed(&mut self) {
        self.scanned = 0;
        self.set_aside.iter_mut().for_each(SetAside::try_soon);
        let there: HashSet<_> = self.listing.files().iter().map(|file| file.id).collect();
        self.left.retain(|id, _| there.contains(id));
    }

    /// Stores the start time of the open file.
    fn note_begun(&mut self) {
        let Some(open) = &self.open else { return };
        let by_name = self.listing.spool().begun(&open.file.name);
        // If the time can't be read any more, the last one stays.
        let begun = by_name.or_else(|| open.tail.written().ok()).unwrap_or(self.begun);
        if begun < self.begun {
            self.scanned = 0;
        }
        self.begun = begun;
    }

    /// Whether a file comes after the one that was opened last.
    ///
    /// Names alone don't decide: clocks jump, and Snort can be configured to leave the time out of them.
    /// So the file that is being written counts too, but not an old file that was restored.
    fn is_next(&self, file: &SpoolFile) -> bool {
        let is_open = self.open.as_ref().is_some_and(|open| open.file.id == file.id);
        if is_open || self.set_aside.iter().any(|other| other.place.file.id == file.id) {
            return false;
        }
        let last = self.open.as_ref().map(|open| &open.file.name);
        let last = last.or(self.last.as_ref().map(|last| &last.file.name));
        match (self.left.get(&file.id), last) {
            // It is shorter than before, so it was truncated or recreated.
            (Some(left), _) => {
                (file.id.is_unique() || left.head.tells()) && file.length != left.end
            }
            (None, None) => true,
            // What compresses a file writes it now, but Snort wrote what is in it before.
            (None, Some(_))
                if file.id.is_unique() && file.is_being_written() && !file.is_compressed() =>
            {
                true
            }
            (None, Some(last)) => file.is_begun_after(self.begun) || file.name == *last,
        }
    }

    /// Opens the next file, unless it was read completely, here or under the name it was copied from.
    fn unread(&mut self, file: &SpoolFile) -> Option<NextFile> {
        let name = Arc::new(FileName { name: file.name.clone(), id: file.id });
        if self.is_foreign(file) {
            self.leave([file]);
            return None;
        }
        let (opened, head, is_compressed) = match self.opened(&file.name).and_then(with_head) {
            Ok(opened) => opened,
            // It was removed just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.listing.recheck();
                return None;
            }
            Err(error) => {
                let left = self.left.get(&file.id).copied().unwrap_or_default();
                let place = Place { file: name, offset: left.offset, head: left.head };
                self.fail(SetAside::known(place), error);
                return None;
            }
        };
        // It has no complete record yet, and may become a copy.
        if !head.tells() {
            return None;
        }
        let is_same = |left: &FilePosition| head.begins_with(&left.head) && left.end <= file.length;
        let left = self.left.get(&file.id).copied().filter(is_same);
        let known = self.copied_from(&head).into_iter().chain(left);
        let known = known.max_by_key(|left| left.offset.max(left.end)).unwrap_or_default();
        // The length of a compressed file says nothing about what is in it.
        if known.end >= file.length && !is_compressed {
            // It grows while it is being copied.
            self.left
                .insert(file.id, FilePosition { head, offset: known.offset, end: file.length });
            return None;
        }
        Some(NextFile { file: name, opened, head, offset: known.offset, trouble: None })
    }

    /// The position in the file of which a file with this head is a copy, as logrotate makes them.
    fn copied_from(&self, head: &Head) -> Option<FilePosition> {
        let open = self.open.as_ref().map(Open::left);
        let mut known = open.into_iter().chain(self.copied.iter().copied());
        known.find(|left| head.tells() && left.head == *head)
    }

    /// A file that was set aside, if it is due to be tried again.
    fn next_set_aside(&mut self) -> Option<NextFile> {
        let now = Instant::now();
        let nth = self.set_aside.iter().position(|file| file.is_due(now))?;
        let mut file = self.set_aside.remove(nth);
        let id = file.place.file.id;
        let there = self.listing.files().iter().find(|other| other.id == id);
        let Some(there) = there.map(|there| there.name.clone()) else {
            if self.listing.problem().is_none() {
                let path = self.shown(&file.place.file.name);
                warn!("{path} was removed before it could be read");
            } else {
                file.try_again();
                self.set_aside.push(file);
            }
            return None;
        };
        match self.opened(&there).and_then(with_head) {
            Ok((opened, head, _)) => {
                let is_same = head.begins_with(&file.place.head);
                let offset = if is_same { file.place.offset } else { 0 };
                let name = Arc::new(FileName { name: there, id });
                Some(NextFile { file: name, opened, head, offset, trouble: Some(file) })
            }
            Err(error) => {
                self.fail(file, error);
                None
            }
        }
    }

    fn fail(&mut self, mut file: SetAside, error: io::Error) {
        file.fail(self.shown(&file.place.file.name), error);
        self.set_aside.push(file);
    }

    fn open(&mut self, next: NextFile, out: &mut Vec<CompleteEvent>) {
        let NextFile { file, opened, head, offset, trouble } = next;
        let last = self.last.as_ref().filter(|last| last.file.id != file.id);
        let detour = last.filter(|_| trouble.is_some());
        let detour = detour.map(|place| Detour { place: place.clone(), begun: self.begun });
        if detour.is_some() {
            self.window.finish(out);
        }
        let length = opened.metadata().map(|metadata| metadata.len());
        match Tail::new(opened, offset, head) {
            Ok((tail, id)) => {
                self.reads_from_start |= offset == 0;
                // It may be another file than the one that was checked.
                let name = file.name.clone();
                let file = if id == file.id { file } else { Arc::new(FileName { name, id }) };
                self.open = Some(Open { file, tail, trouble, detour });
                self.note_begun();
            }
            Err(error) if checks::is_damaged(&error) => {
                let end = length.unwrap_or_default();
                self.leave_damaged(&file, FilePosition { head, offset, end }, &error);
            }
            Err(error) => {
                let place = Place { file, offset, head: Head::default() };
                self.fail(trouble.unwrap_or_else(|| SetAside::known(place)), error);
            }
        }
    }

    fn opened(&self, name: &OsStr) -> io::Result<File> {
        open_regular(&self.listing.spool().dir().join(name))
    }

    fn shown(&self, name: &OsStr) -> String {
        self.listing.spool().dir().join(name).display().to_string()
    }
}

impl Open {
    fn place(&self) -> Place {
        let (offset, head) = (self.tail.offset(), self.tail.head());
        Place { file: Arc::clone(&self.file), offset, head }
    }

    fn left(&self) -> FilePosition {
        let offset = self.tail.offset();
        let end = self.tail.compressed_length().unwrap_or(offset + self.tail.pending() as u64);
        FilePosition { head: self.tail.head(), offset, end }
    }
}

/// Also tells whether it is compressed.
fn with_head(file: File) -> io::Result<(File, Head, bool)> {
    let (head, is_compressed) = input::head(&file, u64::MAX)?;
    Ok((file, head, is_compressed))
}
