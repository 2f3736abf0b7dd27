//! The queue of a durable lane.
//!
//! It is only a position in the store. The end of a batch is written before the batch is delivered, so
//! after a crash the same batch is delivered again, not a larger one, and a receiver gets requests that
//! it has seen before.
//!
//! Reading may be ahead of settling: a lane that groups alerts settles them when the group is sent, and the
//! mark stays before the oldest unsettled alert. What is settled behind it is stored as ranges, which the
//! next run passes over.

mod found;
mod in_flight;
mod lane_handle;
mod lane_reader;
mod opening;
mod position_writer;

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{
    Batch, BatchPolicy, EventCounter, Queue, RecentEvents, Settlement, Taken, Totals,
};
use tracing::{debug, error};

use super::dead_letter::Refusal;
use super::error::StoreProblem;
use super::lanes::{self, Left, Opened};
use super::layout::BLOCK;
use super::reader::Reader;
use super::recent_sends::{self, Moment};
use super::settled_ranges::SettledRanges;
use in_flight::{InFlight, Item};
use lane_handle::LaneHandle;
use lane_reader::{Items, LaneReader, REDELIVERY_CHECK};
use position_writer::PositionWriter;

/// How long the end waits for the store to note what was lost.
const ABANDON_TIMEOUT: Duration = Duration::from_millis(200);

/// How long a lane that was removed waits for the store to note that.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// While more changes of dead letters than these can't be written, no more alerts are given out.
const MAX_UNWRITTEN: usize = 1_000;

/// The queue of a durable lane.
pub struct DurableQueue {
    lane: LaneHandle,
    /// The account of earlier runs.
    earlier: Totals,
    /// There was none: the lane was added.
    is_new: bool,
    /// The messages that they sent within the last minute.
    sent: Vec<RecentEvents>,
    /// How many of all alerts were settled when this run began.
    settled_before: i64,
    /// How many of them the lane has passed: it has taken them, or they were settled before.
    passed: AtomicI64,
    /// The queue is closed.
    abandoned: AtomicBool,
    /// The lane is to look up from waiting.
    interrupted: AtomicBool,
    work: Mutex<Work>,
}

/// The part that only the lane's own thread uses.
struct Work {
    reader: LaneReader,
    position: PositionWriter,
    in_flight: InFlight,
    /// How many of the alerts that it never gets the lane was told of.
    told: Totals,
    /// How often alerts could not be read.
    failures: EventCounter,
}

/// The next step.
enum Turn {
    Read(i64),
    Unstored(Vec<Arc<Alert>>),
    Look,
    Due,
    Ended,
}

impl DurableQueue {
    fn new(lane: LaneHandle, opened: Opened, ranges: SettledRanges, reader: Reader) -> Self {
        let Opened { position, sent, is_new, .. } = opened;
        let reader = LaneReader::new(reader, &ranges);
        let passed = reader.passed;
        let work = Work {
            reader,
            position: PositionWriter::new(position, ranges),
            in_flight: InFlight::default(),
            told: Totals::default(),
            failures: EventCounter::default(),
        };
        Self {
            lane,
            earlier: position.account,
            is_new,
            sent,
            settled_before: passed,
            passed: AtomicI64::new(passed),
            abandoned: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            work: Mutex::new(work),
        }
    }

    /// Notes that nothing is delivered from the lane any more. It has ended.
    pub(super) fn leave(&self, left: Left) {
        let Some(writer) = self.lane.store.0.writer.try_lock_for(LEAVE_TIMEOUT) else { return };
        let removes = left == Left::Undone && self.is_new;
        if let Err(error) = lanes::leave(&writer.connection, &self.lane.name, removes) {
            debug!("cannot note that lane {} is left: {error}", self.lane.name);
        }
        drop(writer);
        if left == Left::Stays {
            self.lane.progress().change(|state| state.leave(self.lane.number, &self.lane.name));
            self.lane.store.name_removed(&self.lane.name);
        }
    }

    /// Writes the position of a lane that has ended.
    fn note_at_end(&self, work: &mut Work) {
        if !work.position.is_noted()
            && let Some(mut writer) = self.lane.store.0.writer.try_lock_for(ABANDON_TIMEOUT)
        {
            work.position.note_with(&self.lane, &mut writer);
        }
    }

    /// Counts what was removed from the store, or found no room in memory, before the lane got it.
    fn take_lost_of_store(&self, work: &mut Work) {
        work.pass_removed(&self.lane);
        self.passed.store(work.reader.passed, Ordering::Relaxed);
        let dropped = self.lane.progress().state().take_dropped(self.lane.number);
        work.position.lost.dropped += dropped;
        if dropped > 0 && self.abandoned.load(Ordering::SeqCst) {
            self.note_at_end(work);
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_take(
        &self,
        work: &mut Work,
        batch: &mut Batch,
        policy: BatchPolicy,
        due: Option<Instant>,
    ) -> Result<Taken, StoreProblem> {
        let most = policy.most.max(1);
        let mut since = None;
        loop {
            if self.is_due(due) {
                return Ok(Taken::Due);
            }
            if work.is_held_back(&self.lane) {
                if self.is_closed() {
                    return Ok(Taken::Closed);
                }
                self.wait_to_write(due);
                continue;
            }
            if let Some(letters) = work.letters_to_send(&self.lane, most) {
                batch.fill_redelivered(work.give_out(letters));
                return Ok(Taken::Alerts);
            }
            let begun = work.position.begun;
            let turn = if begun > work.reader.read && !self.is_time_up() {
                Turn::Read(begun)
            } else {
                self.wait(work, policy, due, &mut since)
            };
            match turn {
                Turn::Read(to) => {
                    let alerts = work.read(&self.lane, to, most)?;
                    self.passed.store(work.reader.passed, Ordering::Relaxed);
                    if !alerts.is_empty() {
                        batch.fill(alerts);
                        return Ok(Taken::Alerts);
                    }
                }
                Turn::Unstored(alerts) => {
                    let items = alerts.into_iter().map(|alert| (Item::Unstored, alert)).collect();
                    batch.fill(work.give_out(items));
                    return Ok(Taken::Alerts);
                }
                Turn::Look => {}
                Turn::Due => return Ok(Taken::Due),
                Turn::Ended => return Ok(Taken::Closed),
            }
        }
    }

    /// What is due is returned before alerts, until the lane is to end.
    fn is_due(&self, due: Option<Instant>) -> bool {
        due.is_some_and(|due| due <= Instant::now()) && !self.is_closed()
    }

    fn is_time_up(&self) -> bool {
        let end_by = self.lane.progress().state().end_by(self.lane.number);
        end_by.is_some_and(|by| by <= Instant::now())
    }

    fn wait_to_write(&self, due: Option<Instant>) {
        let progress = self.lane.progress();
        let state = progress.state();
        if !state.is_closing(self.lane.number) {
            let again = Instant::now() + REDELIVERY_CHECK;
            let until = due.map_or(again, |due| due.min(again));
            drop(progress.wait(state, (self.lane.number, 1), until));
        }
    }

    /// Waits for the next step. `since` is when the first alert came.
    fn wait(
        &self,
        work: &Work,
        policy: BatchPolicy,
        due: Option<Instant>,
        since: &mut Option<Instant>,
    ) -> Turn {
        let (progress, lane, read) = (self.lane.progress(), self.lane.number, work.reader.read);
        let look = work.reader.look_at();
        let mut state = progress.state();
        loop {
            let now = Instant::now();
            let reached = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            let end_by = state.end_by(lane);
            if reached(end_by) {
                return Turn::Ended;
            }
            let readable = state.readable(lane) - read;
            let waiting = count(state.last - work.reader.passed) + state.unstored(lane);
            if waiting > 0 {
                let since = *since.get_or_insert(now);
                let enough = waiting >= policy.enough || state.is_closing(lane);
                if enough || reached(since.checked_add(policy.delay)) {
                    let most = policy.most.max(1);
                    return if readable > 0 {
                        Turn::Read(read + readable.min(i64::try_from(most).unwrap_or(i64::MAX)))
                    } else {
                        Turn::Unstored(state.take_unstored(lane, read, most))
                    };
                }
            } else if state.ended && state.is_closing(lane) {
                return Turn::Ended;
            }
            if reached(due) || self.interrupted.swap(false, Ordering::Relaxed) {
                return Turn::Due;
            }
            if reached(Some(look)) {
                return Turn::Look;
            }
            let collected = since.and_then(|since| since.checked_add(policy.delay));
            let times = [due, end_by, collected].into_iter().flatten();
            // While it collects, alerts wake it only once there are enough.
            let more = if waiting == 0 { 1 } else { policy.enough.saturating_sub(waiting) };
            state = progress.wait(state, (lane, more), times.fold(look, Instant::min));
        }
    }
}

impl Work {
    /// Whether so much waits to be written, or so many ranges are settled between unsettled alerts, that no
    /// more alerts are given out. The lane settles those that it has.
    fn is_held_back(&mut self, lane: &LaneHandle) -> bool {
        if self.position.unwritten.len() > MAX_UNWRITTEN {
            self.position.note(lane);
        }
        self.position.ranges.are_too_many(self.reader.read)
            || self.position.unwritten.len() > MAX_UNWRITTEN
    }

    /// Dead letters that are to be sent again, if it is time to look for them and there are some.
    fn letters_to_send(&mut self, lane: &LaneHandle, most: usize) -> Option<Items> {
        if !self.reader.is_time_to_look() {
            return None;
        }
        // Alerts that can't be read are met where they are read.
        let _ = self.reader.follow_file(lane);
        if !self.position.unwritten.is_empty() {
            self.position.note(lane);
        }
        // Those that were given out still count as marked, until it is noted what became of them.
        if self.in_flight.has_letters()
            || self.position.unwritten.has_letters()
            || self.reader.is_stale()
        {
            return None;
        }
        let (letters, damaged) = self.reader.marked_letters(lane, most);
        if !damaged.is_empty() {
            self.position.set_aside(damaged, self.reader.letters_file);
            self.position.note(lane);
        }
        let alerts = letters.iter().map(|(_, alert)| alert.count.map_or(1, NonZeroU64::get)).sum();
        lane.progress().change(|state| state.add_letters(lane.number, alerts));
        Some(letters).filter(|letters| !letters.is_empty())
    }

    /// Takes what comes next, up to an alert at most; no alerts, if nothing of it is there any more.
    fn read(
        &mut self,
        lane: &LaneHandle,
        to: i64,
        most: usize,
    ) -> Result<Vec<Arc<Alert>>, StoreProblem> {
        let mut found = self.reader.read(lane, &self.position.ranges, (to, most))?;
        self.failures = EventCounter::default();
        self.position.leave_out(lane, &mut found);
        self.in_flight.extend(found.items);
        self.position.begun = self.position.begun.max(found.last);
        self.position.note(lane);
        Ok(found.alerts)
    }

    /// Counts what was removed before the lane got it. The writer has said it; it is not waited for.
    fn pass_removed(&mut self, lane: &LaneHandle) {
        let Self { reader, position, .. } = self;
        if reader.is_stale() {
            return;
        }
        let oldest = lane.store.0.writer.try_lock().map(|writer| writer.oldest() * BLOCK);
        for (first, last) in
            oldest.map_or_else(Vec::new, |oldest| reader.pass_removed(&position.ranges, oldest))
        {
            position.lost.dropped += (last - first + 1).unsigned_abs();
            position.ranges.settle(first, last);
            position.begun = position.begun.max(last);
        }
    }

    /// Gives alerts out that are not read from the table of alerts.
    fn give_out(&mut self, items: Items) -> Vec<Arc<Alert>> {
        self.failures = EventCounter::default();
        let (items, alerts): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        self.in_flight.extend(items);
        alerts
    }
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or_default()
}

impl Queue for DurableQueue {
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken {
        let mut work = self.work();
        let progress = self.lane.progress();
        loop {
            match self.try_take(&mut work, batch, policy, until) {
                Ok(taken) => {
                    if taken == Taken::Closed && !work.position.unwritten.is_empty() {
                        work.position.note(&self.lane);
                    }
                    return taken;
                }
                Err(problem) => {
                    if work.failures.add(1).is_some() {
                        error!("handler {}: cannot read the store: {problem}", self.lane.name);
                    }
                }
            }
            let (state, until) = (progress.state(), Instant::now() + REDELIVERY_CHECK);
            if state.is_closing(self.lane.number) {
                return Taken::Closed;
            }
            drop(progress.wait(state, (self.lane.number, 1), until));
        }
    }

    fn settle(&self, settlement: &Settlement) {
        if self.abandoned.load(Ordering::SeqCst) {
            return;
        }
        let mut work = self.work();
        let Work { reader, position, in_flight, .. } = &mut *work;
        for refused in &settlement.refused {
            let refusal =
                Refusal { alert: Arc::clone(&refused.alert), reason: Arc::clone(&refused.reason) };
            position.unwritten.refused.extend(in_flight.refuse(refused.number, refusal));
        }
        let settled = in_flight.settle(settlement.settled, &settlement.ahead);
        position.settle(settled, reader.letters_file);
        position.settled = settlement.totals;
        position.note(&self.lane);
    }

    fn received(&self) -> u64 {
        let state = self.lane.progress().state();
        let last = state.last_of(self.lane.number);
        count(last - self.settled_before) as u64 + state.came_besides(self.lane.number)
    }

    fn take_lost(&self) -> Totals {
        // A lane that waits for alerts, or was left behind in the middle of noting something, tells later.
        let Ok(mut work) = self.work.try_lock() else { return Totals::default() };
        if self.lane.progress().state().is_dropped(self.lane.number) {
            // Nothing of it is in the store any more.
            let known = (work.position.settled + work.position.lost).sum();
            work.position.lost.dropped += self.received().saturating_sub(known);
        } else {
            self.take_lost_of_store(&mut work);
        }
        let (lost, told) = (work.position.lost, work.told);
        work.told = lost;
        lost - told
    }

    fn waiting(&self) -> usize {
        let state = self.lane.progress().state();
        count(state.last - self.passed.load(Ordering::Relaxed)) + state.unstored(self.lane.number)
    }

    fn interrupt(&self) {
        self.lane.progress().change(|_| self.interrupted.store(true, Ordering::Relaxed));
    }

    fn close(&self) {
        self.lane.progress().change(|state| state.close(self.lane.number));
    }

    fn is_closed(&self) -> bool {
        self.lane.is_closed()
    }

    fn end_by(&self, time: Instant) {
        self.lane.progress().change(|state| state.set_end(self.lane.number, time));
    }

    fn outlives_process(&self) -> bool {
        true
    }

    fn earlier(&self) -> Option<Totals> {
        Some(self.earlier)
    }

    fn sent_recently(&self) -> Vec<RecentEvents> {
        self.sent.clone()
    }

    /// What can't be written is not known to the next run.
    fn sending(&self, recent: &[RecentEvents]) {
        if self.abandoned.load(Ordering::SeqCst) {
            return;
        }
        let (name, at) = (&self.lane.name, Moment::now());
        let Some(sends) = recent_sends::encode(recent, at) else { return };
        if let Err(problem) = self.lane.store.0.writer.lock().note_sends(name, &sends) {
            debug!("handler {name}: cannot note what it sends: {problem}");
        }
    }

    fn unrecorded(&self) -> Option<String> {
        // A lane that was left behind is reported as such.
        let work = self.work.try_lock().ok()?;
        work.position.unrecorded()
    }

    /// Alerts that could not be stored are lost with the process.
    fn abandon(&self) -> u64 {
        self.abandoned.store(true, Ordering::SeqCst);
        let waiting = self.lane.progress().change(|state| state.abandon(self.lane.number));
        // A lane that was left behind in the middle of noting something keeps it to itself.
        let Ok(mut work) = self.work.try_lock() else { return waiting };
        let lost = waiting + work.in_flight.unstored();
        work.position.lost.dropped += lost;
        work.told.dropped += lost;
        self.note_at_end(&mut work);
        lost
    }
}
