//! Writes which alerts a lane has settled, and what became of dead letters, to the store.

use pigear_alert::plural;
use pigear_pipeline::{EventCounter, Totals};
use tracing::{debug, error, warn};

use super::found::Found;
use super::in_flight::Settled;
use super::lane_handle::LaneHandle;
use crate::store::dead_letter::{Fate, LetterChanges};
use crate::store::error::StoreProblem;
use crate::store::file_id::FileId;
use crate::store::lanes::{Mark, Position};
use crate::store::settled_ranges::SettledRanges;
use crate::store::writer::Writer;

/// The position of a lane, as it is and as it is written.
pub(super) struct PositionWriter {
    /// The end of the batch that was begun.
    pub(super) begun: i64,
    /// Which alerts are settled.
    pub(super) ranges: SettledRanges,
    /// The account of earlier runs.
    earlier: Totals,
    /// The fates of the alerts that the lane has settled in this run.
    pub(super) settled: Totals,
    /// And of those that it never gets.
    pub(super) lost: Totals,
    /// The position that is written.
    noted: Position,
    /// What could not be written yet. As it is stored, the alerts that these are of are not settled.
    pub(super) unwritten: LetterChanges,
    /// How many of them were not there when they were to be read.
    gone: EventCounter,
    /// How often nothing could be written, and why not.
    failures: EventCounter,
    is_worth_a_line: bool,
    problem: String,
}

impl PositionWriter {
    pub(super) fn new(begin: Position, ranges: SettledRanges) -> Self {
        Self {
            begun: begin.mark.begun,
            ranges,
            earlier: begin.account,
            settled: Totals::default(),
            lost: Totals::default(),
            noted: begin,
            unwritten: LetterChanges::default(),
            gone: EventCounter::default(),
            failures: EventCounter::default(),
            is_worth_a_line: false,
            problem: String::new(),
        }
    }

    fn position(&self) -> Position {
        Position {
            mark: Mark { done: self.ranges.done(), begun: self.begun },
            account: self.earlier + self.settled + self.lost,
        }
    }

    /// Whether everything is written.
    pub(super) fn is_noted(&self) -> bool {
        self.unwritten.is_empty() && self.ranges.is_written() && self.position() == self.noted
    }

    /// Why not everything is written.
    pub(super) fn unrecorded(&self) -> Option<String> {
        (self.failures.get() > 0 && !self.is_noted()).then(|| self.problem.clone())
    }

    /// What was settled is to be written. Its dead letters are from this file.
    pub(super) fn settle(&mut self, settled: Settled, letters_file: Option<FileId>) {
        let Settled { stored, letters } = settled;
        for (first, last) in stored {
            self.ranges.settle(first, last);
        }
        if !letters.is_empty() {
            self.unwritten.file = letters_file;
            self.unwritten.sent.extend(letters);
        }
    }

    /// Dead letters of this file that can't be sent again, with the reasons.
    pub(super) fn set_aside(&mut self, letters: Vec<(i64, String)>, file: Option<FileId>) {
        self.unwritten.file = file;
        let damaged = letters.into_iter().map(|(id, reason)| (id, Fate::Damaged(reason)));
        self.unwritten.sent.extend(damaged);
    }

    /// What the lane never gets is settled at once, and to be written.
    pub(super) fn leave_out(&mut self, lane: &LaneHandle, found: &mut Found) {
        let name = &lane.name;
        let gone = found.count_gone();
        self.lost.dropped += gone;
        if let Some(gone) = self.gone.add(gone) {
            warn!(
                "handler {name}: lost {} before it got them, so far",
                plural::count(gone, "alert")
            );
        }
        for (first, last) in found.gone.drain(..) {
            self.ranges.settle(first, last);
        }
        for row in found.damaged.drain(..) {
            error!("handler {name}: alert {} can't be delivered: {}", row.id, row.reason);
            self.lost.failed += 1;
            self.ranges.settle(row.id, row.id);
            self.unwritten.damaged.push(row);
        }
    }

    /// Writes what is settled, and what became of dead letters, in one go. What can't be written now is written
    /// later: at worst, some alerts come twice.
    pub(super) fn note(&mut self, lane: &LaneHandle) {
        if !self.is_noted() {
            self.note_with(lane, &mut lane.store.0.writer.lock());
        }
    }

    pub(super) fn note_with(&mut self, lane: &LaneHandle, writer: &mut Writer) {
        let position = self.position();
        match writer.note(&lane.name, position, &self.ranges, &self.unwritten) {
            Ok(file) => {
                self.noted = position;
                self.ranges.written(file);
                self.unwritten = LetterChanges::default();
                self.failures = EventCounter::default();
            }
            Err(problem) => {
                debug!("handler {}: cannot note how far it is: {problem}", lane.name);
                self.is_worth_a_line = self.failures.add(1).is_some();
                self.say_unwritten(lane, &problem);
                self.problem = problem.to_string();
            }
        }
    }

    /// Says how many dead letters are not written; at the end also what becomes of them.
    fn say_unwritten(&self, lane: &LaneHandle, problem: &StoreProblem) {
        let (name, unwritten) = (&lane.name, &self.unwritten);
        let n = unwritten.len();
        let letters = plural::count(n, "dead letter");
        if n > 0 && lane.is_closed() {
            let refused = unwritten.refused.iter();
            let lost = refused.filter(|refusal| refusal.alert.store_id.is_none()).count();
            error!(
                "handler {name}: {letters} could not be written: {problem}; {lost} of them are lost, and \
                the alerts of the others come again in the next run"
            );
        } else if n > 0 && self.is_worth_a_line {
            error!("handler {name}: cannot write {letters} yet: {problem}");
        }
    }
}
