use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};

use super::querying::several;
use super::*;
use crate::store::count::PriorityCounts;

/// Counts are what counting each alert gives.
#[track_caller]
fn counts(
    reader: &mut Reader,
    all: &[Arc<Alert>],
    criteria: &Criteria,
    by: CountBy,
    what: impl Fn(&Alert) -> Option<String>,
) {
    let wanted = found(reader, criteria);
    let mut expected = BTreeMap::<Option<String>, u64>::new();
    for id in wanted {
        *expected.entry(what(&all[usize::try_from(id - 1).unwrap()])).or_default() += 1;
    }
    assert!(expected.len() > 1, "nothing is shown by this");
    let counted = reader.count(criteria, by).unwrap();
    if !by.is_time() {
        assert!(counted.is_sorted_by(|a, b| a.alerts >= b.alerts));
    }
    // The message of a rule is one of those that it has had.
    let without_message = |what: String| match by {
        CountBy::Sid => what.split(' ').next().unwrap().to_owned(),
        _ => what,
    };
    let counted: BTreeMap<_, _> =
        counted.into_iter().map(|count| (count.what.map(without_message), count.alerts)).collect();
    assert_eq!(counted, expected, "{by}");
}

fn all_ways(reader: &mut Reader, all: &[Arc<Alert>], criteria: &Criteria) {
    let class = |alert: &Alert| alert.class().map(|class| class.name.to_string());
    let hour = |alert: &Alert| Some(alert.timestamp().strftime("%Y-%m-%d %H:00").to_string());
    counts(reader, all, criteria, CountBy::Sid, |alert| {
        Some(format!("{}:{}", alert.message.sig_generator, alert.message.sig_id))
    });
    counts(reader, all, criteria, CountBy::Class, class);
    counts(reader, all, criteria, CountBy::Src, |alert| alert.src_ip().map(|ip| ip.to_string()));
    counts(reader, all, criteria, CountBy::Dst, |alert| alert.dst_ip().map(|ip| ip.to_string()));
    counts(reader, all, criteria, CountBy::Priority, |alert| {
        alert.priority().map(|priority| priority.to_string())
    });
    counts(reader, all, criteria, CountBy::Port, |alert| {
        alert.dst_port().map(|port| port.to_string())
    });
    counts(reader, all, criteria, CountBy::Proto, |alert| {
        alert.protocol().map(|proto| proto.to_string())
    });
    counts(reader, all, criteria, CountBy::Sensor, |alert| alert.origin.sensor.clone());
    counts(reader, all, criteria, CountBy::Hour, hour);
}

#[test]
fn counts_of_all_are_right() {
    let all = several();
    let (place, _store) = Place::with(&all);
    all_ways(&mut place.reader(), &all, &Criteria::default());
}

#[test]
fn counts_of_some_time_are_right() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let mut times: Vec<_> = all.iter().map(|alert| alert.timestamp()).collect();
    times.sort_unstable();
    let criteria = Criteria {
        since: Some(times[times.len() / 10]),
        until: Some(times[times.len() * 9 / 10]),
        ..Criteria::default()
    };
    all_ways(&mut place.reader(), &all, &criteria);
}

#[test]
fn counts_of_some_signatures_are_right() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let criteria = Criteria { text: Some("e".to_owned()), ..Criteria::default() };
    all_ways(&mut place.reader(), &all, &criteria);
}

#[test]
fn counts_of_some_addresses_are_right() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let criteria = Criteria { host: "0.0.0.0/0".parse().ok(), ..Criteria::default() };
    let reader = &mut place.reader();
    counts(reader, &all, &criteria, CountBy::Src, |alert| alert.src_ip().map(|ip| ip.to_string()));
    counts(reader, &all, &criteria, CountBy::Priority, |alert| {
        alert.priority().map(|priority| priority.to_string())
    });
}

#[test]
fn hours_and_days_are_counted_in_a_time_zone() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let mut reader = place.reader();
    // Half an hour away from full hours of UTC.
    let zone = TimeZone::fixed(Offset::from_seconds(19_800).unwrap());
    for (by, form) in [(CountBy::Hour, "%Y-%m-%d %H:00"), (CountBy::Day, "%Y-%m-%d")] {
        let mut expected = BTreeMap::<String, u64>::new();
        for alert in &all {
            let time = alert.timestamp().to_zoned_datetime(zone.clone()).strftime(form).to_string();
            *expected.entry(time).or_default() += 1;
        }
        assert!(expected.len() > 1);
        let counted = reader.count_in(&Criteria::default(), by, zone.clone()).unwrap();
        let counted: BTreeMap<_, _> =
            counted.into_iter().map(|count| (count.what.unwrap(), count.alerts)).collect();
        assert_eq!(counted, expected, "{by}");
    }
}

/// The series is what counting each alert gives.
#[track_caller]
fn series(reader: &mut Reader, all: &[Arc<Alert>], criteria: &Criteria, interval: Duration) {
    let seconds = i64::try_from(interval.as_secs()).unwrap();
    let mut expected = BTreeMap::<(i64, Option<u32>), u64>::new();
    for id in found(reader, criteria) {
        let alert = &all[usize::try_from(id - 1).unwrap()];
        let begin = alert.timestamp().as_second().div_euclid(seconds) * seconds;
        *expected.entry((begin, alert.priority())).or_default() += 1;
    }
    assert!(expected.len() > 1, "nothing is shown by this");
    let points = reader.series(criteria, interval).unwrap().points;
    assert!(points.is_sorted_by(|a, b| a.time < b.time));
    let mut counted = BTreeMap::new();
    for point in points {
        for (priority, alerts) in point.priorities {
            counted.insert((point.time.as_second(), priority), alerts);
        }
    }
    assert_eq!(counted, expected);
}

#[test]
fn a_series_is_what_counting_each_alert_gives() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let mut reader = place.reader();
    let mut times: Vec<_> = all.iter().map(|alert| alert.timestamp()).collect();
    times.sort_unstable();
    let of_time = Criteria {
        since: Some(times[times.len() / 10]),
        until: Some(times[times.len() * 9 / 10]),
        ..Criteria::default()
    };
    let of_signatures = Criteria { text: Some("e".to_owned()), ..Criteria::default() };
    let of_addresses = Criteria { host: "0.0.0.0/0".parse().ok(), ..Criteria::default() };
    let of_priorities = Criteria { priority: vec![1, 2], ..Criteria::default() };
    let all_ways = [Criteria::default(), of_time, of_signatures, of_addresses, of_priorities];
    for criteria in all_ways {
        for seconds in [1, 3_600, 1_000_000] {
            series(&mut reader, &all, &criteria, Duration::from_secs(seconds));
        }
    }
}

#[test]
fn a_series_has_each_of_many_priorities() {
    let with_priority = |(alert, priority): (&Arc<Alert>, u32)| {
        let mut alert = Alert::clone(alert);
        alert.message.priority = priority;
        Arc::new(alert)
    };
    let all: Vec<_> = several().iter().zip((0..20).cycle()).map(with_priority).collect();
    let (place, _store) = Place::with(&all);
    for seconds in [1, 1_000_000] {
        let interval = Duration::from_secs(seconds);
        series(&mut place.reader(), &all, &Criteria::default(), interval);
    }
}

/// Of a segment that a reader knows, another reader may count other alerts: of a copy that went on in another way.
#[test]
fn what_is_remembered_of_a_store_is_not_taken_for_another() {
    let all = several();
    let with = |priority, later| {
        let changed = |alert: &Arc<Alert>| {
            let mut alert = Alert::clone(alert);
            alert.message.priority = priority;
            alert.message.ts_usec = later + alert.message.ts_usec % 1_000;
            Arc::new(alert)
        };
        all.iter().map(changed).collect::<Vec<_>>()
    };
    let (one, same_times, later) = (with(1, 0), with(2, 0), with(3, 1_000));
    let identity = "UPDATE meta SET value = '0123456789abcdef' WHERE key = 'identity'";
    let shared = Arc::<PriorityCounts>::default();
    for (alerts, is_copy) in [(&one, true), (&same_times, false), (&later, true)] {
        let (place, _store) = Place::with(alerts);
        if is_copy {
            Connection::open(place.path()).unwrap().execute(identity, []).unwrap();
        }
        let mut reader = place.reader();
        reader.priority_counts = Arc::clone(&shared);
        let criteria = Criteria { priority: vec![1, 2, 3], ..Criteria::default() };
        series(&mut reader, alerts, &criteria, Duration::from_secs(3_600));
        series(&mut reader, alerts, &Criteria::default(), Duration::from_secs(3_600));
    }
}
