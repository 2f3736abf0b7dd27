use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::packet::Stated;
use pigear_alert::unified2::{Event, Logged};

use super::Completed;

/// How long a delivered alert is remembered: its event may come later.
const REMEMBER_TIME: Duration = Duration::from_secs(60);
/// The most delivered alerts that are remembered.
const MAX_REMEMBERED: usize = 1 << 17;

/// The most alerts that wait for events, and the most events that wait for alerts.
const MAX_WAITING: usize = 1 << 14;
/// The most bytes of either.
const MAX_BYTES: usize = 32 << 20;

/// The most entries processed in one call, because the receiving thread waits meanwhile.
const MAX_AT_ONCE: usize = 256;

/// Joins alerts of the socket with events of the log, in any order of arrival.
pub(super) struct Join {
    wait: Duration,
    which: Completed,
    /// By the packet's time, the one field that is always correct on both sides.
    times: HashMap<Time, Bucket>,
    /// When each entry's wait is over; the wait is the same for all.
    deadlines: VecDeque<(Instant, Time)>,
    remembered: VecDeque<(Instant, Time)>,
    /// How many alerts and events wait.
    waiting: usize,
    /// Bytes of memory that they take.
    bytes: usize,
    /// How many of these are events. Counted, because searching would block the receiving thread.
    events: usize,
    /// Events that have waited for too long, and were not taken yet. They still count as waiting.
    overdue: Vec<Logged>,
    /// Nothing waits any more.
    is_closed: bool,
}

/// The result of looking up an event's alert.
#[derive(Debug)]
pub(super) enum Joined {
    /// It completes this alert, which waited for it.
    Completed(Arc<Alert>),
    /// Its alert was delivered without it.
    Delivered,
    /// Its alert has not arrived yet. The event waits.
    Waiting,
    /// Its alert has not arrived, and can't any more, or too many entries wait.
    Unmatched(Box<Logged>),
}

/// Whether the alert of an event can still arrive over the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LateAlert {
    Possible,
    Impossible,
}

/// Seconds and microseconds.
type Time = (u32, u32);

/// The entries of one time.
#[derive(Default)]
struct Bucket {
    /// Incomplete alerts.
    alerts: VecDeque<(Instant, Arc<Alert>)>,
    /// Events whose alert has not arrived yet.
    events: VecDeque<(Instant, Logged)>,
    /// Alerts that were delivered without their event.
    handed_on: VecDeque<Ids>,
}

/// Identifies an alert among those of one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    /// `None` where the packet overran the event: any value matches.
    rule: Option<(u32, u32)>,
    /// `None` where the dialect doesn't send it.
    event_id: Option<u32>,
}

/// Entries whose wait is over.
#[derive(Default)]
pub(super) struct Expired {
    pub(super) alerts: Vec<Arc<Alert>>,
    pub(super) events: Vec<Logged>,
    /// Whether there may be more.
    pub(super) may_be_more: bool,
}

impl Join {
    pub(super) fn new(wait: Duration, which: Completed) -> Self {
        let (times, deadlines, remembered, overdue) = Default::default();
        let (waiting, bytes, events, is_closed) = Default::default();
        Self {
            wait,
            which,
            times,
            deadlines,
            remembered,
            waiting,
            bytes,
            events,
            overdue,
            is_closed,
        }
    }

    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    /// Takes an alert of the socket, and returns it if it is complete, or can't be completed.
    pub(super) fn alert(&mut self, mut alert: Arc<Alert>, now: Instant) -> Option<Arc<Alert>> {
        let time = time_of(&alert);
        let ids = Ids::of(&alert);
        let has_room = self.has_room();
        let bucket = self.times.entry(time).or_default();
        if let Some(event) = bucket.take_event(ids) {
            self.waiting -= 1;
            self.bytes -= event.bytes();
            self.events -= 1;
            complete(&mut alert, event);
            self.remove_if_empty(time);
            return Some(alert);
        }
        if (self.which == Completed::All || lacks_something(&alert)) && has_room {
            let until = now + self.wait;
            self.bytes += alert.memory();
            bucket.alerts.push_back((until, alert));
            self.wait_for(time, until);
            return None;
        }
        self.remember(time, ids, now);
        Some(alert)
    }

    /// Takes an event of the log. If its alert can still arrive, the event is stored in the same step:
    /// an alert that arrives in between would never find it.
    pub(super) fn event(&mut self, event: Logged, late: LateAlert, now: Instant) -> Joined {
        let time = time_of_event(&event);
        if let Some(bucket) = self.times.get_mut(&time) {
            if let Some(mut alert) = bucket.take_alert(&event.event) {
                self.waiting -= 1;
                self.bytes -= alert.memory();
                complete(&mut alert, event);
                self.remove_if_empty(time);
                return Joined::Completed(alert);
            }
            if bucket.forget(&event.event) {
                self.remove_if_empty(time);
                return Joined::Delivered;
            }
        }
        if late == LateAlert::Impossible || !self.has_room() {
            return Joined::Unmatched(Box::new(event));
        }
        self.hold(event, now + self.wait);
        Joined::Waiting
    }

    /// Nothing that comes from now on waits. What waits already is to be taken as
    /// [expired](Self::expired).
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether one more may wait.
    fn has_room(&self) -> bool {
        !self.is_closed && self.waiting < MAX_WAITING && self.bytes < MAX_BYTES
    }

    fn hold(&mut self, event: Logged, until: Instant) {
        let time = time_of_event(&event);
        self.bytes += event.bytes();
        self.times.entry(time).or_default().events.push_back((until, event));
        self.events += 1;
        self.wait_for(time, until);
    }

    /// Some of the entries whose wait is over: alerts as they are, events without a datagram. Call it
    /// until it returns nothing; it is done in parts so that the receiving thread need not wait.
    pub(super) fn expired(&mut self, now: Instant) -> Expired {
        let events = std::mem::take(&mut self.overdue);
        let mut expired = Expired { events, ..Expired::default() };
        for _ in 0..MAX_AT_ONCE {
            let Some(time) = pop_due(&mut self.deadlines, now) else { break };
            // Each waiting entry has its own deadline.
            if let Some(bucket) = self.times.get_mut(&time) {
                expired.alerts.extend(pop_due(&mut bucket.alerts, now));
                expired.events.extend(pop_due(&mut bucket.events, now));
                self.remove_if_empty(time);
            }
        }
        expired.may_be_more = self.deadlines.front().is_some_and(|(until, _)| *until <= now);
        self.waiting -= expired.alerts.len() + expired.events.len();
        self.events -= expired.events.len();
        self.bytes -= expired.alerts.iter().map(|alert| alert.memory()).sum::<usize>();
        self.bytes -= expired.events.iter().map(Logged::bytes).sum::<usize>();
        for alert in &expired.alerts {
            self.remember(time_of(alert), Ids::of(alert), now);
        }
        expired
    }

    /// The alerts of that. Its events are left for the next call of [`expired`](Self::expired).
    pub(super) fn expired_alerts(&mut self, now: Instant) -> Expired {
        let mut expired = self.expired(now);
        self.overdue = std::mem::take(&mut expired.events);
        self.waiting += self.overdue.len();
        self.events += self.overdue.len();
        self.bytes += self.overdue.iter().map(Logged::bytes).sum::<usize>();
        expired
    }

    /// When the next wait is over.
    pub(super) fn due(&mut self) -> Option<Instant> {
        loop {
            let (when, time) = self.deadlines.front()?;
            if self.times.get(time).is_some_and(Bucket::has_waiting) {
                return Some(*when);
            }
            // The entry was joined meanwhile.
            self.deadlines.pop_front();
        }
    }

    /// Whether events wait for their alerts.
    pub(super) fn has_events(&self) -> bool {
        self.events > 0
    }

    fn wait_for(&mut self, time: Time, until: Instant) {
        self.waiting += 1;
        self.deadlines.push_back((until, time));
    }

    fn remember(&mut self, time: Time, ids: Ids, now: Instant) {
        self.times.entry(time).or_default().handed_on.push_back(ids);
        self.remembered.push_back((now + REMEMBER_TIME, time));
        if self.remembered.len() > MAX_REMEMBERED {
            self.prune_oldest();
        }
    }

    /// Forgets some alerts that were delivered long ago. Call it only at the end of the log: before
    /// that, their events may still come.
    pub(super) fn prune(&mut self, now: Instant) {
        for _ in 0..MAX_AT_ONCE {
            if self.remembered.front().is_none_or(|(until, _)| *until > now) {
                break;
            }
            self.prune_oldest();
        }
    }

    fn prune_oldest(&mut self) {
        let Some((_, time)) = self.remembered.pop_front() else { return };
        if let Some(bucket) = self.times.get_mut(&time) {
            bucket.handed_on.pop_front();
        }
        self.remove_if_empty(time);
    }

    fn remove_if_empty(&mut self, time: Time) {
        if self.times.get(&time).is_some_and(Bucket::is_empty) {
            self.times.remove(&time);
        }
    }
}

impl Bucket {
    /// The event of an alert with these ids.
    fn take_event(&mut self, ids: Ids) -> Option<Logged> {
        let place = self.events.iter().position(|(_, event)| ids.may_be(&event.event))?;
        self.events.remove(place).map(|(_, event)| event)
    }

    /// The alert of an event: a certain match is preferred to a possible one.
    fn take_alert(&mut self, event: &Event) -> Option<Arc<Alert>> {
        let alerts = || self.alerts.iter().map(|(_, alert)| Ids::of(alert));
        let place = place_of(event, alerts)?;
        self.alerts.remove(place).map(|(_, alert)| alert)
    }

    /// Whether the alert of an event was delivered; it is then forgotten.
    fn forget(&mut self, event: &Event) -> bool {
        let place = place_of(event, || self.handed_on.iter().copied());
        place.is_some_and(|place| self.handed_on.remove(place).is_some())
    }

    fn has_waiting(&self) -> bool {
        !self.alerts.is_empty() || !self.events.is_empty()
    }

    fn is_empty(&self) -> bool {
        !self.has_waiting() && self.handed_on.is_empty()
    }
}

/// The position of an event's alert: a certain match, or else a possible one.
fn place_of<I: Iterator<Item = Ids>>(event: &Event, ids: impl Fn() -> I) -> Option<usize> {
    let surely = ids().position(|ids| ids.rule.is_some() && ids.may_be(event));
    surely.or_else(|| ids().position(|ids| ids.may_be(event)))
}

impl Ids {
    fn of(alert: &Alert) -> Self {
        let message = &alert.message;
        let rule = (message.sig_generator, message.sig_id);
        let is_whole = alert.has_whole_event() && !alert.untrusted;
        Self {
            rule: Some(rule).filter(|_| !alert.untrusted),
            event_id: Some(message.event_id).filter(|_| is_whole),
        }
    }

    fn may_be(self, event: &Event) -> bool {
        self.rule.is_none_or(|rule| rule == (event.generator, event.signature))
            && self.event_id.is_none_or(|event_id| event_id == event.key.event_id)
    }
}

/// The first entry, if its deadline has passed.
fn pop_due<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<T> {
    let is_due = queue.front().is_some_and(|(when, _)| *when <= now);
    if is_due { queue.pop_front().map(|(_, first)| first) } else { None }
}

fn time_of(alert: &Alert) -> Time {
    (alert.message.ts_sec, alert.message.ts_usec)
}

fn time_of_event(logged: &Logged) -> Time {
    logged.event.time()
}

/// Whether an alert lacks something that a datagram can have: the packet, addresses, or a sound event.
pub(crate) fn lacks_something(alert: &Alert) -> bool {
    let is_sound = alert.has_whole_event() && !alert.untrusted;
    !is_sound || !alert.message.has_packet() || !has_addresses(alert)
}

/// The packet is dissected only if Snort doesn't say where its IP header is: this runs on receiving threads.
fn has_addresses(alert: &Alert) -> bool {
    Stated::by(&alert.message).ip.is_some() || alert.src_ip().is_some()
}

fn complete(alert: &mut Arc<Alert>, event: Logged) {
    // The alert is not shared yet.
    if let Some(alert) = Arc::get_mut(alert) {
        alert.complete(event);
    }
}
