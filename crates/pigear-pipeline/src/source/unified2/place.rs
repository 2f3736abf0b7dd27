use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::bookmark::Position;
use super::spool::FileId;

/// The first bytes of a file. They identify a file that was truncated or recreated, which may have the
/// same name and inode, and a copy, which has another inode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    length: u8,
    bytes: [u8; Self::MAX],
}

impl Head {
    /// This many bytes identify a file: they include the first event's numbers and time.
    pub(super) const MAX: usize = 32;

    /// The first bytes of a file, up to `offset`.
    pub(super) fn of(file: &File, offset: u64) -> io::Result<Self> {
        let mut head = Self::default();
        let length = usize::try_from(offset).unwrap_or(usize::MAX).min(Self::MAX);
        // Shorter, if the file was truncated meanwhile.
        let read = file.read_at(head.bytes.get_mut(..length).unwrap_or_default(), 0)?;
        head.length = u8::try_from(read).unwrap_or_default();
        Ok(head)
    }

    /// The part before `offset`.
    pub(super) fn up_to(mut self, offset: u64) -> Self {
        self.length = u8::try_from(offset).unwrap_or(u8::MAX).min(self.length);
        self
    }

    /// The same with these bytes, if they stand at `offset`, right behind it.
    pub(super) fn followed_by(self, bytes: &[u8], offset: u64) -> Self {
        if offset != u64::from(self.length) {
            return self;
        }
        let bytes = bytes.get(..Self::MAX).unwrap_or(bytes);
        Self::from(&*[self.bytes(), bytes].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    pub(super) fn begins_with(&self, other: &Self) -> bool {
        self.bytes().starts_with(other.bytes())
    }

    /// Whether only a copy can begin with the same bytes.
    pub(super) fn tells(&self) -> bool {
        usize::from(self.length) == Self::MAX
    }
}

impl From<&[u8]> for Head {
    fn from(bytes: &[u8]) -> Self {
        let mut head = Self::default();
        for (place, byte) in head.bytes.iter_mut().zip(bytes) {
            *place = *byte;
        }
        head.length = u8::try_from(bytes.len().min(Self::MAX)).unwrap_or_default();
        head
    }
}

/// A file of a log, under the name that it had when it was opened, or when it was the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) name: OsString,
    pub(super) id: FileId,
}

/// A position in a file of a log, at the start of a record.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(super) file: Arc<FileName>,
    /// Bytes from the start of the file.
    pub(super) offset: u64,
    /// The first bytes of the file, up to the position.
    pub(super) head: Head,
}

impl Place {
    pub(super) fn position(&self) -> Position {
        let FileName { name, id } = &*self.file;
        let head = self.head.up_to(self.offset).bytes().to_vec();
        Position { name: name.clone(), inode: id.inode, offset: self.offset, head }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_grows_by_the_bytes_right_behind_it_until_it_tells() {
        let head = Head::default().followed_by(&[1, 2], 0);
        assert_eq!(head.bytes(), [1, 2]);
        assert_eq!(head.followed_by(&[3], 5), head);
        let whole = head.followed_by(&[3; 99], 2);
        assert!(whole.tells() && whole.begins_with(&head));
        assert_eq!(whole.followed_by(&[4], 32), whole);
    }
}
