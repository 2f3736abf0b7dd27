//! The queue of a durable lane.
//!
//! It is only a position in the store. The end of a batch is written before the batch is delivered, so
//! after a crash the same batch is delivered again, not a larger one, and a receiver gets requests that
//! it has seen before.
//!
//! Reading may be ahead of settling: a lane that groups alerts settles them when the group is sent, and the
//! position stays before the oldest unsettled alert.

mod in_flight;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{Batch, BatchPolicy, LaneSettings, Queue, Settlement, Taken, Totals};
use tracing::{debug, error, warn};

use super::Store;
use super::dead_letter::Refusal;
use super::error::{StoreError, StoreProblem};
use super::lanes::{self, Mark, Opened, Position};
use super::progress::Bounds;
use super::reader::{Further, Reader};
use super::row::{DamagedRow, StoredRow};
use crate::config::Begin;
use in_flight::{Fate, InFlight, Item};

/// How often to check for dead letters that are to be sent again.
const REDELIVERY_CHECK: Duration = Duration::from_secs(1);

/// The most bytes of a batch, roughly.
const MAX_BYTES: usize = 16 << 20;

/// The most refusals that wait in memory while they can't be written.
const MAX_UNWRITTEN: usize = 1_000;

/// The queue of a durable lane.
pub struct DurableQueue {
    store: Store,
    name: String,
    /// The lane's number.
    lane: usize,
    /// The lane's position when this run began.
    begin: Position,
    /// The last alert that was taken.
    read: AtomicI64,
    /// The queue is closed.
    abandoned: AtomicBool,
    reading: Mutex<Reading>,
}

/// The part that only the lane's own thread uses.
struct Reading {
    reader: Reader,
    /// The end of the batch that was begun.
    begun: i64,
    /// Up to where all alerts are settled.
    done: i64,
    in_flight: InFlight,
    /// The fates of the alerts that the lane has settled in this run.
    settled: Totals,
    /// The fates of alerts that it never gets.
    besides: Totals,
    /// How many of the latter were reported to the lane.
    told: Totals,
    /// The position that is written.
    noted: Position,
    /// Refusals that could not be written yet.
    unwritten: Vec<Refusal>,
    /// The last check for dead letters.
    looked: Option<Instant>,
    failures: u32,
}

/// Alerts, each with its place.
type Items = Vec<(Item, Arc<Alert>)>;

/// The next step.
enum Turn {
    Read(i64),
    Unstored(Vec<Arc<Alert>>),
    Look,
    Due,
    Ended,
}

impl Store {
    /// The queue of a durable lane, which is registered in the store. Alerts that can't be stored wait
    /// for it in memory, within the settings' limits.
    ///
    /// # Errors
    /// If the store can't be read or written.
    pub fn queue(
        &self,
        name: &str,
        begin: Begin,
        settings: LaneSettings,
        target: Option<&str>,
    ) -> Result<DurableQueue, StoreError> {
        let opened = lanes::open(&self.0.writer.lock().connection, name, begin, target);
        let Opened { position, former_target } =
            opened.map_err(|problem| problem.at(self.path()))?;
        if let Some(former) = former_target {
            self.say_other_target(name, &former, target);
        }
        let bounds = Bounds { alerts: settings.max_alerts, bytes: settings.max_bytes };
        let reader = Reader::open(self.path())?;
        Ok(DurableQueue::new(self.clone(), name, position, bounds, reader))
    }

    /// Warns if waiting alerts were meant for another receiver.
    fn say_other_target(&self, name: &str, former: &str, target: Option<&str>) {
        let path = self.path().display();
        let target = target.unwrap_or("an unnamed receiver");
        warn!(
            "{path}: handler {name} delivered to {former} so far, and now delivers to {target}: what \
            waits for it, and its dead letters, go there; to keep them apart, give the new handler \
            another name"
        );
    }
}

impl DurableQueue {
    fn new(store: Store, name: &str, begin: Position, bounds: Bounds, reader: Reader) -> Self {
        let lane = store.0.progress.change(|state| state.add_lane(bounds));
        let reading = Reading {
            reader,
            begun: begin.mark.begun,
            done: begin.mark.done,
            in_flight: InFlight::default(),
            settled: Totals::default(),
            besides: Totals::default(),
            told: Totals::default(),
            noted: begin,
            unwritten: Vec::new(),
            looked: None,
            failures: 0,
        };
        Self {
            store,
            name: name.to_owned(),
            lane,
            begin,
            read: AtomicI64::new(begin.mark.done),
            abandoned: AtomicBool::new(false),
            reading: Mutex::new(reading),
        }
    }

    fn read_up_to(&self) -> i64 {
        self.read.load(Ordering::Relaxed)
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_take(
        &self,
        reading: &mut Reading,
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
            if let Some(letters) = self.letters_to_send(reading, most)? {
                return Ok(self.give_out(reading, batch, letters));
            }
            let turn = if reading.begun > self.read_up_to() && !self.is_time_up() {
                Turn::Read(reading.begun)
            } else {
                self.wait(reading, policy, due, &mut since)
            };
            match turn {
                Turn::Read(to) => {
                    let items = self.read(reading, to, most)?;
                    if !items.is_empty() {
                        return Ok(self.give_out(reading, batch, items));
                    }
                }
                Turn::Unstored(alerts) => {
                    let items = alerts.into_iter().map(|alert| (Item::Unstored, alert)).collect();
                    return Ok(self.give_out(reading, batch, items));
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
        let end_by = self.store.0.progress.state().end_by(self.lane);
        end_by.is_some_and(|by| by <= Instant::now())
    }

    /// Dead letters that are to be sent again, if a check is due.
    fn letters_to_send(
        &self,
        reading: &mut Reading,
        most: usize,
    ) -> Result<Option<Items>, StoreProblem> {
        if reading.looked.is_some_and(|looked| looked.elapsed() < REDELIVERY_CHECK) {
            return Ok(None);
        }
        reading.looked = Some(Instant::now());
        self.follow_file(reading)?;
        // Those that were taken still have the mark.
        if reading.in_flight.has_letters() {
            return Ok(None);
        }
        let letters = reading.reader.marked_letters(&self.name, most)?;
        self.store.0.progress.change(|state| state.add_letters(self.lane, letters.len()));
        let items = letters.into_iter().map(|(letter, alert)| (Item::Letter(letter), alert));
        Ok(Some(items.collect::<Items>()).filter(|items| !items.is_empty()))
    }

    /// Waits for the next step. `since` is when the first alert came.
    fn wait(
        &self,
        reading: &Reading,
        policy: BatchPolicy,
        due: Option<Instant>,
        since: &mut Option<Instant>,
    ) -> Turn {
        let (progress, read) = (&self.store.0.progress, self.read_up_to());
        let look = reading.looked.unwrap_or_else(Instant::now) + REDELIVERY_CHECK;
        let mut state = progress.state();
        loop {
            let now = Instant::now();
            let reached = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            let end_by = state.end_by(self.lane);
            if reached(end_by) {
                return Turn::Ended;
            }
            let readable = state.readable(self.lane) - read;
            let waiting = count(state.last - read) + state.unstored(self.lane);
            if waiting > 0 {
                let since = *since.get_or_insert(now);
                let enough = waiting >= policy.enough || state.closing;
                if enough || reached(since.checked_add(policy.delay)) {
                    let most = policy.most.max(1);
                    return if readable > 0 {
                        Turn::Read(read + readable.min(i64::try_from(most).unwrap_or(i64::MAX)))
                    } else {
                        Turn::Unstored(state.take_unstored(self.lane, read, most))
                    };
                }
            } else if state.ended && state.closing {
                return Turn::Ended;
            }
            if reached(due) {
                return Turn::Due;
            }
            if reached(Some(look)) {
                return Turn::Look;
            }
            let collected = since.and_then(|since| since.checked_add(policy.delay));
            let times = [due, end_by, collected].into_iter().flatten();
            state = progress.wait(state, times.fold(look, Instant::min));
        }
    }

    /// Reads the next alerts, at most up to this one; none if they were all removed.
    fn read(&self, reading: &mut Reading, to: i64, most: usize) -> Result<Items, StoreProblem> {
        self.follow_file(reading)?;
        let read = self.read_up_to();
        let (mut items, mut bytes, mut damaged) = (Vec::new(), 0, Vec::new());
        let (mut first, mut last) = (to + 1, read);
        reading.reader.visit_rows((read + 1, to), &mut |row| match row {
            StoredRow::Alert(stored) => {
                (first, last) = (first.min(stored.id), stored.id);
                bytes += stored.alert.memory();
                items.push((Item::Stored(stored.id), Arc::new(stored.alert)));
                let enough = bytes >= MAX_BYTES || items.len() >= most;
                if enough { Further::Enough } else { Further::On }
            }
            // Earlier alerts are delivered first.
            StoredRow::Damaged(_) if !items.is_empty() => Further::Enough,
            StoredRow::Damaged(row) => {
                first = first.min(row.id);
                damaged.push(row);
                Further::On
            }
        })?;
        let gone = count(first - read - 1);
        if gone > 0 {
            reading.besides.dropped += gone as u64;
            let name = &self.name;
            warn!(
                "handler {name}: {gone} alerts were removed from the store before they were delivered"
            );
            self.pass_over(reading, first - 1);
        }
        if let Some(passed) = damaged.last().map(|row| row.id) {
            self.set_aside(reading, &damaged);
            self.pass_over(reading, passed);
        }
        if reading.begun < last {
            reading.begun = last;
            self.note(reading);
        }
        Ok(items)
    }

    /// Switches to the file that is at the path now, if it is another one, and the former one was read
    /// completely.
    fn follow_file(&self, reading: &mut Reading) -> Result<(), StoreProblem> {
        if reading.reader.is_stale() && reading.reader.last_id()? <= self.read_up_to() {
            // Until there is a new one, the removed file stays in use.
            if let Ok(reader) = Reader::open(self.store.path()) {
                reading.reader = reader;
            }
        }
        Ok(())
    }

    /// Skips alerts up to this one.
    fn pass_over(&self, reading: &mut Reading, passed: i64) {
        self.read.store(passed, Ordering::Relaxed);
        if reading.in_flight.is_empty() {
            reading.done = passed;
        }
    }

    /// Makes dead letters of alerts that can't be decoded.
    fn set_aside(&self, reading: &mut Reading, damaged: &[DamagedRow]) {
        reading.besides.failed += damaged.len() as u64;
        for DamagedRow { id, reason, .. } in damaged {
            error!("handler {}: alert {id} can't be delivered: {reason}", self.name);
        }
        self.or_say(self.store.0.writer.lock().set_aside(&self.name, damaged));
    }

    fn or_say(&self, result: Result<(), StoreProblem>) {
        if let Err(problem) = result {
            error!("handler {}: cannot update its dead letters: {problem}", self.name);
        }
    }

    /// Returns alerts as taken, after writing the end of the batch.
    fn give_out(&self, reading: &mut Reading, batch: &mut Batch, items: Items) -> Taken {
        reading.failures = 0;
        let (items, alerts): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        if let Some(Item::Stored(last)) = items.last() {
            self.read.store(*last, Ordering::Relaxed);
        }
        reading.in_flight.extend(items);
        batch.fill(alerts);
        Taken::Alerts
    }

    /// Writes the position, and the refused alerts. If that fails, it is done later: at worst, some
    /// alerts are delivered twice.
    fn note(&self, reading: &mut Reading) {
        let position = Position {
            mark: Mark { done: reading.done, begun: reading.begun },
            account: self.begin.account + reading.settled + reading.besides,
        };
        if position == reading.noted && reading.unwritten.is_empty() {
            return;
        }
        let written = self.store.0.writer.lock().note(&self.name, position, &reading.unwritten);
        match written {
            Ok(()) => {
                reading.noted = position;
                reading.unwritten.clear();
            }
            Err(problem) => {
                debug!("handler {}: cannot save its position: {problem}", self.name);
                if reading.unwritten.len() > MAX_UNWRITTEN {
                    let n = reading.unwritten.len();
                    error!(
                        "handler {}: {n} dead letters could not be stored: {problem}",
                        self.name
                    );
                    reading.unwritten.clear();
                }
            }
        }
    }

    /// Records the results of dead letters that were sent again.
    fn settle_letters(&self, fates: &[(i64, Fate)]) {
        let taken = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Taken));
        let taken: Vec<_> = taken.map(|(letter, _)| *letter).collect();
        let refused = fates.iter().filter_map(|(letter, fate)| match fate {
            Fate::Refused(reason) => Some((*letter, reason.to_string())),
            Fate::Taken => None,
        });
        let refused: Vec<_> = refused.collect();
        if taken.is_empty() && refused.is_empty() {
            return;
        }
        let mut writer = self.store.0.writer.lock();
        self.or_say(writer.refuse_letters(&refused).and_then(|()| writer.remove_letters(&taken)));
    }
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or_default()
}

impl Queue for DurableQueue {
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken {
        let mut reading = self.reading();
        loop {
            match self.try_take(&mut reading, batch, policy, until) {
                Ok(taken) => return taken,
                Err(problem) => {
                    reading.failures += 1;
                    if reading.failures.is_power_of_two() {
                        error!("handler {}: cannot read the store: {problem}", self.name);
                    }
                }
            }
            let (state, until) = (self.store.0.progress.state(), Instant::now() + REDELIVERY_CHECK);
            if state.closing {
                return Taken::Closed;
            }
            drop(self.store.0.progress.wait(state, until));
        }
    }

    fn settle(&self, settlement: &Settlement) {
        if self.abandoned.load(Ordering::SeqCst) {
            return;
        }
        let mut reading = self.reading();
        for refused in &settlement.refused {
            let reason = Arc::clone(&refused.reason);
            if !reading.in_flight.refuse_letter(refused.number, &reason) {
                reading.unwritten.push(Refusal { alert: Arc::clone(&refused.alert), reason });
            }
        }
        let (done, letters) = reading.in_flight.settle(settlement.settled);
        if let Some(done) = done {
            reading.done = done;
        }
        reading.settled = settlement.totals;
        if reading.in_flight.is_empty() {
            reading.done = reading.done.max(self.read_up_to());
        }
        self.settle_letters(&letters);
        self.note(&mut reading);
    }

    fn received(&self) -> u64 {
        let state = self.store.0.progress.state();
        count(state.last - self.begin.mark.done) as u64 + state.came_besides(self.lane)
    }

    fn take_lost(&self) -> Totals {
        let mut reading = self.reading();
        reading.besides.dropped += self.store.0.progress.state().take_dropped(self.lane);
        let (besides, told) = (reading.besides, reading.told);
        reading.told = besides;
        besides - told
    }

    fn waiting(&self) -> usize {
        let state = self.store.0.progress.state();
        count(state.last - self.read_up_to()) + state.unstored(self.lane)
    }

    fn close(&self) {
        self.store.0.progress.change(|state| state.closing = true);
    }

    fn is_closed(&self) -> bool {
        self.store.0.progress.state().closing
    }

    fn end_by(&self, time: Instant) {
        self.store.0.progress.change(|state| state.set_end(self.lane, time));
    }

    fn outlives_process(&self) -> bool {
        true
    }

    fn earlier(&self) -> Option<Totals> {
        Some(self.begin.account)
    }

    /// Alerts that could not be stored are lost with the process.
    fn abandon(&self) -> u64 {
        self.abandoned.store(true, Ordering::SeqCst);
        let waiting = self.store.0.progress.change(|state| state.abandon(self.lane));
        // An abandoned lane may still hold the lock for its last write.
        let in_flight = self.reading.try_lock().map(|reading| reading.in_flight.unstored());
        waiting + in_flight.unwrap_or_default()
    }
}
