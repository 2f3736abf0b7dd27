//! Counts alerts by signature, by source, and by when their packets were seen.

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::message::{CountsUpdate, Message};
use super::outbox::{Closed, Outbox};
use super::wanted::{Order, Wanted};
use crate::store::{
    AccessedStore, Count, CountBy, Criteria, Reader, StoreAccess, StoreError, StoreIdentity,
    Timeline,
};

/// How many spans the timeline has.
pub(super) const SPANS: usize = 60;

/// How many of the largest counts are kept.
const MAX_COUNTS: usize = 50;

/// How long to wait at least between two counts.
const PAUSE: Duration = Duration::from_secs(1);

/// How much longer than counting the pause is: counting takes at most a tenth of a processor.
const PAUSE_FACTOR: u32 = 10;

/// How long to wait if nothing was stored, or the store is away.
const IDLE: Duration = Duration::from_secs(1);

/// Counts alerts.
pub(super) struct Counter {
    store: StoreAccess,
    order: Order,
    outbox: Outbox,
    wanted: Wanted,
    /// What was counted last.
    counted: Option<Counted>,
}

/// What was counted.
struct Counted {
    store: StoreIdentity,
    /// The last alert in the store at that time.
    last: i64,
    at: Instant,
    took: Duration,
    /// The counts change without new alerts, after this time.
    until: Option<Duration>,
}

impl Counter {
    /// # Errors
    /// If the system allows no more threads.
    pub(super) fn start(path: PathBuf, order: &Order, outbox: Outbox) -> io::Result<()> {
        let order = order.clone();
        let work = move || {
            let _watch = outbox.watch();
            let mut counter = Self::new(path, order, outbox);
            while let Ok(pause) = counter.look() {
                counter.order.wait(&counter.wanted, pause);
            }
        };
        thread::Builder::new().name("counter".to_owned()).spawn(work).map(drop)
    }

    pub(super) fn new(path: PathBuf, order: Order, outbox: Outbox) -> Self {
        let (store, wanted) = (StoreAccess::new(path), order.wanted());
        Self { store, order, outbox, wanted, counted: None }
    }

    /// Counts if there is a reason to, and returns how long to wait then.
    pub(super) fn look(&mut self) -> Result<Duration, Closed> {
        let wanted = self.order.wanted();
        if self.order.wants_else(&self.wanted)() {
            self.counted = None;
        }
        self.wanted = wanted;
        if self.outbox.is_full() {
            return Ok(IDLE);
        }
        match self.count() {
            Ok(Some(update)) => {
                self.outbox.send(Message::Counts(Box::new(update)))?;
                let took = self.counted.as_ref().map(|counted| counted.took).unwrap_or_default();
                Ok(PAUSE.max(took.saturating_mul(PAUSE_FACTOR)))
            }
            Ok(None) => Ok(IDLE),
            Err(_) if self.order.wants_else(&self.wanted)() => Ok(Duration::ZERO),
            // The thread that reads new alerts says what is wrong.
            Err(_) => {
                self.store.close();
                self.counted = None;
                Ok(IDLE)
            }
        }
    }

    /// Counts; `None` if the counts are still right.
    fn count(&mut self) -> Result<Option<CountsUpdate>, StoreError> {
        let AccessedStore { reader, identity: store, .. } = self.store.store()?;
        reader.interrupt_while(self.order.wants_else(&self.wanted));
        let last = reader.last()?;
        let is_right = |counted: &Counted| {
            let is_old = counted.until.is_some_and(|until| counted.at.elapsed() >= until);
            counted.store == store && counted.last == last && !is_old
        };
        if self.counted.as_ref().is_some_and(is_right) {
            return Ok(None);
        }
        // The criteria were checked before they were ordered.
        let Ok(mut criteria) = self.wanted.criteria() else { return Ok(None) };
        let at = Instant::now();
        let update = counts(reader, &self.wanted, &mut criteria)?;
        let step = u64::try_from(update.timeline.step).unwrap_or_default();
        let slides = self.wanted.period.seconds().is_some() && !update.signatures.is_empty();
        let until = slides.then(|| Duration::from_secs(step));
        let until = if self.wanted.is_about_triage() { Some(IDLE) } else { until };
        self.counted = Some(Counted { store, last, at, took: at.elapsed(), until });
        Ok(Some(update))
    }
}

fn counts(
    reader: &mut Reader,
    wanted: &Wanted,
    criteria: &mut Criteria,
) -> Result<CountsUpdate, StoreError> {
    let mut timeline = timeline(reader, wanted)?;
    if wanted.period.seconds().is_some() {
        criteria.since = criteria.since.max(Some(timeline.start));
    }
    let step = Duration::from_secs(timeline.step.unsigned_abs());
    for point in reader.series(criteria, step)?.points {
        timeline.add(point.time.as_second(), point.priorities.values().sum());
    }
    let mut count = |by| -> Result<Vec<Count>, StoreError> {
        let mut counts = reader.count(criteria, by)?;
        counts.truncate(MAX_COUNTS);
        Ok(counts)
    };
    Ok(CountsUpdate {
        generation: wanted.generation,
        period: wanted.period,
        signatures: count(CountBy::Sid)?,
        sources: count(CountBy::Src)?,
        timeline,
        contents: reader.contents()?,
    })
}

/// The spans of the period, without alerts. Each begins at a multiple of its length; the last one has the present
/// moment, or the last alert of the store.
fn timeline(reader: &Reader, wanted: &Wanted) -> Result<Timeline, StoreError> {
    let spans = i64::try_from(SPANS).unwrap_or(i64::MAX);
    let (start, step) = if let Some(seconds) = wanted.period.seconds() {
        let now = Timestamp::now().as_second();
        // Spans that don't move with every count, so that bars don't flicker.
        let step = seconds / spans;
        let end = (now.div_euclid(step) + 1) * step;
        (end - seconds, step)
    } else {
        let contents = reader.contents()?;
        let second = |time: Option<Timestamp>| time.map_or(0, Timestamp::as_second);
        let first = second(contents.map(|contents| contents.first));
        let last = second(contents.map(|contents| contents.last));
        // The first span begins before the first alert: at a multiple of the step.
        let step = (last - first) / (spans - 1) + 1;
        (first.div_euclid(step) * step, step)
    };
    let start = Timestamp::from_second(start).unwrap_or_default();
    Ok(Timeline::new(start, step, SPANS))
}
