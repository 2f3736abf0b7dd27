//! The queue of a durable lane.
//!
//! It is only a position in the store. The end of a batch is written before the batch is delivered, so
//! after a crash the same batch is delivered again, not a larger one, and a receiver gets requests that
//! it has seen before.
//!
//! Reading may be ahead of settling: a lane that groups alerts settles them when the group is sent, and the
//! position stays before the oldest unsettled alert.

mod found;
mod in_flight;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::plural;
use pigear_pipeline::{Batch, BatchPolicy, LaneSettings, Queue, Settlement, Taken, Totals};
use tracing::{debug, error, warn};

use super::Store;
use super::dead_letter::{LetterChanges, Refusal};
use super::error::{StoreError, StoreProblem};
use super::file_id::FileId;
use super::lanes::{self, Mark, Opened, Position};
use super::progress::Bounds;
use super::reader::Reader;
use super::writer::Writer;
use crate::config::Begin;
use found::Found;
use in_flight::{InFlight, Item, Settled};

/// How often to check for dead letters that are to be sent again.
const REDELIVERY_CHECK: Duration = Duration::from_secs(1);

/// How long the end waits for the store to note what was lost.
const ABANDON_TIMEOUT: Duration = Duration::from_millis(200);

/// While more changes of dead letters than these can't be written, no more alerts are given out.
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
    /// And of those before the mark that it never got.
    left_out: Totals,
    /// How many it never gets, before the mark or behind it, and how many of them the lane was told of.
    lost: Totals,
    told: Totals,
    /// The position that is written.
    noted: Position,
    /// What could not be written yet. The mark that is written is before the alerts that these are of.
    unwritten: LetterChanges,
    /// The file that the dead letters in flight are from.
    letters_file: Option<FileId>,
    /// When it was last looked for dead letters.
    looked: Option<Instant>,
    /// How often alerts could not be read, dead letters could not be read, and nothing could be noted.
    failures: u32,
    letter_failures: u32,
    note_failures: u32,
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
            left_out: Totals::default(),
            lost: Totals::default(),
            told: Totals::default(),
            noted: begin,
            unwritten: LetterChanges::default(),
            letters_file: None,
            looked: None,
            failures: 0,
            letter_failures: 0,
            note_failures: 0,
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
            if self.is_held_back(reading) {
                if self.is_closed() {
                    return Ok(Taken::Closed);
                }
                self.wait_to_write(due);
                continue;
            }
            if let Some(letters) = self.letters_to_send(reading, most) {
                return Ok(reading.give_out(batch, letters));
            }
            let turn = if reading.begun > self.read_up_to() && !self.is_time_up() {
                Turn::Read(reading.begun)
            } else {
                self.wait(reading, policy, due, &mut since)
            };
            match turn {
                Turn::Read(to) => {
                    let alerts = self.read(reading, to, most)?;
                    if !alerts.is_empty() {
                        batch.fill(alerts);
                        return Ok(Taken::Alerts);
                    }
                }
                Turn::Unstored(alerts) => {
                    let items = alerts.into_iter().map(|alert| (Item::Unstored, alert)).collect();
                    return Ok(reading.give_out(batch, items));
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

    /// Whether so much waits to be written that no more alerts are given out.
    fn is_held_back(&self, reading: &mut Reading) -> bool {
        if reading.unwritten.len() > MAX_UNWRITTEN {
            self.note(reading);
        }
        reading.unwritten.len() > MAX_UNWRITTEN
    }

    fn wait_to_write(&self, due: Option<Instant>) {
        let progress = &self.store.0.progress;
        let state = progress.state();
        if !state.closing {
            let again = Instant::now() + REDELIVERY_CHECK;
            drop(progress.wait(state, due.map_or(again, |due| due.min(again))));
        }
    }

    /// Dead letters that are to be sent again, if it is time to look for them and there are some. Where they
    /// can't be read, everything else goes on.
    fn letters_to_send(&self, reading: &mut Reading, most: usize) -> Option<Items> {
        if reading.looked.is_some_and(|looked| looked.elapsed() < REDELIVERY_CHECK) {
            return None;
        }
        reading.looked = Some(Instant::now());
        // Alerts that can't be read are met where they are read.
        let _ = self.follow_file(reading);
        if !reading.unwritten.is_empty() {
            self.note(reading);
        }
        // Those that were given out still count as marked, until it is noted what became of them.
        if reading.in_flight.has_letters()
            || reading.unwritten.has_letters()
            || reading.reader.is_stale()
        {
            return None;
        }
        let letters = match reading.reader.marked_letters(&self.name, most) {
            Ok(letters) => letters,
            Err(problem) => {
                reading.letter_failures += 1;
                if reading.letter_failures.is_power_of_two() {
                    error!("handler {}: cannot read its dead letters: {problem}", self.name);
                }
                return None;
            }
        };
        reading.letters_file = reading.reader.file();
        self.store.0.progress.change(|state| state.add_letters(self.lane, letters.len()));
        let items =
            letters.into_iter().map(|(id, alert)| (Item::Letter { id, count: alert.count }, alert));
        Some(items.collect::<Items>()).filter(|items| !items.is_empty())
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

    /// Takes what comes next, up to an alert at most; no alerts, if nothing of it is there any more.
    fn read(
        &self,
        reading: &mut Reading,
        to: i64,
        most: usize,
    ) -> Result<Vec<Arc<Alert>>, StoreProblem> {
        self.follow_file(reading)?;
        let is_stale = reading.reader.is_stale();
        // What is behind that is in another file.
        let to = if is_stale { to.min(reading.reader.last_id()?) } else { to };
        let read = self.read_up_to();
        let mut found = Found::behind(read);
        reading.reader.visit_rows((read + 1, to), &mut |row| found.add(row, most))?;
        if !found.is_cut {
            let mut gone = to;
            if found.items.is_empty() && !is_stale {
                let readable = self.store.0.progress.state().readable(self.lane);
                let first = reading.reader.first_behind(to)?;
                gone = first.map_or(readable, |first| readable.min(first - 1)).max(to);
            }
            found.gone_up_to(gone);
        }
        self.say_left_out(reading, &found);
        let Found { items, alerts, last, left_out, .. } = found;
        reading.lost = reading.lost + left_out;
        self.read.store(last, Ordering::Relaxed);
        reading.in_flight.extend(items);
        reading.failures = 0;
        let settled = reading.in_flight.settle_left_out();
        reading.settle(settled);
        reading.begun = reading.begun.max(last);
        self.note(reading);
        Ok(alerts)
    }

    /// Says what the lane never gets: of alerts that were removed at powers of two, since there may be many.
    fn say_left_out(&self, reading: &Reading, found: &Found) {
        let name = &self.name;
        let before = reading.lost.dropped;
        let gone = before + found.left_out.dropped;
        if before.checked_ilog2() != gone.checked_ilog2() {
            warn!(
                "handler {name}: lost {} before it got them, so far",
                plural::count(gone, "alert")
            );
        }
        for item in &found.items {
            if let Item::Damaged(row) = item {
                error!("handler {name}: alert {} can't be delivered: {}", row.id, row.reason);
            }
        }
    }

    /// Reads from the file that is at the path now, if that is another than before and all of that was
    /// read.
    ///
    /// # Errors
    /// If it can't be read. Nothing of the former one is left to be read then.
    fn follow_file(&self, reading: &mut Reading) -> Result<(), StoreProblem> {
        if reading.reader.is_stale() && reading.reader.last_id()? <= self.read_up_to() {
            reading.reader = Reader::open(self.store.path()).map_err(|error| error.source)?;
        }
        Ok(())
    }

    /// Writes the mark, and what became of dead letters, in one go. What can't be written now is written
    /// later: at worst, some alerts come twice.
    fn note(&self, reading: &mut Reading) {
        if reading.is_noted(self.begin.account) {
            return;
        }
        self.note_with(reading, &mut self.store.0.writer.lock());
    }

    fn note_with(&self, reading: &mut Reading, writer: &mut Writer) {
        let position = reading.position(self.begin.account);
        match writer.note(&self.name, position, &reading.unwritten) {
            Ok(()) => {
                reading.noted = position;
                reading.unwritten = LetterChanges::default();
                reading.note_failures = 0;
            }
            Err(problem) => {
                debug!("handler {}: cannot note how far it is: {problem}", self.name);
                reading.note_failures += 1;
                self.say_unwritten(reading, &problem);
            }
        }
    }

    /// Says how many dead letters are not written; at the end also what becomes of them.
    fn say_unwritten(&self, reading: &Reading, problem: &StoreProblem) {
        let (name, unwritten) = (&self.name, &reading.unwritten);
        let n = unwritten.len();
        let letters = plural::count(n, "dead letter");
        if n > 0 && self.is_closed() {
            let refused = unwritten.refused.iter();
            let lost = refused.filter(|refusal| refusal.alert.store_id.is_none()).count();
            error!(
                "handler {name}: {letters} could not be written: {problem}; {lost} of them are lost, and \
                the alerts of the others come again in the next run"
            );
        } else if n > 0 && reading.note_failures.is_power_of_two() {
            error!("handler {name}: cannot write {letters} yet: {problem}");
        }
    }
}

impl Reading {
    /// Gives alerts out that are not read from the table of alerts.
    fn give_out(&mut self, batch: &mut Batch, items: Items) -> Taken {
        self.failures = 0;
        let (items, alerts): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        self.in_flight.extend(items);
        batch.fill(alerts);
        Taken::Alerts
    }

    fn position(&self, before: Totals) -> Position {
        Position {
            mark: Mark { done: self.done, begun: self.begun },
            account: before + self.settled + self.left_out,
        }
    }

    fn is_noted(&self, before: Totals) -> bool {
        self.unwritten.is_empty() && self.position(before) == self.noted
    }

    /// What was settled is to be written.
    fn settle(&mut self, settled: Settled) {
        let Settled { done, left_out, damaged, letters } = settled;
        self.done = done.unwrap_or(self.done);
        self.left_out = self.left_out + left_out;
        self.unwritten.damaged.extend(damaged);
        if !letters.is_empty() {
            self.unwritten.file = self.letters_file;
            self.unwritten.sent.extend(letters);
        }
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
                Ok(taken) => {
                    if taken == Taken::Closed && !reading.unwritten.is_empty() {
                        self.note(&mut reading);
                    }
                    return taken;
                }
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
            let refusal =
                Refusal { alert: Arc::clone(&refused.alert), reason: Arc::clone(&refused.reason) };
            let new = reading.in_flight.refuse(refused.number, refusal);
            reading.unwritten.refused.extend(new);
        }
        let settled = reading.in_flight.settle(settlement.settled);
        reading.settle(settled);
        reading.settled = settlement.totals;
        self.note(&mut reading);
    }

    fn received(&self) -> u64 {
        let state = self.store.0.progress.state();
        count(state.last - self.begin.mark.done) as u64 + state.came_besides(self.lane)
    }

    fn take_lost(&self) -> Totals {
        let mut reading = self.reading();
        let dropped = self.store.0.progress.state().take_dropped(self.lane);
        reading.lost.dropped += dropped;
        // These have no place in the store, and so none before or behind the mark.
        reading.left_out.dropped += dropped;
        let (lost, told) = (reading.lost, reading.told);
        reading.told = lost;
        lost - told
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
        // A lane that was left behind in the middle of noting something keeps it to itself.
        let Ok(mut reading) = self.reading.try_lock() else { return waiting };
        let lost = waiting + reading.in_flight.unstored();
        reading.left_out.dropped += lost;
        if !reading.is_noted(self.begin.account)
            && let Some(mut writer) = self.store.0.writer.try_lock_for(ABANDON_TIMEOUT)
        {
            self.note_with(&mut reading, &mut writer);
        }
        lost
    }
}
