//! Grouping: similar alerts become one message, and the rate of messages is limited.
//!
//! Grouping is a part of the lane, before any handler. A group keeps its first alert, with the number
//! of alerts that it stands for ([`Alert::count`]). The lane counts all of them as handled when the
//! handler has processed the first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;

use crate::policy::LaneSettings;
use crate::rate_limiter::{RateLimiter, RecentEvents};

#[cfg(test)]
mod tests;

/// The most groups that may wait, and the most bytes of their alerts. Above that the oldest are sent
/// early.
const MAX_GROUPS: usize = 2_000;
const MAX_BYTES: usize = 16 << 20;

/// Alerts that wait to be sent as messages.
///
/// Alerts of the same signature, source and priority form a group, and so one message. A more severe
/// alert is never hidden by a less severe one: it gets its own message, does not wait for a group of its
/// signature and source, and is sent first where messages have to wait.
pub(crate) struct Grouping {
    window: Duration,
    limiter: Option<RateLimiter>,
    waiting: HashMap<GroupKey, Group>,
    /// Bytes of memory that they take.
    bytes: usize,
    /// How many groups there were so far.
    begun: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct GroupKey {
    generator: u32,
    signature: u32,
    source: Option<IpAddr>,
    severity: Severity,
}

/// Snort's priority; alerts without one come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Severity(u32);

/// Similar alerts.
#[derive(Debug)]
pub(crate) struct Group {
    /// The first of them.
    pub(crate) alert: Arc<Alert>,
    /// The number of alerts in the group.
    pub(crate) count: u64,
    /// How many the lane took for them: a redelivered dead letter may stand for several.
    pub(crate) taken: u64,
    /// The group's number, in the order of creation.
    pub(crate) number: u64,
    /// The number of its first alert among those that the lane took.
    pub(crate) first: u64,
    due: Option<Instant>,
    severity: Severity,
}

/// How many alerts one stands for: several, if it is the first of a group that is sent again.
pub(crate) fn alerts_of(alert: &Alert) -> u64 {
    alert.count.map_or(1, NonZeroU64::get)
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
    /// The first alert, with the number of alerts that it stands for.
    pub(crate) fn message(&self) -> Arc<Alert> {
        let mut alert = Alert::clone(&self.alert);
        alert.count = NonZeroU64::new(self.count);
        Arc::new(alert)
    }
}

impl Grouping {
    /// After messages that earlier runs sent; `None` if every alert is its own message, and may be sent
    /// at once.
    pub(crate) fn new(settings: &LaneSettings, sent: &[RecentEvents]) -> Option<Self> {
        let LaneSettings { group, per_minute, .. } = *settings;
        let limiter = |per_minute| RateLimiter::after(per_minute, sent, Instant::now());
        (group.is_some() || per_minute.is_some()).then(|| Self {
            window: group.unwrap_or_default(),
            limiter: per_minute.map(limiter),
            waiting: HashMap::new(),
            bytes: 0,
            begun: 0,
        })
    }

    /// Adds an alert, the `number`th that the lane took, and returns the number of its group.
    pub(crate) fn add(&mut self, alert: &Arc<Alert>, number: u64, now: Instant) -> u64 {
        let severity = Severity::of(alert);
        let (generator, signature) = (alert.message.sig_generator, alert.message.sig_id);
        let key = GroupKey { generator, signature, source: alert.src_ip(), severity };
        let alerts = alerts_of(alert);
        if let Some(group) = self.waiting.get_mut(&key) {
            group.count += alerts;
            group.taken += 1;
            return group.number;
        }
        let lesser_waits = self.waiting.keys().any(|other| {
            severity.is_worse_than(other.severity) && GroupKey { severity, ..*other } == key
        });
        let due = if lesser_waits { Some(now) } else { now.checked_add(self.window) };
        let group = self.begun;
        self.begun += 1;
        self.bytes += alert.memory();
        let alert = Arc::clone(alert);
        let new =
            Group { alert, count: alerts, taken: 1, number: group, first: number, due, severity };
        self.waiting.insert(key, new);
        group
    }

    /// Whether groups must be sent before more alerts are added.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_GROUPS || self.bytes >= MAX_BYTES
    }

    /// The groups that may be sent now, most severe first, at most this many.
    pub(crate) fn take_due(&mut self, now: Instant, urgency: Urgency, most: usize) -> Vec<Group> {
        let mut due = Vec::new();
        while due.len() < most && self.allowed_at(now) <= now {
            let goes = |group: &Group| {
                urgency != Urgency::WhenDue || group.due.is_some_and(|due| due <= now)
            };
            let candidates = self.waiting.iter().filter(|(_, group)| goes(group));
            let first = candidates.min_by_key(|(_, group)| (group.severity, group.number));
            let Some(key) = first.map(|(key, _)| *key) else { break };
            let Some(group) = self.waiting.remove(&key) else { break };
            self.bytes -= group.alert.memory();
            due.push(group);
            if let Some(limiter) = &mut self.limiter {
                limiter.note(now);
            }
        }
        due
    }

    /// The messages of the last minute, if there is a limit of messages.
    pub(crate) fn sent_recently(&self, now: Instant) -> Option<Vec<RecentEvents>> {
        self.limiter.as_ref().map(|limiter| limiter.recent(now))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many groups wait, and how many alerts are in them.
    pub(crate) fn left(&self) -> (u64, u64) {
        let alerts = self.waiting.values().map(|group| group.count).sum();
        (self.waiting.len() as u64, alerts)
    }

    /// When the next group may be sent.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let due = self.waiting.values().filter_map(|group| group.due).min()?;
        Some(self.allowed_at(due))
    }

    /// When a group may be sent that need not wait for its window.
    pub(crate) fn allowed_at(&self, now: Instant) -> Instant {
        self.limiter.as_ref().map_or(now, |limiter| limiter.next_allowed(now))
    }
}

/// Which groups are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Those whose window is over.
    WhenDue,
    /// Any, as far as the limit allows.
    Now,
}
