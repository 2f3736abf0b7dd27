//! The fates of a lane's alerts: each is counted once, and reported to the queue.

use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::plural;
use tracing::error;

use super::Worker;
use super::places::{LeftOut, Places};
use crate::grouping::alerts_of;
use crate::handler::Refusal;
use crate::lane::call::Outcome;
use crate::policy::OnError;
use crate::queue::{Refused, Settlement};
use crate::totals::Fate;

impl Worker {
    /// Counts the fates of the first alerts, in order: of all that are settled before one that isn't.
    pub(super) fn record(&mut self, alerts: &[Arc<Alert>], outcome: &Outcome, places: &mut Places) {
        let mut next = 0;
        let part = |from: usize, to: usize| alerts.get(from..to).unwrap_or_default();
        let refused = outcome.refused.iter();
        for refusal in refused.take_while(|refusal| refusal.index < outcome.settled) {
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
        if outcome.no_room && outcome.ahead.is_empty() {
            self.stop_settling();
            self.settle_sent(Fate::Dropped, part(outcome.settled, alerts.len()), places);
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
    pub(super) fn settle_left_out(&mut self, places: &mut Places) {
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
    pub(super) fn count(&self, fate: Fate, alerts: u64) {
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

    pub(super) fn refuse(&mut self, alert: Option<&Arc<Alert>>, refusal: &Refusal, number: u64) {
        if let Some(alert) = alert
            && self.lane.queue.outlives_process()
        {
            let (alert, reason) = (Arc::clone(alert), Arc::clone(&refusal.reason));
            self.refused.push(Refused { number, alert, reason });
        }
    }

    /// Reports the lane's position to the queue.
    pub(super) fn settle(&mut self) {
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
    pub(super) fn stop_settling(&mut self) {
        self.settle();
        self.lane.stop_settling();
    }
}
