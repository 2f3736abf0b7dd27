//! The machine's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::check::Check;
use super::finding::Finding;
use super::subject::Subject;

/// The beginning of 2025: this program is younger.
const BORN: u64 = 1_735_689_600;

pub(super) struct Clock;

impl Check for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn findings(&self, _: &Subject<'_>) -> Vec<Finding> {
        vec![of(SystemTime::now())]
    }
}

fn of(now: SystemTime) -> Finding {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let shown = jiff::Timestamp::try_from(now)
        .map_or_else(|_| "no time".to_owned(), |it| format!("{it:.0}"));
    if since < Duration::from_secs(BORN) {
        let why = "Alerts get wrong times, and certificates aren't valid yet.";
        return Finding::wrong(format!("it says {shown}"), why)
            .advise("sudo timedatectl set-ntp true");
    }
    Finding::ok(format!("it says {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_time_before_the_program_is_wrong() {
        assert_eq!(of(UNIX_EPOCH).status, Severity::Wrong);
        assert_eq!(of(UNIX_EPOCH + Duration::from_secs(BORN)).status, Severity::Ok);
    }
}
