//! Processes, from /proc.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::kernel_table;
use crate::output_file::dir;

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

    /// The process with this number.
    pub(super) fn numbered(proc: &Path, id: u32) -> Option<Self> {
        Self::of(proc.join(id.to_string()))
    }

    fn of(dir: PathBuf) -> Option<Self> {
        let id = dir.file_name()?.to_str()?.parse().ok()?;
        let uid = fs::metadata(&dir).ok()?.uid();
        let name = fs::read(dir.join("comm")).ok()?;
        let name = String::from_utf8_lossy(&name).trim_end().to_owned();
        let line = fs::read(dir.join("cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let arguments = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let mut process = Self { id, name, arguments, uid, dir };
        // The directory of a process that may not be looked into belongs to root.
        let real = process.uids().and_then(|all| all.first().copied());
        process.uid = real.unwrap_or(process.uid);
        Some(process)
    }

    /// When it started, in clock ticks since the machine did.
    pub(super) fn started(&self) -> Option<u64> {
        let stat = fs::read_to_string(self.dir.join("stat")).ok()?;
        // The name in parentheses may have spaces; the fields behind it begin with the third.
        stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
    }

    /// Whether it ends just now, or has ended, and its parent hasn't noticed yet. Its memory is gone first, and its
    /// arguments with it.
    pub(super) fn has_ended(&self) -> bool {
        self.arguments.is_empty() || self.status("State").is_some_and(|it| it.starts_with('Z'))
    }

    /// A field of its status, such as `NoNewPrivs`.
    pub(super) fn status(&self, field: &str) -> Option<String> {
        let status = fs::read(self.dir.join("status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let value =
            |line: &str| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned());
        status.lines().find_map(value)
    }

    /// As whom it runs: the real, the effective, the saved user, and that for files.
    pub(super) fn uids(&self) -> Option<Vec<u32>> {
        self.status("Uid")?.split_whitespace().map(|uid| uid.parse().ok()).collect()
    }

    /// What the kernel calls its namespace of a kind, such as `mnt`.
    pub(super) fn namespace(&self, kind: &str) -> Option<PathBuf> {
        fs::read_link(self.dir.join("ns").join(kind)).ok()
    }

    /// One of its limits, such as `Max open files`; `None` if there is none, or it can't be read.
    pub(super) fn limit(&self, name: &str) -> Option<u64> {
        let limits = fs::read_to_string(self.dir.join("limits")).ok()?;
        let behind = limits.lines().find_map(|line| line.strip_prefix(name))?;
        behind.split_whitespace().next()?.parse().ok()
    }

    /// The directory of its control group, below /sys/fs/cgroup.
    pub(super) fn control_group(&self) -> Option<PathBuf> {
        let groups = fs::read_to_string(self.dir.join("cgroup")).ok()?;
        let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        Some(Path::new("/sys/fs/cgroup").join(group))
    }

    /// What its files are seen below, if that may be looked at: `/` unless it is in a chroot.
    pub(super) fn root(&self) -> Option<PathBuf> {
        fs::read_link(self.dir.join("root")).ok()
    }

    /// Its working directory.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        fs::read_link(self.dir.join("cwd")).ok()
    }

    /// Its program.
    pub(super) fn program(&self) -> Option<PathBuf> {
        fs::read_link(self.dir.join("exe")).ok()
    }

    /// Its program's file, also if another one is at its path by now.
    pub(super) fn program_file(&self) -> io::Result<File> {
        File::open(self.dir.join("exe"))
    }

    /// A path that it was given, as others see it.
    pub(super) fn resolved(&self, path: &Path) -> Option<PathBuf> {
        let inside =
            if path.is_absolute() { path.to_owned() } else { self.directory()?.join(path) };
        match self.root() {
            // The working directory is seen from outside already.
            Some(root) if root != Path::new("/") && !inside.starts_with(&root) => {
                Some(root.join(inside.strip_prefix("/").unwrap_or(&inside)))
            }
            _ => Some(inside),
        }
    }

    /// Where an absolute path of its own is, also if it is in a chroot or a container.
    #[cfg(feature = "store")]
    pub(super) fn inside(&self, path: &Path) -> Option<PathBuf> {
        Some(self.dir.join("root").join(path.strip_prefix("/").ok()?))
    }

    /// Whether it is a Pigear: the program, or the Python package.
    pub(super) fn is_pigear(&self) -> bool {
        let is_name = |word: &String| Path::new(word).file_name().is_some_and(|it| it == "pigear");
        self.name == "pigear" || self.arguments.iter().take(3).any(is_name)
    }

    /// Whether it was given an option.
    pub(super) fn has_option(&self, name: &str) -> bool {
        self.arguments.iter().any(|word| word.split('=').next() == Some(name))
    }

    /// The values that it was given with an option.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        let words = self.arguments.iter().zip(self.arguments.iter().skip(1));
        let behind = words.filter(|(word, _)| *word == name).map(|(_, value)| value.clone());
        let with = self.arguments.iter().filter_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        behind.chain(with.map(str::to_owned)).collect()
    }

    /// Whether its user may not look into its memory, and it leaves no core dump; `None` if that can't be seen, as of
    /// one that root runs. The kernel gives the files of such a process to root.
    pub(super) fn is_closed_to_its_user(&self) -> Option<bool> {
        if self.uid == 0 {
            return None;
        }
        Some(fs::metadata(self.dir.join("status")).ok()?.uid() == 0)
    }

    /// Whether it has open what the kernel calls by this name; `None` if that may not be looked at.
    pub(super) fn has_open(&self, name: &str) -> Option<bool> {
        let mut files = fs::read_dir(self.dir.join("fd")).ok()?.flatten();
        Some(files.any(|file| fs::read_link(file.path()).is_ok_and(|to| to == Path::new(name))))
    }

    /// Whether it has a socket open, by the socket's number in /proc/net/unix.
    pub(super) fn has_socket(&self, inode: u64) -> bool {
        self.has_open(&format!("socket:[{inode}]")).unwrap_or_default()
    }
}

/// The processes with Snort's name. Any user can start one.
pub(super) fn snorts(proc: &Path) -> Vec<Process> {
    let mut all = Process::all(proc);
    all.retain(|process| process.name == "snort" || process.name == "snort3");
    all.retain(|process| !process.has_ended());
    all
}

/// The processes that have the socket at a path open; `None` if no socket is bound to it.
pub(super) fn holders(proc: &Path, path: &Path) -> Option<Vec<Process>> {
    // A relative path in the kernel's table may be below any directory, so one that isn't there can't be compared.
    let real = path.canonicalize().ok()?;
    let all = Process::all(proc);
    let inodes = bound_to(proc, &real, &all, |bound| bound.canonicalize().ok());
    let holds = |process: &Process| inodes.iter().any(|inode| process.has_socket(*inode));
    (!inodes.is_empty()).then(|| all.into_iter().filter(holds).collect())
}

/// The processes that have a socket open that was bound to a path at which nothing is any more.
pub(super) fn former_holders(proc: &Path, path: &Path) -> Vec<Process> {
    let gone = |place: &PathBuf| place.symlink_metadata().is_err();
    let Some(place) = place(path).filter(gone) else {
        return Vec::new();
    };
    let mut all = Process::all(proc);
    let inodes = bound_to(proc, &place, &all, self::place);
    all.retain(|process| inodes.iter().any(|inode| process.has_socket(*inode)));
    all
}

/// Where a file is or was, without links.
fn place(path: &Path) -> Option<PathBuf> {
    Some(dir(path).canonicalize().ok()?.join(path.file_name()?))
}

/// The numbers of the sockets that are bound to an absolute path. If a program bound one by a relative path, its
/// working directory decides.
fn bound_to(
    proc: &Path,
    path: &Path,
    all: &[Process],
    whole: impl Fn(&Path) -> Option<PathBuf>,
) -> Vec<u64> {
    let of_line = |line: &str| {
        let (inode, bound) = inode_and_path(line)?;
        let bound = Path::new(bound);
        // It may have been bound under another name of the directory, such as `.`.
        let is_at = |bound: &Path| whole(bound).is_some_and(|bound| bound == path);
        let is_holders = |process: &Process| {
            let dir = process.directory();
            process.has_socket(inode) && dir.is_some_and(|dir| is_at(&dir.join(bound)))
        };
        let is_name = || bound.file_name() == path.file_name();
        let is_linked =
            || if bound.is_absolute() { is_at(bound) } else { all.iter().any(is_holders) };
        let is_it = bound == path || is_name() && is_linked();
        is_it.then_some(inode)
    };
    let of_table = |table: &str| {
        let inodes: Vec<_> = table.lines().filter_map(of_line).collect();
        (!inodes.is_empty()).then_some(inodes)
    };
    let found = kernel_table::look(&proc.join("net/unix"), of_table);
    found.ok().flatten().unwrap_or_default()
}

/// The last two of a line's eight columns, which are aligned with spaces.
pub(super) fn inode_and_path(line: &str) -> Option<(u64, &str)> {
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
    fn a_pigear_is_known_by_its_name_or_that_of_the_package() {
        let room = tempfile::tempdir().unwrap();
        let is_pigear = |comm: &str, line: &str| {
            let dir = room.path().join("7");
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("comm"), comm).unwrap();
            fs::write(dir.join("cmdline"), line.replace(' ', "\0")).unwrap();
            Process::numbered(room.path(), 7).unwrap().is_pigear()
        };
        assert!(is_pigear("pigear\n", "/usr/bin/pigear --logdir log"));
        assert!(is_pigear("python3\n", "python3 -m pigear --logdir log"));
        assert!(is_pigear("python3\n", "/usr/bin/python3 /usr/local/bin/pigear"));
        assert!(!is_pigear("vi\n", "vi a b pigear"));
        assert!(!is_pigear("socat\n", "socat - log/snort_alert"));
    }

    #[test]
    fn a_snort_that_just_ends_is_none() {
        let room = tempfile::tempdir().unwrap();
        for (id, line, state) in [("6", "", "R"), ("7", "snort\0-D", "R"), ("8", "snort", "Z")] {
            let dir = room.path().join(id);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("comm"), "snort\n").unwrap();
            fs::write(dir.join("cmdline"), line).unwrap();
            fs::write(dir.join("status"), format!("State:\t{state}\n")).unwrap();
        }
        let all: Vec<_> = snorts(room.path()).iter().map(|it| it.id).collect();
        assert_eq!(all, [7]);
    }

    #[test]
    fn a_path_is_found_among_the_bound_sockets() {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir(room.path().join("net")).unwrap();
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00000000 0002 01    17 /log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 1234567 /log/a b\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 18 log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 19 @/log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 21 ./log/../log/snort_alert\n\
            0000000000000000: 00000002 00000000 00000000 0002 01 20\n";
        fs::write(room.path().join("net/unix"), table).unwrap();
        let process = room.path().join("7");
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::write(process.join("comm"), "pigear").unwrap();
        let home = room.path().canonicalize().unwrap().join("home");
        fs::create_dir_all(home.join("log")).unwrap();
        fs::write(home.join("log/snort_alert"), "").unwrap();
        symlink(&home, process.join("cwd")).unwrap();
        symlink("socket:[18]", process.join("fd/3")).unwrap();
        symlink("socket:[21]", process.join("fd/4")).unwrap();
        let all = Process::all(room.path());
        let bound =
            |path: &Path| bound_to(room.path(), path, &all, |bound| bound.canonicalize().ok());
        assert_eq!(bound(Path::new("/log/snort_alert")), [17]);
        assert_eq!(bound(Path::new("/log/a b")), [1_234_567]);
        assert_eq!(bound(&home.join("log/snort_alert")), [18, 21]);
        assert!(bound(Path::new("/x/log/snort_alert")).is_empty());
    }
}
