//! The loop of a lane.

mod groups;
mod open;
mod places;
mod renewing;
mod settling;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pigear_alert::Alert;
use pigear_alert::plural;
use tracing::{error, info, warn};

use super::call::{Caller, Ended, Outcome, guarded};
use super::handle::{Lane, LaneEnd};
use crate::account::LeftAlerts;
use crate::backlog::Backlog;
use crate::backoff::Backoff;
use crate::deadline::Slept;
use crate::event_counter::EventCounter;
use crate::grouping::{Grouping, Urgency, alerts_of};
use crate::handler::{Context, Failure, Handler};
use crate::lane_filter::LaneFilter;
use crate::lane_times::LanePhase;
use crate::policy::OnError;
use crate::queue::{Batch, Refused, Taken};
use crate::rate_limiter::RateLimiter;
use crate::stats::Stats;
use crate::totals::Fate;
use crate::tracker::Tracker;
use places::{LeftOut, Places};

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
    left_letters: EventCounter,
    /// The counters of the whole pipeline, for the handler.
    stats: Arc<Stats>,
}

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
            left_letters: EventCounter::default(),
            stats: Arc::default(),
        }
    }

    /// With the counters of the whole pipeline.
    pub(crate) fn knowing(self, stats: Arc<Stats>) -> Self {
        Self { stats, ..self }
    }

    /// After this many alerts that sources had sent before the lane was there. Nothing else has the lane yet.
    pub(crate) fn after(mut self, alerts: u64) -> Self {
        if let Some(lane) = Arc::get_mut(&mut self.lane) {
            lane.set_before(alerts);
        }
        self
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Processes alerts until the lane is closed or the deadline comes, and then finishes the handler.
    pub(crate) fn run(mut self, on_error: OnError) -> LaneEnd {
        self.caller.on_error = on_error;
        let ended = match self.start() {
            Ok(()) => {
                self.lane.account.times.enter(LanePhase::Open);
                let sent = self.lane.queue.sent_recently();
                self.grouping = Grouping::new(&self.lane.settings, &sent);
                self.work()
            }
            Err(failure) => Some(Ended::With(LaneEnd::Failed(failure))),
        };
        if matches!(ended, Some(Ended::With(LaneEnd::ReaderGone))) {
            info!("handler {}: the reader has gone away", self.lane.name);
            self.lane.reader_gone.store(true, Ordering::Relaxed);
        }
        if matches!(ended, Some(Ended::With(LaneEnd::ReaderGone | LaneEnd::Quit))) {
            self.lane.account.set_unwanted();
        }
        self.lane.account.times.enter(LanePhase::Ended);
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
        let Self { lane, caller, filter, stats, .. } = self;
        let mut backoff = Backoff::default();
        loop {
            let backlog = Backlog::new(Arc::clone(&lane.queue), filter.is_some());
            let context =
                Context::new(&lane.name, lane.deadline.clone(), backlog, Arc::clone(stats));
            let context = context.counting(lane.account.times.retries.clone());
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
                // One that hands over need not have been started.
                return if lane.deadline.hands_over() { Ok(()) } else { Err(failure) };
            }
        }
    }

    /// Returns why the loop ended, unless the queue has ended.
    fn work(&mut self) -> Option<Ended> {
        let mut batch = Batch::default();
        loop {
            let ended = self.renew();
            let ended = ended.or_else(|| self.send_due(self.urgency)).or_else(|| self.make_room());
            if self.is_over(ended.as_ref()) {
                return ended;
            }
            let due = self.next_due();
            match self.lane.queue.take(&mut batch, self.batch_policy(), due) {
                Taken::Closed => {
                    let ended = self.send_all();
                    if ended.is_none() || self.is_over(ended.as_ref()) {
                        return ended;
                    }
                }
                Taken::Flush => self.urgency = Urgency::Now,
                Taken::Due => {}
                Taken::Alerts => {
                    if let Some(ended) = self.process(&batch) {
                        return Some(ended);
                    }
                }
            }
            self.lane.count_lost(self.lane.queue.take_lost());
            if self.lane.deadline.is_up() && !self.lane.is_renewed() {
                return Some(Ended::TimeUp);
            }
        }
    }

    /// Processes alerts that were taken.
    fn process(&mut self, batch: &Batch) -> Option<Ended> {
        if let Some(ended) = self.renew() {
            return Some(ended);
        }
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
        if let Some(count) = self.left_letters.add(1) {
            let letters = plural::count(count, "dead letter");
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
            let outcome = self.call(rest);
            self.record(rest, &outcome, places);
            if !outcome.ahead.is_empty() {
                let rest = rest.get(outcome.settled..).unwrap_or_default();
                return self.send_out_of_order(rest, outcome.behind(), places);
            }
            sent = if outcome.no_room { alerts.len() } else { sent + outcome.settled };
            self.settle();
            if outcome.end.is_some() {
                return outcome.end;
            }
        }
        self.settle_left_out(places);
        self.settle();
        None
    }

    /// Has the handler process alerts: the one that is to do so from now on. One of a lane that was removed begins
    /// nothing that waits in the store.
    pub(super) fn call(&mut self, alerts: &[Arc<Alert>]) -> Outcome {
        if let Some(ended) = self.renew() {
            return Outcome::of_end(ended);
        }
        if self.lane.deadline.hands_over() && !self.lane.is_renewed() {
            return Outcome::of_end(Ended::TimeUp);
        }
        let mut outcome = self.caller.call(&self.lane, alerts);
        outcome.end = outcome.end.filter(|end| self.is_over(Some(end)));
        outcome
    }

    /// Whether the lane ends; not if only its last handler had no more time.
    fn is_over(&self, ended: Option<&Ended>) -> bool {
        let goes_on = matches!(ended, Some(Ended::TimeUp)) && self.lane.is_renewed();
        ended.is_some() && !goes_on
    }

    /// What could not be recorded ends the run with an error, however those of the handler are treated.
    fn check_recorded(&self, end: LaneEnd) -> LaneEnd {
        let Some(problem) = self.lane.queue.unrecorded() else { return end };
        let problem = format!(
            "cannot record which alerts it is done with: {problem}; they may be delivered again in the next run"
        );
        if matches!(end, LaneEnd::Failed(_)) {
            error!("handler {}: {problem}", self.lane.name);
            return end;
        }
        LaneEnd::Unrecorded(problem)
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
            LeftAlerts::ReadAgain(_) if left > 0 => LaneEnd::LeftInLog(left),
            _ => LaneEnd::Done,
        }
    }
}
