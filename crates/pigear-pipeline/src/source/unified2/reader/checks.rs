//! What is wrong with a log as a whole.

use std::io;
use std::path::PathBuf;

use tracing::{debug, warn};

use super::Reader;
use super::file::{FilePosition, FoundFile};
use crate::source::unified2::file_kind::FileKind;
use crate::source::unified2::input;
use crate::source::unified2::place::Place;
use crate::source::unified2::set_aside::{SetAside, Unfinished};
use crate::source::unified2::spool::{self, SpoolFile};

impl Reader {
    /// What the newest file is, if no file of the log is in unified2.
    pub(in super::super) fn foreign_log(&mut self) -> io::Result<Option<(PathBuf, FileKind)>> {
        self.listing.reread()?;
        let mut newest = None;
        for file in self.listing.files().iter().filter(|file| file.length > 0) {
            match self.kind_of(file) {
                Some(kind) => newest = Some((self.spool().dir().join(&file.name), kind)),
                None => return Ok(None),
            }
        }
        Ok(newest)
    }

    /// What a file is that is not in unified2; that is logged, once. `None` also for one that can't be
    /// read: reading it says so.
    pub(super) fn is_foreign(&mut self, file: &SpoolFile) -> bool {
        let Some(kind) = self.kind_of(file) else { return false };
        if self.foreign.insert(file.id) {
            warn!("{} is {kind}; it is skipped", self.shown(&file.name));
        }
        true
    }

    fn kind_of(&self, file: &SpoolFile) -> Option<FileKind> {
        let opened = self.opened(&file.name).ok()?;
        FileKind::of(&opened).ok().flatten()
    }

    /// A compressed file can't be decompressed from this place on. If it is cut and still being compressed,
    /// it is read on later; else it is damaged.
    pub(super) fn stop_decompressing(&mut self, place: Place, found: FoundFile, error: &io::Error) {
        let FoundFile { length, written } = found;
        if input::is_cut(error) && spool::is_recent(written) {
            debug!("{} is still being compressed", self.shown(&place.file.name));
            let original = spool::original(&place.file.name);
            let mut files = self.listing.files().iter();
            let has_original = files.any(|file| original == Some(&file.name));
            let unfinished = Unfinished { length, has_original };
            self.set_aside.push(SetAside::unfinished(place, unfinished));
            return;
        }
        self.leave_damaged(place, length, error);
    }

    /// It is read again if it changes.
    fn leave_damaged(&mut self, place: Place, end: u64, error: &io::Error) {
        self.damaged += 1;
        let Place { file, offset, head } = place;
        let path = self.shown(&file.name);
        let is_end_wanted = offset == u64::MAX;
        if is_end_wanted {
            warn!("{path} is damaged: {error}");
        } else {
            warn!("{path} is damaged after byte {offset} of its contents: {error}");
        }
        self.left.insert(file.id, FilePosition { head, offset, end });
    }

    /// Says once that a log that was read from its start has no events.
    pub(super) fn warn_of_packets_only(&mut self) {
        let is_whole = self.reads_from_start && self.events == 0;
        if is_whole && self.window.strays() > 0 && !self.said_packets_only {
            self.said_packets_only = true;
            warn!(
                "{} has packets but no events, as `log_unified2` writes it: there are no alerts in it; \
                 configure `output unified2` in Snort",
                self.spool().path().display()
            );
        }
    }

    /// Says that the file ends within a record.
    pub(in super::super) fn warn_of_cut_record(&self) {
        let Some(open) = &self.open else { return };
        let there = open.tail.pending();
        if there > 0 {
            let path = self.shown(&open.file.name);
            let of = open.tail.needed().map(|needed| format!(" of {needed}")).unwrap_or_default();
            warn!("{path} ends with an incomplete record: {there}{of} bytes");
        }
    }
}
