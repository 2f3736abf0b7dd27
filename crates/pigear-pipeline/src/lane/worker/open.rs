//! Alerts and groups that the handler was passed, and that are settled in whatever order it says.

use std::sync::Arc;

use pigear_alert::Alert;

use super::Worker;
use super::places::Places;
use crate::grouping::{Group, alerts_of};
use crate::handler::Refusal;
use crate::lane::call::{Ended, Outcome};
use crate::totals::Fate;

/// What is sent to the handler as one alert, and isn't settled.
pub(super) struct Open {
    message: Arc<Alert>,
    /// Its group's number in the tracker.
    group: u64,
    /// The number of its first alert among those that the lane took.
    first: u64,
    /// How many alerts it stands for, and how many the lane took for them.
    alerts: u64,
    taken: u64,
}

impl Open {
    pub(super) fn group(group: &Group) -> Self {
        let Group { number, first, count, taken, .. } = *group;
        Self { message: group.message(), group: number, first, alerts: count, taken }
    }

    /// The refusal of it.
    fn refusal(&self, refusal: &Refusal) -> Refusal {
        let reason = match self.taken {
            1 => Arc::clone(&refusal.reason),
            alerts => Arc::from(format!("{} (about {alerts} alerts)", refusal.reason)),
        };
        Refusal { index: refusal.index, reason }
    }
}

impl Worker {
    /// Has the handler process what is open, in as many calls as that takes.
    pub(super) fn send_open(&mut self, mut open: Vec<Open>) -> Option<Ended> {
        while !open.is_empty() {
            let messages: Vec<_> = open.iter().map(|open| Arc::clone(&open.message)).collect();
            let outcome = self.call(&messages);
            open = self.record_open(open, &outcome);
            if outcome.end.is_some() {
                if self.grouping.is_some() {
                    self.unsent += open.len() as u64;
                    self.unsent_alerts += open.iter().map(|open| open.alerts).sum::<u64>();
                }
                return outcome.end;
            }
        }
        None
    }

    /// The handler has settled alerts behind one that it has not: the others are open from here on.
    pub(super) fn send_out_of_order(
        &mut self,
        alerts: &[Arc<Alert>],
        outcome: Outcome,
        places: &mut Places,
    ) -> Option<Ended> {
        let open = self.open(alerts, places);
        let open = self.record_open(open, &outcome);
        if outcome.end.is_some() { outcome.end } else { self.send_open(open) }
    }

    /// Numbers these alerts, and counts those between and behind them that the handler doesn't get.
    fn open(&mut self, alerts: &[Arc<Alert>], places: &mut Places) -> Vec<Open> {
        let mut open = Vec::new();
        for message in alerts {
            self.settle_left_out(places);
            places.0.pop_front();
            let alerts = alerts_of(message);
            let number = self.tracker.open_next(alerts);
            let message = Arc::clone(message);
            open.push(Open { message, group: number, first: number, alerts, taken: 1 });
        }
        self.settle_left_out(places);
        open
    }

    /// Counts the fates of what is settled, and returns the rest.
    fn record_open(&mut self, open: Vec<Open>, outcome: &Outcome) -> Vec<Open> {
        let mut refusals = outcome.refused.iter().peekable();
        let mut rest = Vec::new();
        for (index, open) in open.into_iter().enumerate() {
            let refusal = refusals.next_if(|refusal| refusal.index == index);
            let fate = match refusal {
                Some(refusal) => {
                    self.refuse(Some(&open.message), &open.refusal(refusal), open.first);
                    Fate::Failed
                }
                None if outcome.has_settled(index) => Fate::Handled,
                None if outcome.no_room => Fate::Dropped,
                None => {
                    rest.push(open);
                    continue;
                }
            };
            if fate == Fate::Dropped || (refusal.is_some() && outcome.end.is_some()) {
                self.stop_settling();
            }
            self.tracker.settle_group(open.group, fate);
            self.count(fate, open.alerts);
        }
        self.settle();
        rest
    }
}
