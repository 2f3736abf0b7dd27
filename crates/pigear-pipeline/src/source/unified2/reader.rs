use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::fs::File;
use std::io;

use pigear_alert::unified2::{Assembler, Logged, Record, RecordType};
use tracing::{info, warn};

use super::bookmark::Position;
use super::progress::Progress;
use super::spool::{Spool, SpoolFile};
use super::tail::{Found, Grown, Tail};

/// Reads the files of a log one after the other.
pub(super) struct Reader {
    spool: Spool,
    open: Option<(OsString, Tail)>,
    assembler: Assembler,
    /// Where the events begin that the assembler holds, oldest first.
    begun: VecDeque<u64>,
    unknown: HashSet<RecordType>,
    damaged: u64,
    progress: Progress,
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
        let (assembler, begun, unknown, progress) = Default::default();
        Self { spool, open: None, assembler, begun, unknown, damaged: 0, progress }
    }

    pub(super) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Goes to where somebody stopped reading. Where that file is gone, this is the start of the
    /// oldest that was begun after it.
    pub(super) fn go_to(&mut self, position: &Position) -> io::Result<()> {
        if position.is_start() {
            return Ok(());
        }
        let files = self.spool.files()?;
        let same = files.iter().find(|file| file.name == position.name);
        let file = match same {
            Some(file) if self.is_at(file, position)? => return self.open(file, position.offset),
            Some(file) if file.inode == position.inode => {
                warn!("{} was begun anew since it was read; reading all of it", self.shown(file));
                Some(file)
            }
            Some(file) => {
                warn!("{} is another file than was read; reading all of it", self.shown(file));
                Some(file)
            }
            None => {
                let name = position.name.to_string_lossy();
                warn!("{name} is gone, and with it what was logged there since it was last read");
                files.iter().find(|file| file.is_newer_than(&position.name, &self.spool))
            }
        };
        file.map_or(Ok(()), |file| self.open(file, 0))
    }

    /// Whether a file is the one of a position, and has not been begun anew since.
    fn is_at(&self, file: &SpoolFile, position: &Position) -> io::Result<bool> {
        if file.inode != position.inode || file.length < position.offset {
            return Ok(false);
        }
        let opened = File::open(self.spool.dir().join(&file.name))?;
        Ok(Tail::new(opened, position.offset)?.head(position.offset)? == position.head)
    }

    /// Goes to the end of what is logged so far.
    pub(super) fn go_to_end(&mut self) -> io::Result<()> {
        let files = self.spool.files()?;
        let Some(file) = files.last() else { return Ok(()) };
        let length = self.spool.dir().join(&file.name).metadata()?.len();
        self.open(file, length)
    }

    /// Where to begin again so that nothing is lost; `None` before there is a file.
    pub(super) fn position(&self) -> io::Result<Option<Position>> {
        let Some((name, tail)) = &self.open else { return Ok(None) };
        let offset = self.begun.front().copied().unwrap_or_else(|| tail.offset());
        let (inode, head) = (tail.inode()?, tail.head(offset)?);
        Ok(Some(Position { name: name.clone(), inode, offset, head }))
    }

    /// Where to see how far it was read.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Notes how much there is to read.
    pub(super) fn measure(&mut self) -> io::Result<()> {
        let files = self.spool.files()?;
        let (name, offset) = match &self.open {
            Some((name, tail)) => (Some(name), tail.offset()),
            None => (None, 0),
        };
        let unread = files.iter().filter(|file| {
            name.is_none_or(|name| file.name == *name || file.is_newer_than(name, &self.spool))
        });
        let bytes: u64 = unread.map(|file| file.length).sum();
        self.progress.set_there(bytes.saturating_sub(offset));
        Ok(())
    }

    /// How many times something was passed by that is no record.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Reads on, and adds the events that are whole to `out`.
    pub(super) fn read(&mut self, out: &mut Vec<Logged>) -> io::Result<Read> {
        if self.open.is_none() && !self.open_next(None)? {
            return Ok(Read::AtEnd);
        }
        let Some((_, tail)) = &mut self.open else { return Ok(Read::AtEnd) };
        match tail.grow()? {
            Grown::More(bytes) => {
                self.progress.add_read(bytes);
                self.take_all(out);
                Ok(Read::Some)
            }
            Grown::BegunAnew => {
                tail.begin_anew()?;
                self.finish(out);
                warn!("{} was begun anew", self.spool.path().display());
                Ok(Read::Some)
            }
            Grown::AtEnd => self.go_on(out),
        }
    }

    /// Adds the events that more records could still belong to.
    pub(super) fn finish(&mut self, out: &mut Vec<Logged>) {
        out.extend(self.assembler.finish());
        self.begun.clear();
    }

    fn take_all(&mut self, out: &mut Vec<Logged>) {
        let Some((name, tail)) = &mut self.open else { return };
        loop {
            let offset = tail.offset();
            match tail.next() {
                Found::Nothing => return,
                Found::Damage { offset, bytes, error } => {
                    self.damaged += 1;
                    let name = name.to_string_lossy();
                    warn!("{name}: passed by {bytes} bytes from byte {offset} on: {error}");
                }
                Found::Record(Record::Unknown { record_type, .. }) => {
                    if self.unknown.insert(record_type) {
                        info!("records of type {} are passed by", record_type.0);
                    }
                }
                Found::Record(record) => {
                    let before = out.len();
                    out.extend(self.assembler.take(&record));
                    self.begun.drain(..out.len() - before);
                    if matches!(record, Record::Event(_)) {
                        self.begun.push_back(offset);
                    }
                }
            }
        }
    }

    /// At the end of a file: goes on to the next, if there is one.
    fn go_on(&mut self, out: &mut Vec<Logged>) -> io::Result<Read> {
        let Some((name, tail)) = &mut self.open else { return Ok(Read::AtEnd) };
        let (name, inode) = (name.clone(), tail.inode()?);
        let files = self.spool.files()?;
        let replaced = |file: &SpoolFile| file.name == name && file.inode != inode;
        let newer = |file: &&SpoolFile| file.is_newer_than(&name, &self.spool) || replaced(file);
        let Some(next) = files.iter().find(newer).cloned() else { return Ok(Read::AtEnd) };
        // It was written until the next was begun, which may have been after the last look.
        if let Grown::More(bytes) = tail.grow()? {
            self.progress.add_read(bytes);
            self.take_all(out);
            return Ok(Read::Some);
        }
        let half = tail.pending();
        if half > 0 {
            self.damaged += 1;
            warn!("{} ends in half a record of {half} bytes", name.to_string_lossy());
        }
        self.finish(out);
        self.open(&next, 0)?;
        Ok(Read::Some)
    }

    fn open_next(&mut self, after: Option<&SpoolFile>) -> io::Result<bool> {
        let files = self.spool.files()?;
        let next = files.iter().find(|file| after.is_none_or(|after| *file != after));
        next.map_or(Ok(false), |file| self.open(file, 0).map(|()| true))
    }

    fn open(&mut self, file: &SpoolFile, offset: u64) -> io::Result<()> {
        let opened = File::open(self.spool.dir().join(&file.name))?;
        self.open = Some((file.name.clone(), Tail::new(opened, offset)?));
        Ok(())
    }

    fn shown(&self, file: &SpoolFile) -> String {
        self.spool.dir().join(&file.name).display().to_string()
    }
}
