//! The loop of a lane.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::plural;
use tracing::{error, info, warn};

use super::call::{Caller, Ended, Outcome, guarded};
use super::handle::{Lane, LaneEnd};
use crate::account::LeftAlerts;
use crate::backlog::Backlog;
use crate::backoff::Backoff;
use crate::deadline::Slept;
use crate::grouping::{Group, Grouping, Urgency, alerts_of};
use crate::handler::{Context, Failure, Handler, Refusal};
use crate::lane_filter::LaneFilter;
use crate::policy::{BatchPolicy, MAX_BATCH, OnError};
use crate::queue::{Batch, Refused, Settlement, Taken};
use crate::rate_limiter::RateLimiter;
use crate::totals::Fate;
use crate::tracker::Tracker;

/// The work of a lane's thread.
pub(crate) struct Worker {
    lane: Arc<Lane>,
    caller: Caller,
    filter: Option<LaneFilter>,
    limiter: Option<RateLimiter>,
    grouping: Option<Grouping>,
    tracker: Tracker,
    /// Alerts that were taken so far.
    taken: u64,
    /// Refused since the last report to the queue.
    refused: Vec<Refused>,
    /// The last position that was reported to the queue.
    told: u64,
    /// Which groups are sent.
    urgency: Urgency,
    /// Groups that could not be sent before the deadline, and their alerts.
    unsent: u64,
    unsent_alerts: u64,
    /// Dead letters that were to be sent again, and that the filter left out.
    left_letters: u64,
}

/// How often a lane that waits for its rate limit checks whether to stop waiting.
const RATE_CHECK: Duration = Duration::from_millis(200);

impl Worker {
    pub(super) fn new(
        lane: Arc<Lane>,
        handler: Box<dyn Handler>,
        filter: Option<LaneFilter>,
    ) -> Self {
        let limiter = lane.settings.limit.map(RateLimiter::new);
        Self {
            lane,
            caller: Caller::new(handler),
            filter,
            limiter,
            grouping: None,
            tracker: Tracker::default(),
            taken: 0,
            refused: Vec::new(),
            told: 0,
            urgency: Urgency::WhenDue,
            unsent: 0,
            unsent_alerts: 0,
            left_letters: 0,
        }
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Whether filters run on its thread, which may need a large stack.
    pub(crate) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Processes alerts until the lane is closed or the deadline comes, and then finishes the handler.
    pub(crate) fn run(mut self, on_error: OnError) -> LaneEnd {
        self.caller.on_error = on_error;
        let ended = match self.start() {
            Ok(()) => {
                let sent = self.lane.queue.sent_recently();
                self.grouping = Grouping::new(&self.lane.settings, &sent);
                self.work()
            }
            Err(failure) => Some(Ended::With(LaneEnd::Failed(failure))),
        };
        if matches!(ended, Some(Ended::With(LaneEnd::ReaderGone))) {
            info!("handler {}: the reader has gone away", self.lane.name);
            self.lane.unwanted.store(true, Ordering::Relaxed);
        }
        // What still comes is counted at once, and no source waits while the handler finishes.
        self.stop_settling();
        self.lane.close();
        let finished = guarded(|| self.caller.handler.finish());
        let end = self.wind_up(ended);
        let end = self.check_recorded(end);
        match (finished, end) {
            (Ok(()), end) => end,
            (Err(failure), LaneEnd::Done | LaneEnd::LeftInLog(_)) if on_error == OnError::Stop => {
                LaneEnd::Failed(failure)
            }
            (Err(failure), end) => {
                error!("handler {}: {failure}", self.lane.name);
                end
            }
        }
    }

    /// An error or a panic at the start ends the lane, if errors end the program. Otherwise it is logged.
    /// Alerts that can wait for the next run do so.
    fn start(&mut self) -> Result<(), Failure> {
        let Self { lane, caller, filter, .. } = self;
        let mut backoff = Backoff::default();
        loop {
            let backlog = Backlog::new(Arc::clone(&lane.queue), filter.is_some());
            let context = Context::new(&lane.name, lane.deadline.clone(), backlog);
            let Err(failure) = guarded(|| caller.handler.start(context)) else { return Ok(()) };
            if caller.on_error == OnError::Stop {
                return Err(failure);
            }
            let wait = backoff.failed();
            if backoff.is_worth_a_line() {
                error!("handler {}: {failure}", lane.name);
            }
            if !lane.queue.outlives_process() {
                return Ok(());
            }
            if lane.deadline.sleep(wait) == Slept::TimeUp {
                return Err(failure);
            }
        }
    }

    /// Returns why the loop ended, unless the queue has ended.
    fn work(&mut self) -> Option<Ended> {
        let mut batch = Batch::default();
        loop {
            let ended = self.send_due(self.urgency).or_else(|| self.make_room());
            if ended.is_some() {
                return ended;
            }
            let due = self.next_due();
            match self.lane.queue.take(&mut batch, self.batch_policy(), due) {
                Taken::Closed => return self.send_all(),
                Taken::Flush => self.urgency = Urgency::Now,
                Taken::Due => {}
                Taken::Alerts => {
                    if let Some(ended) = self.process(&batch) {
                        return Some(ended);
                    }
                }
            }
            self.lane.count_lost(self.lane.queue.take_lost());
            if self.lane.deadline.is_up() {
                return Some(Ended::TimeUp);
            }
        }
    }

    /// When the next group is to be sent.
    fn next_due(&mut self) -> Option<Instant> {
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
    fn batch_policy(&self) -> BatchPolicy {
        let batch = self.lane.needs.batch;
        match self.grouping {
            Some(_) => BatchPolicy { most: batch.most.max(MAX_BATCH), ..BatchPolicy::default() },
            None => batch,
        }
    }

    /// Processes alerts that were taken.
    fn process(&mut self, batch: &Batch) -> Option<Ended> {
        let (alerts, first) = (batch.alerts(), self.taken);
        self.taken += alerts.len() as u64;
        if self.filter.is_none() && self.limiter.is_none() && self.grouping.is_none() {
            return self.send(alerts, &mut Places::default());
        }
        let fates: Vec<_> = if batch.is_redelivery {
            (first..)
                .zip(alerts)
                .map(|(number, alert)| self.letter_left_out(alert, number))
                .collect()
        } else {
            alerts.iter().map(|alert| self.left_out(alert)).collect()
        };
        let passed = alerts.iter().zip(&fates).filter(|(_, fate)| fate.is_none());
        if self.grouping.is_some() {
            self.group(alerts, &fates, first);
            None
        } else {
            let passed: Vec<_> = passed.map(|(alert, _)| Arc::clone(alert)).collect();
            self.send(&passed, &mut Places(fates.into()))
        }
    }

    /// The fate of an alert that the handler doesn't get.
    fn left_out(&mut self, alert: &Arc<Alert>) -> Option<LeftOut> {
        let left_out = |fate| Some(LeftOut { fate, alerts: alerts_of(alert) });
        if self.is_filtered(alert) {
            return left_out(Fate::Filtered);
        }
        let now = Instant::now();
        let muted = self.limiter.as_mut().is_some_and(|limiter| !limiter.allows(now));
        if muted { left_out(Fate::Muted) } else { None }
    }

    fn is_filtered(&mut self, alert: &Arc<Alert>) -> bool {
        self.filter.as_mut().is_some_and(|filter| !filter.apply(alert))
    }

    /// The fate of a dead letter that is to be sent again, if the handler doesn't get it. It stays a dead
    /// letter then.
    fn letter_left_out(&mut self, alert: &Arc<Alert>, number: u64) -> Option<LeftOut> {
        if !self.is_filtered(alert) {
            return None;
        }
        let (alert, reason) = (Arc::clone(alert), Arc::from("the handler's filter leaves it out"));
        let alerts = alerts_of(&alert);
        self.refused.push(Refused { number, alert, reason });
        self.left_letters += 1;
        if self.left_letters.is_power_of_two() {
            let letters = plural::count(self.left_letters, "dead letter");
            warn!(
                "handler {}: {letters} not sent again so far, since the filter leaves out such alerts; they \
                stay dead letters",
                self.lane.name
            );
        }
        Some(LeftOut { fate: Fate::Filtered, alerts })
    }

    /// Has the handler process alerts, in as many calls as that takes.
    fn send(&mut self, alerts: &[Arc<Alert>], places: &mut Places) -> Option<Ended> {
        let mut sent = 0;
        while let Some(rest) = alerts.get(sent..)
            && !rest.is_empty()
        {
            let outcome = self.caller.call(&self.lane, rest);
            self.record(rest, &outcome, places);
            sent += outcome.settled + outcome.no_room;
            self.settle();
            if outcome.end.is_some() {
                return outcome.end;
            }
        }
        self.settle_left_out(places);
        self.settle();
        None
    }

    /// Counts the fates of alerts, in order.
    fn record(&mut self, alerts: &[Arc<Alert>], outcome: &Outcome, places: &mut Places) {
        let mut next = 0;
        let part = |from: usize, to: usize| alerts.get(from..to).unwrap_or_default();
        for refusal in &outcome.refused {
            self.settle_sent(Fate::Handled, part(next, refusal.index), places);
            self.settle_left_out(places);
            self.refuse(alerts.get(refusal.index), refusal, self.tracker.settled());
            // The alert that ends the program is read again in the next run, if possible.
            if outcome.end.is_some() {
                self.stop_settling();
            }
            self.settle_sent(Fate::Failed, part(refusal.index, refusal.index + 1), places);
            next = refusal.index + 1;
        }
        self.settle_sent(Fate::Handled, part(next, outcome.settled), places);
        if outcome.no_room > 0 {
            self.stop_settling();
            let no_room = part(outcome.settled, outcome.settled + outcome.no_room);
            self.settle_sent(Fate::Dropped, no_room, places);
        }
    }

    /// Counts the next alerts that the handler got, and those before them that it didn't get.
    fn settle_sent(&mut self, fate: Fate, alerts: &[Arc<Alert>], places: &mut Places) {
        let each_is_one = || alerts.iter().all(|alert| alert.count.is_none());
        if places.0.is_empty() && (!self.lane.queue.outlives_process() || each_is_one()) {
            self.settle_next(fate, alerts.len() as u64);
            return;
        }
        for alert in alerts {
            self.settle_left_out(places);
            places.0.pop_front();
            self.settle_one(fate, alerts_of(alert));
        }
    }

    /// Counts the next alerts, as far as the handler doesn't get them.
    fn settle_left_out(&mut self, places: &mut Places) {
        while let Some(LeftOut { fate, alerts }) = places.next_left_out() {
            self.settle_one(fate, alerts);
        }
    }

    /// Counts the next alert, which stands for this many.
    fn settle_one(&mut self, fate: Fate, alerts: u64) {
        self.tracker.settle_one(fate, alerts);
        self.count(fate, alerts);
    }

    fn settle_next(&mut self, fate: Fate, alerts: u64) {
        if alerts == 0 {
            return;
        }
        self.tracker.settle_next(fate, alerts);
        self.count(fate, alerts);
    }

    /// Counts in the account, and logs the error.
    fn count(&self, fate: Fate, alerts: u64) {
        let Some(count) = self.lane.account.settle(fate, alerts) else { return };
        let (alerts, letters) =
            (plural::count(count, "alert"), plural::count(count, "dead letter"));
        let name = &self.lane.name;
        // Further lines, such as those of a traceback, come after what is said here.
        let last = self.caller.last_problem();
        let (last, rest) = last.split_at(last.find('\n').unwrap_or(last.len()));
        match fate {
            Fate::Failed if self.lane.queue.outlives_process() => {
                error!("handler {name}: {last}; {letters} so far{rest}");
            }
            Fate::Failed if self.caller.on_error == OnError::GoOn => {
                error!("handler {name}: {last}; {alerts} failed so far{rest}");
            }
            Fate::Dropped => error!("handler {name}: {last}; {alerts} dropped so far{rest}"),
            _ => {}
        }
    }

    fn refuse(&mut self, alert: Option<&Arc<Alert>>, refusal: &Refusal, number: u64) {
        if let Some(alert) = alert
            && self.lane.queue.outlives_process()
        {
            let (alert, reason) = (Arc::clone(alert), Arc::clone(&refusal.reason));
            self.refused.push(Refused { number, alert, reason });
        }
    }

    /// Reports the lane's position to the queue.
    fn settle(&mut self) {
        let settled = self.tracker.settled();
        let is_told =
            settled == self.told && self.refused.is_empty() && !self.tracker.has_unreported();
        if !self.lane.settles() {
            // The position stays where it is, so what is settled behind it would pile up.
            self.tracker.take_unreported();
            return;
        }
        if is_told {
            return;
        }
        self.told = settled;
        let ahead = self.tracker.take_unreported();
        let refused = std::mem::take(&mut self.refused);
        let totals = self.tracker.totals();
        self.lane.queue.settle(&Settlement { settled, ahead, totals, refused });
    }

    /// The next alert is to be delivered again in the next run, if the source can do so. So the lane
    /// settles the alerts before it, and none from there on.
    fn stop_settling(&mut self) {
        self.settle();
        self.lane.stop_settling();
    }

    /// Adds alerts to groups.
    fn group(&mut self, alerts: &[Arc<Alert>], fates: &[Option<LeftOut>], first: u64) {
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
    fn send_due(&mut self, urgency: Urgency) -> Option<Ended> {
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
            let ended = self.send_groups(&groups);
            if ended.is_some() {
                return ended;
            }
        }
    }

    fn send_groups(&mut self, groups: &[Group]) -> Option<Ended> {
        let messages: Vec<_> = groups.iter().map(Group::message).collect();
        let mut sent = 0;
        while let Some((rest, of)) = messages.get(sent..).zip(groups.get(sent..))
            && !rest.is_empty()
        {
            let outcome = self.caller.call(&self.lane, rest);
            self.record_groups(rest, of, &outcome);
            sent += outcome.settled + outcome.no_room;
            self.settle();
            if outcome.end.is_some() {
                let left = groups.get(sent..).unwrap_or_default();
                self.unsent += left.len() as u64;
                self.unsent_alerts += left.iter().map(|group| group.count).sum::<u64>();
                return outcome.end;
            }
        }
        None
    }

    fn record_groups(&mut self, messages: &[Arc<Alert>], groups: &[Group], outcome: &Outcome) {
        let mut refusals = outcome.refused.iter().peekable();
        for (index, group) in groups.iter().enumerate().take(outcome.settled + outcome.no_room) {
            let refusal = refusals.next_if(|refusal| refusal.index == index);
            let fate = match refusal {
                Some(refusal) => {
                    let refusal = about(refusal, group);
                    self.refuse(messages.get(index), &refusal, group.first);
                    Fate::Failed
                }
                None if index < outcome.settled => Fate::Handled,
                None => Fate::Dropped,
            };
            if fate == Fate::Dropped || (refusal.is_some() && outcome.end.is_some()) {
                self.stop_settling();
            }
            self.tracker.settle_group(group.number, fate);
            self.count(fate, group.count);
        }
    }

    /// Sends groups early, or waits, until there is room for more.
    fn make_room(&mut self) -> Option<Ended> {
        self.send_while(|grouping, tracker| grouping.is_full() || tracker.is_full())
    }

    /// Sends what has collected.
    fn send_all(&mut self) -> Option<Ended> {
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

    /// What could not be recorded is a failure, however the errors of the handler are treated.
    fn check_recorded(&self, end: LaneEnd) -> LaneEnd {
        let Some(problem) = self.lane.queue.unrecorded() else { return end };
        let problem = format!(
            "cannot record which alerts it is done with: {problem}; they may be delivered again in the next run"
        );
        if matches!(end, LaneEnd::Failed(_)) {
            error!("handler {}: {problem}", self.lane.name);
            return end;
        }
        LaneEnd::Failed(Failure::refused(problem))
    }

    /// Closes the account, and returns how the lane ended.
    fn wind_up(&mut self, ended: Option<Ended>) -> LaneEnd {
        if let Some(grouping) = &self.grouping {
            let (groups, alerts) = grouping.left();
            self.unsent += groups;
            self.unsent_alerts += alerts;
        }
        let (lane, name) = (&self.lane, &self.lane.name);
        let left = lane.abandon();
        let fate = lane.fate_of_left(left);
        let messages = self.unsent;
        let unsent = || {
            let alerts = plural::count(self.unsent_alerts, "alert");
            format!("did not send {} about {alerts} in time", plural::count(messages, "message"))
        };
        let ungrouped = match left.saturating_sub(self.unsent_alerts) {
            0 => String::new(),
            more => format!(", and {} not grouped yet", plural::count(more, "alert")),
        };
        let stays = lane.queue.outlives_process();
        match ended {
            Some(Ended::With(end)) => return end,
            _ if messages > 0 && stays => {
                info!("handler {name}: {}; the alerts stay in the store", unsent());
            }
            _ if messages > 0 => warn!("handler {name}: {}{ungrouped}; {fate}", unsent()),
            Some(Ended::TimeUp) if !stays && left > 0 => {
                warn!("handler {name}: could not finish in time; {fate}");
            }
            _ => {}
        }
        match lane.left_alerts() {
            LeftAlerts::ReadAgain if left > 0 => LaneEnd::LeftInLog(left),
            _ => LaneEnd::Done,
        }
    }
}

/// The alerts of a batch that the handler doesn't get; empty if it gets all.
#[derive(Default)]
struct Places(VecDeque<Option<LeftOut>>);

/// An alert that the handler doesn't get, and how many it stands for.
#[derive(Clone, Copy)]
struct LeftOut {
    fate: Fate,
    alerts: u64,
}

impl Places {
    /// The next alert, if the handler doesn't get it.
    fn next_left_out(&mut self) -> Option<LeftOut> {
        let left_out = self.0.front().copied().flatten()?;
        self.0.pop_front();
        Some(left_out)
    }
}

/// The reason of a refused group.
fn about(refusal: &Refusal, group: &Group) -> Refusal {
    let reason = match group.taken {
        1 => Arc::clone(&refusal.reason),
        alerts => Arc::from(format!("{} (about {alerts} alerts)", refusal.reason)),
    };
    Refusal { index: refusal.index, reason }
}
