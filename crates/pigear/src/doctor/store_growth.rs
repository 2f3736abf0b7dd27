//! Whether what is to be kept fits onto the disk.

use std::fs;
use std::path::Path;

use bytesize::ByteSize;
use nix::sys::statvfs::statvfs;

use super::finding::Finding;
use crate::config::StoreConfig;
use crate::output_file::dir;
use crate::store::{FileKind, Inspection, VERSION, kind_without_trace};

const DAY: u64 = 24 * 60 * 60;

/// A rate is told only from alerts over at least this time, in seconds.
const LEAST_TIME: u64 = 60 * 60;

/// How fast a store grows, and what there is for it.
struct Growth {
    /// The bytes that are stored in a day.
    daily: u64,
    alerts_daily: u64,
    /// What it has, and what is free.
    room: u64,
}

/// What is found about how long alerts are kept.
pub(super) fn of_growth(path: &Path, config: &StoreConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.keep_days.is_none() && config.keep_bytes.is_none() {
        let why = "It grows until the disk is full.";
        let advice =
            "keep_bytes = \"20GB\" or keep_days = 90 in [store], or --keep-bytes, --keep-days";
        findings.push(Finding::note("alerts are kept for ever", why).advise(advice));
    }
    match (Growth::measured(path), config.keep_bytes) {
        (Some(growth), _) => findings.push(growth.finding(config)),
        (None, Some(keep)) => findings.extend(of_room(path, keep)),
        (None, None) => {}
    }
    findings
}

/// What is found if so much is to be kept that it will not fit, however fast alerts come.
fn of_room(path: &Path, keep: ByteSize) -> Option<Finding> {
    let room = room(path)?;
    if keep.as_u64() <= room {
        return None;
    }
    let found = format!("{keep} are to be kept, and the disk has room for {}", ByteSize(room));
    Some(Finding::note(found, FULL).advise(fitting(room)))
}

/// How many bytes it may have: those that it has, and those that are free.
fn room(path: &Path) -> Option<u64> {
    let size = fs::metadata(path).map_or(0, |found| found.len());
    let disk = statvfs(dir(path)).ok()?;
    Some(size.saturating_add(disk.blocks_available() * disk.fragment_size()))
}

const FULL: &str = "Once the disk is full, alerts are not stored.";

/// What fits with room to spare.
fn fitting(room: u64) -> String {
    let keep = ByteSize::mb(room / 10 * 8 / 1_000_000).as_u64() / 1_000_000;
    format!("keep_bytes = \"{keep}MB\" in [store], or a larger disk")
}

impl Growth {
    /// From what is stored; `None` if that is too little to tell.
    fn measured(path: &Path) -> Option<Self> {
        let is_store = matches!(kind_without_trace(path), Ok(FileKind::Store(VERSION)));
        let inspection = if is_store { Inspection::open(path).ok()? } else { return None };
        let (alerts, seconds) = inspection.extent().ok().filter(|(_, time)| *time >= LEAST_TIME)?;
        let size = fs::metadata(path).ok()?.len();
        let daily = |amount: u64| amount.saturating_mul(DAY) / seconds;
        let (daily, alerts_daily) = (daily(size), daily(alerts));
        Some(Self { daily, alerts_daily, room: room(path)? })
    }

    fn finding(&self, config: &StoreConfig) -> Finding {
        let Self { daily, alerts_daily, room } = *self;
        let found = format!("it grows by {} a day ({alerts_daily} alerts)", ByteSize(daily));
        let days = room / daily.max(1);
        let wanted = match (config.keep_days, config.keep_bytes) {
            (_, Some(bytes)) if bytes.as_u64() <= room => return Finding::ok(found),
            (Some(keep), _) if daily.saturating_mul(keep.into()) <= room => {
                return Finding::ok(found);
            }
            (Some(keep), _) => format!("{keep} days are to be kept"),
            (None, Some(bytes)) => format!("{bytes} are to be kept"),
            (None, None) => "all are to be kept".to_owned(),
        };
        let found = format!("{found}; {wanted}, and the disk has room for {days} days");
        Finding::note(found, FULL).advise(fitting(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn what_does_not_fit_is_noted() {
        let growth = Growth { daily: 1_000_000_000, alerts_daily: 5, room: 50_000_000_000 };
        let status = |keep_days, keep_bytes| {
            let config = StoreConfig { keep_days, keep_bytes, ..StoreConfig::default() };
            growth.finding(&config).status
        };
        assert_eq!(status(Some(49), None), Severity::Ok);
        assert_eq!(status(Some(51), None), Severity::Note);
        assert_eq!(status(Some(51), Some(ByteSize::gb(40))), Severity::Ok);
        assert_eq!(status(None, Some(ByteSize::gb(60))), Severity::Note);
        assert_eq!(status(None, None), Severity::Note);
        let found = growth.finding(&StoreConfig::default());
        assert!(found.found.ends_with("the disk has room for 50 days"), "{found:?}");
        assert_eq!(found.advice.unwrap(), "keep_bytes = \"40000MB\" in [store], or a larger disk");
    }
}
