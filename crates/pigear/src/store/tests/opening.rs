use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;

use super::keeping::{is_consistent, until};
use super::querying::{finds, several};
use super::*;
use crate::file_name::with_end;

/// What opening to write says, and opening to read.
#[track_caller]
fn says(path: &Path, writing: &str, reading: &str) {
    let problem = |result: Result<(), StoreError>| result.unwrap_err().source.to_string();
    assert_eq!(problem(Store::open(path).map(drop)), writing);
    assert_eq!(problem(Reader::open(path).map(drop)), reading);
}

#[test]
fn what_is_stored_is_there_the_next_time() {
    let all = case("v2919/icmp_ping");
    let (place, store) = Place::with(&all);
    drop(store);
    let store = place.open();
    put(&store, &all);
    assert_eq!(found(&mut place.reader(), &Criteria::default()).len(), 2 * all.len());
}

#[test]
fn what_was_stored_before_is_found_like_what_comes_then() {
    let all = several();
    let place = Place::new();
    for part in all.chunks(1_500) {
        put(&place.open(), part);
    }
    let net: Network = "192.168.10.0/24".parse().unwrap();
    let criteria = Criteria { src: Some(net), ..Criteria::default() };
    finds(&mut place.reader(), &all, &criteria, |alert| {
        alert.src_ip().is_some_and(|ip| net.contains(ip))
    });
    is_consistent(&place.path());
}

#[test]
fn a_store_is_nobody_elses_business() {
    let (place, _store) = Place::with(&case("v2919/http"));
    let mode = |name: &Path| fs::metadata(name).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path()), 0o640);
    assert_eq!(mode(&place.path().with_extension("db-wal")), 0o640);
}

#[test]
fn only_one_may_write() {
    let (place, store) = Place::with(&case("v2919/http"));
    let error = Store::open(&place.path()).unwrap_err();
    assert!(matches!(error.source, StoreProblem::InUse), "{error:?}");
    drop(store);
    place.open();
}

#[test]
fn a_link_in_the_place_of_the_lock_is_not_followed() {
    let (place, store) = Place::with(&case("v2919/http"));
    drop(store);
    let (lock, other) =
        (place.path().with_extension("db.lock"), place.path().with_extension("txt"));
    fs::remove_file(&lock).unwrap();
    fs::write(&other, "of somebody else").unwrap();
    std::os::unix::fs::symlink(&other, &lock).unwrap();
    let error = Store::open(&place.path()).unwrap_err();
    assert_eq!(error.source.to_string(), "the lock beside it, PATH.lock, is not a regular file");
    assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
}

#[test]
fn what_is_no_store_is_left_alone() {
    let place = Place::new();
    let refused = "the file is not a Pigear store";
    for other in ["a text\n".repeat(100), "short".to_owned()] {
        fs::write(place.path(), &other).unwrap();
        says(&place.path(), refused, refused);
        assert_eq!(fs::read_to_string(place.path()).unwrap(), other);
    }
    fs::remove_file(place.path()).unwrap();
    fs::create_dir(place.path()).unwrap();
    let directory = "Is a directory (os error 21)";
    says(&place.path(), directory, directory);
    fs::remove_dir(place.path()).unwrap();
    let foreign = Connection::open(place.path()).unwrap();
    foreign.execute_batch("CREATE TABLE x (y)").unwrap();
    drop(foreign);
    let before = fs::read(place.path()).unwrap();
    says(&place.path(), refused, refused);
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_store_of_a_later_pigear_is_left_alone() {
    let (place, store) = Place::with(&case("v2919/http"));
    drop(store);
    let later = Connection::open(place.path()).unwrap();
    later.pragma_update(None, "user_version", layout::VERSION + 1).unwrap();
    later.close().unwrap();
    let before = fs::read(place.path()).unwrap();
    let refused = "it has version 8, but this Pigear supports only versions up to 7";
    says(&place.path(), refused, refused);
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_file_without_anything_in_it_becomes_a_store() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    says_missing(&place.path());
    put(&place.open(), &case("v2919/http"));
    assert_eq!(place.reader().last().unwrap(), 6);
}

#[track_caller]
fn says_missing(path: &Path) {
    let error = Reader::open(path).map(drop).unwrap_err();
    let is_missing = matches!(error.source, StoreProblem::Missing | StoreProblem::Empty);
    assert!(is_missing, "{error:?}");
}

#[test]
fn a_missing_store_is_not_created_by_reading() {
    let place = Place::new();
    says_missing(&place.path());
    assert!(!place.path().exists());
}

/// Leaves a store as a crash would, after something was written into the middle of it.
fn damaged(place: &Place, store: Store) {
    drop(store);
    // Without pages that no table has.
    Connection::open(place.path()).unwrap().execute_batch("VACUUM").unwrap();
    let pages = fs::metadata(place.path()).unwrap().len() / 8192;
    damage(place, 2..pages);
}

pub(super) fn damage(place: &Place, pages: std::ops::Range<u64>) {
    let mut file = fs::File::options().write(true).open(place.path()).unwrap();
    for page in pages {
        file.seek(SeekFrom::Start(page * 8192)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
    }
    in_use(place);
}

/// As if somebody had the store in use, and was killed.
fn in_use(place: &Place) {
    fs::write(lock_of(place), "in use\n").unwrap();
}

pub(super) fn lock_of(place: &Place) -> PathBuf {
    let mut lock = place.path().into_os_string();
    lock.push(".lock");
    lock.into()
}

#[test]
fn damage_is_noticed_after_a_sudden_end_and_nothing_is_changed() {
    let (place, store) = Place::with(&case("v2919/icmp_ping"));
    damaged(&place, store);
    let before = fs::read(place.path()).unwrap();
    let error = Store::open(&place.path()).unwrap_err();
    assert!(matches!(error.source, StoreProblem::Damaged(_)), "{error:?}");
    assert!(error.source.to_string().contains("(in the table "), "{error:?} says no place");
    assert!(error.source.hint().unwrap().contains(".recover"));
    assert_eq!(fs::read(place.path()).unwrap(), before);
    // Whatever is beside the file is read with it.
    let hint = || error.source.hint_at(&place.path()).unwrap().into_owned();
    let journal = with_end(&place.path(), "-wal");
    let of_another = format!("{} may be the journal of that one", journal.display());
    assert!(!hint().contains(&of_another), "{}", hint());
    fs::write(journal, "of another").unwrap();
    assert!(hint().contains(&of_another), "{}", hint());
}

/// A store that is large enough for a check to take a while.
fn large() -> (Place, Store, Vec<Arc<Alert>>) {
    let all = case("v2919/icmp_ping");
    let many: Vec<_> = all.iter().cycle().take(20_000).cloned().collect();
    let (place, store) = Place::with(&many);
    (place, store, all)
}

#[test]
fn while_a_large_store_is_checked_alerts_are_stored_in_the_journal_only() {
    let (place, store, all) = large();
    drop(store);
    // Not where alerts are added, so that it isn't met at once.
    damage(&place, 100..200);
    let before = fs::read(place.path()).unwrap();
    let store = Store::open_within(&place.path(), None).unwrap();
    let mut store_handler = store.handler(Unstorable::HandOn);
    // The check may be quicker than this.
    if store_handler.handle(&all).is_ok() {
        assert_eq!(place.reader().last().unwrap(), 20_000 + all.len() as i64);
    }
    until("the damage is found", || store_handler.handle(&all).is_err());
    let error = store_handler.handle(&all).unwrap_err().to_string();
    let expected = format!("cannot store in {}: it is damaged: ", place.path().display());
    assert!(error.starts_with(&expected), "{error}");
    drop((store_handler, store));
    assert!(fs::read(place.path()).unwrap() == before, "the file was changed");
    // The next one has to look again.
    assert!(matches!(Store::open(&place.path()).unwrap_err().source, StoreProblem::Damaged(_)));
}

#[test]
fn a_large_store_that_is_sound_is_as_before_once_it_is_checked() {
    let (place, store, all) = large();
    drop(store);
    in_use(&place);
    let store = Store::open_within(&place.path(), None).unwrap();
    put(&store, &all);
    until("the store is sound", || store.0.writer.lock().is_sound().unwrap());
    drop(store);
    assert_eq!(fs::read(lock_of(&place)).unwrap(), b"");
    assert!(!place.path().with_extension("db-wal").exists(), "all is in the file");
}

#[test]
fn damage_that_is_met_in_reading_is_an_error() {
    let (place, store) = Place::with(&case("v2919/icmp_ping"));
    damaged(&place, store);
    let read = Reader::open(&place.path())
        .and_then(|mut reader| reader.newest(&Criteria::default(), |_| Further::On));
    let problem = read.unwrap_err().source;
    assert!(matches!(problem, StoreProblem::Damaged(_)), "{problem:?}");
}

#[test]
fn numbers_are_not_given_again_even_if_their_alerts_are_removed() {
    let (place, store) = Place::with(&case("v2919/http"));
    drop(store);
    Connection::open(place.path()).unwrap().execute_batch("DELETE FROM alert").unwrap();
    put(&place.open(), &case("v2919/http"));
    assert_eq!(found(&mut place.reader(), &Criteria::default()), [12, 11, 10, 9, 8, 7]);
}
