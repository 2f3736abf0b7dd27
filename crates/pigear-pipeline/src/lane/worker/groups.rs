//! Groups of alerts, each of which is sent as one message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use tracing::warn;

use super::Worker;
use super::open::Open;
use super::places::LeftOut;
use crate::deadline::Slept;
use crate::grouping::{Grouping, Urgency, alerts_of};
use crate::lane::call::Ended;
use crate::policy::{BatchPolicy, MAX_BATCH};
use crate::tracker::Tracker;

/// How often a lane that waits for its rate limit checks whether to stop waiting.
const RATE_CHECK: Duration = Duration::from_millis(200);

impl Worker {
    /// When the next group is to be sent.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        let grouping = self.grouping.as_ref()?;
        if grouping.is_empty() {
            self.urgency = Urgency::WhenDue;
        }
        match self.urgency {
            Urgency::WhenDue => grouping.next_due(),
            Urgency::Now => Some(grouping.allowed_at(Instant::now())),
        }
    }

    /// Groups collect alerts themselves; the handler's batch policy is for the messages.
    pub(super) fn batch_policy(&self) -> BatchPolicy {
        let batch = self.lane.needs.batch;
        match self.grouping {
            Some(_) => BatchPolicy { most: batch.most.max(MAX_BATCH), ..BatchPolicy::default() },
            None => batch,
        }
    }

    /// Adds alerts to groups.
    pub(super) fn group(&mut self, alerts: &[Arc<Alert>], fates: &[Option<LeftOut>], first: u64) {
        let Some(grouping) = &mut self.grouping else { return };
        let now = Instant::now();
        let mut left_out = Vec::new();
        for ((alert, fate), number) in alerts.iter().zip(fates).zip(first..) {
            match fate {
                None => {
                    let group = grouping.add(alert, number, now);
                    self.tracker.put_into_group(group, alerts_of(alert));
                }
                Some(left) => {
                    self.tracker.settle_one(left.fate, left.alerts);
                    left_out.push(*left);
                }
            }
        }
        for LeftOut { fate, alerts } in left_out {
            self.count(fate, alerts);
        }
        self.settle();
    }

    /// Sends groups.
    pub(super) fn send_due(&mut self, urgency: Urgency) -> Option<Ended> {
        loop {
            let most = self.lane.needs.batch.most.max(1);
            let grouping = self.grouping.as_mut()?;
            let now = Instant::now();
            let groups = grouping.take_due(now, urgency, most);
            if groups.is_empty() {
                return None;
            }
            if let Some(recent) = grouping.sent_recently(now) {
                self.lane.queue.sending(&recent);
            }
            let ended = self.send_open(groups.iter().map(Open::group).collect());
            if ended.is_some() {
                return ended;
            }
        }
    }

    /// Sends groups early, or waits, until there is room for more.
    pub(super) fn make_room(&mut self) -> Option<Ended> {
        self.send_while(|grouping, tracker| grouping.is_full() || tracker.is_full())
    }

    /// Sends what has collected.
    pub(super) fn send_all(&mut self) -> Option<Ended> {
        let ended = self.send_due(Urgency::Now);
        let left = self.grouping.as_ref().map_or(0, |grouping| grouping.left().0);
        if ended.is_some() || left == 0 {
            return ended;
        }
        if !self.lane.queue.outlives_process() && self.lane.deadline.left().is_none() {
            let name = &self.lane.name;
            let wait = if left == 1 { "message waits" } else { "messages wait" };
            warn!("handler {name}: {left} {wait} for per_minute; a signal ends this");
        }
        self.send_while(|grouping, _| !grouping.is_empty())
    }

    /// Sends groups as fast as the limit allows.
    fn send_while(&mut self, more: impl Fn(&Grouping, &Tracker) -> bool) -> Option<Ended> {
        while self.grouping.as_ref().is_some_and(|grouping| more(grouping, &self.tracker)) {
            if let Some(ended) = self.send_due(Urgency::Now) {
                return Some(ended);
            }
            let grouping = self.grouping.as_ref().filter(|it| more(it, &self.tracker))?;
            let now = Instant::now();
            let wait = grouping.allowed_at(now).saturating_duration_since(now);
            let deadline = &self.lane.deadline;
            // What may not be sent in time isn't waited for, nor what the next run gets.
            let gives_up = deadline.left().is_some_and(|left| left < wait)
                || (self.lane.queue.outlives_process() && self.lane.queue.is_closed());
            if gives_up || deadline.sleep(wait.min(RATE_CHECK)) == Slept::TimeUp {
                return Some(Ended::TimeUp);
            }
        }
        None
    }
}
