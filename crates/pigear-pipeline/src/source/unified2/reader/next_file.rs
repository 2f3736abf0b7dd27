//! Choosing the next file to read.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tracing::warn;

use super::Reader;
use super::file::{FilePosition, NextFile};
use crate::input::open_regular;
use crate::source::unified2::input;
use crate::source::unified2::place::{FileName, Head, Place};
use crate::source::unified2::set_aside::SetAside;
use crate::source::unified2::spool::{FileId, SpoolFile};

impl Reader {
    /// The next file to read: the oldest unread one, or else one that was set aside.
    pub(super) fn next_file(&mut self) -> Option<NextFile> {
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
    pub(super) fn note_begun(&mut self) {
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
                if input::is_damaged(&error) {
                    self.stop_decompressing(place, file.into(), &error);
                } else {
                    self.fail(SetAside::known(place), error);
                }
                return None;
            }
        };
        // It has no complete record yet, and may become a copy.
        if !head.tells() {
            return None;
        }
        let is_same = |left: &FilePosition| head.begins_with(&left.head) && left.end <= file.length;
        let left = self.left.get(&file.id).copied().filter(is_same);
        let copied = self.copied_from(&head, file.id);
        let is_older = is_compressed || !file.is_begun_after(self.begun);
        let is_detour = is_older && copied.is_none() && left.is_some();
        let known = copied.into_iter().chain(left);
        let known = known.max_by_key(|left| left.offset.max(left.end)).unwrap_or_default();
        // The length of a compressed file says nothing about what is in it.
        if known.end >= file.length && !is_compressed {
            // It grows while it is being copied.
            self.left
                .insert(file.id, FilePosition { head, offset: known.offset, end: file.length });
            return None;
        }
        let (offset, trouble) = (known.offset, None);
        Some(NextFile { file: name, opened, head, offset, trouble, is_detour })
    }

    /// The position in the file of which a file with this head is a copy, as logrotate makes them.
    fn copied_from(&self, head: &Head, id: FileId) -> Option<FilePosition> {
        let open = self.open.as_ref().map(|open| (open.file.id, open.left()));
        let known = open.into_iter().chain(self.copied.iter().copied());
        let mut others = known.filter(|(other, _)| *other != id).map(|(_, left)| left);
        others.find(|left| head.tells() && left.head == *head)
    }

    /// A file that was set aside, if it is due to be tried again.
    fn next_set_aside(&mut self) -> Option<NextFile> {
        let now = Instant::now();
        let nth = self.set_aside.iter().position(|file| file.is_due(now, self.listing.files()))?;
        let mut file = self.set_aside.remove(nth);
        let id = file.place.file.id;
        let there = self.listing.files().iter().find(|other| other.id == id);
        let Some((there, found)) = there.map(|there| (there.name.clone(), there.into())) else {
            if file.has_original() {
                // What is in it is in the other file.
            } else if self.listing.problem().is_none() {
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
                // The original may have been read meanwhile.
                let copied = self.copied_from(&head, id).map_or(0, |copied| copied.offset);
                let (offset, file_name) = (offset.max(copied), FileName { name: there, id });
                Some(NextFile {
                    file: Arc::new(file_name),
                    opened,
                    head,
                    offset,
                    trouble: Some(file),
                    is_detour: true,
                })
            }
            Err(error) if input::is_damaged(&error) => {
                self.stop_decompressing(file.place, found, &error);
                None
            }
            Err(error) => {
                self.fail(file, error);
                None
            }
        }
    }

    pub(super) fn opened(&self, name: &OsStr) -> io::Result<File> {
        open_regular(&self.listing.spool().dir().join(name))
    }
}

/// Also tells whether it is compressed.
fn with_head(file: File) -> io::Result<(File, Head, bool)> {
    let (head, is_compressed) = input::head(&file, u64::MAX)?;
    Ok((file, head, is_compressed))
}
