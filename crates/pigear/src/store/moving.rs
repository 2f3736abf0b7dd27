//! Moves a store: it is several files, and only together they have all that was stored.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::file_name::{STORE_ENDS, free_name, with_end};
use crate::shell_word::quoted;

/// A line for a shell that moves a store out of the way, with those of its files that are there, to a name that is
/// free. It can be opened by that name. Each command begins with `before`, such as `sudo `.
pub(crate) fn moving_line(path: &Path, before: &str) -> String {
    line("mv -nT", path, before)
}

/// The same, but copies it: what a link leads to, and not the link.
#[cfg(feature = "command")]
pub(crate) fn copying_line(path: &Path, before: &str) -> String {
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A link that is there by then is not written through.
    line("cp -aT --remove-destination", &whole, before)
}

fn line(command: &str, path: &Path, before: &str) -> String {
    let (from, to) = (quoted(path), quoted(&moved_name(path)));
    let ends = STORE_ENDS.map(|end| if end.is_empty() { "''" } else { end }).join(" ");
    format!(
        "for end in {ends}; do {before}test ! -e {from}$end || {before}{command} {from}$end {to}$end; done"
    )
}

/// The name to which the line moves a store.
pub(super) fn moved_name(path: &Path) -> PathBuf {
    free_name(path, &STORE_ENDS)
}

/// `PATH.TIME`, with a number behind it if there is such a file.
pub(super) fn unused_name(path: &Path) -> PathBuf {
    let first = with_end(path, &format!(".{}", Timestamp::now().as_second()));
    let (mut n, mut to) = (0, first.clone());
    while fs::symlink_metadata(&to).is_ok() {
        n += 1;
        to = with_end(&first, &format!(".{n}"));
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

    #[cfg(feature = "command")]
    #[test]
    fn what_a_link_leads_to_is_copied() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        fs::create_dir(at("disk")).unwrap();
        for name in ["disk/a.db", "disk/a.db-wal"] {
            fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink("disk/a.db", at("a.db")).unwrap();
        let line = copying_line(&at("a.db"), "");
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
        assert_eq!(fs::read_to_string(at("disk/a.db.old")).unwrap(), "disk/a.db");
        assert_eq!(fs::read_to_string(at("disk/a.db.old-wal")).unwrap(), "disk/a.db-wal");
        assert!(at("disk/a.db").exists() && !at("a.db.old").exists());
    }
}
