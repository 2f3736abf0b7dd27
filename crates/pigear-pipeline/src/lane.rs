//! A handler's own thread and queue.
//!
//! Two things keep a lane from slowing down the source that feeds it. A push never waits, unless the
//! lane was told to. And the lane's thread isn't woken for every alert: having worked off its queue,
//! it rests for a millisecond before it goes to sleep, and while it rests a push is no more than a
//! lock and a store. So waking costs nothing at high rates, and at low ones an alert is still
//! handled at once. When many alerts come, it rests for longer, as long as its queue stays nearly
//! empty: each time that it looks costs the processor as much as several alerts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use tracing::{error, info, warn};

use crate::backlog::Backlog;
use crate::deadline::Deadline;
use crate::fanout::OnError;
use crate::handler::{Cause, Handler, HandlerError};
use crate::lane_filter::LaneFilter;
use crate::queue::{Batch, Bounds, Pushed, Queue, Taken};
use crate::stats::{Counter, LaneCounters};

#[cfg(test)]
mod tests;

/// A handler gets so many alerts at once, at most, unless it wants more.
pub const MAX_BATCH: usize = 512;

/// How long a lane rests before it sleeps …
const REST: Duration = Duration::from_millis(1);
/// … and how long after a batch of so many alerts.
const LONG_REST: Duration = Duration::from_millis(4);
const MANY: usize = 16;

/// What a lane does with an alert that finds its queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The new alert is dropped and counted; a line is logged at powers of two.
    #[default]
    DropNewest,
    /// The source waits for room. From a socket this **holds up Snort**, which inspects no packets
    /// meanwhile.
    Wait,
}

/// No policy has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy {name:?}; known are drop-newest, wait")]
pub struct UnknownPolicy {
    /// The name that was asked for.
    pub name: String,
}

impl FromStr for WhenFull {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "drop-newest" => Ok(Self::DropNewest),
            "wait" => Ok(Self::Wait),
            _ => Err(UnknownPolicy { name: name.to_owned() }),
        }
    }
}

/// How much a lane holds, and what it does when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// Alerts that wait or are being handled, at most.
    pub max_alerts: usize,
    /// Bytes of memory that these take, at most.
    pub max_bytes: usize,
    /// What becomes of an alert that doesn't fit.
    pub when_full: WhenFull,
}

impl Default for LaneSettings {
    /// 65,536 alerts, 64 MiB, and [`WhenFull::DropNewest`].
    fn default() -> Self {
        Self { max_alerts: 65_536, max_bytes: 64 << 20, when_full: WhenFull::DropNewest }
    }
}

/// The end of a lane that is pushed to.
pub(crate) struct Lane {
    name: String,
    queue: Arc<Queue>,
    counters: Arc<LaneCounters>,
    wants_datagram: bool,
    attended: bool,
    unwanted: AtomicBool,
    deadline: Deadline,
}

/// What works on a lane's thread.
pub(crate) struct Worker {
    pub(crate) handler: Box<dyn Handler>,
    /// What its alerts pass through before.
    pub(crate) filter: Option<LaneFilter>,
}

/// How a lane's work ended.
#[derive(Debug)]
pub(crate) enum LaneEnd {
    /// Everything was handled.
    Done,
    /// Nobody reads the handler's output any more.
    ReaderGone,
    /// Whoever works with the handler wants everything to end.
    Quit,
    /// The handler failed, and errors end the program.
    Failed(HandlerError),
}

impl Lane {
    pub(crate) fn new(
        name: String,
        settings: LaneSettings,
        counters: Arc<LaneCounters>,
        handler: &dyn Handler,
    ) -> Self {
        let bounds = Bounds { alerts: settings.max_alerts, bytes: settings.max_bytes };
        let queue = Arc::new(Queue::new(bounds, settings.when_full));
        let (wants_datagram, attended) = (handler.wants_datagram(), handler.is_attended());
        Self {
            name,
            queue,
            counters,
            wants_datagram,
            attended,
            unwanted: AtomicBool::new(false),
            deadline: Deadline::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn wants_datagram(&self) -> bool {
        self.wants_datagram
    }

    pub(crate) fn is_attended(&self) -> bool {
        self.attended
    }

    /// How many of the first alerts it is done with, whatever became of them.
    pub(crate) fn settled(&self) -> u64 {
        self.queue.settled()
    }

    /// Whether nobody wants its handler's output any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Relaxed)
    }

    pub(crate) fn push(&self, alert: &Arc<Alert>, bytes: usize) {
        match self.queue.push(Arc::clone(alert), bytes) {
            Pushed::Queued => {}
            Pushed::Closed => {
                self.counters.dropped.add(1);
            }
            Pushed::Full => {
                if let Some(count) = self.counters.dropped.add_and_log() {
                    warn!(
                        "handler {}: its queue is full; {count} alerts dropped so far",
                        self.name
                    );
                }
            }
        }
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Tells the handler by when to be done.
    pub(crate) fn end_by(&self, time: Instant) {
        self.deadline.announce(time);
    }

    /// Drops what still waits, and says how much that is.
    fn abandon(&self) -> u64 {
        let dropped = self.queue.abandon();
        self.counters.dropped.add(dropped);
        dropped
    }

    /// Gives up on a handler that is still busy: what it has in hand counts as dropped, as does what
    /// waits for it.
    pub(crate) fn leave_behind(&self) {
        let left = self.queue.leave_behind();
        self.counters.dropped.add(left);
        warn!("handler {}: still busy when time was up; {left} alerts dropped", self.name);
    }

    /// Handles alerts until the lane is closed, and then finishes the handler.
    pub(crate) fn work(&self, worker: Worker, on_error: OnError) -> LaneEnd {
        let Worker { mut handler, mut filter } = worker;
        let worked = guarded(|| {
            self.tolerate(on_error, || {
                handler.watch(Backlog::new(Arc::clone(&self.queue), filter.is_some()));
                handler.start(&self.deadline);
                Ok(())
            })?;
            self.work_off(&mut *handler, filter.as_mut(), on_error)
        });
        if let Err(error) = worked {
            self.abandon();
            return self.ended(&mut *handler, error);
        }
        match guarded(|| handler.finish()) {
            Err(error) if on_error == OnError::Stop => LaneEnd::Failed(error),
            Err(error) => {
                error!("handler {}: {error}", self.name);
                LaneEnd::Done
            }
            Ok(()) => LaneEnd::Done,
        }
    }

    /// Handles alerts until the lane is closed. Returns an error only if that ends the lane.
    fn work_off(
        &self,
        handler: &mut dyn Handler,
        mut filter: Option<&mut LaneFilter>,
        on_error: OnError,
    ) -> Result<(), HandlerError> {
        let mut batch = Batch::default();
        loop {
            match self.queue.take(&mut batch, handler.gather(), handler.due()) {
                Taken::Closed => return Ok(()),
                Taken::Due => self.tolerate(on_error, || handler.wake())?,
                Taken::Alerts => {
                    let passed = self.apply(filter.as_deref_mut(), batch.alerts());
                    self.handle(handler, passed.as_deref().unwrap_or(batch.alerts()), on_error)?;
                }
            }
            if self.queue.is_idle() {
                thread::sleep(self.rest(&batch));
            }
        }
    }

    /// How long to rest after a batch.
    fn rest(&self, batch: &Batch) -> Duration {
        let many = batch.alerts().len() >= MANY;
        if many && self.queue.holds_many_times(batch) { LONG_REST } else { REST }
    }

    fn ended(&self, handler: &mut dyn Handler, error: HandlerError) -> LaneEnd {
        if let Err(error) = guarded(|| handler.finish()) {
            error!("handler {}: {error}", self.name);
        }
        match error.cause {
            Cause::ReaderGone => {
                info!("handler {}: the reader has gone away", self.name);
                self.unwanted.store(true, Ordering::Relaxed);
                LaneEnd::ReaderGone
            }
            Cause::TimeUp => LaneEnd::Done,
            Cause::Quit => LaneEnd::Quit,
            Cause::Failed(_) | Cause::NoRoom(_) => LaneEnd::Failed(error),
        }
    }

    /// Has the handler do what is about no alert. Returns an error only if that ends the lane.
    fn tolerate(
        &self,
        on_error: OnError,
        call: impl FnOnce() -> Result<(), HandlerError>,
    ) -> Result<(), HandlerError> {
        match guarded(call) {
            Err(error) if on_error == OnError::GoOn && matches!(error.cause, Cause::Failed(_)) => {
                error!("handler {}: {error}", self.name);
                Ok(())
            }
            result => result,
        }
    }

    /// The alerts of a batch that pass the filters; `None` if all do. The others are counted.
    fn apply(
        &self,
        filter: Option<&mut LaneFilter>,
        alerts: &[Arc<Alert>],
    ) -> Option<Vec<Arc<Alert>>> {
        let filter = filter?;
        let passed = filter.apply(alerts);
        let left_out = alerts.len() - passed.len();
        self.queue.settle_some(left_out, || filter.count(left_out));
        Some(passed)
    }

    /// Handles a batch. Returns an error only if that ends the lane.
    fn handle(
        &self,
        handler: &mut dyn Handler,
        mut alerts: &[Arc<Alert>],
        on_error: OnError,
    ) -> Result<(), HandlerError> {
        while !alerts.is_empty() {
            let Err(error) = guarded(|| handler.handle(alerts)) else {
                self.settle(&self.counters.handled, alerts.len());
                return Ok(());
            };
            if matches!(error.cause, Cause::Quit) {
                self.settle(&self.counters.handled, alerts.len());
                return Err(error);
            }
            let handled = error.handled.min(alerts.len() - 1);
            self.settle(&self.counters.handled, handled);
            let failed = error.failed.clamp(1, alerts.len() - handled);
            let rest = alerts.get(handled + failed..).unwrap_or_default();
            if matches!(error.cause, Cause::ReaderGone) {
                self.give_up(&self.counters.dropped, rest.len() + failed);
                return Err(error);
            }
            if matches!(error.cause, Cause::TimeUp) {
                self.give_up(&self.counters.dropped, rest.len() + failed);
                let left = self.abandon() + (rest.len() + failed) as u64;
                warn!("handler {}: could not finish in time; {left} alerts dropped", self.name);
                return Err(error);
            }
            if matches!(error.cause, Cause::NoRoom(_)) {
                self.drop_for_want_of_room(failed, &error);
                alerts = rest;
                continue;
            }
            if on_error == OnError::Stop {
                self.give_up(&self.counters.failed, failed);
                self.give_up(&self.counters.dropped, rest.len());
                return Err(error);
            }
            let count = || self.counters.failed.add_some_and_log(failed as u64);
            if let Some(count) = self.queue.settle(failed, count).flatten() {
                error!("handler {}: {error}; {count} alerts failed so far", self.name);
            }
            alerts = rest;
        }
        Ok(())
    }

    fn drop_for_want_of_room(&self, n: usize, error: &HandlerError) {
        let count = || self.counters.dropped.add_some_and_log(n as u64);
        if let Some(count) = self.queue.settle(n, count).flatten() {
            error!("handler {}: {error}; {count} alerts dropped so far", self.name);
        }
    }

    /// Counts what became of `n` alerts of the batch.
    fn settle(&self, counter: &Counter, n: usize) {
        self.queue.settle(n, || counter.add(n as u64));
    }

    /// Counts the last `n` alerts that this lane takes in hand, and doesn't deal with.
    fn give_up(&self, counter: &Counter, n: usize) {
        self.queue.give_up(n, || counter.add(n as u64));
    }
}

/// Calls a handler; a panic of its becomes an error.
pub(crate) fn guarded(call: impl FnOnce() -> Result<(), HandlerError>) -> Result<(), HandlerError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(HandlerError::new(format!("panicked: {}", text.unwrap_or_default())))
    })
}
