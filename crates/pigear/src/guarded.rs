//! Paths that lead to what root, or the user who runs the doctor, put there: others can't change or replace it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::account::Account;

/// The path without links, if only root, or the user who runs the doctor, can put anything else there or change it.
pub(super) fn guarded(path: &Path) -> Option<PathBuf> {
    let whole = path.canonicalize().ok()?;
    // A directory can't be linked.
    let is_linkable = !whole.is_dir();
    let is_closed = |(above, path): (usize, &Path)| {
        let Ok(found) = fs::symlink_metadata(path) else { return false };
        let mode = found.mode();
        let is_closed = mode & 0o002 == 0 && (mode & 0o020 == 0 || found.gid() == 0);
        // Where others may put files, they don't replace one of root's; but they may have linked it there.
        let is_sticky = above > usize::from(is_linkable) && found.is_dir() && mode & 0o1000 != 0;
        is_own(&found) && (is_closed || is_sticky)
    };
    whole.ancestors().enumerate().all(is_closed).then_some(whole)
}

/// The directory without links, if no user besides root, the one who runs the doctor and this one can make the way to
/// it lead elsewhere. System groups may: `/var/log` is of one.
pub(super) fn settled(dir: &Path, user: Option<&Account>) -> Option<PathBuf> {
    let whole = dir.canonicalize().ok()?;
    let is_settled = |dir: &Path| {
        let Ok(found) = fs::symlink_metadata(dir) else { return false };
        let is_closed = found.mode() & 0o002 == 0 || found.mode() & 0o1000 != 0;
        let is_users = user.is_some_and(|user| user.has_id(found.uid()));
        is_closed && (is_users || is_own(&found))
    };
    whole.ancestors().all(is_settled).then_some(whole)
}

/// Whether it belongs to root, or to the user who runs the doctor.
fn is_own(found: &fs::Metadata) -> bool {
    found.uid() == 0 || found.uid() == Uid::effective().as_raw()
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
}
