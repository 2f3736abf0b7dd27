//! `pigear demo --web`: the recorded alerts, spread over the last day, on a page.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, anyhow};
use jiff::{SignedDuration, Timestamp};
use pigear_alert::Alert;
use pigear_pipeline::recording::Reader;
use pigear_pipeline::{AlertFactory, Handler, NamesCell};

use super::recorded::{unpack, unpack_rules};
use crate::command::args::DemoArgs;
use crate::command::failure::Failure;
use crate::command::host::Host;
use crate::command::listen::say;
use crate::command::web::{Serving, serve};
use crate::names::{NameFiles, Watched};
use crate::rules::{Rules, SharedRules};
use crate::store::{Store, Unstorable};
use crate::web::Options;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How often each recorded alert comes within the day.
const ROUNDS: usize = 12;

/// Who scans most, and how often each of its scans comes for one of the others: who it is has one answer.
const SCANNER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 99));
const SCANS: usize = 3;
const SCAN: &str = "network-scan";

/// How often a new one comes while the page is open.
const PAUSE: Duration = Duration::from_secs(3);

const WHAT: &str = "alerts that a real Snort sent, as if they had come in the last 24 hours; a new one comes \
    every three seconds; Ctrl-C ends";

pub(super) fn run(args: &DemoArgs, host: &dyn Host) -> Result<(), Failure> {
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let recording = unpack(dir.path()).context("cannot write to the temporary directory")?;
    let recorded = alerts(dir.path(), &recording)?;
    let path = dir.path().join("demo.db");
    let store = Store::open(&path).map_err(|error| anyhow!("{error}: {}", error.source))?;
    let mut handler = store.handler(Unstorable::HandOn);
    handler.handle(&over_a_day(&recorded)).map_err(|failure| anyhow!("{failure}"))?;

    say(WHAT);
    let options = Options { listen: args.listen, store: Some(path), ..Options::default() };
    let rules = SharedRules::default();
    let path = unpack_rules(dir.path()).context("cannot write to the temporary directory")?;
    let read = Rules::open(&[path]).map_err(|error| anyhow!("{error}: {}", error.source))?;
    rules.set(Some(Arc::new(read)));
    let Serving { running, stopped } = serve(options, rules, host)?;
    let mut next = recorded.iter().cycle();
    while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout)
        && let Some(alert) = next.next()
    {
        let alert = at(alert, Timestamp::now());
        handler.handle(&[alert]).map_err(|failure| anyhow!("{failure}"))?;
    }
    running.stop();
    store.close();
    Ok(())
}

/// The recorded alerts, with the names that belong to them.
fn alerts(dir: &Path, recording: &Path) -> Result<Vec<Arc<Alert>>, Failure> {
    let names = Watched::load(NameFiles::default().or_in(dir)).map_err(anyhow::Error::from)?;
    let names = names.names().clone();
    let names = Arc::new(NamesCell::new(names));
    let factory = AlertFactory { names, ..AlertFactory::default() };
    let mut reader = Reader::open(recording).context("cannot read the recording")?;
    let (mut datagram, mut alerts) = (Vec::new(), Vec::new());
    while reader.read(&mut datagram).context("cannot read the recording")? {
        alerts.push(factory.take(&datagram, None, false).map_err(anyhow::Error::from)?);
    }
    Ok(alerts)
}

/// Several of each, at times that look like chance, oldest first.
fn over_a_day(recorded: &[Arc<Alert>]) -> Vec<Arc<Alert>> {
    /// Steps of the golden ratio fall everywhere alike.
    const STEP: u64 = 11_400_714_819_323_198_485;
    let begin = Timestamp::now() - DAY;
    let seconds = DAY.as_secs().unsigned_abs();
    let times = (1_u64..).map(|n| {
        let part = n.wrapping_mul(STEP) >> 32;
        SignedDuration::from_secs(i64::try_from((part * seconds) >> 32).unwrap_or_default())
    });
    let all = std::iter::repeat_n(recorded, ROUNDS).flatten();
    let all = all.flat_map(|alert| std::iter::repeat_n(alert, times_a_round(alert)));
    let mut alerts: Vec<_> = all.zip(times).map(|(alert, time)| at(alert, begin + time)).collect();
    alerts.sort_by_key(|alert| alert.message.ts_sec);
    alerts
}

/// How often a recorded alert comes in a round.
fn times_a_round(alert: &Alert) -> usize {
    let is_scan = alert.class().is_some_and(|class| &*class.name == SCAN);
    if is_scan && alert.src_ip() == Some(SCANNER) { SCANS } else { 1 }
}

/// The alert, as if it had come at this time.
fn at(alert: &Alert, time: Timestamp) -> Arc<Alert> {
    let mut alert = alert.clone();
    let second = u32::try_from(time.as_second()).unwrap_or_default();
    (alert.message.ts_sec, alert.message.tv_sec) = (second, second);
    alert.received = time;
    Arc::new(alert)
}
