//! Paths that lead to what root, or the user who runs Pigear, put there: others can't change or replace it, or make the
//! way to it lead elsewhere.
//!
//! A line that root types later is safe only so. Others may put a link in the place of what was looked at, and may have
//! put there the links that are followed today.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{self, Path, PathBuf};

use nix::unistd::Uid;

use crate::account::Account;

/// The kernel's own limit of links.
const MAX_LINKS: usize = 40;

/// A directory in which some systems let a group of their own make what it needs.
const OF_SYSTEM_GROUP: &str = "/var/log";

/// The path without links, if only root, or the user who runs Pigear, can put anything else there or change it.
pub(crate) fn guarded(path: &Path) -> Option<PathBuf> {
    let whole = followed(path)?;
    let found = fs::symlink_metadata(&whole).ok()?;
    (is_own(&found) && is_closed(&found)).then_some(whole)
}

/// The path, for a command that follows links, or makes what is missing: without links, if there are any. `None` if
/// others can make it lead elsewhere; what is there may be theirs.
pub(crate) fn fixed(path: &Path) -> Option<PathBuf> {
    let whole = followed(path)?;
    let has_links = path::absolute(path).ok()? != whole;
    Some(if has_links { whole } else { path.to_owned() })
}

/// The directory without links, if no user besides root, the one who runs Pigear and this one can replace what is in
/// it, and only the first two can make the way to it lead elsewhere.
pub(crate) fn settled(dir: &Path, user: Option<&Account>) -> Option<PathBuf> {
    let whole = followed(dir)?;
    let found = fs::symlink_metadata(&whole).ok()?;
    let is_closed = found.mode() & 0o002 == 0 || is_sticky(&found);
    let is_users = user.is_some_and(|user| user.has_id(found.uid()));
    (is_closed && (is_users || is_own(&found))).then_some(whole)
}

/// Whether a path leads to a place or below it by no link that others can have put on the way.
pub(crate) fn leads_to(path: &Path, place: &Path) -> bool {
    path::absolute(path).is_ok_and(|path| path.starts_with(place)) || followed(path).is_some()
}

/// Where a path leads, which may be missing, if only root, or the user who runs Pigear, can change that.
fn followed(path: &Path) -> Option<PathBuf> {
    let (mut whole, mut links) = (PathBuf::new(), 0);
    let mut rest = names(&path::absolute(path).ok()?);
    while let Some(name) = rest.pop() {
        match name.as_bytes() {
            b"." => continue,
            b".." => {
                whole.pop();
                continue;
            }
            _ => {}
        }
        let entry = whole.join(name);
        match Step::to(&entry, &whole)? {
            Step::There => whole = entry,
            Step::Link(target) if links < MAX_LINKS => {
                links += 1;
                rest.extend(names(&target));
            }
            Step::Missing if rest.iter().all(|name| name != "..") => {
                whole = entry;
                whole.extend(rest.drain(..).rev());
            }
            Step::Link(_) | Step::Missing => return None,
        }
    }
    Some(whole)
}

/// The names in a path, the last first.
fn names(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

/// What is found by a name on the way.
enum Step {
    There,
    Link(PathBuf),
    Missing,
}

impl Step {
    /// What is found in a directory; `None` if others than root, and the user who runs Pigear, can change that, or it
    /// can't be seen.
    fn to(entry: &Path, dir: &Path) -> Option<Self> {
        let found = match fs::symlink_metadata(entry) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        // The root is in no directory.
        if entry.parent().is_some() && !is_fixed(dir, found.as_ref()) {
            return None;
        }
        Some(match found {
            None => Self::Missing,
            Some(found) if found.is_symlink() => Self::Link(fs::read_link(entry).ok()?),
            Some(_) => Self::There,
        })
    }
}

/// Whether only root, or the user who runs Pigear, can put something else in the place of what is in a directory, or
/// make what isn't there.
fn is_fixed(dir: &Path, entry: Option<&Metadata>) -> bool {
    let Ok(found) = fs::symlink_metadata(dir) else { return false };
    let is_of_system = dir == Path::new(OF_SYSTEM_GROUP) && found.mode() & 0o002 == 0;
    // Where others may put files, they don't replace one of root's; but they may have linked it there. A directory can't
    // be linked.
    let is_kept = is_sticky(&found) && entry.is_some_and(|it| it.is_dir() && is_own(it));
    is_own(&found) && (is_closed(&found) || is_of_system || is_kept)
}

/// Whether it belongs to root, or to the user who runs Pigear.
fn is_own(found: &Metadata) -> bool {
    found.uid() == 0 || found.uid() == Uid::effective().as_raw()
}

/// Whether only its owner, and root's group, may write to it.
fn is_closed(found: &Metadata) -> bool {
    found.mode() & 0o002 == 0 && (found.mode() & 0o020 == 0 || found.gid() == 0)
}

/// Whether only its owner may replace what is in a directory.
fn is_sticky(found: &Metadata) -> bool {
    found.is_dir() && found.mode() & 0o1000 != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_may_replace_is_not_guarded() {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().canonicalize().unwrap().join("dir");
        let (file, link) = (dir.join("snort.conf"), room.path().join("link"));
        fs::create_dir(&dir).unwrap();
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(&dir, 0o755);
        mode(&file, 0o644);
        assert_eq!([guarded(&file), guarded(&link)], [Some(file.clone()), Some(file.clone())]);
        assert_eq!(settled(&dir, None), Some(dir.clone()));
        mode(&file, 0o666);
        assert_eq!(guarded(&file), None);
        mode(&file, 0o644);
        for open in [0o777, 0o1777] {
            mode(&dir, open);
            assert_eq!(guarded(&file), None, "{open:o}");
        }
        mode(&dir, 0o777);
        assert_eq!(settled(&dir, None), None);
        assert_eq!(guarded(&dir.join("none")), None);
    }

    #[test]
    fn a_path_is_fixed_if_others_cannot_lead_it_elsewhere() {
        let room = tempfile::tempdir().unwrap();
        let room = room.path().canonicalize().unwrap();
        let at = |name: &str| room.join(name);
        fs::create_dir_all(at("open/own")).unwrap();
        fs::write(at("open/file"), "").unwrap();
        fs::write(at("file"), "").unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o1777)).unwrap();
        for (link, target) in [("link", "."), ("open/link", ".."), ("to-none", "none/a")] {
            symlink(target, at(link)).unwrap();
        }
        symlink("circle", at("circle")).unwrap();
        for (path, leads) in [
            ("file", Some("file")),
            ("none/x", Some("none/x")),
            ("link/link/file", Some("file")),
            ("open/../file", Some("file")),
            ("to-none/b", Some("none/a/b")),
            ("none/../file", None),
            ("open/file", None),
            ("open/none", None),
            ("open/link/file", None),
            // Others can't rename it.
            ("open/own/x", Some("open/own/x")),
            ("file/x", None),
            ("circle/x", None),
        ] {
            assert_eq!(fixed(&at(path)), leads.map(at), "{path}");
        }
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o775)).unwrap();
        std::os::unix::fs::chown(at("open"), None, Some(65_534)).ok();
        let is_of_others = fs::metadata(at("open")).unwrap().gid() != 0;
        assert_eq!(fixed(&at("open/file")).is_none(), is_of_others);
        assert_eq!(settled(&at("open"), None), Some(at("open")));
    }
}
