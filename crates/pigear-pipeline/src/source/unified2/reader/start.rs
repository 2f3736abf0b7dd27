//! Where a reader starts.

use std::io;
use std::sync::Arc;

use tracing::warn;

use super::Reader;
use super::file::{FilePosition, NextFile};
use crate::source::unified2::bookmark::{Mark, Position};
use crate::source::unified2::input::{self, Bytes};
use crate::source::unified2::place::{FileName, Head, Place};
use crate::source::unified2::set_aside::SetAside;
use crate::source::unified2::spool::SpoolFile;

impl Reader {
    /// Goes to a stored position, even if that file has another name now. If the file is gone, goes to
    /// the start of the oldest file that was started after it.
    pub(in super::super) fn go_to(&mut self, mark: &Mark) -> io::Result<()> {
        self.listing.reread()?;
        for position in &mark.set_aside {
            self.set_aside_again(position)?;
        }
        let position = &mark.position;
        if position.is_start() {
            return Ok(());
        }
        let files = self.listing.files().to_vec();
        let same = files.iter().find(|file| file.name == position.name);
        let moved = self.spool().file_of_inode(position.inode)?;
        for file in same.into_iter().chain(&moved) {
            if self.is_at(file, position) {
                self.go_to_file(file, position, position.offset, &files);
                return Ok(());
            }
        }
        let copy = files.iter().find(|file| self.is_copy(file, position));
        match (copy, same) {
            (Some(copy), _) => self.go_to_file(copy, position, position.offset, &files),
            (None, Some(file)) => {
                let path = self.shown(&file.name);
                if file.id.inode == position.inode {
                    warn!(
                        "{path} was truncated or recreated since it was read; reading it from the start"
                    );
                } else {
                    warn!("{path} is a different file now; reading it from the start");
                }
                self.go_to_file(file, position, 0, &files);
            }
            (None, None) => {
                let name = position.name.to_string_lossy();
                warn!("{name} was removed; what was logged in it since it was last read is lost");
                if let Some(begun) = self.spool().begun(&position.name) {
                    self.leave(files.iter().filter(|file| !file.is_begun_after(begun)));
                }
            }
        }
        Ok(())
    }

    /// Goes to the end of the log.
    pub(in super::super) fn go_to_end(&mut self) -> io::Result<()> {
        self.listing.reread()?;
        let mut files = self.listing.files().to_vec();
        self.leave(&files);
        files.retain(|file| !self.is_foreign(file));
        let newest = files.iter().max_by_key(|file| (!file.is_compressed(), file.activity()));
        let Some(file) = newest else { return Ok(()) };
        let file_name = FileName { name: file.name.clone(), id: file.id };
        // How long it is without compression is known once it was read.
        let bytes = self.opened(&file.name).and_then(Bytes::of);
        let is_compressed = bytes.is_ok_and(|bytes| bytes.compression().is_some());
        let offset = if is_compressed { u64::MAX } else { file.length };
        self.try_opening(file, Place { file: Arc::new(file_name), offset, head: Head::default() });
        Ok(())
    }

    /// Stores the number of bytes to read.
    pub(in super::super) fn measure(&mut self) -> io::Result<()> {
        if self.listing.files().is_empty() {
            self.listing.reread()?;
        }
        let bytes = self.listing.files().iter().map(|file| self.bytes_of(file)).sum();
        self.progress.set_there(bytes);
        Ok(())
    }

    /// Bytes of a file that are still to be read.
    fn bytes_of(&self, file: &SpoolFile) -> u64 {
        let read = match &self.open {
            Some(open) if open.file.id == file.id => open.tail.offset(),
            _ => self.left.get(&file.id).map_or(0, |left| left.end),
        };
        file.length.saturating_sub(read)
    }

    fn set_aside_again(&mut self, position: &Position) -> io::Result<()> {
        if let Some(file) = self.spool().file_of_inode(position.inode)? {
            let name = FileName { name: file.name, id: file.id };
            let (offset, head) = (position.offset, Head::from(&*position.head));
            let place = Place { file: Arc::new(name), offset, head };
            self.set_aside.push(SetAside::known(place));
        } else {
            let path = self.shown(&position.name);
            warn!("{path} was removed before it could be read");
        }
        Ok(())
    }

    fn go_to_file(
        &mut self,
        file: &SpoolFile,
        position: &Position,
        offset: u64,
        files: &[SpoolFile],
    ) {
        self.leave(files.iter().filter(|other| other.is_before(file)));
        let name = FileName { name: position.name.clone(), id: file.id };
        let head = Head::from(&*position.head).up_to(offset);
        self.try_opening(file, Place { file: Arc::new(name), offset, head });
    }

    fn try_opening(&mut self, file: &SpoolFile, place: Place) {
        self.last = Some(place.clone());
        self.begun = self.spool().begun(&place.file.name).unwrap_or(file.written);
        match self.opened(&file.name) {
            Ok(opened) => {
                let Place { file, offset, head } = place;
                // The window is still empty.
                let (trouble, is_detour) = Default::default();
                let next = NextFile { file, opened, head, offset, trouble, is_detour };
                self.open(next, &mut Vec::new());
            }
            Err(error) => self.fail(SetAside::known(place), error),
        }
    }

    /// Whether a file is that of a position, and was not truncated or recreated since.
    fn is_at(&self, file: &SpoolFile, position: &Position) -> bool {
        if file.id.inode != position.inode {
            return false;
        }
        // A file that can't be read now can't be told from another.
        self.head_up_to(file, position).map_or(file.length >= position.offset, |head| {
            head.is_some_and(|head| position.head.is_empty() || head.bytes() == position.head)
        })
    }

    /// Whether a file is a copy of that of a position, which was truncated after that; it may have been
    /// compressed.
    fn is_copy(&self, file: &SpoolFile, position: &Position) -> bool {
        let known = Head::from(&*position.head);
        known.tells() && self.head_up_to(file, position).is_ok_and(|head| head == Some(known))
    }

    /// The first bytes of a file up to a position; `None` if it is too short to have that.
    fn head_up_to(&self, file: &SpoolFile, position: &Position) -> io::Result<Option<Head>> {
        let opened = self.opened(&file.name)?;
        let (head, is_compressed) = input::head(&opened, position.offset)?;
        Ok((is_compressed || file.length >= position.offset).then_some(head))
    }

    /// These files need not be read, unless they grow.
    pub(super) fn leave<'a>(&mut self, files: impl IntoIterator<Item = &'a SpoolFile>) {
        let left = files.into_iter().map(|file| {
            (file.id, FilePosition { head: Head::default(), offset: file.length, end: file.length })
        });
        self.left.extend(left);
    }
}
