use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::unified2::{Event, Logged};

/// An alert that was handed on is remembered for so long: its event comes a little later.
const MEMORY: Duration = Duration::from_secs(60);
/// No more alerts than this are remembered.
const MAX_REMEMBERED: usize = 1 << 17;

/// No more alerts than this wait for their events, and no more events for their alerts.
const MAX_WAITING: usize = 1 << 14;
/// Nor do they take more bytes than these.
const MAX_BYTES: usize = 32 << 20;

/// No more than this is done at once: the receiving thread waits meanwhile.
const MAX_AT_ONCE: usize = 256;

/// Puts together what came over the socket, and what was logged, in whatever order they come.
pub(super) struct Join {
    wait: Duration,
    /// By the time of the packet, which is the one thing that both always have right.
    times: HashMap<Time, Bucket>,
    /// When to look what has waited for too long; the wait is the same for all.
    deadlines: VecDeque<(Instant, Time)>,
    remembered: VecDeque<(Instant, Time)>,
    /// How many alerts and events wait.
    waiting: usize,
    /// Bytes of memory that they take.
    bytes: usize,
    /// How many of these are events. Counted, since the receiving thread waits for whoever looks.
    events: usize,
    /// Events that have waited for too long, and were not taken yet. They still count as waiting.
    overdue: Vec<Logged>,
    /// Nothing waits any more.
    is_closed: bool,
}

/// What an event is to the alerts that came.
#[derive(Debug)]
pub(super) enum Joined {
    /// It completes this one, which has waited for it.
    Completed(Arc<Alert>),
    /// Its alert was handed on without it.
    HandedOn,
    /// Its alert didn't come yet. It waits for that.
    Held,
    /// Its alert didn't come, and can't come any more, or too much waits already.
    Alone(Box<Logged>),
}

/// Whether the alert of an event may still come over the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    Possible,
    Impossible,
}

/// Seconds and microseconds.
type Time = (u32, u32);

/// What there is of one time.
#[derive(Default)]
struct Bucket {
    /// Alerts that lack something.
    alerts: VecDeque<(Instant, Arc<Alert>)>,
    /// Events whose alert didn't come yet.
    events: VecDeque<(Instant, Logged)>,
    /// Alerts that were handed on without their event.
    handed_on: VecDeque<Ids>,
}

/// What tells alerts of one time from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    /// `None` where the packet overran the event: it may be any.
    rule: Option<(u32, u32)>,
    /// `None` where it wasn't sent.
    event_id: Option<u32>,
}

/// What has waited for too long.
#[derive(Default)]
pub(super) struct Expired {
    pub(super) alerts: Vec<Arc<Alert>>,
    pub(super) events: Vec<Logged>,
    /// Whether to ask again.
    pub(super) may_be_more: bool,
}

impl Join {
    pub(super) fn new(wait: Duration) -> Self {
        let (times, deadlines, remembered, overdue) = Default::default();
        let (waiting, bytes, events, is_closed) = Default::default();
        Self { wait, times, deadlines, remembered, waiting, bytes, events, overdue, is_closed }
    }

    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    /// Takes an alert of the socket, and returns it if it is complete, or as good as it gets.
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
            self.tidy(time);
            return Some(alert);
        }
        if lacks_something(&alert) && has_room {
            let until = now + self.wait;
            self.bytes += alert.memory();
            bucket.alerts.push_back((until, alert));
            self.wait_for(time, until);
            return None;
        }
        self.remember(time, ids, now);
        Some(alert)
    }

    /// Takes an event of the log. One whose alert may still come is kept for that in the same step: an
    /// alert that comes in between would never find it.
    pub(super) fn event(&mut self, event: Logged, late: Late, now: Instant) -> Joined {
        let time = time_of_event(&event);
        if let Some(bucket) = self.times.get_mut(&time) {
            if let Some(mut alert) = bucket.take_alert(&event.event) {
                self.waiting -= 1;
                self.bytes -= alert.memory();
                complete(&mut alert, event);
                self.tidy(time);
                return Joined::Completed(alert);
            }
            if bucket.forget(&event.event) {
                self.tidy(time);
                return Joined::HandedOn;
            }
        }
        if late == Late::Impossible || !self.has_room() {
            return Joined::Alone(Box::new(event));
        }
        self.hold(event, now + self.wait);
        Joined::Held
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

    /// What has waited for too long: alerts go on as they are, events without the datagram. It is not
    /// all at once, so that the receiving thread need not wait: ask until there is nothing.
    pub(super) fn expired(&mut self, now: Instant) -> Expired {
        let events = std::mem::take(&mut self.overdue);
        let mut expired = Expired { events, ..Expired::default() };
        for _ in 0..MAX_AT_ONCE {
            let Some(time) = pop_due(&mut self.deadlines, now) else { break };
            // Each that waits has its own deadline.
            if let Some(bucket) = self.times.get_mut(&time) {
                expired.alerts.extend(pop_due(&mut bucket.alerts, now));
                expired.events.extend(pop_due(&mut bucket.events, now));
                self.tidy(time);
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

    /// The alerts of that. Its events are left to who asks for [all](Self::expired).
    pub(super) fn expired_alerts(&mut self, now: Instant) -> Expired {
        let mut expired = self.expired(now);
        self.overdue = std::mem::take(&mut expired.events);
        self.waiting += self.overdue.len();
        self.events += self.overdue.len();
        self.bytes += self.overdue.iter().map(Logged::bytes).sum::<usize>();
        expired
    }

    /// When something will have waited for too long.
    pub(super) fn due(&mut self) -> Option<Instant> {
        loop {
            let (when, time) = self.deadlines.front()?;
            if self.times.get(time).is_some_and(Bucket::has_waiting) {
                return Some(*when);
            }
            // What waited was put together meanwhile.
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
        self.remembered.push_back((now + MEMORY, time));
        if self.remembered.len() > MAX_REMEMBERED {
            self.forget_oldest();
        }
    }

    /// Forgets some alerts that were handed on long ago. Only for who has read the log to its end: else
    /// their events may still come.
    pub(super) fn forget_old(&mut self, now: Instant) {
        for _ in 0..MAX_AT_ONCE {
            if self.remembered.front().is_none_or(|(until, _)| *until > now) {
                break;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, time)) = self.remembered.pop_front() else { return };
        if let Some(bucket) = self.times.get_mut(&time) {
            bucket.handed_on.pop_front();
        }
        self.tidy(time);
    }

    fn tidy(&mut self, time: Time) {
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

    /// The alert of an event: one that surely is it, rather than one that may be any.
    fn take_alert(&mut self, event: &Event) -> Option<Arc<Alert>> {
        let alerts = || self.alerts.iter().map(|(_, alert)| Ids::of(alert));
        let place = place_of(event, alerts)?;
        self.alerts.remove(place).map(|(_, alert)| alert)
    }

    /// Whether the alert of an event was handed on; it is forgotten then.
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

/// Where the alert of an event stands: one that surely is it, or else one that may be.
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

/// The first, if its time has come.
fn pop_due<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<T> {
    let is_due = queue.front().is_some_and(|(when, _)| *when <= now);
    if is_due { queue.pop_front().map(|(_, first)| first) } else { None }
}

fn time_of(alert: &Alert) -> Time {
    (alert.message.ts_sec, alert.message.ts_usec)
}

fn time_of_event(logged: &Logged) -> Time {
    (logged.event.key.second, logged.event.microsecond)
}

/// Whether an alert has not all that a datagram can have.
pub(crate) fn lacks_something(alert: &Alert) -> bool {
    !alert.message.has_packet() || alert.untrusted || !alert.has_whole_event()
}

fn complete(alert: &mut Arc<Alert>, event: Logged) {
    // Nobody else has it yet.
    if let Some(alert) = Arc::get_mut(alert) {
        alert.complete(event);
    }
}
