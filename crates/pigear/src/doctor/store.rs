//! The store: whether it can be used, and has space.

use std::fs;
use std::path::Path;

use bytesize::ByteSize;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::check::Check;
use super::finding::Finding;
use super::quoted::quoted;
use super::subject::Subject;
use crate::output_file::dir;
use crate::store::StoreHeader;

/// Less space than this is used up soon.
const LITTLE: u64 = 256 << 20;

pub(super) struct StoreFile;

impl Check for StoreFile {
    fn name(&self) -> &'static str {
        "store"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let store = &subject.config.store;
        let Some(path) = &store.path else {
            let why = "Alerts that a handler hasn't done when Pigear ends are lost.";
            let advice = "pigear --store /var/lib/pigear/alerts.db, or path = in [store]";
            return vec![Finding::note("there is none", why).advise(advice)];
        };
        let mut findings = vec![of_file(path)];
        findings.extend(space(path));
        if store.keep_days.is_none() && store.keep_bytes.is_none() {
            let why = "It grows until the disk is full.";
            let advice =
                "keep_bytes = \"20GB\" or keep_days = 90 in [store], or --keep-bytes, --keep-days";
            findings.push(Finding::note("alerts are kept for ever", why).advise(advice));
        }
        findings
    }
}

fn of_file(path: &Path) -> Finding {
    let (shown, typed) = (path.display(), quoted(path));
    let why = "Pigear doesn't start without its store.";
    match StoreHeader::read(path) {
        Err(error) => Finding::wrong(format!("cannot read {shown}: {error}"), why)
            .advise(format!("ls -l {typed}, and as which user Pigear runs")),
        Ok(StoreHeader::Nothing) => of_directory(path),
        Ok(StoreHeader::Other) => Finding::wrong(format!("{shown} is not a store"), why)
            .advise("give another path: path = in [store], or --store"),
        Ok(StoreHeader::Newer(version)) => Finding::wrong(
            format!("{shown} has version {version}, which this Pigear doesn't know"),
            "A newer Pigear wrote it.",
        )
        .advise("install the newer Pigear again, or give another path"),
        Ok(StoreHeader::Older(version)) => Finding::note(
            format!("{shown} has the old version {version}"),
            "The next start converts it, and older Pigears can't read it then.",
        )
        .advise(format!("with Pigear stopped: cp -a {typed} {typed}.old")),
        Ok(StoreHeader::Current(_)) if access(path, AccessFlags::W_OK).is_err() => {
            Finding::wrong(format!("you may not write to {shown}"), why)
                .advise(format!("sudo chown USER {typed}*, where USER is Pigear's"))
        }
        Ok(StoreHeader::Current(version)) => {
            let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
            Finding::ok(format!("{shown}: version {version}, {}", ByteSize(size)))
        }
    }
}

/// Of a store that is to be made.
fn of_directory(path: &Path) -> Finding {
    let (shown, dir) = (path.display(), dir(path));
    if !dir.is_dir() {
        let found = format!("the directory {} is not there", dir.display());
        return Finding::wrong(found, format!("{shown} can't be made."))
            .advise(format!("sudo install -d -m 0750 {}", quoted(dir)));
    }
    if access(dir, AccessFlags::W_OK).is_err() {
        let found = format!("you may not write to {}", dir.display());
        return Finding::wrong(found, format!("{shown} can't be made."))
            .advise(format!("sudo chown USER {}, where USER is Pigear's", quoted(dir)));
    }
    Finding::ok(format!("{shown} is not there yet; Pigear makes it"))
}

fn space(path: &Path) -> Option<Finding> {
    let disk = [path, dir(path)].into_iter().find_map(|path| statvfs(path).ok())?;
    let free = disk.blocks_available() * disk.fragment_size();
    let found = format!("{} are free on its disk", ByteSize(free));
    Some(if free < LITTLE {
        let why = "Once it is full, alerts are not stored.";
        Finding::wrong(found, why).advise(format!("make room: df -h {}", quoted(dir(path))))
    } else {
        Finding::ok(found)
    })
}
