use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::input::open_regular;

/// The maximum length of a bookmark. A file that could not be read takes about 150 bytes.
const MAX_BYTES: u64 = 16 << 20;
/// The age of a new file that no process writes any more.
const OLD: Duration = Duration::from_secs(3_600);
/// The prefix of the line of a file that could not be read.
const SET_ASIDE: &[u8] = b"set-aside ";
/// The prefix of the first line.
const MAGIC: &[u8] = b"pigear ";

/// A position in a log: every record before it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The file's name, without its directory.
    pub(super) name: OsString,
    pub(super) inode: u64,
    /// Bytes from the start of the file.
    pub(super) offset: u64,
    /// The file's first bytes. They identify a file that was truncated or recreated, which may have the
    /// same name and inode.
    pub(super) head: Vec<u8>,
}

/// A position, with the positions in files that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(super) position: Position,
    /// Where to continue in those.
    pub(super) set_aside: Vec<Position>,
}

/// A file that stores a [`Mark`]. It is replaced atomically, so that it is never half written.
#[derive(Clone, Debug)]
pub(super) struct Bookmark(PathBuf);

impl Bookmark {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// `None` if there is none yet.
    ///
    /// # Errors
    /// If it can't be read, or isn't a bookmark.
    pub(super) fn read(&self) -> io::Result<Option<Mark>> {
        let mut bytes = Vec::new();
        let opened = open_regular(&self.0);
        match opened.and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => match Mark::parse(&bytes) {
                Some(mark) => Ok(Some(mark)),
                None => Err(io::Error::new(io::ErrorKind::InvalidData, "not a bookmark")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file. Anything else at its path is not replaced.
    ///
    /// # Errors
    /// Also if it would be too long to be read again.
    pub(super) fn write(&self, mark: &Mark) -> io::Result<()> {
        self.read()?;
        let bytes = mark.to_bytes();
        let length = bytes.len() as u64;
        if length > MAX_BYTES {
            let files = mark.set_aside.len();
            let problem = format!(
                "with {files} files that could not be read it has {length} bytes, and {MAX_BYTES} are allowed"
            );
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        let mut new = NewFile::beside(&self.0)?;
        new.file.write_all(&bytes)?;
        new.file.sync_data()?;
        new.replace(&self.0)
    }

    /// Fails at the start, not after hours, if it can't be written.
    pub(super) fn check(&self) -> io::Result<()> {
        NewFile::beside(&self.0).map(drop)?;
        NewFile::remove_old(&self.0, SystemTime::now());
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// A file with the next bookmark, in the same directory. Its name is its own, because another process may read
/// the log with the same bookmark. It is removed when this is dropped, unless it replaced the bookmark.
struct NewFile {
    path: PathBuf,
    file: File,
    is_temporary: bool,
}

impl NewFile {
    /// The log's directory belongs to Snort's user, who could have placed a link there: it is not followed.
    fn beside(bookmark: &Path) -> io::Result<Self> {
        loop {
            let path = Self::named(bookmark, &format!(".{:016x}", fastrand::u64(..)));
            match File::create_new(&path) {
                Ok(file) => return Ok(Self { path, file, is_temporary: true }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn replace(mut self, bookmark: &Path) -> io::Result<()> {
        fs::rename(&self.path, bookmark)?;
        self.is_temporary = false;
        Ok(())
    }

    /// Removes the files that processes left when they were killed, as far as that is possible.
    fn remove_old(bookmark: &Path, now: SystemTime) {
        let dir = bookmark.parent().filter(|dir| !dir.as_os_str().is_empty());
        let Ok(entries) = fs::read_dir(dir.unwrap_or(Path::new("."))) else { return };
        for entry in entries.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
            if Self::is_name(bookmark, &entry.file_name()) && age.is_some_and(|age| age > OLD) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Whether a file next to a bookmark has the name of such a file.
    fn is_name(bookmark: &Path, name: &OsStr) -> bool {
        let own = bookmark.file_name().unwrap_or_default().as_bytes();
        let rest = name.as_bytes().strip_prefix(own);
        let middle = rest.and_then(|rest| rest.strip_suffix(b".new"));
        let digits = middle.and_then(|middle| middle.strip_prefix(b"."));
        digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
    }

    fn named(bookmark: &Path, middle: &str) -> PathBuf {
        let mut path = bookmark.as_os_str().to_owned();
        path.push(middle);
        path.push(".new");
        path.into()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Position {
    /// Before all records.
    pub(super) fn start() -> Self {
        Self { name: OsString::new(), inode: 0, offset: 0, head: Vec::new() }
    }

    pub(super) fn is_start(&self) -> bool {
        self.name.is_empty()
    }

    /// `OFFSET INODE HEAD NAME` and a newline; the head in hexadecimal digits.
    fn write(&self, to: &mut Vec<u8>) {
        let mut text = format!("{} {} ", self.offset, self.inode);
        // Writing to a `String` can't fail.
        let _ = self.head.iter().try_for_each(|byte| write!(text, "{byte:02x}"));
        to.extend_from_slice(text.as_bytes());
        to.push(b' ');
        to.extend_from_slice(self.name.as_bytes());
        to.push(b'\n');
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut words = line.splitn(4, |&byte| byte == b' ');
        let mut word = || words.next();
        let (offset, inode, head, name) = (word()?, word()?, word()?, word()?);
        let number = |word| str::from_utf8(word).ok()?.parse().ok();
        let name = OsString::from_vec(name.to_vec());
        Some(Self { name, inode: number(inode)?, offset: number(offset)?, head: from_hex(head)? })
    }
}

impl Mark {
    pub(super) fn at(position: Position) -> Self {
        Self { position, set_aside: Vec::new() }
    }

    /// A line `pigear` with the position, and a line `set-aside` for each file that was set aside.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        self.position.write(&mut bytes);
        for position in &self.set_aside {
            bytes.extend_from_slice(SET_ASIDE);
            position.write(&mut bytes);
        }
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes.strip_suffix(b"\n")?.split(|&byte| byte == b'\n');
        let position = Position::parse(lines.next()?.strip_prefix(MAGIC)?)?;
        let set_aside = lines.map(|line| Position::parse(line.strip_prefix(SET_ASIDE)?));
        Some(Self { position, set_aside: set_aside.collect::<Option<_>>()? })
    }
}

fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Mark {
        Mark::at(Position::start())
    }

    #[test]
    fn a_bookmark_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let bookmark = Bookmark::new(dir.path().join("bookmark"));
        assert_eq!(bookmark.read().unwrap(), None);
        let name = OsString::from_vec(b"snort u2\xff.17".to_vec());
        let position = Position { name, inode: 7, offset: u64::MAX, head: vec![0, 0xff, 7] };
        let other = Position { inode: 8, offset: 0, head: Vec::new(), ..position.clone() };
        bookmark.check().unwrap();
        for set_aside in [vec![], vec![other.clone(), position.clone()]] {
            let mark = Mark { position: position.clone(), set_aside };
            bookmark.write(&mark).unwrap();
            assert_eq!(bookmark.read().unwrap(), Some(mark));
        }
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 1);
    }

    #[test]
    fn a_bookmark_that_could_not_be_read_again_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let bookmark = Bookmark::new(dir.path().join("bookmark"));
        let name = OsString::from("x".repeat(200));
        let position = Position { name, inode: 7, offset: 9, head: vec![7; 32] };
        let line = position_length(&position) + SET_ASIDE.len();
        let most = usize::try_from(MAX_BYTES).unwrap() / line - 1;
        let mark = |files| {
            let set_aside = vec![position.clone(); files];
            Mark { position: position.clone(), set_aside }
        };
        bookmark.write(&mark(most)).unwrap();
        let error = bookmark.write(&mark(most + 2)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(bookmark.read().unwrap(), Some(mark(most)));
    }

    fn position_length(position: &Position) -> usize {
        let mut bytes = Vec::new();
        position.write(&mut bytes);
        bytes.len()
    }

    #[test]
    fn two_readers_replace_one_bookmark_at_the_same_time() {
        let dir = tempfile::tempdir().unwrap();
        let bookmark = Bookmark::new(dir.path().join("bookmark"));
        let mut first = NewFile::beside(bookmark.path()).unwrap();
        bookmark.check().unwrap();
        bookmark.write(&start()).unwrap();
        let mark = Mark { set_aside: vec![Position::start()], ..start() };
        first.file.write_all(&mark.to_bytes()).unwrap();
        first.replace(bookmark.path()).unwrap();
        assert_eq!(bookmark.read().unwrap(), Some(mark));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_does_not_become_the_bookmark_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bookmark");
        fs::create_dir(&path).unwrap();
        NewFile::beside(&path).unwrap().replace(&path).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bookmark");
        let others = ["bookmark", "bookmark.new", "bookmark.0123456789abcdef", "bookmark.u2.new"];
        for name in others.iter().chain(&["bookmark.0123456789abcdef.new"]) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let files = || fs::read_dir(dir.path()).unwrap().count();
        NewFile::remove_old(&path, SystemTime::now());
        assert_eq!(files(), 5);
        NewFile::remove_old(&path, SystemTime::now() + OLD * 2);
        assert_eq!(files(), 4);
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
    }

    #[test]
    fn something_else_is_no_bookmark() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bookmark");
        for text in ["", "pigear 1 2 \n ", "pigear x 2 name\n", "other 1 2 name\n", "pigear 1 2\n"]
        {
            fs::write(&path, text).unwrap();
            let bookmark = Bookmark::new(path.clone());
            let write = |bookmark: &Bookmark| bookmark.write(&start());
            for error in [bookmark.read().unwrap_err(), write(&bookmark).unwrap_err()] {
                assert_eq!(error.to_string(), "not a bookmark", "{text:?}");
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
