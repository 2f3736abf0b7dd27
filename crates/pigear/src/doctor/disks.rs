//! The disks that alerts are written to: whether they have space.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use nix::sys::statfs::{Statfs, TMPFS_MAGIC, statfs};

use super::check::Check;
use super::finding::Finding;
use super::lines::{as_root, quoted};
use super::permissions::files_written;
use super::subject::Subject;
use crate::output_file::dir;

/// Less space than this is used up soon.
const LITTLE: u64 = 256 << 20;

/// More paths than these aren't listed.
const MOST_LISTED: usize = 8;

pub(super) struct Disks;

impl Check for Disks {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let handlers = subject.config.handlers.iter();
        let files = handlers.flat_map(|handler| files_written(handler, subject.registry));
        let mut disks: Vec<Disk<'_>> = Vec::new();
        for path in subject.config.store.path.as_deref().into_iter().chain(files) {
            let Some((there, device)) = place(path) else { continue };
            match disks.iter_mut().find(|disk| disk.device == device) {
                Some(disk) if disk.paths.contains(&path) => {}
                Some(disk) => disk.paths.push(path),
                None => disks.push(Disk { device, there, paths: vec![path] }),
            }
        }
        disks.iter().filter_map(Disk::finding).collect()
    }
}

/// A disk, and what is written to it.
struct Disk<'a> {
    device: u64,
    /// Something that is on it.
    there: PathBuf,
    paths: Vec<&'a Path>,
}

impl Disk<'_> {
    fn finding(&self) -> Option<Finding> {
        let disk = statfs(&self.there).ok()?;
        let free = free(&disk);
        let found = format!("{} are free on the disk of {}", ByteSize(free), self.listed());
        if free >= LITTLE {
            return Some(Finding::ok(found));
        }
        let at = mount_point(&self.there, self.device);
        let finding = Finding::wrong(found, "Once it is full, no alert can be written there.");
        Some(if disk.filesystem_type() == TMPFS_MAGIC {
            let line = format!("mount -o remount,size=1G {}", quoted(&at));
            finding
                .advise(
                    "it is a tmpfs: its size can be changed, and what is on it is gone after a restart",
                )
                .typed(as_root(&[line]))
        } else {
            let line = format!("du -xh {} | sort -h | tail -n 20", quoted(&at));
            finding.advise("make room; this shows what takes it").typed(as_root(&[line]))
        })
    }

    fn listed(&self) -> String {
        let shown = self.paths.iter().take(MOST_LISTED).map(|path| path.display().to_string());
        let shown = shown.collect::<Vec<_>>().join(", ");
        match self.paths.len().saturating_sub(MOST_LISTED) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

/// What is there of a file's path, and its device; `None` for what is no file, such as a named pipe, and takes no space.
fn place(path: &Path) -> Option<(PathBuf, u64)> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return None;
    }
    let there = path.canonicalize().or_else(|_| dir(path).canonicalize()).ok()?;
    let device = fs::metadata(&there).ok()?.dev();
    Some((there, device))
}

/// The bytes that are free.
fn free(disk: &Statfs) -> u64 {
    // The size of a block has another type on other machines.
    #[expect(clippy::cast_sign_loss, reason = "it is never negative")]
    let size = disk.block_size() as u64;
    disk.blocks_available().saturating_mul(size)
}

/// Where the file system is mounted.
fn mount_point(there: &Path, device: u64) -> PathBuf {
    let is_on_it = |path: &&Path| fs::metadata(path).is_ok_and(|found| found.dev() == device);
    let on_it = there.ancestors().take_while(is_on_it);
    on_it.last().unwrap_or(there).to_owned()
}
