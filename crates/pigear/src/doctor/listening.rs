//! Whether alerts come, and which: `--listen`.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use pigear_alert::plural;
use pigear_pipeline::{OnError, Snapshot, Stop};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::finding::Finding;
use super::heard::{of_number, process_and_user};
use super::observed;
use super::process::holders;
use super::running::running;
use super::sockets::{allowing, let_in};
use super::subject::Subject;
use super::tally::{Counts, SharedTally, Tallied};
use super::trust::is_snorts;
use crate::account::Account;
use crate::config::{Config, HandlerConfig, SourceConfig};
use crate::listen::{Listener, Reload, expected_sockets};
use crate::manual::manual;
use crate::registry::Registry;

/// Listens for this time where no program does. Where a Pigear has the socket, nothing is taken from it: its own
/// counters are read.
pub(super) fn findings(subject: &Subject<'_>, time: Duration) -> Vec<Finding> {
    let is_held = |source: &SourceConfig| {
        let sockets = expected_sockets(source).unwrap_or_default();
        sockets.iter().any(|socket| holders(&subject.proc, &socket.path).is_some())
    };
    let (held, free): (Vec<_>, Vec<_>) =
        subject.socket_sources().cloned().partition(|source| is_held(source));
    let mut findings = Vec::new();
    // One without sockets is not disturbed, either.
    if !held.is_empty() || free.is_empty() && running(subject).is_some() {
        findings.extend(observed::findings(subject, time));
    }
    if !free.is_empty() {
        findings.extend(of_free(free, subject, time));
    }
    findings
}

/// Makes the sockets, listens, and removes them.
fn of_free(sources: Vec<SourceConfig>, subject: &Subject<'_>, time: Duration) -> Vec<Finding> {
    let sources = sources.into_iter().map(|source| SourceConfig {
        // Its log would be read, and how far would be remembered.
        complete_from: None,
        complete: None,
        complete_wait: None,
        bookmark: None,
        from_start: false,
        ..source
    });
    let tally = SharedTally::default();
    let mut registry = Registry::empty();
    tally.register(&mut registry);
    let config = Config {
        sources: sources.collect(),
        handlers: vec![HandlerConfig::new(SharedTally::HANDLER)],
        on_error: OnError::GoOn,
        ..Config::default()
    };
    match run(config, &registry, time) {
        Ok(heard) => received(&heard, &tally, subject),
        Err(problem) => {
            vec![Finding::wrong(format!("cannot listen: {problem}"), "So Pigear can't either.")]
        }
    }
}

/// What came.
struct Heard {
    counters: Snapshot,
    /// The users whose datagrams were refused, each with how many.
    refused: BTreeMap<u32, u64>,
    /// For how long it listened.
    time: Duration,
}

/// Runs until the time is up, or a signal comes, and tells for how long.
fn run(config: Config, registry: &Registry, time: Duration) -> Result<Heard, String> {
    // Before there are sockets: they would be left behind.
    let stop = Stop::default();
    stop_by_signals(&stop).map_err(|error| error.to_string())?;
    let listener = Listener::prepare(config, registry).map_err(|error| in_full(&error))?;
    let timer = stop.clone();
    let work = move || {
        thread::sleep(time);
        timer.request();
    };
    let spawned = thread::Builder::new().name("timer".to_owned()).spawn(work);
    spawned.map_err(|error| error.to_string())?;
    let began = Instant::now();
    let stats = listener.stats();
    let (counters, result) = listener.run(&stop, &Reload::default());
    result.map_err(|error| in_full(&error))?;
    let listened = began.elapsed();
    let time = if listened < time { Duration::from_secs(listened.as_secs()) } else { time };
    Ok(Heard { counters, refused: stats.refused_users(), time })
}

/// Requests a stop at the first signal.
fn stop_by_signals(stop: &Stop) -> io::Result<()> {
    let (mut signals, stop) = (Signals::new([SIGINT, SIGTERM])?, stop.clone());
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            stop.request();
        }
    })?;
    Ok(())
}

/// An error with its causes.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn received(heard: &Heard, tally: &SharedTally, subject: &Subject<'_>) -> Vec<Finding> {
    let Heard { counters, refused, time } = heard;
    let mut findings = vec![of_number(counters.received, *time)];
    if counters.malformed > 0 {
        let many = plural::count(counters.malformed, "datagram");
        let why = "Something else sends to the socket, or a Snort that Pigear doesn't know.";
        let advice = concat!(
            "record them with pigear --data-handler record path=FILE, and see ",
            manual!("datagram")
        );
        findings
            .push(Finding::wrong(format!("{many} came that are not alerts"), why).advise(advice));
    }
    findings.extend(refused.iter().map(|(uid, many)| of_refused(*uid, *many, subject)));
    let unnamed = counters.refused.saturating_sub(refused.values().sum());
    if unnamed > 0 {
        let many = plural::count(unnamed, "datagram");
        findings.push(Finding::wrong(
            format!("{many} of others came, and {} refused", was(unnamed)),
            MAY_SEND,
        ));
    }
    let all = tally.taken();
    findings.extend(all.iter().map(|(who, counts)| of_sender(who, counts, subject)));
    findings
}

fn was(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

const MAY_SEND: &str = "Only root, Pigear's user and the log directory's owner may send.";

/// What was refused of one user.
fn of_refused(uid: u32, number: u64, subject: &Subject<'_>) -> Finding {
    let account = Account::numbered(uid);
    let user = &account.name;
    let many = plural::count(number, "datagram");
    let found = format!("{many} of user {user} came, and {} refused", was(number));
    let finding = Finding::wrong(found, MAY_SEND);
    match subject.sockets().first() {
        Some(socket) if is_snorts(&account, subject) => {
            let_in(finding, &account, &socket.log_dir, subject)
                .advise(format!("or start Pigear with {}", allowing(user)))
        }
        _ => finding.advise(format!(
            "if Snort runs as {user}, which any user may pretend: start Pigear with {}",
            allowing(user)
        )),
    }
}

/// What one process sent.
fn of_sender(who: &Tallied, counts: &Counts, subject: &Subject<'_>) -> Finding {
    let Counts { alerts, addressed, whole } = *counts;
    let sender = who.sender.map_or_else(
        || "an unknown process".to_owned(),
        |sender| process_and_user(u32::try_from(sender.pid).ok(), Some(sender.uid), subject),
    );
    let many = plural::count(alerts, "alert");
    let found = format!(
        "{sender} sent {many} in the form of {}: {addressed} with addresses, {whole} with all numbers of the event",
        who.dialect.name()
    );
    if addressed == alerts && whole == alerts {
        return Finding::ok(found);
    }
    let why = "Snort doesn't send the rest; its log in unified2 has it.";
    let advice = concat!(
        "--complete-from DIR/unified2.log, where Snort writes that log: ",
        manual!("snort-log")
    );
    Finding::note(found, why).advise(advice)
}
