//! Reads a lane's alerts, and its dead letters that are sent again, from the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::EventCounter;
use tracing::error;

use super::found::Found;
use super::in_flight::Item;
use super::lane_handle::LaneHandle;
use crate::store::error::StoreProblem;
use crate::store::file_id::FileId;
use crate::store::reader::Reader;
use crate::store::settled_ranges::{IdRange, SettledRanges};

/// How often to check for dead letters that are to be sent again.
pub(super) const REDELIVERY_CHECK: Duration = Duration::from_secs(1);

/// Alerts, each with its place.
pub(super) type Items = Vec<(Item, Arc<Alert>)>;

/// Reads for a lane.
pub(super) struct LaneReader {
    reader: Reader,
    /// Up to where all alerts were read, or settled in an earlier run.
    pub(super) read: i64,
    /// The same, and how many behind it are settled: how many alerts the lane doesn't wait for.
    pub(super) passed: i64,
    /// The file that the dead letters in flight are from.
    pub(super) letters_file: Option<FileId>,
    /// When it was last looked for dead letters.
    looked: Option<Instant>,
    /// How often dead letters could not be read.
    letter_failures: EventCounter,
}

impl LaneReader {
    /// A reader of what is not settled.
    pub(super) fn new(reader: Reader, settled: &SettledRanges) -> Self {
        let read = settled.done();
        let passed = read + settled.count_behind(read);
        Self {
            reader,
            read,
            passed,
            letters_file: None,
            looked: None,
            letter_failures: EventCounter::default(),
        }
    }

    /// When to look for dead letters again.
    pub(super) fn look_at(&self) -> Instant {
        self.looked.unwrap_or_else(Instant::now) + REDELIVERY_CHECK
    }

    /// Whether it is time to look for dead letters; then it was looked now.
    pub(super) fn is_time_to_look(&mut self) -> bool {
        if self.looked.is_some_and(|looked| looked.elapsed() < REDELIVERY_CHECK) {
            return false;
        }
        self.looked = Some(Instant::now());
        true
    }

    pub(super) fn is_stale(&self) -> bool {
        self.reader.is_stale()
    }

    /// Dead letters that are to be sent again, and the ids of those that can't be, with the reasons. Where they can't be
    /// read, everything else goes on.
    pub(super) fn marked_letters(
        &mut self,
        lane: &LaneHandle,
        most: usize,
    ) -> (Items, Vec<(i64, String)>) {
        let letters = match self.reader.marked_letters(&lane.name, most) {
            Ok(letters) => letters,
            Err(problem) => {
                if self.letter_failures.add(1).is_some() {
                    error!("handler {}: cannot read its dead letters: {problem}", lane.name);
                }
                return (Vec::new(), Vec::new());
            }
        };
        self.letters_file = self.reader.file();
        let item =
            |(id, alert): (i64, Arc<Alert>)| (Item::Letter { id, count: alert.count }, alert);
        (letters.alerts.into_iter().map(item).collect(), letters.damaged)
    }

    /// Reads what comes next and isn't settled, up to an alert at most; no alerts, if nothing of it is there
    /// any more.
    pub(super) fn read(
        &mut self,
        lane: &LaneHandle,
        settled: &SettledRanges,
        (to, most): (i64, usize),
    ) -> Result<Found, StoreProblem> {
        self.follow_file(lane)?;
        let is_stale = self.is_stale();
        // What is behind that is in another file.
        let to = if is_stale { to.min(self.reader.last_id()?) } else { to };
        let mut found = Found::behind(self.read);
        for (first, last) in settled.gaps((self.read + 1, to)) {
            found.settled_up_to(first - 1);
            self.reader.visit_rows((first, last), &mut |row| found.add(row, most))?;
            if found.is_cut {
                break;
            }
            found.gone_up_to(last);
        }
        if !found.is_cut {
            found.settled_up_to(to);
            if found.alerts.is_empty() && found.damaged.is_empty() && !is_stale {
                self.pass_gone(lane, settled, &mut found)?;
            }
        }
        self.read = settled.skip(found.last);
        self.passed = self.read + settled.count_behind(self.read);
        Ok(found)
    }

    /// Passes what is before this alert: it was removed, as far as it isn't settled.
    pub(super) fn pass_removed(&mut self, settled: &SettledRanges, first: i64) -> Vec<IdRange> {
        if first - 1 <= self.read {
            return Vec::new();
        }
        let removed = settled.gaps((self.read + 1, first - 1));
        self.read = settled.skip(first - 1);
        self.passed = self.read + settled.count_behind(self.read);
        removed
    }

    /// Where nothing was found, what is behind may be gone, too.
    fn pass_gone(
        &self,
        lane: &LaneHandle,
        settled: &SettledRanges,
        found: &mut Found,
    ) -> Result<(), StoreProblem> {
        let readable = lane.progress().state().readable(lane.number);
        let first = self.reader.first_behind(found.last)?;
        let to = first.map_or(readable, |first| readable.min(first - 1));
        for (first, last) in settled.gaps((found.last + 1, to)) {
            found.settled_up_to(first - 1);
            found.gone_up_to(last);
        }
        found.settled_up_to(to);
        Ok(())
    }

    /// Reads from the file that is at the path now, if that is another than before and all of that was
    /// read.
    ///
    /// # Errors
    /// If it can't be read. Nothing of the former one is left to be read then.
    pub(super) fn follow_file(&mut self, lane: &LaneHandle) -> Result<(), StoreProblem> {
        let is_stale = self.is_stale();
        if !is_stale && self.reader.has_lost_journal()
            || is_stale && self.reader.last_id()? <= self.read
        {
            self.reader = Reader::open(lane.store.path()).map_err(|error| error.source)?;
        }
        Ok(())
    }
}
