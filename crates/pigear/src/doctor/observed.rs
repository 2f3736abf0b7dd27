//! What a running Pigear receives, without taking anything from it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::{fs, io};

use pigear_alert::plural;

use super::finding::Finding;
use super::heard::of_number;
#[cfg(feature = "store")]
use super::heard::process_and_user;
use super::process::holders;
use super::running::running;
use super::subject::Subject;

/// How long its metrics may take.
const METRICS_TIMEOUT: Duration = Duration::from_secs(2);

/// More than metrics have.
const MAX_METRICS: u64 = 4 << 20;

/// Compares its counters before and after a time.
pub(super) fn findings(subject: &Subject<'_>, time: Duration) -> Vec<Finding> {
    let holder = running(subject).or_else(|| {
        let mut sockets = subject.sockets().into_iter();
        sockets.find_map(|socket| holders(&subject.proc, &socket.path)?.into_iter().next())
    });
    let who = holder.as_ref().map_or_else(
        || "a program that you may not look at".to_owned(),
        |holder| format!("{} (process {})", holder.name, holder.id),
    );
    let found = if subject.socket_sources().next().is_some() {
        format!("{who} has the socket, so nothing is taken from it")
    } else {
        format!("{who} runs, so nothing is taken from what it reads")
    };
    if holder.is_some_and(|holder| !holder.is_pigear()) {
        let why = "No Pigear receives what Snort sends there, unless you may not look at it.";
        return vec![Finding::note(found, why).advise("start Pigear, or run the doctor as root")];
    }
    let mut findings = vec![Finding::ok(found)];
    let before = Counters::read(subject);
    #[cfg(feature = "store")]
    let last = stored(subject).and_then(|store| store.last().ok());
    thread::sleep(time);
    match (before, Counters::read(subject)) {
        (Ok(before), Ok(after)) => findings.extend(grown(&before, &after, time)),
        (Err(finding), _) | (_, Err(finding)) => findings.push(finding),
    }
    #[cfg(feature = "store")]
    if let (Some(store), Some(last)) = (stored(subject), last) {
        findings.extend(store.sent_behind(last).unwrap_or_default().into_iter().map(|sent| {
            let who = process_and_user(sent.pid, sent.uid, subject);
            let many = plural::count(sent.alerts, "alert");
            Finding::ok(format!(
                "{who} sent {many} in the form of {}, which are stored",
                sent.dialect
            ))
        }));
    }
    findings
}

#[cfg(feature = "store")]
fn stored(subject: &Subject<'_>) -> Option<crate::store::Inspection> {
    let path = subject.config.store.path.as_deref()?;
    crate::store::Inspection::open(path).ok()
}

/// What it has counted.
struct Counters {
    received: u64,
    malformed: u64,
    refused: u64,
}

fn grown(before: &Counters, after: &Counters, time: Duration) -> Vec<Finding> {
    let grown = |of: fn(&Counters) -> u64| of(after).saturating_sub(of(before));
    let mut findings = vec![of_number(grown(|it| it.received), time)];
    for (datagrams, what) in
        [(grown(|it| it.malformed), "are not alerts"), (grown(|it| it.refused), "were refused")]
    {
        if datagrams > 0 {
            let found = format!("{} came that {what}", plural::count(datagrams, "datagram"));
            findings.push(Finding::wrong(found, "Pigear's log says more about them."));
        }
    }
    findings
}

impl Counters {
    /// From its metrics, or else from its file of counters.
    fn read(subject: &Subject<'_>) -> Result<Self, Finding> {
        let why = "They say whether alerts come.";
        let unreadable = |what: String, error: io::Error| {
            Finding::note(format!("its counters can't be read: {what}: {error}"), why)
        };
        match (subject.config.metrics, &subject.config.stats) {
            (Some(address), _) => {
                let text = scraped(address.0);
                let text = text.map_err(|error| unreadable(address.0.to_string(), error))?;
                Ok(Self::of_metrics(&text))
            }
            (None, Some(path)) => {
                Self::of_file(path).map_err(|error| unreadable(path.display().to_string(), error))
            }
            (None, None) => {
                let file =
                    subject.file.map_or("its configuration".into(), |file| file.to_string_lossy());
                let advice = format!(
                    "put metrics = \"127.0.0.1:9187\" at the top of {file}, and restart it"
                );
                Err(Finding::note("it has no metrics, so its counters can't be seen", why)
                    .advise(advice))
            }
        }
    }

    fn of_metrics(text: &str) -> Self {
        let value = |name: &str| {
            let all =
                text.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
            all.sum()
        };
        Self {
            received: value("pigear_received_total "),
            malformed: value("pigear_rejected_total{reason=\"malformed\"} "),
            refused: value("pigear_rejected_total{reason=\"refused\"} "),
        }
    }

    fn of_file(path: &Path) -> io::Result<Self> {
        let counters: serde_json::Value = serde_json::from_slice(&fs::read(path)?)?;
        let value =
            |name: &str| counters.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
        let [received, malformed, refused] = ["received", "malformed", "refused"].map(value);
        Ok(Self { received, malformed, refused })
    }
}

/// What is served at `/metrics`.
fn scraped(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, METRICS_TIMEOUT)?;
    stream.set_read_timeout(Some(METRICS_TIMEOUT))?;
    // Of HTTP 1.0 the answer comes in one piece.
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut text = String::new();
    stream.take(MAX_METRICS).read_to_string(&mut text)?;
    if text.split_whitespace().nth(1) == Some("200") {
        Ok(text)
    } else {
        Err(io::Error::other(text.lines().next().unwrap_or("no answer").to_owned()))
    }
}
