//! A lane whose alerts wait in a [`Journal`] instead of in memory.
//!
//! Nothing is pushed to it, so nothing is ever dropped for want of room. What a handler refuses for good
//! doesn't end the program: the journal keeps it, with the reason. And what is not handled when time is
//! up stays in the journal, for the next run.

use std::sync::Arc;
use std::time::Instant;

use pigear_alert::Alert;
use tracing::{error, info, warn};

use crate::deadline::Deadline;
use crate::fanout::OnError;
use crate::handler::{Cause, Handler, HandlerError};
use crate::journal::{Journal, Next, Outcome};
use crate::lane::{LaneEnd, Worker, guarded};
use crate::lane_filter::LaneFilter;
use crate::stats::LaneCounters;

/// A lane whose alerts wait in a journal.
pub(crate) struct DurableLane {
    name: String,
    journal: Arc<dyn Journal>,
    counters: Arc<LaneCounters>,
    attended: bool,
    deadline: Deadline,
}

impl DurableLane {
    pub(crate) fn new(
        name: String,
        journal: Arc<dyn Journal>,
        counters: Arc<LaneCounters>,
        attended: bool,
    ) -> Self {
        Self { name, journal, counters, attended, deadline: Deadline::default() }
    }

    pub(crate) fn is_attended(&self) -> bool {
        self.attended
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Ends once there is nothing more to come.
    pub(crate) fn close(&self) {
        self.journal.close();
    }

    /// Tells handler and journal by when to be done.
    pub(crate) fn end_by(&self, time: Instant) {
        self.deadline.announce(time);
        self.journal.end_by(time);
    }

    /// Gives up on a handler that is still busy.
    pub(crate) fn leave_behind(&self) {
        warn!("handler {}: still busy when time was up; its alerts stay in the store", self.name);
    }

    /// Handles alerts until the journal ends or time is up, and then finishes the handler.
    pub(crate) fn work(&self, worker: Worker, on_error: OnError) -> LaneEnd {
        let Worker { mut handler, mut filter } = worker;
        let started = guarded(|| {
            handler.start(&self.deadline);
            Ok(())
        });
        let end = match started {
            Ok(()) => self.work_off(&mut *handler, filter.as_mut()),
            Err(error) => LaneEnd::Failed(error),
        };
        let Err(error) = self.late(&mut *handler, |handler| handler.finish()) else { return end };
        if handler.in_hand().is_some() {
            info!("handler {}: {error}; the alerts stay in the store", self.name);
        } else if on_error == OnError::Stop && error.refused.is_empty() {
            return LaneEnd::Failed(error);
        } else {
            error!("handler {}: {error}", self.name);
        }
        end
    }

    fn work_off(&self, handler: &mut dyn Handler, mut filter: Option<&mut LaneFilter>) -> LaneEnd {
        loop {
            let result = match self.journal.next(handler.gather(), handler.due()) {
                Next::Ended => return LaneEnd::Done,
                Next::Due => self.late(handler, |handler| handler.wake()),
                Next::Alerts(alerts) => {
                    let (mut outcome, result) = match &mut filter {
                        Some(filter) => self.handle_passed(handler, filter, &alerts),
                        None => self.handle(handler, &alerts),
                    };
                    outcome.in_hand = handler.in_hand();
                    self.journal.settle(&outcome);
                    result
                }
            };
            self.count_lost();
            match result.map_err(|error| (error.to_string(), error.cause)) {
                Ok(()) => {}
                Err((_, Cause::TimeUp)) => return LaneEnd::Done,
                Err((_, Cause::Quit)) => return LaneEnd::Quit,
                Err((_, Cause::ReaderGone)) => {
                    info!("handler {}: the reader has gone away", self.name);
                    return LaneEnd::ReaderGone;
                }
                Err((error, _)) => error!("handler {}: {error}", self.name),
            }
            if self.deadline.is_up() {
                return LaneEnd::Done;
            }
        }
    }

    /// Has the handler do something about alerts that it took before, and settles these.
    fn late(
        &self,
        handler: &mut dyn Handler,
        call: impl FnOnce(&mut dyn Handler) -> Result<(), HandlerError>,
    ) -> Result<(), HandlerError> {
        let result = guarded(|| call(handler));
        let refused_later = result.as_ref().err().map(|error| error.refused.clone());
        let in_hand = handler.in_hand();
        self.journal.settle(&Outcome {
            refused_later: refused_later.unwrap_or_default(),
            in_hand,
            ..Outcome::default()
        });
        result
    }

    /// Handles what passes the filters of a batch, and says what became of the whole of it.
    fn handle_passed(
        &self,
        handler: &mut dyn Handler,
        filter: &mut LaneFilter,
        alerts: &[Arc<Alert>],
    ) -> (Outcome, Result<(), HandlerError>) {
        let passed = filter.apply(alerts);
        let mut left = passed.iter().peekable();
        let mut places = Vec::new();
        for (place, alert) in alerts.iter().enumerate() {
            if left.next_if(|passed| Arc::ptr_eq(passed, alert)).is_some() {
                places.push(place);
            }
        }
        let (outcome, result) = self.handle(handler, &passed);
        // What doesn't pass is settled with what comes before it.
        let settled = places.get(outcome.settled).copied().unwrap_or(alerts.len());
        filter.count(settled - outcome.settled);
        let place = |(index, reason)| places.get(index).map(|place| (*place, reason));
        let refused = outcome.refused.into_iter().filter_map(place).collect();
        (Outcome { settled, refused, ..Outcome::default() }, result)
    }

    /// Handles a batch, and says what became of it. An error is one that ends the lane.
    fn handle(
        &self,
        handler: &mut dyn Handler,
        alerts: &[Arc<Alert>],
    ) -> (Outcome, Result<(), HandlerError>) {
        let mut outcome = Outcome::default();
        while let Some(rest) = alerts.get(outcome.settled..)
            && !rest.is_empty()
        {
            let Err(error) = guarded(|| handler.handle(rest)) else {
                self.counters.handled.add(rest.len() as u64);
                outcome.settled = alerts.len();
                break;
            };
            if matches!(error.cause, Cause::Quit) {
                self.counters.handled.add(rest.len() as u64);
                outcome.settled = alerts.len();
                return (outcome, Err(error));
            }
            let handled = error.handled.min(rest.len() - 1);
            self.counters.handled.add(handled as u64);
            outcome.settled += handled;
            if matches!(error.cause, Cause::TimeUp | Cause::ReaderGone) {
                return (outcome, Err(error));
            }
            let failed = error.failed.clamp(1, rest.len() - handled);
            let reason = error.to_string();
            let which = outcome.settled..outcome.settled + failed;
            outcome.settled += failed;
            outcome.refused.extend(which.map(|index| (index, reason.clone())));
            if let Some(count) = self.counters.failed.add_some_and_log(failed as u64) {
                error!(
                    "handler {}: {reason}; {count} alerts became dead letters so far",
                    self.name
                );
            }
        }
        (outcome, Ok(()))
    }

    fn count_lost(&self) {
        let lost = self.journal.take_lost();
        if lost > 0
            && let Some(count) = self.counters.dropped.add_some_and_log(lost)
        {
            warn!("handler {}: {count} alerts dropped so far", self.name);
        }
    }
}

#[cfg(test)]
mod tests;
