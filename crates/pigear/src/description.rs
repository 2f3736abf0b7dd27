/// What a kind of handler says of itself.
///
/// The keys of a handler that uses files name these, and it says which: so that no file is written that is read
/// or has another writer, and a missing directory is found before anything is started.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The handler and its keys in one line, for `--help`.
    pub about: &'static str,
    /// The keys that name files.
    pub files: &'static [(&'static str, FileUse)],
}

/// What a handler does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileUse {
    /// It reads it.
    Reads,
    /// It writes to it. The directory must exist. When the configuration changes, a handler is created while its
    /// predecessor still writes: until it is started, it may only open the file.
    Writes,
    /// It creates it, or, if it exists and errors don't end the program, one with a number in its name. The directory
    /// must exist.
    WritesNew,
    /// It writes to it, and creates the directory.
    WritesInOwnDirectory,
}

impl From<&'static str> for Description {
    /// Of a handler that uses no files.
    fn from(about: &'static str) -> Self {
        Self { about, files: &[] }
    }
}
