use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;
use crate::store::{Selection, Store};
use crate::top::view::tests::{alert, put};

/// A store with two alerts. It is closed: a journal of its own must not be left when it is replaced.
fn filled(dir: &TempDir, name: &str) -> PathBuf {
    let path = dir.path().join(name);
    let store = Store::open(&path).unwrap();
    put(&store, vec![alert(b"an alert"), alert(b"an alert")]);
    store.close();
    path
}

fn tail(path: PathBuf) -> (Tail, Receiver<Message>) {
    let (sender, inbox) = channel();
    let order = Order::new(Wanted::new(Selection::default(), TimeZone::UTC).unwrap());
    (Tail::new(path, order, Outbox::new(sender)).unwrap(), inbox)
}

fn updates(tail: &Tail, inbox: &Receiver<Message>) -> Vec<TailUpdate> {
    let messages = inbox.try_iter().inspect(|message| tail.outbox.taken(message));
    let update = |message| match message {
        Message::Tail(update) => Some(*update),
        _ => None,
    };
    messages.filter_map(update).collect()
}

/// Which stores the list was begun for by the next look.
fn begun(tail: &mut Tail, inbox: &Receiver<Message>) -> Vec<StoreIdentity> {
    tail.look().unwrap();
    let begun = |update: TailUpdate| {
        assert_eq!(update.problem, None);
        update.begins.and(update.store)
    };
    updates(tail, inbox).into_iter().filter_map(begun).collect()
}

fn identity(path: &Path) -> StoreIdentity {
    Reader::open(path).unwrap().identity().unwrap()
}

#[test]
fn a_store_that_is_replaced_during_a_look_is_shown_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let [path, other] = ["alerts.db", "other.db"].map(|name| filled(&dir, name));
    let (mut tail, inbox) = tail(path.clone());
    assert_eq!(begun(&mut tail, &inbox), [identity(&path)]);
    // As if the second alert was stored since.
    tail.last = Some(Place { store: identity(&path), id: 1, tip: None });
    let place = path.clone();
    tail.criteria.also = Some(Box::new(move |_| {
        fs::rename(&other, &place).unwrap();
        true
    }));
    tail.lanes_read = None;
    assert!(begun(&mut tail, &inbox).is_empty());
    assert_eq!(begun(&mut tail, &inbox), [identity(&path)]);
    assert!(begun(&mut tail, &inbox).is_empty());
}

#[test]
fn a_store_that_is_replaced_is_shown_though_it_could_not_be_read_at_first() {
    let dir = tempfile::tempdir().unwrap();
    let [path, other] = ["alerts.db", "other.db"].map(|name| filled(&dir, name));
    let (mut tail, inbox) = tail(path.clone());
    assert_eq!(begun(&mut tail, &inbox), [identity(&path)]);
    let rename = |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        rusqlite::Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    };
    fs::rename(&other, &path).unwrap();
    rename("lane", "gone");
    tail.look().unwrap();
    let problem = updates(&tail, &inbox).pop().unwrap().problem;
    assert_eq!(problem.as_deref(), Some("no such table: lane"));
    rename("gone", "lane");
    assert_eq!(begun(&mut tail, &inbox), [identity(&path)]);
}

#[test]
fn a_backup_that_is_put_back_is_shown_though_it_has_as_many_alerts() {
    let dir = tempfile::tempdir().unwrap();
    let path = filled(&dir, "alerts.db");
    let backup = dir.path().join("backup.db");
    fs::copy(&path, &backup).unwrap();
    let add = |path: &Path, event_id: u32| {
        let store = Store::open(path).unwrap();
        let mut alert = alert(b"an alert");
        alert.message.event_id = event_id;
        put(&store, vec![alert]);
        store.close();
    };
    add(&path, 3);
    let (mut tail, inbox) = tail(path.clone());
    assert_eq!(begun(&mut tail, &inbox), [identity(&path)]);
    add(&backup, 4);
    fs::rename(&backup, &path).unwrap();
    assert_eq!(begun(&mut tail, &inbox), [identity(&path)]);
    assert!(begun(&mut tail, &inbox).is_empty());
}
