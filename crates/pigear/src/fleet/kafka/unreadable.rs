//! Where messages end that can't be read.
//!
//! The client's library says of a batch that it can't read only that: not how many messages it has. Whoever asks for a
//! message in it gets the batch again. So the messages behind are asked for, one after the other, and in a large batch
//! with larger and larger steps.

/// So many messages are asked for one after the other. Most that can't be read are in small batches, with others
/// between that can be.
const EACH: u32 = 128;

/// Looks for the first message behind an unreadable one that can be read.
pub(super) struct Search {
    /// The last that is known to be unreadable.
    last: i64,
    /// The first that is known to be readable.
    readable: Option<i64>,
    /// The partition's end.
    end: i64,
    step: i64,
    asked: u32,
}

impl Search {
    pub(super) fn new(unreadable: i64, end: i64) -> Self {
        Self { last: unreadable, readable: None, end, step: 1, asked: 0 }
    }

    /// The message to ask for, or that it is found: the first that can be read, or the end if none can.
    pub(super) fn next(&self) -> Result<i64, i64> {
        let at = self.last.saturating_add(self.step);
        match self.readable.or((at >= self.end).then_some(self.end)) {
            None => Ok(at),
            Some(readable) if readable - self.last <= 1 => Err(readable),
            Some(readable) => Ok(self.last + (readable - self.last) / 2),
        }
    }

    /// Notes whether a message can be read.
    pub(super) fn answer(&mut self, at: i64, is_readable: bool) {
        if is_readable {
            self.readable = Some(at);
            return;
        }
        (self.last, self.asked) = (at, self.asked + 1);
        if self.asked >= EACH {
            self.step = self.step.saturating_mul(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first readable message, and how many were asked for.
    fn found(unreadable: i64, end: i64, is_bad: impl Fn(i64) -> bool) -> (i64, usize) {
        let (mut search, mut asked) = (Search::new(unreadable, end), 0);
        loop {
            match search.next() {
                Err(found) => return (found, asked),
                Ok(at) => {
                    assert!(unreadable < at && at < end, "{at}");
                    search.answer(at, !is_bad(at));
                    asked += 1;
                }
            }
        }
    }

    #[test]
    fn no_message_that_can_be_read_is_left_out_between_small_batches() {
        assert_eq!(found(12, 13, |_| true), (13, 0));
        assert_eq!(found(12, 100, |_| false), (13, 1));
        assert_eq!(found(12, 100, |at| at < 15), (15, 3));
        assert_eq!(found(12, 100, |_| true).0, 100);
        assert_eq!(found(0, 1_000, |at| at % 64 != 0).0, 64);
    }

    #[test]
    fn the_end_of_a_large_batch_is_found_with_few_questions() {
        for length in [127, 128, 129, 5_000, 99_999, 100_000, 1_000_000] {
            let (at, asked) = found(0, 1_000_000, |at| at < length);
            assert_eq!(at, length);
            assert!(asked < 180, "{length}: {asked}");
        }
    }
}
