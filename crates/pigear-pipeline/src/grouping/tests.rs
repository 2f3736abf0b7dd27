use std::num::NonZeroU32;

use super::*;
use crate::test_alerts::alert_of;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn grouping(window: Duration, per_minute: Option<u32>) -> Grouping {
    let per_minute = per_minute.and_then(NonZeroU32::new);
    let settings = LaneSettings { group: Some(window), per_minute, ..LaneSettings::default() };
    Grouping::new(&settings, &[]).unwrap()
}

fn counts(groups: &[Group]) -> Vec<(u32, u64)> {
    groups.iter().map(|group| (group.severity.0, group.count)).collect()
}

#[test]
fn a_group_is_due_when_its_window_is_over() {
    let now = Instant::now();
    let mut groups = grouping(10 * SECOND, None);
    (0..3).for_each(|n| {
        groups.add(&alert_of(1, 3), n.into(), now + n * SECOND);
    });
    groups.add(&alert_of(2, 3), 3, now + SECOND);
    assert_eq!(groups.next_due(), Some(now + 10 * SECOND));
    assert!(groups.take_due(now + 9 * SECOND, Urgency::WhenDue, 10).is_empty());
    assert_eq!(counts(&groups.take_due(now + 10 * SECOND, Urgency::WhenDue, 10)), [(3, 3)]);
    assert_eq!(groups.next_due(), Some(now + 11 * SECOND));
    assert_eq!(groups.left(), (1, 1));
    assert_eq!(counts(&groups.take_due(now + 11 * SECOND, Urgency::WhenDue, 10)), [(3, 1)]);
    assert_eq!((groups.next_due(), groups.bytes), (None, 0));
}

#[test]
fn a_more_severe_alert_is_due_at_once_and_a_lesser_waits() {
    let now = Instant::now();
    let mut groups = grouping(10 * SECOND, None);
    for (number, priority) in [2, 1, 3, 0].into_iter().enumerate() {
        groups.add(&alert_of(1, priority), number as u64, now);
    }
    assert_eq!(counts(&groups.take_due(now, Urgency::WhenDue, 10)), [(1, 1)]);
    let rest = counts(&groups.take_due(now, Urgency::Now, 10));
    assert_eq!(rest, [(2, 1), (3, 1), (u32::MAX, 1)]);
}

#[test]
fn messages_wait_for_the_minute_to_be_over() {
    let now = Instant::now();
    let mut groups = grouping(Duration::ZERO, Some(2));
    for signature in 1..=3 {
        groups.add(&alert_of(signature, 3), 0, now);
    }
    assert_eq!(groups.take_due(now, Urgency::WhenDue, 10).len(), 2);
    assert_eq!(groups.next_due(), Some(now + MINUTE));
    assert!(groups.take_due(now + 59 * SECOND, Urgency::Now, 10).is_empty());
    groups.add(&alert_of(9, 1), 0, now + 59 * SECOND);
    assert_eq!(counts(&groups.take_due(now + MINUTE, Urgency::WhenDue, 1)), [(1, 1)]);
}

#[test]
fn a_message_says_for_how_many_alerts_it_stands() {
    let now = Instant::now();
    let mut groups = grouping(SECOND, None);
    groups.add(&alert_of(1, 3), 0, now);
    // One that was refused before, and stands for five.
    let mut again = Alert::clone(&alert_of(1, 3));
    again.count = NonZeroU64::new(5);
    groups.add(&Arc::new(again), 1, now);
    let group = groups.take_due(now, Urgency::Now, 1).swap_remove(0);
    assert_eq!(group.message().count, NonZeroU64::new(6));
    assert_eq!((group.taken, group.first), (2, 0));
}

#[test]
fn there_may_be_too_many_groups() {
    let now = Instant::now();
    let mut groups = grouping(MINUTE, None);
    for signature in 0..u32::try_from(MAX_GROUPS).unwrap() {
        assert!(!groups.is_full());
        groups.add(&alert_of(signature, 3), 0, now);
    }
    assert!(groups.is_full());
    groups.take_due(now, Urgency::Now, 1);
    assert!(!groups.is_full());
}
