use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::unified2::{Record, RecordType};
use tracing::{info, warn};

use super::bookmark::Mark;
use super::listing::Listing;
use super::place::{FileName, Head, Place};
use super::progress::Progress;
use super::set_aside::SetAside;
use super::spool::{FileId, Spool, SpoolFile};
use super::tail::{Damage, Found, Grown, Tail};
use super::window::{Whole, Window};
use crate::input::open_regular;

mod start;

/// Reads the files of a log one after the other.
///
/// One that can't be read is [set aside](SetAside), and tried again when the others were read.
pub(super) struct Reader {
    listing: Listing,
    /// Of the listing, the files before this one need not be read.
    scanned: usize,
    open: Option<Open>,
    /// Where the reader was when it last had a file open.
    last: Option<Place>,
    /// When the file was begun that was opened last.
    begun: Duration,
    /// How far those files were read that aren't read any more, or need not be.
    left: HashMap<FileId, Left>,
    set_aside: Vec<SetAside>,
    /// The last files that were left or begun anew, of which there may be copies.
    copied: VecDeque<Left>,
    window: Window,
    unknown: HashSet<RecordType>,
    damaged: u64,
    progress: Progress,
}

/// The file that is being read.
struct Open {
    file: Arc<FileName>,
    tail: Tail,
    /// It could not be read, and may still not be.
    trouble: Option<SetAside>,
    /// Where to go on after it, for a file that could not be read in its time.
    detour: Option<Detour>,
}

/// Where a reader left the row of files, to read one that could not be read in its time.
#[derive(Clone, Debug)]
struct Detour {
    place: Place,
    begun: Duration,
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    head: Head,
    /// Where the next record begins.
    offset: u64,
    /// Where its known part ends.
    end: u64,
}

/// What to read next.
struct Next {
    file: Arc<FileName>,
    opened: File,
    /// What it began with when the offset was chosen, as far as that is known.
    head: Head,
    offset: u64,
    trouble: Option<SetAside>,
}

/// What came of reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There may be more.
    Some,
    /// What there is was read; what is written next comes next.
    AtEnd,
}

impl Reader {
    /// Reads from the first record on. An event waits so long for a packet that should be there.
    pub(super) fn new(spool: Spool, patience: Duration) -> Self {
        let (open, last, begun, left, set_aside, copied) = Default::default();
        let (scanned, unknown, damaged, progress) = Default::default();
        Self {
            listing: Listing::new(spool),
            scanned,
            open,
            last,
            begun,
            left,
            set_aside,
            copied,
            window: Window::new(patience),
            unknown,
            damaged,
            progress,
        }
    }

    pub(super) fn spool(&self) -> &Spool {
        self.listing.spool()
    }

    /// Where to begin again so that nothing is lost; `None` before there is a file.
    pub(super) fn mark(&self) -> Option<Mark> {
        let open = self.open.as_ref().map(Open::place);
        let place = self.window.start().cloned().or(open).or_else(|| self.last.clone())?;
        Some(self.mark_at(&place))
    }

    /// The same, but with an event that begins here.
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

    /// Whether a file was found.
    pub(super) fn has_log(&self) -> bool {
        self.open.is_some() || self.last.is_some() || !self.listing.files().is_empty()
    }

    /// Why the log can't be read, or a file of it.
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

    /// Where to see how far it was read.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How many times something was passed by that is no record.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How many records belonged to no event.
    pub(super) fn strays(&self) -> u64 {
        self.window.strays()
    }

    /// Looks at the directory and at what was set aside, told or not, when reading on.
    pub(super) fn doubt(&mut self) {
        self.listing.doubt();
        self.set_aside.iter_mut().for_each(SetAside::try_soon);
    }

    /// Reads on, and adds events to `out` that are whole.
    pub(super) fn read(&mut self, out: &mut Vec<Whole>) -> Read {
        let Some(open) = &mut self.open else {
            let Some(next) = self.next_file() else { return Read::AtEnd };
            self.open(next, out);
            return Read::Some;
        };
        match open.tail.grow() {
            Ok(Grown::AtEnd) => {
                let damage = open.tail.take_damage();
                self.read_without_trouble();
                self.passed_by(damage);
                self.go_on(out)
            }
            grown => self.grown(grown, out),
        }
    }

    /// Adds the events that nothing more is to be expected of soon.
    pub(super) fn take_ripe(&mut self, out: &mut Vec<Whole>) {
        let half = self.open.as_ref().is_some_and(|open| open.tail.pending() > 0);
        self.window.take_ripe(half, Instant::now(), out);
    }

    /// Whether events wait for more records.
    pub(super) fn has_open_events(&self) -> bool {
        self.window.start().is_some()
    }

    /// Adds the events that more records could still belong to.
    pub(super) fn finish(&mut self, out: &mut Vec<Whole>) {
        self.window.finish(out);
    }

    /// Waits until something is written, or it is time to look again, but no longer than this.
    pub(super) fn wait(&self, longest: Duration) {
        let pause = self.window.pause().map_or(longest, |pause| pause.min(longest));
        self.listing.wait(pause);
    }

    fn grown(&mut self, grown: io::Result<Grown>, out: &mut Vec<Whole>) -> Read {
        match grown {
            Ok(Grown::More(bytes)) => {
                self.progress.add_read(bytes);
                self.read_without_trouble();
                self.take_all(out);
            }
            Ok(Grown::BegunAnew) => self.close_begun_anew(),
            Ok(Grown::AtEnd) => return Read::AtEnd,
            Err(error) => self.set_open_aside(error),
        }
        Read::Some
    }

    fn take_all(&mut self, out: &mut Vec<Whole>) {
        let now = Instant::now();
        while let Some(Open { tail, file, .. }) = &mut self.open {
            let (offset, head) = (tail.offset(), tail.head());
            match tail.next() {
                Found::Nothing => return,
                Found::PassedBy => {}
                Found::Damage(damage) => self.passed_by(Some(damage)),
                Found::Record(Record::Unknown { record_type, .. }) => {
                    if self.unknown.insert(record_type) {
                        info!("records of type {} are skipped", record_type.0);
                    }
                }
                Found::Record(record) => {
                    let place = || Place { file: Arc::clone(file), offset, head };
                    self.window.take(&record, place, now, out);
                }
            }
        }
    }

    fn passed_by(&mut self, damage: Option<Damage>) {
        if let (Some(Damage { offset, bytes, error }), Some(open)) = (damage, &self.open) {
            self.damaged += 1;
            let name = open.file.name.to_string_lossy();
            warn!("{name}: skipped {bytes} bytes from byte {offset} on: {error}");
        }
    }

    /// The open file was begun anew. What was there may have been copied: then that comes first.
    fn close_begun_anew(&mut self) {
        let Some(open) = &mut self.open else { return };
        let damage = open.tail.take_damage();
        self.passed_by(damage);
        let Some(open) = self.open.take() else { return };
        warn!("{} was truncated or recreated", open.file.name.to_string_lossy());
        self.remember(open.left());
        self.left.remove(&open.file.id);
        self.note_last(&open);
        self.listing.doubt();
    }

    /// At the end of a file: goes on to the next, if there is one.
    fn go_on(&mut self, out: &mut Vec<Whole>) -> Read {
        let Some(next) = self.next_file() else { return Read::AtEnd };
        let Some(open) = &mut self.open else { return Read::AtEnd };
        // It was written until the next was begun, which may have been after the last look.
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

    fn leave_open(&mut self, out: &mut Vec<Whole>) {
        let Some(open) = self.open.take() else { return };
        if open.detour.is_some() {
            self.window.finish(out);
        }
        let half = open.tail.pending();
        if half > 0 {
            self.damaged += 1;
            warn!("{} ends in half a record of {half} bytes", open.file.name.to_string_lossy());
        }
        self.remember(open.left());
        self.left.insert(open.file.id, open.left());
        self.note_last(&open);
    }

    /// Notes where a file was left that is no longer open.
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
    fn remember(&mut self, left: Left) {
        const MOST: usize = 64;
        self.copied.push_front(left);
        self.copied.truncate(MOST);
    }

    /// The open file can't be read any more, for now.
    fn set_open_aside(&mut self, error: io::Error) {
        let Some(mut open) = self.open.take() else { return };
        let mut trouble = open.trouble.take().unwrap_or_else(|| SetAside::known(open.place()));
        trouble.place = open.place();
        trouble.fail(self.shown(&open.file.name), error);
        self.note_last(&open);
        self.set_aside.push(trouble);
    }

    fn read_without_trouble(&mut self) {
        if let Some(open) = &mut self.open
            && let Some(trouble) = open.trouble.take()
        {
            let path = self.listing.spool().dir().join(&open.file.name);
            trouble.succeed(path.display());
        }
    }

    /// What is to be read next: the oldest file that wasn't read, or else one that could not be.
    fn next_file(&mut self) -> Option<Next> {
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

    /// Notes when the open file was begun.
    fn note_begun(&mut self) {
        let Some(open) = &self.open else { return };
        let by_name = self.listing.spool().begun(&open.file.name);
        // If it can't be told any more, it is as it was.
        let begun = by_name.or_else(|| open.tail.written().ok()).unwrap_or(self.begun);
        if begun < self.begun {
            self.scanned = 0;
        }
        self.begun = begun;
    }

    /// Whether a file comes after the one that was opened last.
    ///
    /// Not only names tell: clocks jump, and whether Snort puts the time into them can be changed. So
    /// what is being written now counts too. But old files that somebody brings back do not.
    fn is_next(&self, file: &SpoolFile) -> bool {
        let is_open = self.open.as_ref().is_some_and(|open| open.file.id == file.id);
        if is_open || self.set_aside.iter().any(|other| other.place.file.id == file.id) {
            return false;
        }
        let last = self.open.as_ref().map(|open| &open.file.name);
        let last = last.or(self.last.as_ref().map(|last| &last.file.name));
        match (self.left.get(&file.id), last) {
            // Shorter than it was, it was begun anew.
            (Some(left), _) => {
                (file.id.is_unique() || left.head.tells()) && file.length != left.end
            }
            (None, None) => true,
            (None, Some(_)) if file.id.is_unique() && file.is_being_written() => true,
            (None, Some(last)) => file.is_begun_after(self.begun) || file.name == *last,
        }
    }

    /// Opens a file that is to be read next, unless all of it was read, here or where it was copied from.
    fn unread(&mut self, file: &SpoolFile) -> Option<Next> {
        let name = Arc::new(FileName { name: file.name.clone(), id: file.id });
        let (opened, head) = match self.opened(&file.name).and_then(with_head) {
            Ok(opened) => opened,
            // Somebody took it away just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.listing.doubt();
                return None;
            }
            Err(error) => {
                let left = self.left.get(&file.id).copied().unwrap_or_default();
                let place = Place { file: name, offset: left.offset, head: left.head };
                self.fail(SetAside::known(place), error);
                return None;
            }
        };
        // Nothing whole is in it yet, and it may become a copy.
        if !head.tells() {
            return None;
        }
        let is_same = |left: &Left| head.begins_with(&left.head) && left.end <= file.length;
        let left = self.left.get(&file.id).copied().filter(is_same);
        let known = self.copied_from(&head).into_iter().chain(left);
        let known = known.max_by_key(|left| left.end).unwrap_or_default();
        if known.end >= file.length {
            // It grows yet, where it is still being copied.
            self.left.insert(file.id, Left { head, offset: known.offset, end: file.length });
            return None;
        }
        Some(Next { file: name, opened, head, offset: known.offset, trouble: None })
    }

    /// How far that was read of which a file with this head is a copy, as logrotate makes them.
    fn copied_from(&self, head: &Head) -> Option<Left> {
        let open = self.open.as_ref().map(Open::left);
        let mut known = open.into_iter().chain(self.copied.iter().copied());
        known.find(|left| head.tells() && left.head == *head)
    }

    /// A file that could not be read, if it is time to try it again.
    fn next_set_aside(&mut self) -> Option<Next> {
        let now = Instant::now();
        let nth = self.set_aside.iter().position(|file| file.is_due(now))?;
        let mut file = self.set_aside.remove(nth);
        let id = file.place.file.id;
        let there = self.listing.files().iter().find(|other| other.id == id);
        let Some(there) = there.map(|there| there.name.clone()) else {
            if self.listing.problem().is_none() {
                let path = self.shown(&file.place.file.name);
                warn!("{path} is gone, and with it what could not be read");
            } else {
                file.try_again();
                self.set_aside.push(file);
            }
            return None;
        };
        match self.opened(&there).and_then(with_head) {
            Ok((opened, head)) => {
                let is_same = head.begins_with(&file.place.head);
                let offset = if is_same { file.place.offset } else { 0 };
                let name = Arc::new(FileName { name: there, id });
                Some(Next { file: name, opened, head, offset, trouble: Some(file) })
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

    fn open(&mut self, next: Next, out: &mut Vec<Whole>) {
        let Next { file, opened, head, offset, trouble } = next;
        let last = self.last.as_ref().filter(|last| last.file.id != file.id);
        let detour = last.filter(|_| trouble.is_some());
        let detour = detour.map(|place| Detour { place: place.clone(), begun: self.begun });
        if detour.is_some() {
            self.window.finish(out);
        }
        match Tail::new(opened, offset, head) {
            Ok((tail, id)) => {
                // It may be another one than was looked at.
                let name = file.name.clone();
                let file = if id == file.id { file } else { Arc::new(FileName { name, id }) };
                self.open = Some(Open { file, tail, trouble, detour });
                self.note_begun();
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

    fn left(&self) -> Left {
        let offset = self.tail.offset();
        Left { head: self.tail.head(), offset, end: offset + self.tail.pending() as u64 }
    }
}

fn with_head(file: File) -> io::Result<(File, Head)> {
    let head = Head::of(&file, u64::MAX)?;
    Ok((file, head))
}
