use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use jiff::tz::TimeZone;

use super::*;
use crate::store::{Selection, Store};
use crate::top::period::Period;
use crate::top::view::tests::{alert, put};

fn fill(path: &Path) {
    let store = Store::open(path).unwrap();
    put(&store, vec![alert(b"an alert")]);
    store.close();
}

fn counter(path: PathBuf) -> (Counter, Receiver<Message>) {
    let (sender, inbox) = channel();
    let order = Order::new(Wanted::new(Selection::default(), TimeZone::UTC).unwrap());
    (Counter::new(path, order, Outbox::new(sender)), inbox)
}

#[test]
fn a_store_that_is_replaced_is_counted_though_something_else_was_read_of_it_first() {
    let dir = tempfile::tempdir().unwrap();
    let [path, other] = ["alerts.db", "other.db"].map(|name| dir.path().join(name));
    fill(&path);
    fill(&other);
    let (mut counter, inbox) = counter(path.clone());
    for updates in [1, 0] {
        counter.look().unwrap();
        assert_eq!(inbox.try_iter().count(), updates);
    }
    fs::rename(&other, &path).unwrap();
    assert!(counter.store.store().is_ok());
    for updates in [1, 0] {
        counter.look().unwrap();
        assert_eq!(inbox.try_iter().count(), updates);
    }
}

#[test]
fn a_store_that_is_replaced_is_counted_though_it_could_not_be_read_at_first() {
    let dir = tempfile::tempdir().unwrap();
    let [path, other] = ["alerts.db", "other.db"].map(|name| dir.path().join(name));
    fill(&path);
    fill(&other);
    let (mut counter, inbox) = counter(path.clone());
    counter.look().unwrap();
    assert_eq!(inbox.try_iter().count(), 1);
    let rename = |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        rusqlite::Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    };
    fs::rename(&other, &path).unwrap();
    rename("alert", "gone");
    counter.look().unwrap();
    assert_eq!(inbox.try_iter().count(), 0);
    rename("gone", "alert");
    counter.look().unwrap();
    assert_eq!(inbox.try_iter().count(), 1);
}

#[test]
fn the_last_hour_has_the_alerts_whose_packets_were_seen_then_as_everywhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.db");
    let store = Store::open(&path).unwrap();
    let now = Timestamp::now();
    let seen = |minutes: i64, msg: &[u8]| {
        let mut alert = alert(msg);
        alert.message.ts_sec = u32::try_from(now.as_second() - 60 * minutes).unwrap();
        alert.received = now;
        alert
    };
    // As from a log that is read today, or from a sensor that was cut off.
    put(&store, vec![seen(90, b"long ago"), seen(30, b"of late"), seen(30, b"of late")]);
    let wanted = Wanted::new(Selection::default(), TimeZone::UTC).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let wanted = wanted.with_period_of(&reader).unwrap();
    assert_eq!(wanted.period, Period::Hour);
    let hour = counts(&mut reader, &wanted, &mut wanted.criteria().unwrap()).unwrap();
    assert_eq!(hour.signatures[0].alerts, 2);
    assert_eq!(hour.timeline.counts.iter().sum::<u64>(), 2);
    assert_eq!(hour.timeline.counts[29] + hour.timeline.counts[30], 2, "{:?}", hour.timeline);
    let selection = Selection { since: Some("1h".parse().unwrap()), ..Selection::default() };
    let since = selection.criteria(|| TimeZone::UTC).unwrap();
    assert_eq!(reader.count(&since, CountBy::Src).unwrap()[0].alerts, 2);
    let all = wanted.over(Period::Everything);
    let all = counts(&mut reader, &all, &mut all.criteria().unwrap()).unwrap();
    let with: Vec<_> = all.timeline.counts.iter().filter(|alerts| **alerts > 0).collect();
    assert_eq!(with, [&1, &2], "{:?}", all.timeline);
    // Earlier than the period, a criterion is no reason to count more; later, it counts less.
    for (since, alerts) in [("2h", 2), ("10m", 0)] {
        let selection = Selection { since: Some(since.parse().unwrap()), ..Selection::default() };
        let wanted = Wanted::new(selection, TimeZone::UTC).unwrap();
        let counted = counts(&mut reader, &wanted, &mut wanted.criteria().unwrap()).unwrap();
        assert_eq!(counted.timeline.counts.iter().sum::<u64>(), alerts, "{since}");
    }
}
