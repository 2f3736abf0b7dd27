//! Moves a store: it is several files, and only together they have all that was stored.

use std::ffi::OsString;
use std::fs;
use std::iter::once;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::shell_word::quoted;

/// What the names of a store's files have at their ends: the file itself, its journal, the journal's index, the lock.
pub(crate) const FILE_ENDS: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// A line for a shell that moves a store out of the way, with those of its files that are there, to a name that is
/// free. It can be opened by that name. Each command begins with `before`, such as `sudo `.
pub(crate) fn moving_line(path: &Path, before: &str) -> String {
    line("mv -nT", path, before)
}

/// The same, but copies it.
pub(crate) fn copying_line(path: &Path, before: &str) -> String {
    // A link that is there by then is not written through.
    line("cp -aT --remove-destination", path, before)
}

fn line(command: &str, path: &Path, before: &str) -> String {
    let (from, to) = (quoted(path), quoted(&free_name(path)));
    let ends = FILE_ENDS.map(|end| if end.is_empty() { "''" } else { end }).join(" ");
    format!(
        "for end in {ends}; do {before}test ! -e {from}$end || {before}{command} {from}$end {to}$end; done"
    )
}

/// A name beside it by which no file of a store is there.
pub(crate) fn free_name(path: &Path) -> PathBuf {
    let named = |end: &str| {
        let mut name = OsString::from(path);
        name.push(end);
        PathBuf::from(name)
    };
    let is_free = |name: &String| {
        FILE_ENDS.iter().all(|end| named(&format!("{name}{end}")).symlink_metadata().is_err())
    };
    let names = once(".old".to_owned()).chain((2..).map(|n| format!(".old{n}")));
    named(&names.into_iter().find(is_free).unwrap_or_default())
}

/// `PATH.TIME`, with a number behind it if there is such a file.
pub(super) fn unused_name(path: &Path) -> PathBuf {
    let time = Timestamp::now().as_second();
    let name = |end: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let mut n = 0;
    let mut to = name(format!(".{time}"));
    while fs::symlink_metadata(&to).is_ok() {
        n += 1;
        to = name(format!(".{time}.{n}"));
    }
    to
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn all_files_of_a_store_are_moved_to_a_name_of_which_none_is_there() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a 'b.db");
        let names = || {
            let all = fs::read_dir(room.path()).unwrap();
            let mut all: Vec<_> =
                all.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
            all.sort();
            all
        };
        for name in ["a 'b.db", "a 'b.db-wal", "a 'b.db.lock", "a 'b.db.old-wal", "a 'b.db2"] {
            fs::write(room.path().join(name), name).unwrap();
        }
        let line = moving_line(&path, "");
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
        let expected = [
            "a 'b.db.old-wal",
            "a 'b.db.old2",
            "a 'b.db.old2-wal",
            "a 'b.db.old2.lock",
            "a 'b.db2",
        ];
        assert_eq!(names(), expected, "{line}");
    }
}
