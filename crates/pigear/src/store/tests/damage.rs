//! What of a damaged store is read nevertheless, and what is said.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::delivery::{Lane, numbered};
use super::keeping::until;
use super::querying::{finds, several};
use super::*;
use crate::config::Begin;
use crate::store::row::StoredRow;
use pigear_pipeline::Queue;

fn change(place: &Place, sql: &str) {
    Connection::open(place.path()).unwrap().execute_batch(sql).unwrap();
}

/// What makes the third of six alerts unreadable, in all ways that a row can be.
const WAYS: [&str; 8] = [
    "UPDATE alert SET data = x'' WHERE id = 3",
    "UPDATE alert SET data = x'09abcdef' WHERE id = 3",
    "UPDATE alert SET data = substr(data, 1, 20) WHERE id = 3",
    "UPDATE alert SET data = 'a text' WHERE id = 3",
    "UPDATE alert SET data = 7 WHERE id = 3",
    "UPDATE alert SET signature = 'x' WHERE id = 3",
    "UPDATE alert SET signature = 4711 WHERE id = 3",
    "UPDATE alert SET origin = 4711 WHERE id = 3",
];

#[test]
fn a_query_shows_all_others() {
    for way in WAYS {
        let (place, _store) = Place::with(&numbered(0..6));
        change(&place, way);
        let mut reader = place.reader();
        assert_eq!(found(&mut reader, &Criteria::default()), [6, 5, 4, 2, 1], "{way}");
        assert_eq!(reader.unreadable(), 1, "{way}");
        let by_port = place.reader().count(&Criteria::default(), CountBy::Port).unwrap();
        assert_eq!(by_port.iter().map(|count| count.alerts).sum::<u64>(), 5, "{way}");
        let mut reader = place.reader();
        assert!(reader.get(3).unwrap().is_none(), "{way}");
        assert_eq!(reader.unreadable(), 1, "{way}");
    }
}

#[test]
fn a_lane_delivers_what_is_before_and_behind() {
    for way in WAYS {
        let (place, store) = Place::with(&numbered(0..6));
        let mut lane = Lane::new(&store, Begin::Start);
        change(&place, way);
        assert_eq!(lane.next(), [0, 1], "{way}");
        lane.settle(2, &[]);
        assert_eq!(lane.next(), [3, 4, 5], "{way}");
        lane.settle(3, &[]);
        let lost = lane.queue.take_lost();
        assert_eq!((lane.lag(), lost.failed, lost.sum()), (0, 1, 1), "{way}");

        let letters = place.reader().dead_letters(None, 10).unwrap();
        let raw = Connection::open(place.path())
            .unwrap()
            .query_row("SELECT CAST(data AS BLOB) FROM alert WHERE id = 3", [], |row| {
                row.get::<_, Vec<u8>>(0)
            })
            .unwrap();
        let [letter] = &letters[..] else { panic!("{way}: {letters:?}") };
        assert_eq!((&*letter.lane, letter.alert_id, letter.again), ("test", 3, false), "{way}");
        let LetterContent::Damaged(bytes) = &letter.content else { panic!("{way}") };
        assert!(*bytes == raw || way.contains("= 7"), "{way}: {bytes:?} {raw:?}");
        // It can't be sent, and stays.
        let again = redeliver(&place.path(), None).unwrap();
        assert_eq!((again.lanes, again.damaged), (vec![], 1), "{way}");
    }
}

#[test]
fn only_damaged_alerts_are_passed_over_too() {
    let (place, store) = Place::with(&numbered(0..3));
    let mut lane = Lane::new(&store, Begin::Start);
    change(&place, "UPDATE alert SET data = x''");
    assert_eq!(lane.next(), [0_u32; 0]);
    assert_eq!(lane.lag(), 0);
    assert_eq!(place.reader().dead_letters(None, 10).unwrap().len(), 3);
    put(&store, &numbered(3..4));
    assert_eq!(lane.next(), [3]);
}

#[test]
fn a_bit_that_flips_makes_no_other_alert() {
    let (place, _store) = Place::with(&numbered(0..1));
    let connection = Connection::open(place.path()).unwrap();
    let record: Vec<u8> =
        connection.query_row("SELECT data FROM alert", [], |row| row.get(0)).unwrap();
    for bit in 0..record.len() * 8 {
        let mut flipped = record.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        connection.execute("UPDATE alert SET data = ?1", [&flipped]).unwrap();
        let mut reader = place.reader();
        let shown = reader.get(1).unwrap();
        // The first byte says whether there is a sum.
        assert!(shown.is_none() || bit < 8, "bit {bit}");
    }
}

#[test]
fn dead_letters_that_are_damaged_are_shown_and_left_alone() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    lane.settle(5, &[(1, &alerts[1], "no 1"), (3, &alerts[3], "no 3")]);
    change(&place, "UPDATE dead_letter SET data = x'0102' WHERE alert = 2");
    let letters = place.reader().dead_letters(None, 10).unwrap();
    assert_eq!(letters.len(), 2);
    let LetterContent::Damaged(bytes) = &letters[1].content else { panic!() };
    assert_eq!(bytes, &[1, 2]);
    assert!(letters[1].reason.ends_with("; it was refused: no 1"), "{}", letters[1].reason);
    // The other is sent again.
    redeliver(&place.path(), None).unwrap();
    let (_, again) = lane.take(super::delivery::AT_ONCE, None);
    assert_eq!(again.iter().map(|alert| alert.message.event_id).collect::<Vec<_>>(), [3]);
    lane.settle(1, &[]);
    assert_eq!(lane.next(), [0_u32; 0]);
    assert_eq!(place.reader().dead_letters(None, 10).unwrap().len(), 1);
}

#[test]
fn an_index_that_is_damaged_is_done_without() {
    let all = several();
    for way in [
        "",
        "UPDATE note SET chunk = x'ff'",
        "UPDATE note SET chunk = zeroblob(2 * (length(chunk) / 2)) WHERE length(chunk) > 1",
    ] {
        let (place, _store) = Place::with(&all);
        let counts = |by| place.reader().count(&Criteria::default(), by).unwrap();
        let before = [CountBy::Sid, CountBy::Src].map(counts);
        change(&place, "UPDATE note SET chunk = x'04' WHERE segment = 1");
        change(&place, way);
        assert_eq!([CountBy::Sid, CountBy::Src].map(counts).map(sorted), before.map(sorted));
        let net: Network = "192.168.10.0/24".parse().unwrap();
        let criteria = Criteria { src: Some(net), ..Criteria::default() };
        finds(&mut place.reader(), &all, &criteria, |alert| {
            alert.src_ip().is_some_and(|ip| net.contains(ip))
        });
        let criteria = Criteria { sid: vec![434], ..Criteria::default() };
        finds(&mut place.reader(), &all, &criteria, |alert| alert.message.sig_id == 434);
    }
}

/// The message of a rule is one of those that it has had.
fn sorted(counts: Vec<Count>) -> Vec<(Option<String>, u64)> {
    let what = |count: Count| {
        let what = count.what.map(|what| what.split(' ').next().unwrap().to_owned());
        (what, count.alerts)
    };
    let mut counts: Vec<_> = counts.into_iter().map(what).collect();
    counts.sort();
    counts
}

/// A store of 3,000 alerts that is closed, and a lane that has none of them yet.
fn closed() -> (Place, Store, Lane) {
    let all = case("v2919/icmp_ping");
    let many: Vec<_> = all.iter().cycle().take(3_000).cloned().collect();
    let (place, store) = Place::with(&many);
    let lane = Lane::new(&store, Begin::Start);
    store.0.writer.lock().close();
    (place, store, lane)
}

/// How many alerts a reader gets that goes on from the first.
fn after(place: &Place) -> usize {
    let mut found = 0;
    let visit = |_| {
        found += 1;
        Further::On
    };
    place.reader().after(0, &Criteria::default(), visit).unwrap();
    found
}

/// Delivers all, and returns how many alerts these are.
fn delivered(mut lane: Lane) -> usize {
    let mut delivered = 0;
    until("all is delivered", || {
        let batch = lane.next().len();
        lane.settle(batch as u64, &[]);
        delivered += batch;
        lane.lag() == 0
    });
    delivered
}

#[test]
fn pages_that_cannot_be_read_are_passed_over() {
    let (place, _store, lane) = closed();
    // Those of the table of alerts alone.
    let connection = Connection::open(place.path()).unwrap();
    let pages: Vec<u64> = connection
        .prepare("SELECT pageno FROM dbstat WHERE name = 'alert' AND pagetype = 'leaf'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(connection);
    for page in &pages[10..13] {
        opening::damage(&place, page - 1..*page);
    }
    let mut reader = place.reader();
    let left = found(&mut reader, &Criteria::default()).len();
    assert!(left > 2_000 && left < 3_000, "{left}");
    assert_eq!(left + usize::try_from(reader.unreadable()).unwrap(), 3_000);
    assert_eq!(after(&place), left);
    assert_eq!(delivered(lane), left);
}

/// Rows whose place in the file was overwritten have any number.
#[test]
fn where_rows_were_overwritten_none_comes_twice() {
    let (place, _store, lane) = closed();
    let connection = Connection::open(place.path()).unwrap();
    let sql = "SELECT pageno, pgsize FROM dbstat WHERE name = 'alert' AND pagetype = 'leaf' \
        ORDER BY pageno LIMIT 1 OFFSET 10";
    let (page, size): (u64, u64) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    drop(connection);
    let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    let half = usize::try_from(size / 2).unwrap();
    file.write_all_at(&vec![0; half], page * size - size / 2).unwrap();
    let sids = case("v2919/icmp_ping").iter().map(|alert| alert.message.sig_id).collect();
    for criteria in [Criteria::default(), Criteria { sid: sids, ..Criteria::default() }] {
        let ids = found(&mut place.reader(), &criteria);
        assert!(ids.iter().rev().is_sorted_by(|one, next| one < next), "{ids:?}");
        assert!(ids.len() > 2_900 && ids.len() < 3_000, "{}", ids.len());
    }
    let left = found(&mut place.reader(), &Criteria::default()).len();
    assert_eq!(after(&place), left);
    assert_eq!(delivered(lane), left);
}

#[test]
fn what_is_removed_while_a_lane_reads_it_is_read_nevertheless() {
    let (place, _store) = Place::with(&numbered(0..200));
    let (mut reader, mut read) = (place.reader(), Vec::new());
    let mut visit = |row| {
        if read.is_empty() {
            change(&place, "DELETE FROM alert; DELETE FROM signature; DELETE FROM origin");
        }
        match row {
            StoredRow::Alert(stored) => read.push(stored.id),
            StoredRow::Damaged(row) => panic!("{row:?}"),
        }
        Further::On
    };
    reader.visit_rows((1, 200), &mut visit).unwrap();
    assert_eq!(read, (1..=200).collect::<Vec<_>>());
    assert_eq!(found(&mut place.reader(), &Criteria::default()), [0_i64; 0]);
}

/// The numbers of found alerts, the counts, and those over time.
type Answers = (Vec<Vec<i64>>, Vec<Vec<(Option<String>, u64)>>, Series);

/// What searches and counts of all kinds give.
fn answers(reader: &mut Reader) -> Answers {
    let net: Network = "192.168.10.0/24".parse().unwrap();
    let first = reader.get(1).unwrap().unwrap().timestamp();
    let all = [
        Criteria::default(),
        Criteria { sid: vec![434], ..Criteria::default() },
        Criteria { priority: vec![1], ..Criteria::default() },
        Criteria { src: Some(net), ..Criteria::default() },
        Criteria { port: Some(80), ..Criteria::default() },
        Criteria { since: Some(first), ..Criteria::default() },
    ];
    let found = all.iter().map(|criteria| found(reader, criteria)).collect();
    let counted = [CountBy::Sid, CountBy::Src, CountBy::Dst, CountBy::Port, CountBy::Hour]
        .map(|by| sorted(reader.count(&Criteria::default(), by).unwrap()));
    let series = reader.series(&all[2], Duration::from_secs(3_600)).unwrap();
    (found, counted.to_vec(), series)
}

/// A page may lack wholly, as after a write that the disk lost.
#[test]
fn what_makes_searches_quick_may_be_damaged_and_that_is_said() {
    let (place, store) = Place::with(&several());
    let intact = answers(&mut place.reader());
    let contents = place.reader().contents().unwrap().unwrap();
    assert!(!place.reader().is_index_damaged());
    store.0.writer.lock().close();
    let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    let whole = fs::read(place.path()).unwrap();
    for table in ["note", "note_by_key", "block", "block_by_last", "signature_by_sid"] {
        let pages: Vec<(u64, u64)> = Connection::open(place.path())
            .unwrap()
            .prepare("SELECT pageno, pgsize FROM dbstat WHERE name = ?1 ORDER BY pageno")
            .unwrap()
            .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut met = 0;
        // Some of many.
        for (page, size) in pages.iter().step_by(pages.len().div_ceil(4)) {
            let at = (page - 1) * size;
            file.write_all_at(&vec![0; usize::try_from(*size).unwrap()], at).unwrap();
            let mut reader = place.reader();
            assert_eq!(answers(&mut reader), intact, "page {page} of {table}");
            assert_eq!(place.reader().contents().unwrap().unwrap().ids, contents.ids);
            met += usize::from(reader.is_index_damaged());
            let (from, to) = (usize::try_from(at).unwrap(), usize::try_from(at + size).unwrap());
            file.write_all_at(&whole[from..to], at).unwrap();
        }
        assert!(met > 0, "{table} is not needed");
    }
}

#[test]
fn an_index_that_counts_too_many_is_not_believed() {
    let (place, _store) = Place::with(&several());
    let intact = answers(&mut place.reader());
    let connection = Connection::open(place.path()).unwrap();
    for kind in [0, 1, 2, 4] {
        let sql = "SELECT id, chunk FROM note WHERE kind = ?1 AND length(chunk) > 0 LIMIT 1";
        let (id, chunk): (i64, Vec<u8>) =
            connection.query_row(sql, [kind], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut wrong = chunk.clone();
        // The alerts of the last key in its last block.
        *wrong.last_mut().unwrap() += 100;
        let update = "UPDATE note SET chunk = ?2 WHERE id = ?1";
        connection.execute(update, (id, wrong)).unwrap();
        let mut reader = place.reader();
        assert_eq!(answers(&mut reader), intact, "kind {kind}");
        assert!(reader.is_index_damaged(), "kind {kind}");
        connection.execute(update, (id, chunk)).unwrap();
    }
}
