use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use jiff::tz::TimeZone;

use super::*;
use crate::store::{Selection, Store};
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
