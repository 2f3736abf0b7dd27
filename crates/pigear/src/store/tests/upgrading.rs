use super::*;
use crate::config::Begin;
use pigear_pipeline::LaneSettings;

/// A store as the version before wrote it: 70 alerts of three cases, two dead letters, a lane.
fn of_version_1() -> Place {
    let place = Place::new();
    let packed = include_bytes!("data/v1.db.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
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
fn a_store_of_version_1_becomes_one_of_version_2_with_all_that_it_had() {
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
