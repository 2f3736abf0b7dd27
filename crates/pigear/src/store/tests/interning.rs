//! Signatures and origins: found quickly, and removed when nothing has them.

use std::time::Instant;

use pigear_alert::Medium;
use pigear_alert::format::{Format, Json};
use pigear_alert::maps::Looked;
use pigear_alert::wire::{Decoded, Dialect};

use super::keeping::{is_consistent, keep_bytes, tidy};
use super::*;

/// Alerts of as many variants of a rule as there are numbers, each in another class.
fn invented(classes: std::ops::Range<u32>) -> Vec<Arc<Alert>> {
    changed(classes, |message, class| message.classification = class)
}

fn changed(
    numbers: std::ops::Range<u32>,
    change: impl Fn(&mut pigear_alert::AlertMessage, u32),
) -> Vec<Arc<Alert>> {
    let one = case("v2919/http").swap_remove(0);
    let with = |number| {
        let mut alert = Alert::clone(&one);
        change(&mut alert.message, number);
        Arc::new(alert)
    };
    numbers.map(with).collect()
}

fn number(place: &Place, sql: &str) -> i64 {
    let connection = Connection::open(place.path()).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn twenty_thousand_revisions_of_a_rule_are_one_signature() {
    let (place, store) = Place::with(&[]);
    for batch in changed(0..20_000, |message, revision| message.sig_rev = revision).chunks(2_000) {
        store.handler(Unstorable::HandOn).handle(batch).unwrap();
    }
    assert_eq!(number(&place, "SELECT count(*) FROM signature"), 1);
    let mut reader = place.reader();
    for id in [1, 2, 10_000, 20_000] {
        assert_eq!(i64::from(reader.get(id).unwrap().unwrap().message.sig_rev), id - 1);
    }
}

#[test]
fn twenty_thousand_classes_of_a_rule_are_stored_like_twenty_thousand_rules() {
    let time = |alerts: &[Arc<Alert>]| {
        let (place, store) = Place::with(&[]);
        let begun = Instant::now();
        for batch in alerts.chunks(2_000) {
            store.handler(Unstorable::HandOn).handle(batch).unwrap();
        }
        let elapsed = begun.elapsed();
        assert_eq!(number(&place, "SELECT count(*) FROM signature"), 20_000);
        elapsed
    };
    let rules = time(&changed(0..20_000, |message, sid| message.sig_id = sid));
    let classes = time(&invented(0..20_000));
    // To look through all of a rule would take hundreds of times as long.
    assert!(classes < 5 * rules, "{classes:?} for classes, {rules:?} for rules");
}

#[test]
fn invented_signatures_are_removed_with_their_alerts() {
    let (place, store) = Place::with(&[]);
    let limit = 4_000_000;
    for batch in invented(0..60_000).chunks(2_000) {
        store.handler(Unstorable::HandOn).handle(batch).unwrap();
        tidy(&store, keep_bytes(limit));
    }
    store.close();
    drop(store);
    let size = fs::metadata(place.path()).unwrap().len();
    let left = found(&mut place.reader(), &Criteria::default());
    println!("{size} bytes, {} alerts", left.len());
    assert!(size <= limit, "{size}");
    assert!(left.len() > 3_000, "{}", left.len());
    assert_eq!(place.reader().unreadable(), 0);
    let signatures = number(&place, "SELECT count(*) FROM signature");
    assert!(signatures < 2 * left.len() as i64, "{signatures}");
    is_consistent(&place.path());
}

#[test]
fn a_signature_that_came_back_after_it_was_removed_is_another_row() {
    let (place, store) = Place::with(&invented(0..1));
    let mut reader = place.reader();
    assert_eq!(reader.get(1).unwrap().unwrap().message.classification, 0);
    for batch in invented(1..20_000).chunks(2_000) {
        store.handler(Unstorable::HandOn).handle(batch).unwrap();
    }
    tidy(&store, keep_bytes(1_000_000));
    let class = "SELECT count(*) FROM signature WHERE classification = 0";
    assert_eq!(number(&place, class), 0);
    put(&store, &invented(0..1));
    assert_eq!(number(&place, class), 1);
    assert!(number(&place, "SELECT id FROM signature WHERE classification = 0") > 20_000 - 1);
    let last = reader.last().unwrap();
    assert_eq!(reader.get(last).unwrap().unwrap().message.classification, 0);
}

#[test]
fn a_signature_that_the_writer_still_knows_is_added_again_after_it_was_removed() {
    let alerts = invented(0..10_000);
    let (place, store) = Place::with(&alerts);
    tidy(&store, keep_bytes(1_000_000));
    let class = "SELECT count(*) FROM signature WHERE classification = 0";
    assert_eq!(number(&place, class), 0);
    put(&store, &alerts[..1]);
    assert_eq!(number(&place, class), 1);
    let mut reader = place.reader();
    let last = reader.last().unwrap();
    assert_eq!(reader.get(last).unwrap().unwrap().message.classification, 0);
    assert_eq!(reader.unreadable(), 0);
}

#[test]
fn a_signature_is_kept_as_long_as_an_alert_or_a_dead_letter_has_it() {
    let rare = invented(100_000..100_001);
    let (place, store) = Place::with(&rare);
    let mut lane = store.0.writer.lock();
    let last = lane.last();
    lane.note(
        "test",
        done_up_to(last),
        &SettledRanges::default(),
        &vec![refusal(&rare[0], "no")].into(),
    )
    .unwrap();
    drop(lane);
    // One is in every alert of all the time, and one every now and then.
    let often = invented(100_001..100_002);
    for n in 0..300 {
        let batch =
            [&often[..], &invented(n * 60..n * 60 + 60), &rare[..n as usize % 5 / 4]].concat();
        store.handler(Unstorable::HandOn).handle(&batch).unwrap();
        if n % 10 == 0 {
            tidy(&store, keep_bytes(1_500_000));
        }
    }
    tidy(&store, keep_bytes(1_500_000));
    let mut reader = place.reader();
    let left = found(&mut reader, &Criteria::default());
    assert!(left.len() < 10_000 && left.last() > Some(&5_000), "{}", left.len());
    assert_eq!(reader.unreadable(), 0);
    let letters = reader.dead_letters(None, 10).unwrap();
    assert_eq!(letters[0].alert().unwrap().message.classification, 100_000);
}

#[test]
fn origins_are_removed_like_signatures() {
    let one = case("v2919/http").swap_remove(0);
    let from = |pid| {
        let mut alert = Alert::clone(&one);
        alert.sender = Some(Sender { pid, uid: 0 });
        Arc::new(alert)
    };
    let (place, store) = Place::with(&[]);
    for batch in (1..20_000).map(from).collect::<Vec<_>>().chunks(2_000) {
        store.handler(Unstorable::HandOn).handle(batch).unwrap();
    }
    tidy(&store, keep_bytes(1_000_000));
    let left = found(&mut place.reader(), &Criteria::default()).len() as i64;
    let origins = number(&place, "SELECT count(*) FROM origin");
    assert!(left < 5_000 && origins < 2 * left + 2_000, "{origins} origins, {left} alerts");
    assert_eq!(place.reader().unreadable(), 0);
}

/// Its alerts have names of their own, each in another place.
#[test]
fn a_rule_that_another_pigear_named_is_not_looked_up_for_each_alert() {
    let one = case("v2919/http").swap_remove(0);
    let named = |message: &str| {
        let looked = Looked { message: message.as_bytes().into(), ..Looked::default() };
        let decoded = Decoded::new(one.message.clone(), one.dialect);
        Arc::new(Alert::new(decoded, Arc::clone(&one.origin), Arc::new(Names::from(looked))))
    };
    let (place, store) = Place::with(&[named("a"), named("b")]);
    let signatures = || number(&place, "SELECT count(*) FROM signature");
    assert_eq!(signatures(), 2);
    // A row that is looked up is added again.
    Connection::open(place.path()).unwrap().execute("DELETE FROM signature", []).unwrap();
    put(&store, &[named("a"), named("b"), named("a")]);
    assert_eq!(signatures(), 0);
    put(&store, &[named("c")]);
    assert_eq!(signatures(), 1);
}

/// Older Pigears stored their own alerts as if Snort 3 had sent them.
#[test]
fn pigears_own_alerts_have_no_dialect() {
    let mut own = Alert::clone(&case("v2919/http")[0]);
    (own.medium, own.sender) = (Medium::Own, None);
    own.dialect = Dialect::Snort3;
    let (place, _store) = Place::with(&[Arc::new(own), Arc::clone(&case("v2919/http")[0])]);
    let seen = || {
        let mut reader = place.reader();
        let dialects = reader.origins().unwrap().into_iter().map(|origin| origin.dialect);
        let dialects: Vec<_> = dialects.collect();
        let alerts = [1, 2].map(|id| reader.get(id).unwrap().unwrap());
        assert_eq!(alerts[0].dialect, Dialect::Snort3);
        let json = alerts.each_ref().map(|alert| {
            let mut out = Vec::new();
            Json::default().write(alert, &mut out);
            serde_json::from_slice::<serde_json::Value>(&out).unwrap()
        });
        (dialects, alerts.map(|alert| alert.medium), json.map(|json| json["dialect"].clone()))
    };
    let (snort2, snort3) = (Some("snort2.9-appid".to_owned()), Some("snort3".to_owned()));
    let (none, datagram) = (serde_json::Value::Null, Medium::Datagram);
    let expected =
        (vec![snort2.clone(), None], [Medium::Own, datagram], [none, "snort2.9-appid".into()]);
    assert_eq!(seen(), expected);
    let older = "UPDATE origin SET dialect = 'snort3' WHERE dialect = 'pigear'";
    Connection::open(place.path()).unwrap().execute(older, []).unwrap();
    let expected =
        (vec![snort2, snort3], [datagram; 2], ["snort3".into(), "snort2.9-appid".into()]);
    assert_eq!(seen(), expected);
}
