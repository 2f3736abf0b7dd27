use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::time::Duration;

use pigear_alert::unified2::{Assembler, Logged, Record, RecordType};
use tracing::{info, warn};

use super::bookmark::Position;
use super::progress::Progress;
use super::spool::{FileId, Spool, SpoolFile};
use super::tail::{Damage, Found, Grown, Tail, head};

/// Reads the files of a log one after the other.
pub(super) struct Reader {
    spool: Spool,
    open: Option<Open>,
    /// How far those files were read that aren't read any more, or need not be.
    left: HashMap<FileId, u64>,
    /// What the last files began with that were left or begun anew, and how far they were read.
    heads: VecDeque<(Vec<u8>, u64)>,
    assembler: Assembler,
    /// Where the events begin that the assembler holds, oldest first.
    begun: VecDeque<u64>,
    /// Where the events come from that were given last; `None` if that was begun anew.
    given_from: Option<FileId>,
    unknown: HashSet<RecordType>,
    damaged: u64,
    progress: Progress,
}

/// The file that is being read.
struct Open {
    /// What it was called when it was opened, or when it was being written.
    name: OsString,
    id: FileId,
    tail: Tail,
}

/// An event that is whole.
pub(crate) struct Whole {
    /// Where in its file it begins.
    pub(super) begun: u64,
    pub(crate) logged: Logged,
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
    /// Reads from the first record on.
    pub(super) fn new(spool: Spool) -> Self {
        let (left, heads, assembler, begun, unknown, progress) = Default::default();
        Self {
            spool,
            open: None,
            left,
            heads,
            assembler,
            begun,
            given_from: None,
            unknown,
            damaged: 0,
            progress,
        }
    }

    pub(super) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Goes to where somebody stopped reading, also if that file has another name now. Where it is gone,
    /// this is the start of the oldest that was begun after it.
    pub(super) fn go_to(&mut self, position: &Position) -> io::Result<()> {
        if position.is_start() {
            return Ok(());
        }
        let files = self.spool.files()?;
        let same = files.iter().find(|file| file.name == position.name).cloned();
        let moved = || self.spool.file_of_inode(position.inode);
        for file in same.iter().cloned().chain(moved()?) {
            if self.is_at(&file, position)? {
                self.leave(files.iter().filter(|other| other.is_before(&file)));
                return self.open(&file, &position.name, position.offset);
            }
        }
        match same {
            Some(file) if file.id.inode == position.inode => {
                warn!("{} was begun anew since it was read; reading all of it", self.shown(&file));
                self.go_to_start(&file, &files)
            }
            Some(file) => {
                warn!("{} is another file than was read; reading all of it", self.shown(&file));
                self.go_to_start(&file, &files)
            }
            None => {
                let name = position.name.to_string_lossy();
                warn!("{name} is gone, and with it what was logged there since it was last read");
                if let Some(begun) = self.spool.begun(&position.name) {
                    self.leave(files.iter().filter(|file| !file.is_begun_after(begun)));
                }
                Ok(())
            }
        }
    }

    fn go_to_start(&mut self, file: &SpoolFile, files: &[SpoolFile]) -> io::Result<()> {
        self.leave(files.iter().filter(|other| other.is_before(file)));
        self.open(file, &file.name, 0)
    }

    /// Whether a file is the one of a position, and has not been begun anew since.
    fn is_at(&self, file: &SpoolFile, position: &Position) -> io::Result<bool> {
        if file.id.inode != position.inode || file.length < position.offset {
            return Ok(false);
        }
        let tail = Tail::new(self.opened(file)?, position.offset)?;
        Ok(tail.head(position.offset) == position.head)
    }

    /// Goes to the end of what is logged so far.
    pub(super) fn go_to_end(&mut self) -> io::Result<()> {
        let files = self.spool.files()?;
        self.leave(&files);
        let Some(file) = files.iter().max_by_key(|file| file.activity()) else { return Ok(()) };
        self.open(file, &file.name, file.length)
    }

    /// These files need not be read, unless they grow.
    fn leave<'a>(&mut self, files: impl IntoIterator<Item = &'a SpoolFile>) {
        self.left.extend(files.into_iter().map(|file| (file.id, file.length)));
    }

    /// Where to begin again so that nothing is lost; `None` before there is a file.
    pub(super) fn position(&self) -> Option<Position> {
        let offset = self.begun.front().copied();
        self.position_at(offset.or_else(|| Some(self.open.as_ref()?.tail.offset()))?)
    }

    /// Where to begin again with an event that was given last, and begins there; `None` if its file isn't
    /// open any more.
    pub(super) fn position_of(&self, begun: u64) -> Option<Position> {
        let open = self.open.as_ref()?;
        if self.given_from == Some(open.id) { self.position_at(begun) } else { None }
    }

    fn position_at(&self, offset: u64) -> Option<Position> {
        let Open { name, id, tail } = self.open.as_ref()?;
        let head = tail.head(offset).to_vec();
        Some(Position { name: name.clone(), inode: id.inode, offset, head })
    }

    /// Whether a file was found.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Where to see how far it was read.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Notes how much there is to read.
    pub(super) fn measure(&mut self) -> io::Result<()> {
        let files = self.spool.files()?;
        let bytes = files.iter().map(|file| self.unread(file)).sum();
        self.progress.set_there(bytes);
        Ok(())
    }

    /// Bytes of a file that are still to be read.
    fn unread(&self, file: &SpoolFile) -> u64 {
        let read = match &self.open {
            Some(open) if open.id == file.id => open.tail.offset(),
            _ => self.left.get(&file.id).copied().unwrap_or(0),
        };
        file.length.saturating_sub(read)
    }

    /// How many times something was passed by that is no record.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Reads on, and adds the events that are whole to `out`.
    pub(super) fn read(&mut self, out: &mut Vec<Whole>) -> io::Result<Read> {
        let Some(open) = &mut self.open else {
            let Some((first, offset)) = self.next_file()? else { return Ok(Read::AtEnd) };
            return self.go_on(&first, offset);
        };
        match open.tail.grow()? {
            Grown::More(bytes) => {
                self.progress.add_read(bytes);
                self.take_all(out);
                Ok(Read::Some)
            }
            Grown::BegunAnew => {
                warn!("{} was begun anew", open.name.to_string_lossy());
                remember_head(&mut self.heads, &open.tail);
                self.given_from = None;
                let damage = open.tail.take_damage();
                open.tail.begin_anew()?;
                self.passed_by(damage);
                self.finish(out);
                Ok(Read::Some)
            }
            Grown::AtEnd => self.leave_open(out),
        }
    }

    /// Adds the events that more records could still belong to.
    pub(super) fn finish(&mut self, out: &mut Vec<Whole>) {
        let begun = &mut self.begun;
        out.extend(self.assembler.finish().map(|logged| whole(begun, logged)));
    }

    fn take_all(&mut self, out: &mut Vec<Whole>) {
        self.given_from = self.open.as_ref().map(|open| open.id);
        while let Some(Open { tail, .. }) = &mut self.open {
            let offset = tail.offset();
            match tail.next() {
                Found::Nothing => return,
                Found::PassedBy => {}
                Found::Damage(damage) => self.passed_by(Some(damage)),
                Found::Record(Record::Unknown { record_type, .. }) => {
                    if self.unknown.insert(record_type) {
                        info!("records of type {} are passed by", record_type.0);
                    }
                }
                Found::Record(record) => {
                    let begun = &mut self.begun;
                    out.extend(self.assembler.take(&record).map(|logged| whole(begun, logged)));
                    if matches!(record, Record::Event(_)) {
                        self.begun.push_back(offset);
                    }
                }
            }
        }
    }

    fn passed_by(&mut self, damage: Option<Damage>) {
        if let (Some(Damage { offset, bytes, error }), Some(open)) = (damage, &self.open) {
            self.damaged += 1;
            let name = open.name.to_string_lossy();
            warn!("{name}: passed by {bytes} bytes from byte {offset} on: {error}");
        }
    }

    /// At the end of a file: goes on to the next, if there is one.
    fn leave_open(&mut self, out: &mut Vec<Whole>) -> io::Result<Read> {
        let Some(open) = &mut self.open else { return Ok(Read::AtEnd) };
        let damage = open.tail.take_damage();
        self.passed_by(damage);
        let Some((next, offset)) = self.next_file()? else { return Ok(Read::AtEnd) };
        let Some(open) = &mut self.open else { return Ok(Read::AtEnd) };
        // It was written until the next was begun, which may have been after the last look.
        if let Grown::More(bytes) = open.tail.grow()? {
            self.progress.add_read(bytes);
            self.take_all(out);
            return Ok(Read::Some);
        }
        let half = open.tail.pending();
        if half > 0 {
            self.damaged += 1;
            warn!("{} ends in half a record of {half} bytes", open.name.to_string_lossy());
        }
        self.left.insert(open.id, open.tail.offset() + half as u64);
        remember_head(&mut self.heads, &open.tail);
        self.finish(out);
        self.go_on(&next, offset)
    }

    fn go_on(&mut self, file: &SpoolFile, offset: u64) -> io::Result<Read> {
        match self.open(file, &file.name, offset) {
            Ok(()) => Ok(Read::Some),
            // Somebody took it away just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Read::AtEnd),
            Err(error) => Err(error),
        }
    }

    /// The oldest file that is to be read next, and from where on.
    fn next_file(&mut self) -> io::Result<Option<(SpoolFile, u64)>> {
        let files = self.spool.files()?;
        self.left.retain(|id, _| files.iter().any(|file| file.id == *id));
        let begun = match &self.open {
            Some(open) => self.spool.begun(&open.name).map_or_else(|| open.tail.written(), Ok)?,
            None => Duration::ZERO,
        };
        for file in files {
            if !self.is_next(&file, begun) {
                continue;
            }
            let read = self.left.get(&file.id).copied().or_else(|| self.read_of_copied(&file));
            match read {
                // All of it was read where it was copied from.
                Some(read) if read >= file.length => drop(self.left.insert(file.id, read)),
                read => return Ok(Some((file, read.unwrap_or(0)))),
            }
        }
        Ok(None)
    }

    /// How far that was read of which a file is a copy, as logrotate makes them, if it is one.
    fn read_of_copied(&self, file: &SpoolFile) -> Option<u64> {
        // What can't be read is said when it is opened.
        let head = head(&self.opened(file).ok()?, u64::MAX).ok()?;
        if head.len() < Position::HEAD {
            return None;
        }
        let open = self.open.as_ref().map(|open| (open.tail.head(u64::MAX), open.tail.offset()));
        let left = self.heads.iter().map(|(head, read)| (&head[..], *read));
        open.into_iter().chain(left).find(|(known, _)| *known == head).map(|(_, read)| read)
    }

    /// Whether a file comes after the one that is open, which was begun then.
    ///
    /// Not only names tell: clocks jump, and whether Snort puts the time into them can be changed. So
    /// what is being written now counts too. But old files that somebody brings back do not.
    fn is_next(&self, file: &SpoolFile, begun: Duration) -> bool {
        let Some(open) = &self.open else { return !self.left.contains_key(&file.id) };
        match self.left.get(&file.id) {
            _ if file.id == open.id => false,
            Some(read) => file.id.is_unique() && file.length > *read,
            None if file.id.is_unique() && file.is_being_written() => true,
            None => file.is_begun_after(begun) || file.name == open.name,
        }
    }

    fn open(&mut self, file: &SpoolFile, name: &OsStr, offset: u64) -> io::Result<()> {
        let opened = self.opened(file)?;
        // It may be another one than was looked at.
        let id = FileId::of(&opened.metadata()?);
        self.open = Some(Open { name: name.to_owned(), id, tail: Tail::new(opened, offset)? });
        Ok(())
    }

    fn opened(&self, file: &SpoolFile) -> io::Result<File> {
        let path = self.spool.dir().join(&file.name);
        File::open(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    fn shown(&self, file: &SpoolFile) -> String {
        self.spool.dir().join(&file.name).display().to_string()
    }
}

/// An event, and where it begins, which is noted in the order in which they become whole.
fn whole(begun: &mut VecDeque<u64>, logged: Logged) -> Whole {
    Whole { begun: begun.pop_front().unwrap_or_default(), logged }
}

/// Remembers what a file begins with, and how far it was read.
fn remember_head(heads: &mut VecDeque<(Vec<u8>, u64)>, tail: &Tail) {
    const MOST: usize = 64;
    heads.push_front((tail.head(u64::MAX).to_vec(), tail.offset()));
    heads.truncate(MOST);
}
