use super::*;
use crate::config::Begin;
use pigear_pipeline::{LaneSettings, Queue};

/// A store as an earlier version wrote it: 70 alerts of three cases, two dead letters, a lane.
fn of_version_1() -> Place {
    unpacked(include_bytes!("data/v1.db.gz"))
}

/// The same; the lane is done with eight alerts.
fn of_version_2() -> Place {
    unpacked(include_bytes!("data/v2.db.gz"))
}

/// The same, with all alerts a second time, each of the next revision; the lane is also done with five
/// alerts behind its mark.
pub(super) fn of_version_3() -> Place {
    unpacked(include_bytes!("data/v3.db.gz"))
}

fn unpacked(packed: &[u8]) -> Place {
    let (place, mut bytes) = (Place::new(), Vec::new());
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    fs::write(place.path(), bytes).unwrap();
    place
}

/// A dead letter: its number, lane, reason, alert, and count.
type Letter = (i64, String, String, i64, u64);

/// Everything that a reader finds in it.
fn contents(place: &Place) -> (Vec<Vec<String>>, Vec<Letter>) {
    let mut reader = place.reader();
    let mut alerts = Vec::new();
    reader
        .after(0, &Criteria::default(), |stored| {
            alerts.push(written(&stored.alert));
            Further::On
        })
        .unwrap();
    assert_eq!(reader.unreadable(), 0);
    let letters = reader.dead_letters(None, 10).unwrap().into_iter().map(|letter| {
        assert!(letter.alert().is_some());
        (letter.id, letter.lane, letter.reason, letter.alert_id, letter.count)
    });
    (alerts, letters.collect())
}

#[test]
fn a_store_of_version_1_is_read_as_it_is() {
    let place = of_version_1();
    let before = fs::read(place.path()).unwrap();
    let (alerts, letters) = contents(&place);
    assert_eq!((alerts.len(), letters.len()), (70, 2));
    let lanes = place.reader().lanes().unwrap();
    assert_eq!((lanes.len(), &*lanes[0].name, lanes[0].dead_letters), (1, "http", 2));
    assert!(!place.reader().count(&Criteria::default(), CountBy::Sid).unwrap().is_empty());
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_store_of_version_1_is_upgraded_with_all_that_it_had() {
    let place = of_version_1();
    let before = contents(&place);
    let store = place.open();
    assert_eq!(contents(&place), before);
    let lane = store.queue("http", Begin::Now, LaneSettings::default(), None).unwrap();
    assert_eq!(pigear_pipeline::Queue::waiting(&lane), 0);

    // What comes now has the signatures that are there.
    let count = || {
        let connection = Connection::open(place.path()).unwrap();
        let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        (count("SELECT count(*) FROM signature"), count("SELECT count(digest) FROM signature"))
    };
    let (rows, digests) = count();
    assert!(rows > 10 && rows == digests, "{rows} {digests}");
    let mut again = Vec::new();
    place
        .reader()
        .after(0, &Criteria::default(), |stored| {
            again.push(Arc::new(stored.alert));
            Further::On
        })
        .unwrap();
    put(&store, &again);
    assert_eq!(count(), (rows, rows));
    assert_eq!(place.reader().last().unwrap(), 140);
    drop((lane, store));
    keeping::is_consistent(&place.path());
    assert_eq!(contents(&place).0.len(), 140);
}

#[test]
fn a_dead_letter_of_version_1_can_be_marked_before_the_store_is_upgraded() {
    let place = of_version_1();
    let marked = redeliver(&place.path(), Some("http")).unwrap();
    assert_eq!((marked.lanes, marked.damaged), (vec![("http".to_owned(), 2)], 0));
    let _store = place.open();
    assert!(place.reader().dead_letters(None, 10).unwrap().iter().all(|letter| letter.again));
}

#[test]
fn a_store_of_version_2_is_read_as_it_is() {
    let place = of_version_2();
    let before = fs::read(place.path()).unwrap();
    let (alerts, letters) = contents(&place);
    assert_eq!((alerts.len(), letters.len()), (70, 2));
    let lane = place.reader().lanes().unwrap().remove(0);
    assert_eq!((&*lane.name, lane.lag, lane.account.handled), ("test", 62, 8));
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_store_of_version_2_is_upgraded_and_its_lane_goes_on() {
    let place = of_version_2();
    let before = contents(&place);
    let store = place.open();
    assert_eq!(contents(&place), before);
    let mut lane = delivery::Lane::new(&store, Begin::Now);
    assert_eq!((lane.lag(), lane.queue.sent_recently()), (62, vec![]));
    // The batch that was begun, and the next.
    assert_eq!(lane.next_alerts().len(), 2);
    assert_eq!(lane.next_alerts().len(), 10);
    lane.settle_ahead(std::slice::from_ref(&(4..9)), &[]);
    drop((lane, store));
    let state = || place.reader().lanes().unwrap().remove(0);
    assert_eq!((state().lag, state().account.handled), (57, 13));
    keeping::is_consistent(&place.path());
    let store = place.open();
    assert_eq!(delivery::Lane::new(&store, Begin::Now).lag(), 57);
}

#[test]
fn the_revisions_of_a_store_of_version_3_are_kept_when_it_is_upgraded() {
    let place = of_version_3();
    let revisions = || {
        let mut revisions = Vec::new();
        let add = |stored: Stored| {
            revisions.push(stored.alert.message.sig_rev);
            Further::On
        };
        place.reader().after(0, &Criteria::default(), add).unwrap();
        revisions
    };
    let (before, was) = (contents(&place), revisions());
    assert_eq!(was.len(), 140);
    assert!(was.iter().zip(&was[70..]).all(|(first, second)| first + 1 == *second), "{was:?}");
    let store = place.open();
    assert_eq!((contents(&place), revisions()), (before, was.clone()));
    let mut lane = delivery::Lane::new(&store, Begin::Now);
    assert_eq!(lane.lag(), 127);
    lane.next_alerts();

    // A rule has one signature from now on, whatever its revision.
    let connection = Connection::open(place.path()).unwrap();
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let signatures = "SELECT count(*) FROM signature";
    assert_eq!((count(signatures), count("SELECT count(digest) FROM signature")), (28, 14));
    let mut again = Vec::new();
    let add = |stored: Stored| {
        again.push(Arc::new(stored.alert));
        Further::On
    };
    place.reader().after(0, &Criteria::default(), add).unwrap();
    put(&store, &again);
    assert_eq!(count(signatures), 28);
    assert_eq!(revisions()[140..], was);
    drop((lane, store));
    keeping::is_consistent(&place.path());
}

#[test]
fn a_lane_of_an_older_store_can_be_dropped_before_the_store_is_upgraded() {
    let places = [(of_version_1(), "http"), (of_version_2(), "test"), (of_version_3(), "test")];
    for (place, lane) in places {
        assert_eq!(drop_lane(&place.path(), lane).unwrap().map(|lane| lane.dead_letters), Some(2));
        assert_eq!(place.reader().lanes().unwrap(), []);
    }
}
