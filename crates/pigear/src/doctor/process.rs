//! Processes, from /proc.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A process.
pub(super) struct Process {
    pub(super) id: u32,
    pub(super) name: String,
    /// The words of its command line, the program's own first.
    pub(super) arguments: Vec<String>,
    pub(super) uid: u32,
    dir: PathBuf,
}

impl Process {
    /// All processes that can be seen.
    pub(super) fn all(proc: &Path) -> Vec<Self> {
        let entries = fs::read_dir(proc).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.filter_map(|entry| Self::of(entry.path())).collect();
        all.sort_by_key(|process| process.id);
        all
    }

    fn of(dir: PathBuf) -> Option<Self> {
        let id = dir.file_name()?.to_str()?.parse().ok()?;
        let uid = fs::metadata(&dir).ok()?.uid();
        let name = fs::read(dir.join("comm")).ok()?;
        let name = String::from_utf8_lossy(&name).trim_end().to_owned();
        let line = fs::read(dir.join("cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let arguments = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        Some(Self { id, name, arguments, uid, dir })
    }

    /// When it started, in clock ticks since the machine did.
    pub(super) fn started(&self) -> Option<u64> {
        let stat = fs::read_to_string(self.dir.join("stat")).ok()?;
        // The name in parentheses may have spaces; the fields behind it begin with the third.
        stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
    }

    /// Whether it has a socket open, by the socket's number in /proc/net/unix.
    pub(super) fn has_socket(&self, inode: u64) -> bool {
        let wanted = format!("socket:[{inode}]");
        let files = fs::read_dir(self.dir.join("fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|to| to == Path::new(&wanted))
    }
}

/// The numbers of the sockets that are bound to an absolute path. If a program bound one by a relative path, its
/// working directory decides.
pub(super) fn bound_to(proc: &Path, path: &Path, all: &[Process]) -> Vec<u64> {
    let Ok(table) = fs::read(proc.join("net/unix")) else { return Vec::new() };
    let table = String::from_utf8_lossy(&table);
    let of_line = |line: &str| {
        let (inode, bound) = inode_and_path(line)?;
        let bound = Path::new(bound);
        let is_holders = |process: &Process| {
            let dir = fs::read_link(process.dir.join("cwd"));
            process.has_socket(inode) && dir.is_ok_and(|dir| dir.join(bound) == path)
        };
        let is_it = bound == path || path.ends_with(bound) && all.iter().any(is_holders);
        is_it.then_some(inode)
    };
    table.lines().filter_map(of_line).collect()
}

/// The last two of a line's eight columns, which are aligned with spaces.
fn inode_and_path(line: &str) -> Option<(u64, &str)> {
    let (mut rest, mut word) = (line, "");
    for _ in 0..7 {
        (word, rest) = rest.trim_start().split_once(' ')?;
    }
    Some((word.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_found_among_the_bound_sockets() {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir(room.path().join("net")).unwrap();
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00000000 0002 01    17 /log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 1234567 /log/a b\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 18 log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 19 @/log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 20\n";
        fs::write(room.path().join("net/unix"), table).unwrap();
        let process = room.path().join("7");
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::write(process.join("comm"), "pigear").unwrap();
        symlink("/home", process.join("cwd")).unwrap();
        symlink("socket:[18]", process.join("fd/3")).unwrap();
        let all = Process::all(room.path());
        let bound = |path| bound_to(room.path(), Path::new(path), &all);
        assert_eq!(bound("/log/snort_alert"), [17]);
        assert_eq!(bound("/log/a b"), [1_234_567]);
        assert_eq!(bound("/home/log/snort_alert"), [18]);
        assert!(bound("/x/log/snort_alert").is_empty());
    }
}
