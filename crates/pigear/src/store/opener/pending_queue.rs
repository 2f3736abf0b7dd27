use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_pipeline::{Batch, BatchPolicy, Queue, RecentEvents, Settlement, Taken, Totals};

use super::durable_lane::DurableLane;
use crate::store::Store;
use crate::store::durable_queue::DurableQueue;
use crate::store::error::StoreError;
use crate::store::lanes::Left;

/// The queue of a durable lane, which is empty until the store is open.
pub struct PendingQueue {
    lane: DurableLane,
    opened: OnceLock<DurableQueue>,
    state: Mutex<PendingState>,
    changed: Condvar,
}

#[derive(Default)]
struct PendingState {
    /// What becomes of the lane once it has ended; nothing, where Pigear ends.
    left: Option<Left>,
    has_ended: bool,
    is_closed: bool,
    end_by: Option<Instant>,
    /// The store won't be opened any more.
    given_up: bool,
}

impl PendingQueue {
    pub(super) fn new(lane: DurableLane) -> Self {
        Self { lane, opened: OnceLock::new(), state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.lane.name
    }

    /// Registers the lane in the store, unless that was done before.
    pub(super) fn open(&self, store: &Store) -> Result<(), StoreError> {
        if self.opened.get().is_some() {
            return Ok(());
        }
        let DurableLane { name, begin, settings, target } = &self.lane;
        let queue = store.queue(name, *begin, *settings, target.as_deref())?;
        let state = self.state();
        if state.is_closed {
            queue.close();
        }
        if let Some(time) = state.end_by {
            queue.end_by(time);
        }
        // Only one thread opens lanes.
        let _ = self.opened.set(queue);
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// The lane goes while Pigear runs: what becomes of it once it has ended.
    pub(super) fn leave(&self, left: Left) {
        let mut state = self.state();
        state.left = Some(left);
        let has_ended = state.has_ended;
        drop(state);
        if has_ended {
            self.note_left(left);
        }
    }

    fn note_left(&self, left: Left) {
        if let Some(queue) = self.opened.get() {
            queue.leave(left);
        }
    }

    /// The store won't be opened any more.
    pub(super) fn give_up(&self) {
        self.state().given_up = true;
        self.changed.notify_all();
    }

    /// Waits until the store is open, at most until this time.
    fn wait(&self, until: Option<Instant>) -> Result<&DurableQueue, Taken> {
        let mut state = self.state();
        loop {
            if let Some(queue) = self.opened.get() {
                return Ok(queue);
            }
            let now = Instant::now();
            let has_come = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            if state.given_up || has_come(state.end_by) {
                return Err(Taken::Closed);
            }
            if has_come(until) {
                return Err(Taken::Due);
            }
            state = match [until, state.end_by].into_iter().flatten().min() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let woken = self.changed.wait_timeout(state, time.duration_since(now));
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, PendingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for PendingQueue {
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken {
        match self.wait(until) {
            Ok(queue) => queue.take(batch, policy, until),
            Err(taken) => taken,
        }
    }

    fn settle(&self, settlement: &Settlement) {
        if let Some(queue) = self.opened.get() {
            queue.settle(settlement);
        }
    }

    fn received(&self) -> u64 {
        self.opened.get().map_or(0, Queue::received)
    }

    fn unrecorded(&self) -> Option<String> {
        self.opened.get().and_then(Queue::unrecorded)
    }

    fn take_lost(&self) -> Totals {
        self.opened.get().map_or_else(Totals::default, Queue::take_lost)
    }

    fn waiting(&self) -> usize {
        self.opened.get().map_or(0, Queue::waiting)
    }

    fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        self.opened.get().map_or_else(Vec::new, |queue| queue.newest(most))
    }

    fn interrupt(&self) {
        if let Some(queue) = self.opened.get() {
            queue.interrupt();
        }
    }

    fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        if let Some(queue) = self.opened.get() {
            queue.close();
        }
    }

    fn is_closed(&self) -> bool {
        self.opened.get().map_or_else(|| self.state().is_closed, Queue::is_closed)
    }

    fn end_by(&self, time: Instant) {
        let mut state = self.state();
        state.end_by = Some(time);
        if let Some(queue) = self.opened.get() {
            queue.end_by(time);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn outlives_process(&self) -> bool {
        true
    }

    fn abandon(&self) -> u64 {
        self.give_up();
        let lost = self.opened.get().map_or(0, Queue::abandon);
        let mut state = self.state();
        state.has_ended = true;
        let left = state.left;
        drop(state);
        if let Some(left) = left {
            self.note_left(left);
        }
        lost
    }

    fn earlier(&self) -> Option<Totals> {
        self.opened.get().map_or_else(|| Some(Totals::default()), Queue::earlier)
    }

    fn sent_recently(&self) -> Vec<RecentEvents> {
        self.wait(None).map_or_else(|_| Vec::new(), Queue::sent_recently)
    }

    fn sending(&self, recent: &[RecentEvents]) {
        if let Some(queue) = self.opened.get() {
            queue.sending(recent);
        }
    }

    fn oldest_in_memory(&self) -> Option<Timestamp> {
        self.opened.get().and_then(Queue::oldest_in_memory)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Begin;
    use pigear_pipeline::LaneSettings;

    fn pending() -> PendingQueue {
        PendingQueue::new(DurableLane {
            name: "http".to_owned(),
            begin: Begin::Now,
            settings: LaneSettings::default(),
            target: None,
        })
    }

    #[test]
    fn a_lane_waits_for_the_store_until_it_is_opened_or_given_up() {
        let queue = pending();
        let mut batch = Batch::default();
        let mut take = |until| queue.take(&mut batch, BatchPolicy::default(), until);
        assert_eq!(take(Some(Instant::now() + Duration::from_millis(1))), Taken::Due);
        queue.close();
        assert_eq!(take(Some(Instant::now())), Taken::Due);
        queue.end_by(Instant::now() + Duration::from_millis(1));
        assert_eq!(take(None), Taken::Closed);
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::open(&dir.path().join("a.db")).unwrap();
        queue.open(&store).unwrap();
        // What was said before is known to the queue in the store.
        assert!(queue.is_closed());
        assert_eq!(take(None), Taken::Closed);
    }

    #[test]
    fn a_lane_ends_when_the_store_is_given_up() {
        let queue = pending();
        queue.give_up();
        let taken = queue.take(&mut Batch::default(), BatchPolicy::default(), None);
        assert_eq!(taken, Taken::Closed);
    }
}
