//! Another handler, filter or limit for a lane that runs.

use std::time::{Duration, Instant};

use tracing::error;

use super::Worker;
use crate::handler::Handler;
use crate::lane::call::{Caller, Ended, guarded};
use crate::lane::handle::{LaneEnd, Renewal};
use crate::lane_filter::LaneFilter;
use crate::rate_limiter::RateLimiter;

/// How long a handler may take to finish before its successor starts.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

impl Worker {
    /// Goes on with another handler or filter, if that was asked for. Returns why the lane ends, if the handler
    /// can't start.
    pub(super) fn renew(&mut self) -> Option<Ended> {
        let mut ended = None;
        while let Some(Renewal { lane, handler, filters }) = self.lane.renewal.take() {
            if lane.settings.limit != self.lane.settings.limit {
                self.limiter = lane.settings.limit.map(RateLimiter::new);
            }
            let before = std::mem::replace(&mut self.lane, lane);
            self.filter = LaneFilter::new(&self.lane.name, filters, &self.lane.account);
            if let Some(handler) = handler {
                // It was told to wait for no receiver. What it has handled it may finish.
                before.deadline.announce(Instant::now() + FINISH_TIMEOUT);
                ended = self.change_handler(handler);
            }
        }
        ended
    }

    fn change_handler(&mut self, handler: Box<dyn Handler>) -> Option<Ended> {
        if let Err(failure) = guarded(|| self.caller.handler.finish()) {
            error!("handler {}: {failure}", self.lane.name);
        }
        let on_error = self.caller.on_error;
        self.caller = Caller::new(handler);
        self.caller.on_error = on_error;
        self.start().err().map(|failure| Ended::With(LaneEnd::Failed(failure)))
    }
}
