use super::*;

fn forget(place: &Place) {
    let connection = Connection::open(place.path()).unwrap();
    assert_eq!(connection.execute("DELETE FROM meta WHERE key = 'identity'", []).unwrap(), 1);
}

fn identity(place: &Place) -> StoreIdentity {
    place.reader().identity().unwrap()
}

#[test]
fn each_store_has_an_identity_of_its_own_which_stays() {
    let (place, store) = Place::with(&case("v2919/http"));
    let (other, _store) = Place::with(&case("v2919/http"));
    let (first, second) = (identity(&place), identity(&other));
    assert_ne!(first, second);
    store.close();
    drop(store);
    put(&place.open(), &case("v2919/ssh"));
    assert_eq!(identity(&place), first);
    assert_eq!(first.to_string().parse(), Ok(first));
    let copy = Place::new();
    fs::copy(place.path(), copy.path()).unwrap();
    assert_eq!(identity(&copy), first);
}

#[test]
fn a_store_without_an_identity_has_that_of_its_file_until_it_is_written() {
    let (place, store) = Place::with(&case("v2919/http"));
    let known = identity(&place);
    store.close();
    drop(store);
    forget(&place);
    let unnamed = identity(&place);
    assert!(unnamed != known && unnamed == identity(&place));
    let copy = Place::new();
    fs::copy(place.path(), copy.path()).unwrap();
    assert_ne!(identity(&copy), unnamed);
    // A reader that is open sees that it gets one.
    let reader = place.reader();
    drop(place.open());
    let named = reader.identity().unwrap();
    assert!(named != unnamed && named == identity(&place));
}

#[test]
fn a_store_that_is_replaced_is_opened_again_and_a_copy_is_the_same_store() {
    let (place, store) = Place::with(&case("v2919/http"));
    store.close();
    drop(store);
    let mut access = StoreAccess::new_within(place.path(), Duration::ZERO);
    let before = identity(&place);
    assert_eq!(access.store().unwrap().identity, before);
    let at = |name: &str| place.path().with_file_name(name);
    fs::copy(place.path(), at("copy.db")).unwrap();
    fs::rename(place.path(), at("away.db")).unwrap();
    assert!(matches!(access.store().map(drop).unwrap_err().source, StoreProblem::Missing));
    fs::rename(at("copy.db"), place.path()).unwrap();
    assert_eq!(access.store().unwrap().identity, before);
    let (other, store) = Place::with(&case("v2919/ssh"));
    store.close();
    drop(store);
    // Over the same file, as `cp` does it.
    fs::write(place.path(), fs::read(other.path()).unwrap()).unwrap();
    let now = access.store().unwrap();
    assert_ne!(now.identity, before);
    assert_eq!(now.reader.last().unwrap(), other.reader().last().unwrap());
    assert_eq!(now.identity, identity(&other));
}

#[test]
fn the_size_counts_the_journal_also_behind_a_link() {
    let (place, _store) = Place::with(&case("v2919/http"));
    let len = |end: &str| {
        let mut path = place.path().into_os_string();
        path.push(end);
        fs::metadata(path).unwrap().len()
    };
    let expected = len("") + len("-wal");
    assert!(len("-wal") > 0);
    assert_eq!(place.reader().size(), Some(expected));
    let link = place.path().with_file_name("link.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    assert_eq!(Reader::open(&link).unwrap().size(), Some(expected));
}

#[test]
fn the_retention_in_force_is_noted_for_readers() {
    let (place, store) = Place::with(&case("v2919/http"));
    assert_eq!(place.reader().retention().unwrap(), None);
    let policy = |days, bytes| RetentionPolicy { days, bytes, trust_clock: false };
    let limits = policy(Some(7), Some(bytesize::ByteSize::mib(100)));
    for policy in [limits, policy(None, None)] {
        store.0.writer.lock().tidy(policy, Clock::now()).unwrap();
        assert_eq!(place.reader().retention().unwrap(), Some(policy));
    }
}
