//! Messages for people: alike alerts become one, and there are only so many a minute.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use tracing::warn;

use super::id::Id;
use super::people::Unsent;
use super::template::Message;

const MINUTE: Duration = Duration::from_secs(60);

/// So many groups may wait; with more, the least severe are given up.
const MOST: usize = 2_000;

/// Alerts that wait to be told of.
///
/// Alerts of the same signature, source and priority are one group, and so one message. A more
/// severe one is never hidden by a lesser: it has a message of its own, isn't held back if one of
/// its signature and source waits already, and goes first where messages have to wait.
pub(super) struct Groups {
    window: Duration,
    per_minute: Option<u32>,
    waiting: HashMap<Key, Group>,
    /// When messages of the last minute were sent.
    sent: VecDeque<Instant>,
    /// How many groups there were so far.
    begun: u64,
    given_up: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    generator: u32,
    signature: u32,
    source: Option<IpAddr>,
    severity: Severity,
}

/// Snort's priority, with none at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Severity(u32);

/// Alike alerts.
pub(super) struct Group {
    /// The first of them.
    pub(super) alert: Arc<Alert>,
    count: u64,
    id: Id,
    due: Instant,
    severity: Severity,
    /// Groups are counted as they are begun.
    pub(super) number: u64,
}

impl Severity {
    fn of(alert: &Alert) -> Self {
        Self(alert.priority().unwrap_or(u32::MAX))
    }

    fn is_worse_than(self, other: Self) -> bool {
        self < other
    }
}

impl Group {
    pub(super) fn message(&self) -> Message<'_> {
        Message { alert: &self.alert, count: self.count, id: self.id }
    }

    /// How many alerts this is.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

impl Groups {
    pub(super) fn new(window: Duration, per_minute: Option<u32>) -> Self {
        Self {
            window,
            per_minute,
            waiting: HashMap::new(),
            sent: VecDeque::new(),
            begun: 0,
            given_up: 0,
        }
    }

    pub(super) fn add(&mut self, alert: &Arc<Alert>, now: Instant) {
        let severity = Severity::of(alert);
        let (generator, signature) = (alert.message.sig_generator, alert.message.sig_id);
        let key = Key { generator, signature, source: alert.src_ip(), severity };
        let id = Id::of(alert);
        if let Some(group) = self.waiting.get_mut(&key) {
            group.count += 1;
            group.id = Id::of_all([group.id, id]);
            return;
        }
        let lesser_waits = self.waiting.keys().any(|other| {
            severity.is_worse_than(other.severity) && Key { severity, ..*other } == key
        });
        let due = if lesser_waits { now } else { now + self.window };
        let number = self.begun;
        self.begun += 1;
        let group = Group { alert: Arc::clone(alert), count: 1, id, due, severity, number };
        self.waiting.insert(key, group);
        if self.waiting.len() > MOST {
            self.give_one_up();
        }
    }

    /// The messages that may be sent now, worst first, at most so many.
    pub(super) fn take_due(&mut self, now: Instant, everything: bool, most: usize) -> Vec<Group> {
        let mut due = Vec::new();
        while due.len() < most && self.allowed_at(now) <= now {
            let candidates =
                self.waiting.iter().filter(|(_, group)| everything || group.due <= now);
            let first = candidates.min_by_key(|(_, group)| (group.severity, group.number));
            let Some(key) = first.map(|(key, _)| *key) else { break };
            due.extend(self.waiting.remove(&key));
            self.note_sent(now);
        }
        due
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = self.waiting.values().map(|group| group.due).min()?;
        Some(due.max(self.allowed_at(due)))
    }

    /// The group that was begun first of those that wait.
    pub(super) fn oldest(&self) -> Option<&Group> {
        self.waiting.values().min_by_key(|group| group.number)
    }

    /// What still waits.
    pub(super) fn left(&self) -> Unsent {
        Unsent::of(self.waiting.values())
    }

    /// When the next message may be sent.
    fn allowed_at(&self, now: Instant) -> Instant {
        let Some(per_minute) = self.per_minute else { return now };
        let back = usize::try_from(per_minute).unwrap_or(usize::MAX);
        let oldest = self.sent.len().checked_sub(back).and_then(|index| self.sent.get(index));
        oldest.map_or(now, |&sent| sent + MINUTE)
    }

    fn note_sent(&mut self, now: Instant) {
        let Some(per_minute) = self.per_minute else { return };
        self.sent.push_back(now);
        while self.sent.len() > usize::try_from(per_minute).unwrap_or(usize::MAX) {
            self.sent.pop_front();
        }
    }

    fn give_one_up(&mut self) {
        let last = self.waiting.iter().max_by_key(|(_, group)| (group.severity, group.number));
        let Some(key) = last.map(|(key, _)| *key) else { return };
        self.waiting.remove(&key);
        self.given_up += 1;
        if self.given_up.is_power_of_two() {
            warn!(
                "http: too many different messages wait; the least severe are given up, {} so far",
                self.given_up
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::alert_of;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn counts(groups: &[Group]) -> Vec<(u32, u64)> {
        groups.iter().map(|group| (group.severity.0, group.count)).collect()
    }

    #[test]
    fn a_group_is_due_when_its_window_is_over() {
        let now = Instant::now();
        let mut groups = Groups::new(10 * SECOND, None);
        (0..3).for_each(|n| groups.add(&alert_of(1, 3), now + n * SECOND));
        groups.add(&alert_of(2, 3), now + SECOND);
        assert_eq!(groups.next_due(), Some(now + 10 * SECOND));
        assert!(groups.take_due(now + 9 * SECOND, false, 10).is_empty());
        assert_eq!(counts(&groups.take_due(now + 10 * SECOND, false, 10)), [(3, 3)]);
        assert_eq!(groups.next_due(), Some(now + 11 * SECOND));
        assert_eq!(groups.left(), Unsent { messages: 1, alerts: 1 });
        assert_eq!(counts(&groups.take_due(now + 11 * SECOND, false, 10)), [(3, 1)]);
        assert_eq!(groups.next_due(), None);
    }

    #[test]
    fn a_more_severe_alert_is_due_at_once_and_a_lesser_waits() {
        let now = Instant::now();
        let mut groups = Groups::new(10 * SECOND, None);
        groups.add(&alert_of(1, 2), now);
        groups.add(&alert_of(1, 1), now);
        groups.add(&alert_of(1, 3), now);
        groups.add(&alert_of(1, 0), now);
        assert_eq!(counts(&groups.take_due(now, false, 10)), [(1, 1)]);
        let rest = counts(&groups.take_due(now, true, 10));
        assert_eq!(rest, [(2, 1), (3, 1), (u32::MAX, 1)]);
    }

    #[test]
    fn messages_wait_for_the_minute_to_be_over() {
        let now = Instant::now();
        let mut groups = Groups::new(Duration::ZERO, Some(2));
        (1..=3).for_each(|signature| groups.add(&alert_of(signature, 3), now));
        assert_eq!(groups.take_due(now, false, 10).len(), 2);
        assert_eq!(groups.next_due(), Some(now + MINUTE));
        assert!(groups.take_due(now + 59 * SECOND, true, 10).is_empty());
        groups.add(&alert_of(9, 1), now + 59 * SECOND);
        assert_eq!(counts(&groups.take_due(now + MINUTE, false, 1)), [(1, 1)]);
    }

    #[test]
    fn when_too_many_wait_the_least_severe_are_given_up() {
        let now = Instant::now();
        let mut groups = Groups::new(MINUTE, None);
        let most = u32::try_from(MOST).unwrap();
        groups.add(&alert_of(0, 4), now);
        (1..=most).for_each(|signature| groups.add(&alert_of(signature, 1), now));
        assert_eq!(groups.left(), Unsent { messages: MOST, alerts: u64::from(most) });
        assert_eq!(groups.given_up, 1);
        assert_eq!(groups.take_due(now, true, 1)[0].severity, Severity(1));
    }
}
