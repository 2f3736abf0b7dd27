//! Lines that are typed into a shell, often as root.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::account::Account;
use crate::file_name::free_name;
use crate::guarded::{fixed, settled};
use crate::output_file::dir;
pub(super) use crate::shell_word::{quoted, word};

/// Commands that root has to give, one after the other.
pub(super) fn as_root(commands: &[String]) -> String {
    let sudo = sudo();
    commands.iter().map(|command| format!("{sudo}{command}")).collect::<Vec<_>>().join(" && ")
}

/// What stands before a command that root has to give.
pub(super) fn sudo() -> &'static str {
    if Uid::effective().is_root() { "" } else { "sudo " }
}

/// Hands something over to a user, who may use it in this way. Where its way can be made to lead elsewhere by others,
/// there is no line; a link that this user may have put at its end is not followed.
pub(super) fn handed_over(path: &Path, user: &Account, mode: Option<&str>) -> Option<String> {
    let path = fixed(path).or_else(|| std::path::absolute(path).ok())?;
    let path = settled(path.parent()?, Some(user))?.join(path.file_name()?);
    if path.is_symlink() {
        return None;
    }
    let typed = quoted(&path);
    // `chmod` follows a link, but gives the owner only what an owner may take.
    let owner = format!("chown -h {} {typed}", word(&user.name));
    let mode = mode.map(|mode| format!("chmod {mode} {typed}"));
    Some(as_root(&[owner].into_iter().chain(mode).collect::<Vec<_>>()))
}

/// Changes the mode of a file or directory, where only root, or the user who runs the doctor, says where its path leads.
pub(super) fn changed(path: &Path, mode: &str) -> Option<String> {
    Some(as_root(&[format!("chmod {mode} {}", quoted(&fixed(path)?))]))
}

/// Directories whose files the system needs.
const SYSTEM_DIRS: [&str; 11] =
    ["/dev", "/proc", "/sys", "/run", "/etc", "/usr", "/boot", "/bin", "/sbin", "/lib", "/lib64"];

/// Moves what is at a path out of the way, to a name beside it that is free; `None` where the system may need it, or
/// others can make the way to its directory lead elsewhere.
pub(super) fn moved_away(path: &Path) -> Option<String> {
    if is_of_system(path) || fixed(dir(path)).is_none() {
        return None;
    }
    let free = free_name(path, &[""]);
    Some(as_root(&[format!("mv -nT {} {}", quoted(path), quoted(&free))]))
}

/// Whether what is at a path is the kernel's.
pub(super) fn is_of_kernel(path: &Path) -> bool {
    let whole = whole(path);
    let is_below = |dir| whole.starts_with(dir);
    ["/dev", "/proc", "/sys"].into_iter().any(is_below) && !is_below("/dev/shm")
}

/// The path without links, as far as it is there.
pub(super) fn whole(path: &Path) -> PathBuf {
    let whole = path.canonicalize().or_else(|_| std::path::absolute(path));
    whole.unwrap_or_else(|_| path.to_owned())
}

/// Whether the system may need what is at a path: it is a device, or below a directory of the system, or leads there.
pub(super) fn is_of_system(path: &Path) -> bool {
    let whole = whole(path);
    let is_device = fs::metadata(&whole).is_ok_and(|found| {
        found.file_type().is_char_device() || found.file_type().is_block_device()
    });
    is_device || whole.parent().is_none() || SYSTEM_DIRS.iter().any(|dir| whole.starts_with(dir))
}

/// Ends a process, and waits until it has ended.
pub(super) fn ended(id: u32) -> String {
    as_root(&[format!("kill {id}"), format!("tail --pid={id} -f /dev/null")])
}

/// Writes one text for another in a line of a file, or in all its lines; `None` if others can put another file there.
pub(super) fn replaced(file: &Path, line: Option<usize>, from: &str, to: &str) -> Option<String> {
    let file = fixed(file)?;
    let line = line.map(|line| line.to_string()).unwrap_or_default();
    let from = escaped(from, r"\.*[]^$|");
    let script = format!("{line}s|{from}|{}|", escaped(to, r"\&|"));
    Some(as_root(&[format!("sed -i --follow-symlinks {} {}", word(&script), quoted(&file))]))
}

/// A text with a backslash before each of these characters.
fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if special.contains(c) {
            escaped.push('\\');
        }
        match c {
            '\n' => escaped.push_str(r"\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn what_the_system_needs_is_not_moved() {
        for path in ["/dev/null", "/proc/self/stat", "/etc/passwd", "/dev/../etc/passwd", "/"] {
            assert_eq!(moved_away(Path::new(path)), None, "{path}");
        }
        let room = tempfile::tempdir().unwrap();
        assert!(moved_away(room.path()).is_some());
    }

    #[test]
    fn what_has_a_meaning_for_sed_or_the_shell_is_taken_as_it_is() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("a 'b");
        let (from, to) = (r"/x.*[a]\|'^$", r"/&$(id)|\1");
        let lines = |text: &str| format!("{text}\n{text}\n");
        fs::write(&file, lines(from)).unwrap();
        let typed = |line| {
            let typed = replaced(&file, line, from, to).unwrap();
            let typed = typed.strip_prefix("sudo ").unwrap_or(&typed);
            assert!(Command::new("sh").args(["-c", typed]).status().unwrap().success());
            fs::read_to_string(&file).unwrap()
        };
        assert_eq!(typed(Some(2)), format!("{from}\n{to}\n"));
        assert_eq!(typed(None), lines(to));
    }
}
