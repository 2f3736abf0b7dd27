#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers in tests are small"
)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use pigear_alert::format::{Colour, FormatName};
use pigear_alert::maps::{Classes, Names, SidMsgMap};
use pigear_alert::packet::LinkType;
use pigear_alert::unified2::{self, Assembler};
use pigear_alert::{Alert, Origin, Sender};
use pigear_pipeline::recording::Reader as Recording;
use pigear_pipeline::{AlertFactory, Handler, NamesCell};
use rusqlite::Connection;
use tempfile::TempDir;

use super::settled_ranges::SettledRanges;
use super::*;

mod arrivals;
#[cfg(feature = "nats")]
mod asking;
mod clock_watch;
mod counting;
mod damage;
mod delivery;
mod identity;
mod interning;
mod keeping;
mod letters;
#[cfg(feature = "script")]
mod narrowing;
#[cfg(feature = "script")]
mod numbers;
mod opening;
mod out_of_order;
mod placing;
mod querying;
#[cfg(feature = "script")]
mod scanning;
mod storing;
mod triage;
mod unwritten;
mod upgrading;

/// Every recording that there is.
pub(super) fn recordings() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let mut found = Vec::new();
    let mut dirs = vec![data];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.to_string_lossy().ends_with(".dgrams.gz") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 10);
    found
}

/// The alerts of a recording.
pub(super) fn alerts(recording: &Path, factory: &AlertFactory) -> Vec<Arc<Alert>> {
    let mut reader = Recording::open(recording).unwrap();
    let (mut datagram, mut alerts) = (Vec::new(), Vec::new());
    while reader.read(&mut datagram).unwrap() {
        let sender = Some(Sender { pid: 4711, uid: 33 });
        // Some are there to be refused.
        alerts.extend(factory.take(&datagram, sender, false).ok());
    }
    alerts
}

/// A refusal of this alert.
pub(super) fn refusal(alert: &Arc<Alert>, reason: &str) -> dead_letter::Refusal {
    dead_letter::Refusal { alert: Arc::clone(alert), reason: reason.into() }
}

/// Where a lane is that is done with everything up to this alert.
pub(super) fn done_up_to(id: i64) -> lanes::Position {
    let mark = lanes::Mark { done: id, begun: id };
    lanes::Position { mark, account: pigear_pipeline::Totals::default() }
}

/// The alerts of a case, such as `v2919/http`.
pub(super) fn case(name: &str) -> Vec<Arc<Alert>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    alerts(&data.join(name).join("alerts.dgrams.gz"), &AlertFactory::default())
}

/// A directory with a store.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("alerts.db")
    }

    pub(super) fn open(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// Opens the store and puts alerts into it.
    pub(super) fn with(alerts: &[Arc<Alert>]) -> (Self, Store) {
        let place = Self::new();
        let store = place.open();
        put(&store, alerts);
        (place, store)
    }
}

pub(super) fn put(store: &Store, alerts: &[Arc<Alert>]) {
    for batch in alerts.chunks(100) {
        store.handler(Unstorable::HandOn).handle(batch).unwrap();
    }
}

/// The ids of what meets the criteria, newest first.
pub(super) fn found(reader: &mut Reader, criteria: &Criteria) -> Vec<i64> {
    let mut ids = Vec::new();
    reader
        .newest(criteria, |stored| {
            ids.push(stored.id);
            Further::On
        })
        .unwrap();
    ids
}

fn written(alert: &Alert) -> Vec<String> {
    let write = |name: FormatName| {
        let mut text = Vec::new();
        name.format(Colour::Never).write(alert, &mut text);
        String::from_utf8(text).unwrap()
    };
    FormatName::ALL.into_iter().map(write).collect()
}

#[test]
fn an_alert_is_in_every_format_what_it_was_when_it_came() {
    let rules = "384 || ICMP PING || url,example.org/ping || cve,2021-44228\n";
    let classes = "config classification: icmp-event,Of ICMP,3\n";
    let names = Names {
        rules: SidMsgMap::parse(rules).value,
        classes: Classes::parse(classes).value,
        ..Names::default()
    };
    let intakes = [
        AlertFactory::default(),
        AlertFactory {
            origin: Arc::new(Origin {
                sensor: Some("dmz".to_owned()),
                socket: Some("/var/log/snort/snort_alert".into()),
                thread: Some(3),
                link_type: Some(LinkType::ETHERNET),
            }),
            names: Arc::new(NamesCell::new(names)),
            ..AlertFactory::default()
        },
    ];
    for factory in intakes {
        let all: Vec<_> =
            recordings().iter().flat_map(|recording| alerts(recording, &factory)).collect();
        let (place, _store) = Place::with(&all);
        let mut reader = place.reader();
        let mut ids = 1..;
        reader
            .after(0, &Criteria::default(), |stored| {
                assert_eq!(Some(stored.id), ids.next());
                let original = &all[usize::try_from(stored.id - 1).unwrap()];
                assert_eq!(stored.alert.message, original.message);
                assert_eq!(stored.alert.received, original.received);
                assert_eq!(stored.alert.sender, original.sender);
                assert_eq!(stored.alert.origin, original.origin);
                assert_eq!(written(&stored.alert), written(original));
                Further::On
            })
            .unwrap();
        assert_eq!(ids.next(), Some(all.len() as i64 + 1));
    }
}

#[test]
fn bytes_on_disk_are_the_packet_and_at_most_120_more() {
    let all: Vec<_> = recordings()
        .iter()
        .flat_map(|recording| alerts(recording, &AlertFactory::default()))
        .collect();
    let many: Vec<_> = all.iter().cycle().take(50_000).cloned().collect();
    let packets: usize = many.iter().map(|alert| alert.message.pkt.len()).sum();
    let (place, store) = Place::with(&many);
    store.close();
    drop(store);
    let size = fs::metadata(place.path()).unwrap().len();
    let overhead = (size as f64 - packets as f64) / many.len() as f64;
    println!("{} bytes of packets and {overhead:.1} more an alert", packets / many.len());
    assert!(overhead <= 120.0, "{overhead}");
}

#[test]
fn many_addresses_take_no_more_than_that_either() {
    let one = case("v2919/icmp_ping").swap_remove(0);
    let ip = one.dissection().layers[1].range.clone();
    let mut state = 1_u64;
    let other = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut alert = Alert::clone(&one);
        alert.message.pkt[ip.start + 12..ip.start + 20].copy_from_slice(&state.to_be_bytes());
        // As it is new, it is not dissected yet.
        let decoded = pigear_alert::wire::Decoded::new(alert.message, alert.dialect);
        Arc::new(Alert::new(decoded, Arc::clone(&alert.origin), Arc::clone(one.names())))
    };
    let many: Vec<_> = (0..50_000).map(other).collect();
    let packets: usize = many.iter().map(|alert| alert.message.pkt.len()).sum();
    let (place, store) = Place::with(&many);
    drop(store);
    let size = fs::metadata(place.path()).unwrap().len();
    let overhead = (size as f64 - packets as f64) / many.len() as f64;
    println!("{} bytes of packets and {overhead:.1} more an alert", packets / many.len());
    assert!(overhead <= 120.0, "{overhead}");
}

/// All recorded alerts: of an unnamed sensor without maps, of a named one with them, and out of Snort's logs.
#[cfg(feature = "nats")]
pub(crate) fn all_alerts() -> Vec<Arc<Alert>> {
    let rules = "384 || ICMP PING || url,example.org/ping || cve,2021-44228\n";
    let origin = Origin {
        sensor: Some("dmz".to_owned()),
        socket: Some("/var/log/snort/snort_alert".into()),
        ..Origin::default()
    };
    let names = Names { rules: SidMsgMap::parse(rules).value, ..Names::default() };
    let named = AlertFactory {
        origin: Arc::new(origin),
        names: Arc::new(NamesCell::new(names)),
        ..AlertFactory::default()
    };
    let factories = [AlertFactory::default(), named];
    let recorded = factories.iter().flat_map(|factory| {
        recordings().iter().flat_map(|recording| alerts(recording, factory)).collect::<Vec<_>>()
    });
    recorded.chain(logged()).collect()
}

/// Alerts out of Snort's logs, alone and completing those of the socket.
fn logged() -> Vec<Arc<Alert>> {
    let mut all = Vec::new();
    for recording in recordings() {
        let path = recording.with_file_name("unified2.log.gz");
        // Of z2, Snort started the log anew in between.
        let file = fs::File::open(&path).ok().filter(|_| !path.iter().any(|dir| dir == "z2"));
        let Some(file) = file else { continue };
        let mut log = Vec::new();
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut log).unwrap();
        let (mut assembler, mut rest, mut logged) = (Assembler::default(), &*log, Vec::new());
        while let Some((record, length)) = unified2::read(rest).unwrap() {
            logged.extend(assembler.take(&record));
            rest = &rest[length..];
        }
        logged.extend(assembler.finish());
        let sent = alerts(&recording, &AlertFactory::default());
        for (alert, logged) in sent.iter().zip(logged) {
            let (origin, names) = (Arc::clone(&alert.origin), Arc::clone(alert.names()));
            all.push(Arc::new(Alert::from_log(logged.clone(), origin, names)));
            let mut completed = Alert::clone(alert);
            completed.complete(logged);
            all.push(Arc::new(completed));
        }
    }
    assert!(all.len() > 1_000);
    all
}

#[test]
fn what_snorts_log_has_is_kept_too() {
    let all = logged();
    let (place, _store) = Place::with(&all);
    let mut stored = Vec::new();
    let policy = |alert: Stored| {
        stored.push(alert.alert);
        Further::On
    };
    place.reader().after(0, &Criteria::default(), policy).unwrap();
    assert_eq!(stored.len(), all.len());
    for (stored, original) in stored.iter().zip(&all) {
        assert_eq!((&stored.message, stored.log()), (&original.message, original.log()));
        assert_eq!((stored.medium, stored.untrusted), (original.medium, original.untrusted));
        assert_eq!(written(stored), written(original));
    }
}
