use std::sync::atomic::{AtomicBool, Ordering};

use super::layout::BLOCK;
use super::querying::several;
use super::*;

/// When the first alert was received.
const START: i64 = 1_800_000_000;

/// Alerts that were received one after the other, many within a second and then none for a while.
fn received() -> Vec<Arc<Alert>> {
    let second = |n: usize| START + (n as i64 / 100) + (n as i64 / 3_000) * 600;
    let at = |n: usize, alert: &Arc<Alert>| {
        let mut alert = Alert::clone(alert);
        alert.received = Timestamp::from_second(second(n)).unwrap();
        Arc::new(alert)
    };
    several().iter().enumerate().map(|(n, alert)| at(n, alert)).collect()
}

fn since(seconds: i64) -> Criteria {
    let received = Some(Timestamp::from_second(START + seconds).unwrap());
    Criteria { received, ..Criteria::default() }
}

#[test]
fn alerts_are_found_by_when_they_were_received() {
    let all = received();
    let (place, _store) = Place::with(&all);
    let mut reader = place.reader();
    for seconds in [0, 1, 29, 30, 31, 610, 640, 1_250, 100_000] {
        let expected = |sid: Option<u32>| {
            let ids = (1_i64..).zip(&all).filter(|(_, alert)| {
                alert.received.as_second() >= START + seconds
                    && sid.is_none_or(|sid| alert.message.sig_id == sid)
            });
            let mut ids: Vec<_> = ids.map(|(id, _)| id).collect();
            ids.reverse();
            ids
        };
        assert_eq!(found(&mut reader, &since(seconds)), expected(None), "{seconds}");
        let of_sid = Criteria { sid: vec![1_000_130], ..since(seconds) };
        assert_eq!(found(&mut reader, &of_sid), expected(Some(1_000_130)), "{seconds}");
        let counted = |counts: Vec<Count>| counts.iter().map(|count| count.alerts).sum::<u64>();
        for by in [CountBy::Sid, CountBy::Src, CountBy::Hour, CountBy::Port] {
            let counts = reader.count(&since(seconds), by).unwrap();
            assert_eq!(counted(counts), expected(None).len() as u64, "{seconds} {by}");
        }
    }
}

#[test]
fn a_timeline_has_each_alert_in_its_span() {
    let all = received();
    let (place, _store) = Place::with(&all);
    let mut reader = place.reader();
    for (start, step, spans) in
        [(0, 1, 40), (0, 60, 60), (25, 7, 100), (605, 300, 3), (90_000, 1, 5)]
    {
        let mut expected = vec![0; spans];
        for alert in &all {
            let second = alert.received.as_second() - START - start;
            if second >= 0 {
                expected[((second / step) as usize).min(spans - 1)] += 1;
            }
        }
        let begin = Timestamp::from_second(START + start).unwrap();
        let mut timeline = Timeline::new(begin, step, spans);
        reader.arrivals(&since(start), &mut timeline).unwrap();
        assert_eq!(timeline.counts, expected, "{start} {step}");
        // A condition that all alerts meet: then each is looked at.
        let also: Test = Box::new(|_| true);
        let criteria = Criteria { also: Some(also), ..since(start) };
        let mut timeline = Timeline::new(begin, step, spans);
        reader.arrivals(&criteria, &mut timeline).unwrap();
        assert_eq!(timeline.counts, expected, "{start} {step}, each");
    }
}

#[test]
fn contents_tell_how_many_alerts_there_are() {
    let all = received();
    let (place, _store) = Place::with(&all[..3 * BLOCK as usize + 5]);
    let contents = place.reader().contents().unwrap().unwrap();
    assert_eq!(contents.alerts, 3 * BLOCK as u64 + 5);
}

#[test]
fn a_search_is_interrupted_and_the_next_one_is_not() {
    let all = received();
    let (place, _store) = Place::with(&all);
    let mut reader = place.reader();
    let stop = Arc::new(AtomicBool::new(false));
    let is_stopped = Arc::clone(&stop);
    reader.interrupt_while(move || is_stopped.load(Ordering::SeqCst));
    let mut visited = 0;
    let interrupted = reader.newest(&Criteria::default(), |_| {
        visited += 1;
        stop.store(true, Ordering::SeqCst);
        Further::On
    });
    assert!(interrupted.is_err());
    assert!(visited < all.len(), "{visited}");
    stop.store(false, Ordering::SeqCst);
    assert_eq!(found(&mut reader, &Criteria::default()).len(), all.len());
}
