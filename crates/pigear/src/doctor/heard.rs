//! How alerts that came are shown.

use std::time::Duration;

use pigear_alert::plural;

use super::finding::Finding;
use super::process::Process;
use super::subject::Subject;
use crate::account::Account;

/// How many came.
pub(super) fn of_number(received: u64, time: Duration) -> Finding {
    if received > 0 {
        return Finding::ok(format!("{} came in {time:?}", plural::count(received, "alert")));
    }
    let why = "Snort had nothing to say, doesn't run, or doesn't send.";
    let advice = "a rule that always fires shows it: alert icmp any any -> any any (msg:\"test\"; sid:1000001;), and a ping";
    Finding::note(format!("no alert came in {time:?}"), why).advise(advice)
}

/// `snort (process 7, user snort)`
pub(super) fn process_and_user(
    pid: Option<u32>,
    uid: Option<u32>,
    subject: &Subject<'_>,
) -> String {
    let process = pid.and_then(|id| Process::numbered(&subject.proc, id));
    let name = process.map_or_else(|| "a program that has ended".to_owned(), |it| it.name);
    let pid = pid.map(|id| format!("process {id}"));
    let user = uid.map(|uid| format!("user {}", Account::numbered(uid).name));
    let who = pid.into_iter().chain(user).collect::<Vec<_>>().join(", ");
    format!("{name} ({who})")
}
