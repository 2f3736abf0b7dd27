//! The machine's clock.

use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::check::Check;
use super::finding::Finding;
use super::lines::as_root;
use super::subject::Subject;

/// The beginning of 2025: this program is younger.
const BORN: u64 = 1_735_689_600;

/// How long systemd may take to say whether the clock is synchronised.
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Clock;

impl Check for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn is_of_machine(&self) -> bool {
        true
    }

    fn findings(&self, _: &Subject<'_>) -> Vec<Finding> {
        vec![of(SystemTime::now(), is_synchronised())]
    }
}

/// Whether the kernel's clock is kept right by NTP or PTP; `None` where there is no systemd that can say it.
fn is_synchronised() -> Option<bool> {
    let mut command = Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]).stdin(Stdio::null());
    let (said, answer) = channel();
    thread::Builder::new().spawn(move || said.send(command.output())).ok()?;
    let output = answer.recv_timeout(STATUS_TIMEOUT).ok()?.ok()?;
    match output.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

fn of(now: SystemTime, is_synchronised: Option<bool>) -> Finding {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let shown = jiff::Timestamp::try_from(now)
        .map_or_else(|_| "no time".to_owned(), |it| format!("{it:.0}"));
    let set = as_root(&["timedatectl set-ntp true".to_owned()]);
    if since < Duration::from_secs(BORN) {
        let why = "Alerts get wrong times, and certificates aren't valid yet.";
        return Finding::wrong(format!("it says {shown}"), why).typed(set);
    }
    match is_synchronised {
        Some(true) => Finding::ok(format!("it says {shown}, and is synchronised")),
        Some(false) => {
            let why = "Times of several sensors can't be compared, and alerts are removed by age too early or late.";
            Finding::note(format!("it says {shown}, and is not synchronised"), why).typed(set)
        }
        None => Finding::ok(format!("it says {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_time_before_the_program_is_wrong() {
        let status = |now, is_synchronised| of(now, is_synchronised).status;
        let born = UNIX_EPOCH + Duration::from_secs(BORN);
        assert_eq!(status(UNIX_EPOCH, Some(true)), Severity::Wrong);
        assert_eq!([status(born, None), status(born, Some(true))], [Severity::Ok; 2]);
        assert_eq!(status(born, Some(false)), Severity::Note);
    }
}
