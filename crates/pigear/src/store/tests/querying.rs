use pigear_alert::packet::IpProtocol;

use super::layout::SEGMENT;
use super::*;

/// The alerts of all Snorts, several times each: enough for several segments.
pub(super) fn several() -> Vec<Arc<Alert>> {
    let mut all = Vec::new();
    for (n, recording) in recordings().iter().enumerate() {
        let sensor = (n % 3 > 0).then(|| format!("sensor {}", n % 3));
        let origin = Arc::new(Origin { sensor, ..Origin::default() });
        let alerts = alerts(recording, &AlertFactory { origin, ..AlertFactory::default() });
        all.extend(std::iter::repeat_n(alerts, 9).flatten());
    }
    assert!(all.len() as i64 > 2 * SEGMENT);
    all
}

/// What is found is what looking at all alerts finds.
#[track_caller]
pub(super) fn finds(
    reader: &mut Reader,
    all: &[Arc<Alert>],
    criteria: &Criteria,
    wanted: impl Fn(&Alert) -> bool,
) {
    let mut expected: Vec<_> =
        (1_i64..).zip(all).filter(|(_, alert)| wanted(alert)).map(|(id, _)| id).collect();
    expected.reverse();
    assert!(!expected.is_empty() && expected.len() < all.len(), "nothing is shown by this");
    assert_eq!(found(reader, criteria), expected);
    let mut after = Vec::new();
    let visit = |stored: Stored| {
        after.push(stored.id);
        Further::On
    };
    assert_eq!(reader.after(0, criteria, visit).unwrap(), all.len() as i64);
    after.reverse();
    assert_eq!(after, expected);
}

fn with(set: impl FnOnce(&mut Criteria)) -> Criteria {
    let mut criteria = Criteria::default();
    set(&mut criteria);
    criteria
}

#[test]
fn every_criterion_finds_what_it_says() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    finds(reader, &all, &with(|c| c.sid = vec![1_000_130, 434]), |alert| {
        [1_000_130, 434].contains(&alert.message.sig_id)
    });
    finds(reader, &all, &with(|c| c.gid = vec![116]), |alert| alert.message.sig_generator == 116);
    finds(reader, &all, &with(|c| c.priority = vec![1]), |alert| alert.priority() == Some(1));
    finds(reader, &all, &with(|c| c.class = vec!["web-application-attack".into()]), |alert| {
        alert.class().is_some_and(|class| &*class.name == "web-application-attack")
    });
    finds(reader, &all, &with(|c| c.text = Some("icmp PING".into())), |alert| {
        String::from_utf8_lossy(&alert.msg()).to_lowercase().contains("icmp ping")
    });
    finds(reader, &all, &with(|c| c.port = Some(80)), |alert| {
        alert.src_port() == Some(80) || alert.dst_port() == Some(80)
    });
    finds(reader, &all, &with(|c| c.proto = Some(IpProtocol::UDP)), |alert| {
        alert.protocol() == Some(IpProtocol::UDP)
    });
    finds(reader, &all, &with(|c| c.sensor = Some("sensor 1".into())), |alert| {
        alert.origin.sensor.as_deref() == Some("sensor 1")
    });
    finds(
        reader,
        &all,
        &with(|c| c.also = Some(Box::new(|alert| alert.message.caplen > 900))),
        |alert| alert.message.caplen > 900,
    );
}

#[test]
fn addresses_and_networks_are_found() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    for network in ["192.168.10.21", "192.168.10.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32"] {
        let net: Network = network.parse().unwrap();
        let (first, last) = net.ends();
        let within = |ip: Option<std::net::IpAddr>| {
            ip.is_some_and(|ip| ip.is_ipv4() == first.is_ipv4() && first <= ip && ip <= last)
        };
        finds(reader, &all, &with(|c| c.src = Some(net)), |alert| within(alert.src_ip()));
        if all.iter().any(|alert| within(alert.dst_ip())) {
            finds(reader, &all, &with(|c| c.dst = Some(net)), |alert| within(alert.dst_ip()));
        }
        finds(reader, &all, &with(|c| c.host = Some(net)), |alert| {
            within(alert.src_ip()) || within(alert.dst_ip())
        });
    }
}

#[test]
fn times_are_from_and_until() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    let mut times: Vec<_> = all.iter().map(|alert| alert.timestamp()).collect();
    times.sort_unstable();
    let (since, until) = (times[times.len() / 3], times[times.len() * 2 / 3]);
    let criteria = with(|c| (c.since, c.until) = (Some(since), Some(until)));
    finds(reader, &all, &criteria, |alert| (since..until).contains(&alert.timestamp()));
}

#[test]
fn criteria_come_together() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let criteria = with(|c| {
        c.gid = vec![1];
        c.host = Some("192.168.10.21".parse().unwrap());
        c.port = Some(80);
    });
    let ip = "192.168.10.21".parse().ok();
    finds(&mut place.reader(), &all, &criteria, |alert| {
        alert.message.sig_generator == 1
            && (alert.src_ip() == ip || alert.dst_ip() == ip)
            && (alert.src_port() == Some(80) || alert.dst_port() == Some(80))
    });
}

#[test]
fn what_nothing_meets_finds_nothing() {
    let (place, _store) = Place::with(&case("v2919/http"));
    let reader = &mut place.reader();
    for criteria in [
        with(|c| c.sid = vec![4_000_000_000]),
        with(|c| c.text = Some("no such text".into())),
        with(|c| c.src = "10.9.8.7".parse().ok()),
        with(|c| c.until = Some(Timestamp::UNIX_EPOCH)),
    ] {
        assert_eq!(found(reader, &criteria), [0; 0]);
    }
    assert!(reader.get(0).unwrap().is_none() && reader.get(7).unwrap().is_none());
}

#[test]
fn the_newest_come_first_and_no_more_are_read_than_wanted() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let mut ids = Vec::new();
    place
        .reader()
        .newest(&Criteria::default(), |stored| {
            ids.push(stored.id);
            if ids.len() < 3 { Further::On } else { Further::Enough }
        })
        .unwrap();
    let last = all.len() as i64;
    assert_eq!(ids, [last, last - 1, last - 2]);
}

#[test]
fn a_reader_sees_what_is_stored_meanwhile() {
    let (place, store) = Place::with(&case("v2919/http"));
    let mut reader = place.reader();
    assert_eq!(reader.last().unwrap(), 6);
    put(&store, &case("v2919/icmp_ping"));
    let mut seen = 0;
    let last = reader.after(6, &Criteria::default(), |_| {
        seen += 1;
        Further::On
    });
    assert_eq!((last.unwrap(), seen), (33, 27));
}

#[test]
fn pages_before_an_id_are_the_whole() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    let criteria = with(|c| c.priority = vec![1]);
    let whole = found(reader, &criteria);
    let (mut paged, mut before) = (Vec::new(), i64::MAX);
    loop {
        let mut page = Vec::new();
        let visit = |stored: Stored| {
            page.push(stored.id);
            if page.len() < 70 { Further::On } else { Further::Enough }
        };
        reader.newest_before(before, &criteria, visit).unwrap();
        let Some(last) = page.last() else { break };
        before = *last;
        paged.extend(page);
    }
    assert_eq!(paged, whole);
}

#[test]
fn a_search_ends_between_two_alerts_of_a_block() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let (place, _store) = Place::with(&several());
    let checked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&checked);
    let slow = with(|c| {
        c.also = Some(Box::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            true
        }));
    });
    let (reader, done) = (&mut place.reader(), Arc::clone(&checked));
    reader.end_when(move || done.load(Ordering::SeqCst) >= 3);
    let mut ids = Vec::new();
    let error = reader.after(64, &slow, |stored| {
        ids.push(stored.id);
        Further::On
    });
    assert!(matches!(error.unwrap_err().source, StoreProblem::Unfinished { reached: 67 }));
    assert_eq!(ids, [65, 66, 67]);

    checked.store(0, Ordering::SeqCst);
    ids.clear();
    let error = reader.newest_before(128, &slow, |stored| {
        ids.push(stored.id);
        Further::On
    });
    assert!(matches!(error.unwrap_err().source, StoreProblem::Unfinished { reached: 125 }));
    assert_eq!(ids, [127, 126, 125]);

    checked.store(0, Ordering::SeqCst);
    assert!(reader.count(&slow, CountBy::Port).is_err());
    assert_eq!(checked.load(Ordering::SeqCst), 3);
}

#[test]
fn a_search_that_is_ended_is_continued_where_it_was() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let all = several();
    let (place, _store) = Place::with(&all);
    let criteria = with(|c| c.also = Some(Box::new(|alert| alert.src_port() == Some(80))));
    let whole = found(&mut place.reader(), &criteria);
    let reader = &mut place.reader();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    reader.end_when(move || count.fetch_add(1, Ordering::SeqCst) % 99 == 98);
    let unfinished = |result: Result<(), StoreError>| match result.err()?.source {
        StoreProblem::Unfinished { reached } => Some(reached),
        problem => panic!("{problem}"),
    };
    let (mut ids, mut before, mut ended) = (Vec::new(), i64::MAX, 0);
    let mut visit = |stored: Stored| {
        ids.push(stored.id);
        Further::On
    };
    while let Some(reached) = unfinished(reader.newest_before(before, &criteria, &mut visit)) {
        assert!(reached < before);
        (before, ended) = (reached, ended + 1);
    }
    assert!(ended > 10);
    assert_eq!(ids, whole);
    asked.store(0, Ordering::SeqCst);
    let (mut ids, mut after) = (Vec::new(), 0);
    let mut visit = |stored: Stored| {
        ids.push(stored.id);
        Further::On
    };
    while let Some(reached) = unfinished(reader.after(after, &criteria, &mut visit).map(drop)) {
        assert!(reached > after);
        after = reached;
    }
    ids.reverse();
    assert_eq!(ids, whole);
    assert!(unfinished(reader.count(&criteria, CountBy::Port).map(drop)).is_some());
}

#[test]
fn any_number_may_be_asked_for() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    for id in [i64::MIN, -65, -1, 0, all.len() as i64 + 1, i64::MAX - 1, i64::MAX] {
        assert!(reader.get(id).unwrap().is_none(), "{id}");
        reader.newest_before(id, &Criteria::default(), |_| Further::Enough).unwrap();
        reader.after(id, &Criteria::default(), |_| Further::Enough).unwrap();
    }
    for id in [1, 63, 64, 65, all.len() as i64] {
        assert!(reader.get(id).unwrap().is_some(), "{id}");
    }
}
