//! Directories that are to be made: what is in their way.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use pigear_pipeline::file_kind;

use super::finding::Finding;
use super::lines::{as_root, is_of_system, moved_away, quoted, word};
use crate::account::Account;
use crate::guarded::fixed;

/// The kernel's own limit of links.
const MAX_LINKS: usize = 40;

/// What is found about a directory that is missing: with the line that makes it, if something can be typed.
pub(super) fn of_missing(dir: &Path, what: &str, why: &str, owner: Option<&Account>) -> Finding {
    let missing = |more: &str| Finding::wrong(format!("{what} is not there{more}"), why);
    match Way::to(dir) {
        Way::Open => to_make(missing(""), dir, owner),
        Way::Linked { link, whole } => {
            missing(&format!(": {} is a link to nothing", link.display()))
                .advise("mount or make what it leads to, or give another path")
                // Another user may have put the link there.
                .typed_if(fixed(dir).and_then(|_| made(&whole, owner)))
        }
        Way::Blocked(at) => {
            let kind = fs::metadata(&at).map_or("a file", |found| file_kind(found.file_type()));
            let found = format!(": {} is {kind}, not a directory", at.display());
            of_obstacle(missing(&found), &at, dir, owner)
        }
        Way::Unknown => missing(": what leads to it can't be followed").advise("give another path"),
    }
}

/// What has to be out of the way of a directory, if it may be moved.
pub(super) fn of_obstacle(
    finding: Finding,
    at: &Path,
    dir: &Path,
    owner: Option<&Account>,
) -> Finding {
    if is_of_system(at) {
        return finding.advise("correct the path");
    }
    let line = fixed(at).and_then(|_| moved_away(at));
    finding
        .advise("give another path; or move it away, if nothing needs it")
        .typed_if(line.map(|line| format!("{line} && {}", making(dir, owner))))
}

/// What is found about a directory that is missing, with what makes it.
pub(super) fn to_make(finding: Finding, dir: &Path, owner: Option<&Account>) -> Finding {
    let advice = "make it, or give another path; there is no line to type, because others than root can put a link there";
    finding.typed_or(made(dir, owner), advice)
}

/// The command that makes a directory, where others can't put a link in its place.
pub(super) fn made(dir: &Path, owner: Option<&Account>) -> Option<String> {
    fixed(dir).map(|dir| making(&dir, owner))
}

fn making(dir: &Path, owner: Option<&Account>) -> String {
    let owner = owner.map(|user| format!("-o {} ", word(&user.name))).unwrap_or_default();
    as_root(&[format!("install -d {owner}-m 0750 {}", quoted(dir))])
}

/// What leads to a directory that is to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Directories, as far as it is there, and can be seen.
    Open,
    /// A link to what isn't there: where the whole way would lead.
    Linked { link: PathBuf, whole: PathBuf },
    /// This is no directory.
    Blocked(PathBuf),
    /// Links that lead in a circle, or through a file.
    Unknown,
}

impl Way {
    pub(super) fn to(dir: &Path) -> Self {
        let (mut link, mut whole) = (None, dir.to_owned());
        for _ in 0..MAX_LINKS {
            match Self::step(&whole) {
                Ok(()) => {
                    return link.map_or(Self::Open, |link| Self::Linked { link, whole });
                }
                Err(Self::Linked { link: next, whole: behind }) => {
                    link.get_or_insert(next);
                    whole = behind;
                }
                // Another user may have chosen where a link leads.
                Err(_) if link.is_some() => return Self::Unknown,
                Err(other) => return other,
            }
        }
        Self::Unknown
    }

    /// The first link to nothing, or what is in the way.
    fn step(dir: &Path) -> Result<(), Self> {
        let mut so_far = PathBuf::new();
        let mut parts = dir.components();
        while let Some(part) = parts.next() {
            so_far.push(part);
            if !matches!(part, Component::Normal(_)) {
                continue;
            }
            match fs::metadata(&so_far) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(Self::Blocked(so_far)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let Ok(target) = fs::read_link(&so_far) else { return Ok(()) };
                    let above = so_far.parent().unwrap_or(Path::new(""));
                    let whole = above.join(target).components().chain(parts).collect();
                    return Err(Self::Linked { link: so_far, whole });
                }
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(()),
                Err(_) => return Err(Self::Unknown),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_in_the_way_of_a_directory_is_found() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("none/a", at("link")).unwrap();
        symlink("link/b", at("second")).unwrap();
        symlink("circle", at("circle")).unwrap();
        symlink("file/a", at("blocked")).unwrap();
        let linked = |link: &str, whole: &str| Way::Linked { link: at(link), whole: at(whole) };
        for (path, way) in [
            ("x/y", Way::Open),
            ("file/x/y", Way::Blocked(at("file"))),
            ("link/x", linked("link", "none/a/x")),
            ("second/x", linked("second", "none/a/b/x")),
            ("circle/x", Way::Unknown),
            ("blocked/x", Way::Unknown),
        ] {
            assert_eq!(Way::to(&at(path)), way, "{path}");
        }
    }
}
