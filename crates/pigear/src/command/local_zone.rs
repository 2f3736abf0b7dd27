//! The machine's time zone.

use std::env;
use std::fs;

use jiff::tz::TimeZone;

/// The machine's time zone, without a name: to name it, all zones that the machine knows are listed, which
/// takes as long as a search.
pub(super) fn local_zone() -> TimeZone {
    let unnamed = || TimeZone::tzif("local", &fs::read("/etc/localtime").ok()?).ok();
    env::var_os("TZ").is_none().then(unnamed).flatten().unwrap_or_else(TimeZone::system)
}
