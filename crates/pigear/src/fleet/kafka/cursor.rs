//! Which message of a partition is asked for next, and how much at once.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::pace::{ONE_BATCH, Pace};
use super::unreadable::UnreadableRun;

/// How far a partition was fetched.
pub(super) struct Cursor {
    next: i64,
    unreadable: Option<UnreadableRun>,
    pub(super) pace: Pace,
}

/// What to do about an answer, before the next request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Ask,
    /// The messages that came are the next ones.
    Take,
    /// Nothing came, though the partition has more.
    Pause,
    /// These can't be read, and one behind them can.
    LeaveOut(RangeInclusive<i64>, String),
    /// These can't be read, and there is none behind them so far that can.
    Report(RangeInclusive<i64>, String),
}

impl Cursor {
    pub(super) fn new(next: i64) -> Self {
        Self { next, unreadable: None, pace: Pace::default() }
    }

    /// The message to ask for, and how many bytes.
    pub(super) fn request(&self) -> (i64, i32) {
        match &self.unreadable {
            Some(run) => (run.next(), ONE_BATCH),
            None => (self.next, self.pace.bytes()),
        }
    }

    /// The next message that was neither taken nor left out.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Notes the number of the last message that came, if any did, the partition's end, and how long it took.
    pub(super) fn came(&mut self, last: Option<i64>, end: i64, took: Duration) -> Step {
        let (asked, _) = self.request();
        let Some(run) = &mut self.unreadable else {
            self.pace.came(took);
            return match last {
                Some(last) => {
                    self.next = last + 1;
                    Step::Take
                }
                None if end > asked => Step::Pause,
                None => Step::Ask,
            };
        };
        if last.is_some() {
            return if run.end() { self.leave_out() } else { Step::Ask };
        }
        if end > asked {
            Step::Pause
        } else if run.reaches_end() {
            let (messages, reason) = run.messages();
            Step::Report(messages, reason)
        } else {
            Step::Ask
        }
    }

    /// Notes that an answer couldn't be read.
    pub(super) fn failed(&mut self, reason: String) -> Step {
        let Some(run) = &mut self.unreadable else {
            if self.pace.bytes() == ONE_BATCH {
                self.unreadable = Some(UnreadableRun::new(self.next, reason));
            } else {
                // Another batch than the first may be what can't be read.
                self.pace.begin_with_one_batch();
            }
            return Step::Ask;
        };
        if run.add() {
            return self.leave_out();
        }
        if !run.is_long() {
            return Step::Ask;
        }
        let (messages, reason) = run.messages();
        Step::Report(messages, reason)
    }

    fn leave_out(&mut self) -> Step {
        let Some(run) = self.unreadable.take() else { return Step::Ask };
        self.next = run.next();
        let (messages, reason) = run.messages();
        if messages.is_empty() { Step::Ask } else { Step::LeaveOut(messages, reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch: how many messages it has, and whether it can be read.
    type Batch = (i64, bool);

    /// How many bytes a message has.
    const SIZE: i64 = 100;

    #[derive(Default)]
    struct Outcome {
        taken: Vec<i64>,
        left_out: Vec<i64>,
        reported: Vec<RangeInclusive<i64>>,
        requests: usize,
    }

    /// The numbers of the messages that an answer has; none if it can't be read.
    fn answer(batches: &[Batch], (at, bytes): (i64, i32)) -> Option<Vec<i64>> {
        let (mut begin, mut got, mut numbers) = (0, 0, Vec::new());
        for (count, is_good) in batches {
            let messages = begin..begin + count;
            begin = messages.end;
            if at >= messages.end {
                continue;
            }
            got += count * SIZE;
            if !numbers.is_empty() && got > i64::from(bytes) {
                break;
            }
            if !is_good {
                return None;
            }
            numbers.extend(messages.filter(|number| *number >= at));
        }
        Some(numbers)
    }

    /// Asks until everything was read, or nothing more comes.
    fn read(cursor: &mut Cursor, batches: &[Batch], fails: impl Fn(usize) -> bool) -> Outcome {
        let end: i64 = batches.iter().map(|(count, _)| count).sum();
        let mut outcome = Outcome::default();
        loop {
            let asked = cursor.request();
            let numbers = answer(batches, asked).filter(|_| !fails(outcome.requests));
            outcome.requests += 1;
            assert!(outcome.requests < 100_000, "{asked:?}");
            let step = match &numbers {
                Some(numbers) => cursor.came(numbers.last().copied(), end, Duration::ZERO),
                None => cursor.failed("bad".to_owned()),
            };
            match step {
                Step::Take => outcome.taken.extend(numbers.iter().flatten()),
                Step::LeaveOut(messages, _) => outcome.left_out.extend(messages),
                Step::Report(messages, _) => outcome.reported.push(messages),
                Step::Pause => panic!("{asked:?}"),
                Step::Ask => {}
            }
            if numbers.is_some_and(|numbers| numbers.is_empty()) {
                return outcome;
            }
        }
    }

    /// The numbers of the messages of batches that can be read, or that can't.
    fn numbers(batches: &[Batch], good: bool) -> Vec<i64> {
        let ends = batches.iter().scan(0, |end, (count, is_good)| {
            *end += count;
            Some((*end - count..*end, *is_good))
        });
        ends.filter(|(_, is_good)| *is_good == good).flat_map(|(messages, _)| messages).collect()
    }

    fn only_what_cannot_be_read_is_left_out(batches: &[Batch]) -> Outcome {
        let outcome = read(&mut Cursor::new(0), batches, |_| false);
        assert_eq!(outcome.taken, numbers(batches, true));
        assert_eq!(outcome.left_out, numbers(batches, false));
        outcome
    }

    #[test]
    fn no_message_that_can_be_read_is_left_out() {
        // Long runs, in small batches, with a single message between that can be read.
        let singles: Vec<_> = (0..=501).map(|number| (1, [131, 501].contains(&number))).collect();
        only_what_cannot_be_read_is_left_out(&singles);
        only_what_cannot_be_read_is_left_out(&[(130, false), (1, true), (368, false), (9, true)]);
        let mut random = 4711_u64;
        for _ in 0..200 {
            let batch = |_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (i64::try_from(random >> 40).unwrap() % 7 + 1, (random >> 33) & 3 > 0)
            };
            let mut batches: Vec<_> = (0..100).map(batch).collect();
            batches.push((1, true));
            only_what_cannot_be_read_is_left_out(&batches);
        }
    }

    #[test]
    fn a_large_batch_is_asked_for_twice_for_each_of_its_messages_and_that_is_said() {
        let outcome =
            only_what_cannot_be_read_is_left_out(&[(10, true), (5_000, false), (1, true)]);
        assert!(outcome.requests < 10_050, "{}", outcome.requests);
        let lengths: Vec<_> =
            outcome.reported.iter().map(|run| run.end() - run.start() + 1).collect();
        assert_eq!(lengths, [128, 256, 512, 1_024, 2_048, 4_096]);
    }

    #[test]
    fn nothing_is_left_out_until_something_behind_it_can_be_read() {
        let mut batches = vec![(3, true), (20, false)];
        let mut cursor = Cursor::new(0);
        let outcome = read(&mut cursor, &batches, |_| false);
        assert_eq!((outcome.taken, outcome.left_out), (vec![0, 1, 2], vec![]));
        assert_eq!((outcome.reported, cursor.next()), (vec![3..=22], 3));
        // The broker sends it again and again in vain, and then as it is.
        batches.extend([(5, false), (1, true)]);
        let outcome = read(&mut cursor, &batches, |_| false);
        assert_eq!((outcome.taken, outcome.left_out), (vec![28], (3..28).collect()));
        assert!(outcome.reported.is_empty());
    }

    #[test]
    fn what_could_not_be_read_for_a_time_is_read() {
        let batches = [(10, true); 1_000];
        for fails in [0..1, 0..2, 0..40, 3..300] {
            let outcome = read(&mut Cursor::new(0), &batches, |request| fails.contains(&request));
            assert_eq!((outcome.taken.len(), outcome.left_out), (10_000, vec![]), "{fails:?}");
            // It doesn't take one request for each batch from then on.
            assert!(outcome.requests < 60 + 2 * fails.end, "{}", outcome.requests);
        }
    }
}
