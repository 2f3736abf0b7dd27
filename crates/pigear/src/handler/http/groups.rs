//! Messages for people: alike alerts become one, and there are only so many a minute.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use tracing::warn;

use super::id::Id;
use super::template::Message;

const MINUTE: Duration = Duration::from_secs(60);

/// So many groups may wait; with more, the least severe are given up.
const MOST: usize = 10_000;

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
    alert: Arc<Alert>,
    count: u64,
    id: Id,
    due: Instant,
    severity: Severity,
    number: u64,
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
            self.sent.push_back(now);
        }
        due
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = self.waiting.values().map(|group| group.due).min()?;
        Some(due.max(self.allowed_at(due)))
    }

    /// How many messages still wait, and how many alerts they are about.
    pub(super) fn left(&self) -> (usize, u64) {
        (self.waiting.len(), self.waiting.values().map(|group| group.count).sum())
    }

    /// When the next message may be sent.
    fn allowed_at(&self, now: Instant) -> Instant {
        let Some(per_minute) = self.per_minute else { return now };
        let back = usize::try_from(per_minute).unwrap_or(usize::MAX);
        let oldest = self.sent.len().checked_sub(back).and_then(|index| self.sent.get(index));
        oldest.map_or(now, |&sent| sent + MINUTE)
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
