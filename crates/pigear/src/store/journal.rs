//! A durable lane's view of the store: what comes next, and up to where it is done.
//!
//! Before a batch is handed out, its end is noted; so after a crash the same batch comes again, not one
//! with more in it, and a receiver sees requests that it has seen before.
//!
//! Reading may be ahead of what is done: a handler that makes one message of several alerts has them in
//! hand until it is sent, and as long the mark stays before the oldest of them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{Gather, Journal, Next, Outcome};
use tracing::{debug, error, warn};

use super::Store;
use super::dead_letter::Refusal;
use super::error::StoreProblem;
use super::lanes::Mark;
use super::progress::Bounds;
use super::reader::{Further, Reader};
use super::row::{DamagedRow, StoredRow};

/// How often it is looked whether dead letters are to be sent again.
const LOOK: Duration = Duration::from_secs(1);

/// A batch has no more bytes than these, roughly.
const MAX_BYTES: usize = 16 << 20;

/// So many refusals wait in memory while they can't be written.
const MAX_UNWRITTEN: usize = 1_000;

/// The alerts of a durable lane.
pub struct LaneJournal {
    store: Store,
    name: String,
    /// The lane's number.
    lane: usize,
    /// Up to where the handler has taken or refused everything.
    read: AtomicI64,
    /// Up to where it is done with everything.
    done: AtomicI64,
    work: Mutex<Work>,
}

/// What only the lane's own thread deals with.
struct Work {
    reader: Reader,
    /// Up to where the batch goes that was begun.
    begun: i64,
    hand: Hand,
    /// Dead letters that the handler has taken again.
    letters: Option<Letters>,
    /// The mark as it is written.
    posting: Mark,
    /// What could not be written yet.
    unwritten: Vec<Refusal>,
    lost: u64,
    looked: Option<Instant>,
    failures: u32,
}

/// The alerts that were given out last.
#[derive(Default)]
enum Hand {
    #[default]
    Nothing,
    /// Out of the store.
    Stored(Vec<Arc<Alert>>),
    /// What could not be stored.
    Loose(Vec<Arc<Alert>>),
    /// Dead letters, with their numbers.
    Again(Vec<(i64, Arc<Alert>)>),
}

/// Dead letters that a handler may still have in hand.
struct Letters {
    ids: Vec<i64>,
    /// Up to where alerts were read before them.
    read: i64,
}

/// What to do next.
enum Turn {
    Read(i64),
    Loose(Vec<Arc<Alert>>),
    Look,
    Due,
    Ended,
}

impl LaneJournal {
    pub(super) fn new(
        store: Store,
        name: &str,
        mark: Mark,
        bounds: Bounds,
        reader: Reader,
    ) -> Self {
        let lane = store.0.progress.change(|state| state.add_lane(bounds));
        let work = Work {
            reader,
            begun: mark.begun,
            hand: Hand::Nothing,
            letters: None,
            posting: mark,
            unwritten: Vec::new(),
            lost: 0,
            looked: None,
            failures: 0,
        };
        let [read, done] = [mark.done; 2].map(AtomicI64::new);
        Self { store, name: name.to_owned(), lane, read, done, work: Mutex::new(work) }
    }

    fn read_up_to(&self) -> i64 {
        self.read.load(Ordering::Relaxed)
    }

    fn done(&self) -> i64 {
        self.done.load(Ordering::Relaxed)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_next(
        &self,
        work: &mut Work,
        gather: Gather,
        due: Option<Instant>,
    ) -> Result<Next, StoreProblem> {
        let most = gather.most.max(1);
        let mut since = None;
        loop {
            if work.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                work.looked = Some(Instant::now());
                self.follow_file(work)?;
                // Those that the handler has in hand still count as marked.
                let again = match work.letters {
                    Some(_) => Vec::new(),
                    None => work.reader.marked_letters(&self.name, most)?,
                };
                if !again.is_empty() {
                    return Ok(hand_out(work, Hand::Again(again)));
                }
            }
            let turn = if work.begun > self.read_up_to() && !self.is_time_up() {
                Turn::Read(work.begun)
            } else {
                self.wait(work, gather, due, &mut since)
            };
            match turn {
                Turn::Read(to) => {
                    if let Some(next) = self.read(work, to, most)? {
                        return Ok(next);
                    }
                }
                Turn::Loose(alerts) => return Ok(hand_out(work, Hand::Loose(alerts))),
                Turn::Look => {}
                Turn::Due => return Ok(Next::Due),
                Turn::Ended => return Ok(Next::Ended),
            }
        }
    }

    fn is_time_up(&self) -> bool {
        let end_by = self.store.0.progress.state().end_by(self.lane);
        end_by.is_some_and(|by| by <= Instant::now())
    }

    /// Waits until there is something to do. `since` is when there was the first alert.
    fn wait(
        &self,
        work: &Work,
        gather: Gather,
        due: Option<Instant>,
        since: &mut Option<Instant>,
    ) -> Turn {
        let (progress, read) = (&self.store.0.progress, self.read_up_to());
        let look = work.looked.unwrap_or_else(Instant::now) + LOOK;
        let mut state = progress.state();
        loop {
            let now = Instant::now();
            let reached = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            let end_by = state.end_by(self.lane);
            if reached(end_by) {
                return Turn::Ended;
            }
            let readable = state.readable(self.lane) - read;
            let waiting = count(state.last - read) + state.loose(self.lane);
            if waiting > 0 {
                let since = *since.get_or_insert(now);
                let enough = waiting >= gather.enough || state.closing;
                if enough || reached(Some(since + gather.delay)) {
                    let most = gather.most.max(1);
                    return if readable > 0 {
                        Turn::Read(read + readable.min(i64::try_from(most).unwrap_or(i64::MAX)))
                    } else {
                        Turn::Loose(state.take_loose(self.lane, read, most))
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
            let gathered = since.map(|since| since + gather.delay);
            let times = [due, end_by, gathered].into_iter().flatten();
            state = progress.wait(state, times.fold(look, Instant::min));
        }
    }

    /// Reads from the file that is at the path now, if that is another than before and all of that was read.
    fn follow_file(&self, work: &mut Work) -> Result<(), StoreProblem> {
        if work.reader.is_stale() && work.reader.last_id()? <= self.read_up_to() {
            // Until one is there, the one that was removed goes on.
            if let Ok(reader) = Reader::open(self.store.path()) {
                work.reader = reader;
            }
        }
        Ok(())
    }

    /// Reads what comes next, up to an alert at most. `None` if nothing of it is there any more.
    fn read(&self, work: &mut Work, to: i64, most: usize) -> Result<Option<Next>, StoreProblem> {
        self.follow_file(work)?;
        let read = self.read_up_to();
        let (mut alerts, mut bytes, mut damaged) = (Vec::new(), 0, Vec::new());
        let (mut first, mut last) = (to + 1, read);
        work.reader.visit_rows((read + 1, to), &mut |row| match row {
            StoredRow::Alert(stored) => {
                (first, last) = (first.min(stored.id), stored.id);
                bytes += stored.alert.memory();
                alerts.push(Arc::new(stored.alert));
                let enough = bytes >= MAX_BYTES || alerts.len() >= most;
                if enough { Further::Enough } else { Further::On }
            }
            // What lies before is handed out first.
            StoredRow::Damaged(_) if !alerts.is_empty() => Further::Enough,
            StoredRow::Damaged(row) => {
                first = first.min(row.id);
                damaged.push(row);
                Further::On
            }
        })?;
        let gone = count(first - read - 1);
        if gone > 0 {
            work.lost += gone as u64;
            warn!(
                "handler {}: {gone} alerts were removed from the store before it got them",
                self.name
            );
            self.pass_over(read, first - 1);
        }
        if let Some(passed) = damaged.last().map(|row| row.id) {
            self.set_aside(work, &damaged);
            self.pass_over(self.read_up_to(), passed);
        }
        if alerts.is_empty() {
            return Ok(None);
        }
        if work.begun < last {
            work.begun = last;
            self.note(work);
        }
        Ok(Some(hand_out(work, Hand::Stored(alerts))))
    }

    /// What is behind one alert and up to another is not handed out.
    fn pass_over(&self, read: i64, passed: i64) {
        self.read.store(passed, Ordering::Relaxed);
        if self.done() == read {
            self.done.store(passed, Ordering::Relaxed);
        }
    }

    /// Makes dead letters of what can't be decoded.
    fn set_aside(&self, work: &mut Work, damaged: &[DamagedRow]) {
        work.lost += damaged.len() as u64;
        for DamagedRow { id, reason, .. } in damaged {
            error!("handler {}: alert {id} can't be delivered: {reason}", self.name);
        }
        self.or_say(self.store.0.writer.lock().set_aside(&self.name, damaged));
    }

    /// Takes note of what became of dead letters that were given out again.
    fn settle_letters(&self, work: &mut Work, letters: &[(i64, Arc<Alert>)], outcome: &Outcome) {
        let refused = outcome.refused.iter();
        let refused: Vec<_> = refused
            .filter_map(|(index, reason)| Some((letters.get(*index)?.0, reason.clone())))
            .collect();
        let ids = letters.iter().take(outcome.settled).map(|(id, _)| *id);
        let ids = ids.filter(|id| refused.iter().all(|(of, _)| of != id)).collect();
        work.letters = Some(Letters { ids, read: self.read_up_to() });
        self.or_say(self.store.0.writer.lock().refuse_letters(&refused));
    }

    /// Moves the mark up to the oldest alert that the handler has in hand.
    fn release(&self, work: &mut Work, in_hand: Option<&Alert>) {
        let read = self.read_up_to();
        // One that was never stored tells nothing: the mark stays.
        let Some(first) = in_hand.map_or(Some(read + 1), |alert| alert.store_id) else { return };
        let done = (first - 1).max(self.done()).min(read);
        self.done.store(done, Ordering::Relaxed);
        // Whatever is in hand then was given out after the letters.
        if let Some(letters) = work.letters.take_if(|letters| first > letters.read) {
            self.or_say(self.store.0.writer.lock().remove_letters(&letters.ids));
        }
    }

    fn or_say(&self, result: Result<(), StoreProblem>) {
        if let Err(problem) = result {
            error!("handler {}: cannot note what became of dead letters: {problem}", self.name);
        }
    }

    /// Writes the mark, and what was refused. What can't be written now is written later: at worst, some
    /// alerts come twice.
    fn note(&self, work: &mut Work) {
        let mark = Mark { done: self.done(), begun: work.begun };
        if mark == work.posting && work.unwritten.is_empty() {
            return;
        }
        let written = self.store.0.writer.lock().note(&self.name, mark, &work.unwritten);
        match written {
            Ok(()) => {
                work.posting = mark;
                work.unwritten.clear();
            }
            Err(problem) => {
                debug!("handler {}: cannot note how far it is: {problem}", self.name);
                if work.unwritten.len() > MAX_UNWRITTEN {
                    let n = work.unwritten.len();
                    error!("handler {}: {n} dead letters could not be kept: {problem}", self.name);
                    work.unwritten.clear();
                }
            }
        }
    }
}

/// Notes what is handed out.
fn hand_out(work: &mut Work, hand: Hand) -> Next {
    work.failures = 0;
    let alerts = match &hand {
        Hand::Nothing => Vec::new(),
        Hand::Loose(alerts) | Hand::Stored(alerts) => alerts.clone(),
        Hand::Again(letters) => letters.iter().map(|(_, alert)| Arc::clone(alert)).collect(),
    };
    work.hand = hand;
    Next::Alerts(alerts)
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or_default()
}

impl Journal for LaneJournal {
    fn next(&self, gather: Gather, due: Option<Instant>) -> Next {
        let mut work = self.work();
        loop {
            match self.try_next(&mut work, gather, due) {
                Ok(next) => return next,
                Err(problem) => {
                    work.failures += 1;
                    if work.failures.is_power_of_two() {
                        error!("handler {}: cannot read the store: {problem}", self.name);
                    }
                }
            }
            let (state, until) = (self.store.0.progress.state(), Instant::now() + LOOK);
            if state.closing {
                return Next::Ended;
            }
            drop(self.store.0.progress.wait(state, until));
        }
    }

    fn settle(&self, outcome: &Outcome) {
        let mut work = self.work();
        let refused = |alerts: &[Arc<Alert>]| {
            let of = |(index, reason): &(usize, String)| {
                Some(Refusal::from((Arc::clone(alerts.get(*index)?), reason.clone())))
            };
            outcome.refused.iter().filter_map(of).collect::<Vec<_>>()
        };
        match std::mem::take(&mut work.hand) {
            Hand::Nothing => {}
            Hand::Again(letters) => self.settle_letters(&mut work, &letters, outcome),
            Hand::Loose(alerts) => work.unwritten.extend(refused(&alerts)),
            Hand::Stored(alerts) => {
                work.unwritten.extend(refused(&alerts));
                let last = outcome.settled.checked_sub(1).and_then(|last| alerts.get(last));
                if let Some(id) = last.and_then(|alert| alert.store_id) {
                    self.read.store(id, Ordering::Relaxed);
                }
            }
        }
        work.unwritten.extend(outcome.refused_later.iter().cloned().map(Refusal::from));
        self.release(&mut work, outcome.in_hand.as_deref());
        self.note(&mut work);
    }

    fn lag(&self) -> u64 {
        let state = self.store.0.progress.state();
        (count(state.last - self.done()) + state.loose(self.lane)) as u64
    }

    fn take_lost(&self) -> u64 {
        let dropped = self.store.0.progress.state().take_dropped(self.lane);
        std::mem::take(&mut self.work().lost) + dropped
    }

    fn close(&self) {
        self.store.0.progress.change(|state| state.closing = true);
    }

    fn end_by(&self, time: Instant) {
        self.store.0.progress.change(|state| state.set_end(self.lane, time));
    }
}
