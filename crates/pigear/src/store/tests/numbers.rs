//! The index of ports and lengths says what is in the alerts.

use std::collections::BTreeMap;

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Decoded, Dialect};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::keeping::{is_consistent, keep_bytes, tidy, wrongly_indexed};
use super::layout::SEGMENT;
use super::narrowing::criteria;
use super::querying::several;
use super::search::Search;
use super::*;

/// Takes out what came with versions 6 and 7, as if an older version had written the store.
fn without_numbers(place: &Place, version: u32) {
    let writer = Connection::open(place.path()).unwrap();
    assert!(writer.execute("DELETE FROM note WHERE kind > 2", []).unwrap() > 3);
    writer.execute("ALTER TABLE block DROP COLUMN stored", []).unwrap();
    writer.pragma_update(None, "user_version", version).unwrap();
}

/// How many blocks are read for a filter.
fn read_for(reader: &Reader, filter: &str) -> usize {
    let criteria = criteria(filter);
    let search = Search::new(&criteria, &reader.connection).unwrap();
    search.blocks(&reader.connection, search.segments()).unwrap().len()
}

/// What is found and counted, in several ways.
fn answers(reader: &mut Reader, filters: &[String], port: u16) -> Vec<(Vec<i64>, Vec<Count>)> {
    let mut all: Vec<_> = filters.iter().map(|filter| criteria(filter)).collect();
    all.push(Criteria { port: Some(port), ..Criteria::default() });
    all.push(Criteria::default());
    let answer =
        |criteria| (found(reader, criteria), reader.count(criteria, CountBy::Port).unwrap());
    all.iter().map(answer).collect()
}

/// An alert with these ports, or with none: ICMP.
fn alert(n: u32, ports: Option<[u16; 2]>, length: u16, cut: u32) -> Arc<Alert> {
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    packet.extend((length - 14).to_be_bytes());
    packet.extend([0x12, 0x34, 0x40, 0, 64, if ports.is_some() { 6 } else { 1 }, 0, 0]);
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    for port in ports.unwrap_or_default() {
        packet.extend(port.to_be_bytes());
    }
    packet.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    packet.resize(length.into(), b'x');
    let mut message = AlertMessage::default();
    message.msg = b"numbers".as_slice().into();
    (message.sig_generator, message.sig_id, message.ts_sec) = (1, 1, 1_700_000_000 + n);
    (message.nethdr, message.transhdr, message.data) = (14, 34, 54);
    (message.caplen, message.pktlen) = (length.into(), u32::from(length) + cut);
    message.pkt = packet.into();
    let decoded = Decoded::new(message, Dialect::Snort29);
    Arc::new(Alert::new(decoded, Arc::default(), Arc::default()))
}

/// Alerts whose numbers are those around some, and rare outside of one block in ten.
fn alerts_of(seed: u64, count: u32) -> Vec<Arc<Alert>> {
    let mut state = seed;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let of = |n: u32| {
        let spread = if (n / 64).is_multiple_of(10) { 3_000 } else { 4 };
        let port = |number: u64| u16::try_from(number % 65_536).unwrap();
        let ports = [port(65_533 + next(spread)), port(78 + next(spread))];
        let ports = Some(ports).filter(|_| next(9) > 0);
        let length = u16::try_from(60 + next(spread)).unwrap();
        let cut = if next(50) == 0 { u32::try_from(next(70_000)).unwrap() } else { 0 };
        alert(n, ports, length, cut)
    };
    (0..count).map(of).collect()
}

/// Runs a property in as many random cases as `PROPTEST_CASES` says, or in 6 that are always the same.
#[test]
fn random_stores_give_the_same_with_and_without_an_index_of_numbers() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = if std::env::var_os("PROPTEST_CASES").is_some() {
        TestRunner::new(config)
    } else {
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(ProptestConfig { cases: 6, ..config }, rng)
    };
    let shown = std::cell::Cell::new(0);
    let stores =
        (any::<u64>(), SEGMENT as u32 + 1..2 * SEGMENT as u32 + 300, 0_u32..4_000, any::<u16>());
    let tested = runner.run(&stores, |(seed, count, length, port)| {
        let all = alerts_of(seed, count);
        let (place, _store) = Place::with(&all);
        let port = if port % 2 == 0 { port } else { 78 + port % 8 };
        let filters = [
            format!("alert.dst_port == {port}"),
            format!("alert.src_port in [{port}, 65534, 2] && msg.caplen != 61"),
            format!("alert.dst_port > {port} || alert.src_port <= {}", port / 8),
            format!("!(alert.dst_port != {port}) || msg.pktlen > {}", length * 16),
            format!("msg.caplen == {length} || !(msg.caplen >= {})", length / 16),
            format!("msg.pktlen in {length}..{}", length + 40),
            format!("!(msg.pktlen <= {length}) && alert.src_port != ()"),
        ];
        let narrow: usize = filters.iter().map(|filter| read_for(&place.reader(), filter)).sum();
        let with = answers(&mut place.reader(), &filters, port);
        without_numbers(&place, 6);
        let wide: usize = filters.iter().map(|filter| read_for(&place.reader(), filter)).sum();
        prop_assert_eq!(&answers(&mut place.reader(), &filters, port), &with);
        // And without any narrowing, one alert after the other.
        for (filter, (ids, _)) in filters.iter().zip(&with) {
            let slow = Criteria { native: None, ..criteria(filter) };
            prop_assert_eq!(&found(&mut place.reader(), &slow), ids, "{}", filter);
            shown.set(shown.get() + usize::from(!ids.is_empty() && ids.len() < all.len()));
        }
        prop_assert!(narrow < wide, "{} {}", narrow, wide);
        Ok(())
    });
    tested.unwrap();
    assert!(shown.get() > 12, "little is shown by this: {}", shown.get());
}

#[test]
fn a_wrong_index_is_noticed() {
    let (place, _store) = Place::with(&several());
    let connection = Connection::open(place.path()).unwrap();
    assert_eq!(wrongly_indexed(&connection), [0; 0]);
    // Of one port, length or count: what this is for the other tests.
    for kind in 3..=5 {
        let of_kind = format!("WHERE kind = {kind} AND segment = 1 AND first = x''");
        let chunk: Vec<u8> = connection
            .query_row(&format!("SELECT chunk FROM note {of_kind}"), [], |row| row.get(0))
            .unwrap();
        let mut wrong = chunk.clone();
        wrong[2] ^= 1;
        let update = format!("UPDATE note SET chunk = ?1 {of_kind}");
        connection.execute(&update, [wrong]).unwrap();
        assert_eq!(wrongly_indexed(&connection), [1], "{kind}");
        connection.execute(&update, [chunk]).unwrap();
    }
    // And an answer shows that the index was used.
    let filter = "alert.dst_port == 80";
    let before = found(&mut place.reader(), &criteria(filter));
    connection.execute("UPDATE note SET chunk = x'' WHERE kind = 4", []).unwrap();
    assert_ne!(found(&mut place.reader(), &criteria(filter)), before);
}

#[test]
fn an_older_store_is_read_as_it_is_and_its_numbers_are_indexed_in_steps() {
    let all = several();
    let (place, store) = Place::with(&all);
    let filters =
        ["alert.dst_port == 80", "msg.caplen > 900", "msg.pktlen == 74"].map(String::from);
    let of = |reader: &Reader| filters.each_ref().map(|filter| read_for(reader, filter));
    let (before, read) = (answers(&mut place.reader(), &filters, 80), of(&place.reader()));
    store.close();
    drop(store);
    without_numbers(&place, 5);
    let whole = read_for(&place.reader(), "alert.proto == \"udp\"");
    assert_eq!(of(&place.reader()), [whole; 3]);
    assert_eq!(answers(&mut place.reader(), &filters, 80), before);
    assert_ne!(of(&place.reader()), read);

    let store = place.open();
    let mut steps = 0;
    loop {
        assert_eq!(answers(&mut place.reader(), &filters, 80), before);
        steps += 1;
        let policy = RetentionPolicy::default();
        if store.0.writer.lock().tidy(policy, Clock::now()).unwrap() == Further::Enough {
            break;
        }
        // It continues where it was.
        assert_ne!(of(&place.reader()), read);
    }
    assert_eq!(steps, all.len() as i64 / SEGMENT);
    assert_eq!(of(&place.reader()), read);
    assert_eq!(answers(&mut place.reader(), &filters, 80), before);
    is_consistent(&place.path());
    drop(store);
    // What comes now is indexed at once, also after the next start.
    let store = place.open();
    put(&store, &all);
    tidy(&store, RetentionPolicy::default());
    is_consistent(&place.path());
}

#[test]
fn segments_that_are_removed_need_no_index() {
    let all = several();
    let (place, store) = Place::with(&[&*all, &*all].concat());
    store.close();
    drop(store);
    without_numbers(&place, 5);
    let store = place.open();
    let full = fs::metadata(place.path()).unwrap().len();
    tidy(&store, keep_bytes(full * 3 / 5));
    let left = found(&mut place.reader(), &Criteria::default());
    assert!(left.len() as i64 > SEGMENT && left.len() < 2 * all.len() - SEGMENT as usize);
    let connection = Connection::open(place.path()).unwrap();
    let first: i64 = connection
        .query_row("SELECT min(segment) FROM note WHERE kind > 2", [], |row| row.get(0))
        .unwrap();
    assert_eq!(first, left[left.len() - 1] / SEGMENT);
    is_consistent(&place.path());
}

#[test]
fn an_unreadable_alert_is_not_found_by_its_numbers_and_said_where_it_is_read() {
    let (place, store) = Place::with(&several());
    store.close();
    drop(store);
    without_numbers(&place, 5);
    let sql = "UPDATE alert SET data = x'' WHERE id = 70";
    Connection::open(place.path()).unwrap().execute(sql, []).unwrap();
    let store = place.open();
    tidy(&store, RetentionPolicy::default());
    for (filter, unreadable) in
        [("alert.dst_port == 2", 0), ("alert.payload.contains(\"no such text\")", 1)]
    {
        let mut reader = place.reader();
        assert_eq!(found(&mut reader, &criteria(filter)), [0; 0]);
        assert_eq!(reader.unreadable(), unreadable, "{filter}");
    }
    let connection = Connection::open(place.path()).unwrap();
    let first = "SELECT min(segment) FROM note WHERE kind = 4";
    assert_eq!(connection.query_row(first, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn counts_by_port_need_no_alert() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let mut expected = BTreeMap::<Option<String>, u64>::new();
    for alert in &all {
        *expected.entry(alert.dst_port().map(|port| port.to_string())).or_default() += 1;
    }
    let sql = "UPDATE alert SET data = x'' WHERE id < ?1";
    Connection::open(place.path()).unwrap().execute(sql, [2 * SEGMENT]).unwrap();
    let mut reader = place.reader();
    let counts = reader.count(&Criteria::default(), CountBy::Port).unwrap();
    let counts: BTreeMap<_, _> = counts.into_iter().map(|it| (it.what, it.alerts)).collect();
    assert_eq!((counts, reader.unreadable()), (expected, 0));
}
