//! A durable lane's view of the store: what comes next, and up to where it is done.
//!
//! Before a batch is handed out, its end is noted; so after a crash the same batch comes again, not one
//! with more in it, and a receiver sees requests that it has seen before.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{Gather, Journal, Next, Outcome};
use tracing::{debug, error, warn};

use super::Store;
use super::dead_letter::Refusal;
use super::error::Problem;
use super::lanes::Mark;
use super::progress::Bounds;
use super::reader::{Further, Reader};

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
    done: AtomicI64,
    work: Mutex<Work>,
}

/// What only the lane's own thread deals with.
struct Work {
    reader: Reader,
    /// Up to where the batch goes that was begun.
    in_hand: i64,
    hand: Hand,
    /// What could not be written yet.
    unwritten: Vec<Refusal>,
    lost: u64,
    looked: Option<Instant>,
    failures: u32,
}

/// The alerts that were given out last.
enum Hand {
    Nothing,
    /// Out of the store, each with its number.
    Stored(Vec<(i64, Arc<Alert>)>),
    /// What could not be stored.
    Loose(Vec<Arc<Alert>>),
    /// Dead letters, with their numbers.
    Again(Vec<(i64, Arc<Alert>)>),
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
            in_hand: mark.in_hand,
            hand: Hand::Nothing,
            unwritten: Vec::new(),
            lost: 0,
            looked: None,
            failures: 0,
        };
        let done = AtomicI64::new(mark.done);
        Self { store, name: name.to_owned(), lane, done, work: Mutex::new(work) }
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
    ) -> Result<Next, Problem> {
        let most = gather.most.max(1);
        let mut since = None;
        loop {
            if work.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                work.looked = Some(Instant::now());
                let again = work.reader.marked_letters(&self.name, most)?;
                if !again.is_empty() {
                    return Ok(hand_out(work, Hand::Again(again)));
                }
            }
            let turn = if work.in_hand > self.done() && !self.is_time_up() {
                Turn::Read(work.in_hand)
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
        let (progress, done) = (&self.store.0.progress, self.done());
        let look = work.looked.unwrap_or_else(Instant::now) + LOOK;
        let mut state = progress.state();
        loop {
            let now = Instant::now();
            let reached = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            let end_by = state.end_by(self.lane);
            if reached(end_by) {
                return Turn::Ended;
            }
            let readable = state.readable(self.lane) - done;
            let waiting = count(state.last - done) + state.loose(self.lane);
            if waiting > 0 {
                let since = *since.get_or_insert(now);
                let enough = waiting >= gather.enough || state.closing;
                if enough || reached(Some(since + gather.delay)) {
                    let most = gather.most.max(1);
                    return if readable > 0 {
                        Turn::Read(done + readable.min(i64::try_from(most).unwrap_or(i64::MAX)))
                    } else {
                        Turn::Loose(state.take_loose(self.lane, done, most))
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

    /// Reads what comes next, up to an alert at most. `None` if nothing of it is there any more.
    fn read(&self, work: &mut Work, to: i64, most: usize) -> Result<Option<Next>, Problem> {
        let done = self.done();
        let (mut alerts, mut bytes) = (Vec::new(), 0);
        work.reader.visit_range((done + 1, to), &mut |stored| {
            bytes += stored.alert.memory();
            alerts.push((stored.id, Arc::new(stored.alert)));
            if bytes >= MAX_BYTES || alerts.len() >= most { Further::Enough } else { Further::On }
        })?;
        let first = alerts.first().map_or(to + 1, |(id, _)| *id);
        let gone = count(first - done - 1);
        if gone > 0 {
            work.lost += gone as u64;
            warn!(
                "handler {}: {gone} alerts were removed from the store before it got them",
                self.name
            );
            self.done.store(first - 1, Ordering::Relaxed);
        }
        let Some(last) = alerts.last().map(|(id, _)| *id) else { return Ok(None) };
        if work.in_hand < last {
            work.in_hand = last;
            self.note(work);
        }
        Ok(Some(hand_out(work, Hand::Stored(alerts))))
    }

    /// Writes the mark, and what was refused. What can't be written now is written later: at worst, some
    /// alerts come twice.
    fn note(&self, work: &mut Work) {
        let mark = Mark { done: self.done(), in_hand: work.in_hand };
        let written = self.store.0.writer.lock().note(&self.name, mark, &work.unwritten);
        match written {
            Ok(()) => work.unwritten.clear(),
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

    fn settle_again(&self, letters: &[(i64, Arc<Alert>)], outcome: &Outcome) {
        let settled = letters.get(..outcome.settled).unwrap_or_default();
        let result = self.store.0.writer.lock().settle_again(settled, &outcome.refused);
        if let Err(problem) = result {
            error!("handler {}: cannot note what became of dead letters: {problem}", self.name);
        }
    }
}

/// Notes what is given out.
fn hand_out(work: &mut Work, hand: Hand) -> Next {
    work.failures = 0;
    let alerts = match &hand {
        Hand::Nothing => Vec::new(),
        Hand::Loose(alerts) => alerts.clone(),
        Hand::Stored(alerts) | Hand::Again(alerts) => {
            alerts.iter().map(|(_, alert)| Arc::clone(alert)).collect()
        }
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
        let hand = std::mem::replace(&mut work.hand, Hand::Nothing);
        let refused = |index: usize, alert: Option<(i64, &Arc<Alert>)>| {
            let reason = outcome.refused.iter().find(|(n, _)| *n == index)?.1.clone();
            alert.map(|(id, alert)| Refusal { id, alert: Arc::clone(alert), reason })
        };
        match &hand {
            Hand::Nothing => return,
            Hand::Again(letters) => return self.settle_again(letters, outcome),
            Hand::Loose(alerts) => {
                let letters = (0..outcome.settled)
                    .filter_map(|n| refused(n, alerts.get(n).map(|alert| (0, alert))));
                work.unwritten.extend(letters);
            }
            Hand::Stored(alerts) => {
                let letters = (0..outcome.settled)
                    .filter_map(|n| refused(n, alerts.get(n).map(|(id, alert)| (*id, alert))));
                work.unwritten.extend(letters);
                let last = outcome.settled.checked_sub(1).and_then(|last| alerts.get(last));
                if let Some((id, _)) = last {
                    self.done.store(*id, Ordering::Relaxed);
                }
            }
        }
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
