//! The space that is left on the disk of a store.

use std::path::Path;

use nix::sys::statvfs::statvfs;

/// A store whose disk has less than this can't be opened: the index of its journal alone takes half.
const LEAST: u64 = 64 * 1024;

/// Whether the disk has no space left to open a store at this path.
pub(super) fn is_used_up(path: &Path) -> bool {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = [path, dir].into_iter().find_map(|path| statvfs(path).ok());
    found.is_some_and(|disk| disk.blocks_available() * disk.fragment_size() < LEAST)
}
