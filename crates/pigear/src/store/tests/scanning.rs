//! A filter that needs no engine gives the same on several threads and from the index as on each alert.

use std::collections::BTreeMap;

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Decoded, Dialect};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::layout::SEGMENT;
use super::narrowing::criteria;
use super::querying::{finds, several};
use super::*;
use crate::script::Filter;
use crate::script::tests::native::{RECORDED, filters};
use crate::store::damage::Damage;

/// All counts but what they are about: the message of a rule is one of those that it has had.
fn counted(reader: &mut Reader, criteria: &Criteria, by: CountBy) -> BTreeMap<String, u64> {
    let counts = reader.count(criteria, by).unwrap();
    let name = |what: Option<String>| match (what, by) {
        (None, _) => "unknown".to_owned(),
        (Some(what), CountBy::Sid) => what.split(' ').next().unwrap_or_default().to_owned(),
        (Some(what), _) => what,
    };
    counts.into_iter().map(|count| (name(count.what), count.alerts)).collect()
}

/// The same criteria, checked on each alert, one after the other.
fn slowly(filter: &str) -> Criteria {
    Criteria { native: None, ..criteria(filter) }
}

/// Runs a property in as many random cases as `PROPTEST_CASES` says, or in 12 that are always the same.
#[test]
fn random_filters_give_the_same_as_looking_at_each_alert() {
    // Shuffled, so that blocks differ, and enough for several segments.
    let step = 1_009;
    let all: Vec<_> =
        (0..3 * RECORDED.len()).map(|n| Arc::clone(&RECORDED[n * step % RECORDED.len()])).collect();
    assert!(all.len() as i64 > 2 * SEGMENT && !RECORDED.len().is_multiple_of(step));
    let (place, _store) = Place::with(&all);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = if std::env::var_os("PROPTEST_CASES").is_some() {
        TestRunner::new(config)
    } else {
        // So few must be the same each time, to be some that show anything.
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(ProptestConfig { cases: 12, ..config }, rng)
    };
    let (reader, shown) = (std::cell::RefCell::new(place.reader()), std::cell::Cell::new(0));
    let ways = (filters(), select(CountBy::all().collect::<Vec<_>>()), select(vec![60, 86_400]));
    let tested = runner.run(&ways, |(script, by, seconds)| {
        let Ok(filter) = Filter::compile(&script) else { return Ok(()) };
        let reader = &mut *reader.borrow_mut();
        let passes = |alert: &Alert| filter.passes_natively(alert).unwrap();
        let expected = (1_i64..).zip(&all).filter(|(_, alert)| passes(alert)).map(|(id, _)| id);
        let expected: Vec<_> = expected.collect();
        let mut ids = found(reader, &criteria(&script));
        ids.reverse();
        prop_assert!(ids == expected, "{script}: {} of {}", ids.len(), expected.len());
        shown.set(shown.get() + usize::from(!ids.is_empty() && ids.len() < all.len()));
        let counts = counted(reader, &criteria(&script), by);
        prop_assert_eq!(counts, counted(reader, &slowly(&script), by), "{} by {}", &script, by);
        let interval = Duration::from_secs(seconds);
        let series = reader.series(&criteria(&script), interval).unwrap();
        let slow = reader.series(&slowly(&script), interval).unwrap();
        prop_assert_eq!(series, slow, "{}", &script);
        prop_assert_eq!(reader.unreadable(), 0);
        Ok(())
    });
    tested.unwrap();
    assert!(shown.get() > 1, "nothing is shown by this: {}", shown.get());
}

/// Makes all alerts of complete segments unreadable, whatever reads them.
fn spoil(place: &Place) -> u64 {
    let writer = Connection::open(place.path()).unwrap();
    let last: i64 = writer.query_row("SELECT max(id) FROM alert", [], |row| row.get(0)).unwrap();
    let end = last / SEGMENT * SEGMENT;
    writer.execute("UPDATE alert SET data = x'' WHERE id < ?1", [end]).unwrap() as u64
}

#[test]
fn what_the_signature_and_the_time_decide_is_counted_without_reading_alerts() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    // With a time that all have, and one from which on all have it.
    for script in [
        "msg.sig_id == 434",
        "msg.sig_id in [434, 1000130] && !(msg.sig_generator == 3)",
        "msg.msg.contains(\"PING\") || alert.class == \"web-application-attack\"",
        "(msg.sig_id > 400 && alert.timestamp >= \"1999\") && msg.classification != 3",
        "!(alert.timestamp < \"1999\" || msg.sig_id == 434)",
        "msg.sig_id == 434 || true",
    ] {
        // Blocks of more than one hour or day are read.
        let ways = [CountBy::Sid, CountBy::Class, CountBy::Priority];
        let before = ways.map(|by| counted(reader, &slowly(script), by));
        let century = Duration::from_secs(86_400 * 36_500);
        let series = reader.series(&slowly(script), century).unwrap();
        let (spoiled, _store) = Place::with(&all);
        assert!(spoil(&spoiled) > 2_000);
        let mut reader = spoiled.reader();
        assert_eq!(ways.map(|by| counted(&mut reader, &criteria(script), by)), before, "{script}");
        assert_eq!(reader.series(&criteria(script), century).unwrap(), series, "{script}");
        assert_eq!(reader.unreadable(), 0, "{script}");
    }
}

/// Snort 2 sends class 25 with alerts of its decoder that have none.
#[test]
fn the_class_and_the_priority_of_one_alert_go_together() {
    let alerts: Vec<_> = (0..2 * SEGMENT)
        .map(|n| {
            let mut message = AlertMessage::default();
            message.msg = b"decoded".as_slice().into();
            (message.sig_generator, message.sig_id) = (116, 1 + u32::from(n % 64 == 0));
            (message.classification, message.priority) = (25, 3);
            message.ts_sec = 1_700_000_000 + n as u32;
            let names = Arc::clone(RECORDED[0].names());
            Arc::new(Alert::new(Decoded::new(message, Dialect::Snort29), Arc::default(), names))
        })
        .collect();
    assert!(alerts[0].names().class(25).is_some() && alerts[0].class().is_none());
    let (place, _store) = Place::with(&alerts);
    let reader = &mut place.reader();
    let script = "alert.class == () && alert.priority == 3 && msg.sig_id == 2";
    finds(reader, &alerts, &criteria(script), |alert| alert.message.sig_id == 2);
    let counts = counted(reader, &criteria(script), CountBy::Priority);
    assert_eq!(counts, BTreeMap::from([("3".to_owned(), 2 * SEGMENT as u64 / 64)]));
}

#[test]
fn an_alert_in_the_memory_of_another_has_nothing_of_it() {
    let all: Vec<_> = RECORDED.iter().cycle().take(3 * RECORDED.len()).cloned().collect();
    let (place, _store) = Place::with(&all);
    let (mut reader, mut found) = (place.reader(), Vec::new());
    // Most alerts are left out, so that each has the memory of another.
    let visit = |stored: Stored| {
        found.push(stored);
        Further::On
    };
    reader.newest(&criteria("msg.ts_usec > 700000 && msg.sig_id > 0"), visit).unwrap();
    assert!(!found.is_empty() && found.len() < all.len());
    for Stored { id, alert } in found {
        let alone = reader.get(id).unwrap().unwrap();
        assert_eq!(format!("{alert:?}"), format!("{alone:?}"), "{id}");
    }
}

#[test]
fn unreadable_alerts_are_left_out_on_several_threads_too() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let script = "alert.dst_port == 80";
    let before = found(&mut place.reader(), &criteria(script));
    let spoiled = before[before.len() / 2];
    assert!(spoiled < SEGMENT, "it is in a segment that is read on several threads");
    let sql = "UPDATE alert SET data = x'' WHERE id = ?1";
    Connection::open(place.path()).unwrap().execute(sql, [spoiled]).unwrap();
    let mut reader = place.reader();
    let after: Vec<_> = before.iter().copied().filter(|id| *id != spoiled).collect();
    assert_eq!(found(&mut reader, &criteria(script)), after);
    assert_eq!(reader.unreadable(), 1);
    let counts = counted(&mut reader, &criteria(script), CountBy::Port);
    assert_eq!(counts, BTreeMap::from([("80".to_owned(), after.len() as u64)]));
    assert_eq!(reader.unreadable(), 2);
}

#[test]
fn a_search_that_ends_on_several_threads_is_continued_where_it_was() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let all = several();
    let (place, _store) = Place::with(&all);
    let script = "alert.src_port == 80";
    let whole = found(&mut place.reader(), &criteria(script));
    let (reader, asked) = (&mut place.reader(), AtomicUsize::new(0));
    reader.end_when(move || asked.fetch_add(1, Ordering::SeqCst) % 4 == 3);
    let (mut ids, mut before, mut ended) = (Vec::new(), i64::MAX, 0);
    let mut visit = |stored: Stored| {
        ids.push(stored.id);
        Further::On
    };
    while let Err(error) = reader.newest_before(before, &criteria(script), &mut visit) {
        let StoreProblem::Unfinished { reached } = error.source else { panic!("{error}") };
        assert!(reached < before);
        (before, ended) = (reached, ended + 1);
    }
    assert!(ended > 5);
    assert_eq!(ids, whole);
    let count = reader.count(&criteria(script), CountBy::Port);
    assert!(matches!(count.unwrap_err().source, StoreProblem::Unfinished { .. }));
    // A page that ends in the middle of a chunk.
    let (mut reader, mut page) = (place.reader(), Vec::new());
    let enough = |stored: Stored| {
        page.push(stored.id);
        if page.len() == whole.len() - 5 { Further::Enough } else { Further::On }
    };
    reader.newest(&criteria(script), enough).unwrap();
    assert_eq!(page, whole[..whole.len() - 5]);
}

#[test]
fn counting_on_several_threads_is_interrupted() {
    let (place, _store) = Place::with(&several());
    let mut reader = place.reader();
    let script = "alert.src_port == 80";
    let counts = counted(&mut reader, &criteria(script), CountBy::Port);
    reader.interrupt_while(|| true);
    assert!(reader.count(&criteria(script), CountBy::Port).is_err());
    reader.interrupt_while(|| false);
    assert_eq!(counted(&mut reader, &criteria(script), CountBy::Port), counts);
}

#[test]
fn a_store_in_the_place_of_another_is_not_read() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let (other, store) = Place::with(&all[..200]);
    store.close();
    let script = "alert.src_port == 80";
    let whole = counted(&mut place.reader(), &criteria(script), CountBy::Port);
    let mut reader = place.reader();
    fs::rename(other.path(), place.path()).unwrap();
    assert!(reader.is_stale());
    assert_eq!(counted(&mut reader, &criteria(script), CountBy::Port), whole);
}

#[test]
fn the_threads_of_a_search_have_each_signature_in_memory_once() {
    let (place, _store) = Place::with(&several());
    let mut reader = place.reader();
    reader.count(&criteria("msg.pktlen > 60"), CountBy::Port).unwrap();
    let [one, other, ..] = &mut *reader.chunk_readers else {
        assert!(std::thread::available_parallelism().unwrap().get() == 1);
        return;
    };
    let ids = interned::signatures(&reader.connection, &Damage::default(), &[], |_| true).unwrap();
    assert!(ids.len() > 1);
    for id in ids {
        let first = one.interned.signature(id, &one.connection).unwrap();
        let second = other.interned.signature(id, &other.connection).unwrap();
        let own = reader.interned.signature(id, &reader.connection).unwrap();
        assert!(Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&first, &own));
    }
}
