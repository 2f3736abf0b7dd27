//! The store's file: who has it, and what happens when it goes away.

use std::os::unix::fs::symlink;

use super::delivery::{Lane, numbered};
use super::keeping::{is_consistent, keep_bytes, many, tidy};
use super::layout::SEGMENT;
use super::opening::lock_of;
use super::*;
use crate::config::Begin;

fn is_in_use(path: &Path) -> bool {
    matches!(Store::open(path), Err(StoreError { source: StoreProblem::InUse, .. }))
}

#[test]
fn only_one_may_write_whatever_the_file_is_called() {
    let (place, store) = Place::with(&numbered(0..3));
    let [by_link, by_name] = ["link.db", "name.db"].map(|name| place.path().with_file_name(name));
    symlink(place.path(), &by_link).unwrap();
    fs::hard_link(place.path(), &by_name).unwrap();
    for path in [&by_link, &by_name, &place.path()] {
        assert!(is_in_use(path), "{}", path.display());
    }
    // Nothing of it has taken the first his locks.
    put(&store, &numbered(3..5));
    drop(store);
    fs::remove_file(&by_name).unwrap();
    let by_link = Store::open(&by_link).unwrap();
    assert!(is_in_use(&place.path()));
    put(&by_link, &numbered(5..6));
    drop(by_link);
    assert_eq!(place.open().0.writer.lock().last(), 6);
}

#[test]
fn a_fifo_is_no_store_and_is_not_waited_for() {
    let place = Place::new();
    nix::unistd::mkfifo(&place.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(Store::open(&place.path()).unwrap_err().source, StoreProblem::NotAStore));
    assert!(matches!(
        Reader::open(&place.path()).map(drop).unwrap_err().source,
        StoreProblem::NotAStore
    ));
    fs::remove_file(place.path()).unwrap();
    nix::unistd::mkfifo(&lock_of(&place), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(Store::open(&place.path()).unwrap_err().source, StoreProblem::Io(_)));
}

/// What can happen to the file.
const FATES: [fn(&Path); 4] = [
    |path| fs::remove_file(path).unwrap(),
    |path| {
        fs::remove_file(path).unwrap();
        for end in ["-wal", "-shm", ".lock"] {
            fs::remove_file(connect::beside_path(path, end)).unwrap();
        }
    },
    |path| fs::rename(path, path.with_file_name("moved.db")).unwrap(),
    |path| {
        let other = path.with_file_name("other.db");
        let store = Store::open(&other).unwrap();
        put(&store, &numbered(90..92));
        drop(store);
        fs::rename(other, path).unwrap();
    },
];

#[test]
fn a_file_that_goes_away_is_noticed_and_storing_begins_again() {
    for (n, fate) in FATES.into_iter().enumerate() {
        let (place, store) = Place::with(&numbered(0..5));
        let mut lane = Lane::new(&store, Begin::Start);
        assert_eq!(lane.next(), [0, 1, 2, 3, 4]);
        lane.settle(5, &[]);
        fate(&place.path());
        put(&store, &numbered(5..8));
        let ids = found(&mut place.reader(), &Criteria::default());
        assert_eq!(ids[..3], [8, 7, 6], "fate {n}");
        // What comes now is delivered.
        let mut delivered = Vec::new();
        keeping::until("all is delivered", || {
            let batch = lane.next();
            lane.settle(batch.len() as u64, &[]);
            delivered.extend(batch);
            lane.lag() == 0
        });
        assert_eq!(delivered, [5, 6, 7], "fate {n}");
        assert_eq!(place.reader().lanes().unwrap()[0].lag, 0, "fate {n}");
        assert!(is_in_use(&place.path()), "fate {n}");
        drop((lane, store));
        keeping::is_consistent(&place.path());
        let store = place.open();
        put(&store, &numbered(8..9));
        assert_eq!(place.reader().last().unwrap(), 9, "fate {n}");
    }
}

#[test]
fn a_file_that_was_moved_away_has_all_that_was_stored_in_it() {
    let (place, store) = Place::with(&numbered(0..5));
    let moved = place.path().with_file_name("moved.db");
    fs::rename(place.path(), &moved).unwrap();
    put(&store, &numbered(5..6));
    drop(store);
    assert_eq!(Reader::open(&moved).unwrap().last().unwrap(), 5);
    let other = Store::open(&moved).unwrap();
    put(&other, &numbered(5..6));
}

#[test]
fn while_no_file_can_be_begun_nothing_counts_as_stored() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let path = inner.join("alerts.db");
    let store = Store::open(&path).unwrap();
    put(&store, &numbered(0..3));
    fs::rename(&inner, dir.path().join("moved")).unwrap();
    for _ in 0..2 {
        let stored = store.0.writer.lock().append(&numbered(3..4));
        assert!(matches!(stored, Err(StoreProblem::Io(_))), "{stored:?}");
    }
    fs::create_dir(&inner).unwrap();
    put(&store, &numbered(3..4));
    assert_eq!(found(&mut Reader::open(&path).unwrap(), &Criteria::default()), [4]);
}

#[test]
fn a_file_that_comes_back_is_the_store_again() {
    let dir = tempfile::tempdir().unwrap();
    let [inner, moved] = ["inner", "moved"].map(|name| dir.path().join(name));
    fs::create_dir(&inner).unwrap();
    let path = inner.join("alerts.db");
    let store = Store::open(&path).unwrap();
    put(&store, &numbered(0..5));
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!(lane.next(), [0, 1, 2, 3, 4]);
    fs::rename(&inner, &moved).unwrap();
    for _ in 0..3 {
        let stored = store.0.writer.lock().append(&numbered(9..10));
        assert!(matches!(stored, Err(StoreProblem::Io(_))), "{stored:?}");
    }
    fs::rename(&moved, &inner).unwrap();
    put(&store, &numbered(5..8));
    lane.settle(5, &[]);
    assert_eq!(lane.next(), [5, 6, 7]);
    lane.settle(3, &[]);
    assert!(is_in_use(&path));
    drop((lane, store));
    keeping::is_consistent(&path);
    assert_eq!(found(&mut Reader::open(&path).unwrap(), &Criteria::default()).len(), 8);
}

#[test]
fn a_journal_that_is_removed_loses_nothing() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!(lane.next(), [0, 1, 2, 3, 4]);
    let (path, mut access) = (place.path(), StoreAccess::new(place.path()));
    let journal = connect::beside_path(&path, "-wal");
    for round in 0..3 {
        let before = 5 + round * 2;
        assert_eq!(access.store().unwrap().reader.last().unwrap(), i64::from(before));
        fs::remove_file(&journal).unwrap();
        // Also while nothing comes.
        if round == 1 {
            tidy(&store, RetentionPolicy::default());
            assert_eq!(access.store().unwrap().reader.last().unwrap(), i64::from(before));
        }
        put(&store, &numbered(before..before + 2));
        // What a program that is killed now leaves.
        let copy = place.path().with_file_name(format!("copy{round}.db"));
        fs::copy(&path, &copy).unwrap();
        fs::copy(&journal, connect::beside_path(&copy, "-wal")).unwrap();
        assert_eq!(Reader::open(&copy).unwrap().last().unwrap(), i64::from(before + 2));
        assert_eq!(access.store().unwrap().reader.last().unwrap(), i64::from(before + 2));
        lane.settle(if round == 0 { 5 } else { 2 }, &[]);
        assert_eq!(lane.next(), [before, before + 1]);
    }
    drop((access, lane, store));
    is_consistent(&path);
    assert_eq!(Reader::open(&path).unwrap().last().unwrap(), 11);
}

#[test]
fn without_the_index_of_the_journal_all_is_in_the_file() {
    let (place, store) = Place::with(&numbered(0..5));
    let path = place.path();
    for end in ["-wal", "-shm"] {
        fs::remove_file(connect::beside_path(&path, end)).unwrap();
    }
    put(&store, &numbered(5..7));
    let copy = path.with_file_name("copy.db");
    fs::copy(&path, &copy).unwrap();
    assert_eq!(Reader::open(&copy).unwrap().last().unwrap(), 7);
}

#[test]
fn a_file_that_is_truncated_takes_no_alerts_until_it_is_moved_away() {
    let (place, store) = Place::with(&numbered(0..5));
    let path = place.path();
    fs::File::options().write(true).truncate(true).open(&path).unwrap();
    for _ in 0..2 {
        let stored = store.0.writer.lock().append(&numbered(5..6));
        let Err(StoreProblem::Damaged(damage)) = stored else { panic!("{stored:?}") };
        assert_eq!(damage, "it was truncated to 0 bytes");
    }
    let policy = RetentionPolicy::default();
    assert!(store.0.writer.lock().tidy(policy, Clock::now()).is_err());
    fs::rename(&path, path.with_file_name("moved.db")).unwrap();
    put(&store, &numbered(5..6));
    assert_eq!(found(&mut Reader::open(&path).unwrap(), &Criteria::default()), [6]);
}

#[test]
fn a_path_that_cannot_be_looked_at_is_no_file_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.db");
    let store = Store::open(&path).unwrap();
    put(&store, &numbered(0..3));
    let journal = connect::beside_path(&path, "-wal");
    let moved = dir.path().join("moved.db");
    fs::rename(&path, &moved).unwrap();
    // Following it ends with ELOOP.
    symlink(&path, &path).unwrap();
    let stored = store.0.writer.lock().append(&numbered(3..4));
    assert!(matches!(stored, Err(StoreProblem::Io(_))), "{stored:?}");
    assert!(journal.exists());
    fs::rename(&moved, &path).unwrap();
    put(&store, &numbered(3..4));
    drop(store);
    assert_eq!(found(&mut Reader::open(&path).unwrap(), &Criteria::default()).len(), 4);
}

/// The segment in which the first file ended gets no more alerts when it is back.
#[test]
fn what_is_in_a_file_that_was_away_while_many_came_is_found_by_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let [path, away] = ["alerts.db", "away.db"].map(|name| dir.path().join(name));
    let all = many();
    let (before, meanwhile) = all.split_at(100);
    assert!(meanwhile.len() as i64 > SEGMENT);
    let store = Store::open(&path).unwrap();
    put(&store, before);
    fs::rename(&path, &away).unwrap();
    put(&store, meanwhile);
    fs::rename(&away, &path).unwrap();
    put(&store, before);
    let by_every_criterion = || {
        let mut reader = Reader::open(&path).unwrap();
        let all = found(&mut reader, &Criteria::default());
        let priorities = Criteria { priority: (0..=255).collect(), ..Criteria::default() };
        assert_eq!(found(&mut reader, &priorities), all);
        let counts = reader.count(&Criteria::default(), CountBy::Sid).unwrap();
        assert!(counts.iter().all(|count| count.what.is_some()), "{counts:?}");
        all.len()
    };
    assert_eq!(by_every_criterion(), 200);
    is_consistent(&path);
    // As an earlier version left it.
    let connection = Connection::open(&path).unwrap();
    assert!(connection.execute("DELETE FROM note", []).unwrap() > 0);
    drop(store);
    let store = Store::open(&path).unwrap();
    tidy(&store, RetentionPolicy::default());
    assert_eq!(by_every_criterion(), 200);
    is_consistent(&path);
    // It goes with its alerts.
    put(&store, meanwhile);
    tidy(&store, keep_bytes(1_000_000));
    is_consistent(&path);
}

#[test]
fn a_file_that_is_moved_away_while_it_is_read_loses_nothing() {
    let (place, store) = Place::with(&numbered(0..3));
    // As long as this reads, nothing behind it leaves the journal.
    let reader = Connection::open(place.path()).unwrap();
    let moment = reader.unchecked_transaction().unwrap();
    let count = |connection: &Connection| -> i64 {
        connection.query_row("SELECT count(*) FROM alert", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&moment), 3);
    put(&store, &numbered(3..6));
    let moved = place.path().with_file_name("moved.db");
    fs::rename(place.path(), &moved).unwrap();
    put(&store, &numbered(6..7));
    drop(moment);
    drop((reader, store));
    let journals: Vec<_> = fs::read_dir(place.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("alerts.db-wal."))
        .collect();
    let [journal] = &journals[..] else { panic!("{journals:?}") };
    fs::rename(journal, connect::beside_path(&moved, "-wal")).unwrap();
    assert_eq!(found(&mut Reader::open(&moved).unwrap(), &Criteria::default()).len(), 6);
}

#[test]
fn a_file_that_goes_away_is_noticed_while_nothing_comes() {
    let (place, store) = Place::with(&numbered(0..3));
    let _retention = store.tidy(RetentionPolicy::default()).unwrap();
    fs::remove_file(place.path()).unwrap();
    keeping::until("a new file is there", || place.path().exists());
}

#[test]
fn bytes_that_are_overwritten_meanwhile_are_noticed() {
    let all = case("v2919/icmp_ping");
    let many: Vec<_> = all.iter().cycle().take(20_000).cloned().collect();
    let (place, store) = Place::with(&many);
    store.0.writer.lock().close();
    let pages = fs::metadata(place.path()).unwrap().len() / 8192;
    opening::damage(&place, 1..pages);
    let mut stored = Ok(0);
    keeping::until("it is met", || {
        store.0.writer.lock().connection.pragma_update(None, "shrink_memory", 1).unwrap();
        stored = store.0.writer.lock().append(&many[..2_000]);
        stored.is_err()
    });
    assert!(matches!(stored, Err(StoreProblem::Damaged(_))), "{stored:?}");
    // It is not tried again: but in a file that takes its place.
    fs::rename(place.path(), place.path().with_file_name("damaged.db")).unwrap();
    put(&store, &numbered(3..4));
    assert_eq!(found(&mut place.reader(), &Criteria::default()).len(), 1);
}

#[test]
fn while_a_store_is_in_use_its_journal_has_something_in_it() {
    let (place, store) = Place::with(&[]);
    assert!(connect::has_journal(&place.path()));
    drop(store);
    assert!(!connect::has_journal(&place.path()));
    let _store = place.open();
    assert!(connect::has_journal(&place.path()));
}

/// Otherwise the next writer would have to say that it is lost.
#[test]
fn a_small_change_leaves_the_journal_of_who_was_killed() {
    let (place, store) = Place::with(&numbered(0..3));
    let killed = Place::new();
    for end in ["", "-wal", ".lock"] {
        let beside = |place: &Place| connect::beside_path(&place.path(), end);
        fs::copy(beside(&place), beside(&killed)).unwrap();
    }
    drop(store);
    assert!(drop_lane(&killed.path(), "none").unwrap().is_none());
    assert!(connect::has_journal(&killed.path()));
    let _store = killed.open();
    assert_eq!(found(&mut killed.reader(), &Criteria::default()).len(), 3);
}

#[test]
fn closing_does_not_wait_for_who_writes() {
    let (_place, store) = Place::with(&numbered(0..3));
    let writer = store.0.writer.lock();
    let begun = std::time::Instant::now();
    store.close();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(writer);
}
