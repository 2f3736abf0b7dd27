use std::collections::VecDeque;

/// How many of the first alerts that were pushed to a queue its reader is done with.
///
/// What finds the queue full is behind everything that is in it then: it doesn't count before that.
#[derive(Debug, Default)]
pub(super) struct SettledCounter {
    /// Alerts that were let in.
    let_in: u64,
    /// Of those, the first so many are done with.
    done: u64,
    /// Some of the reader's batch, but not its first.
    aside: u64,
    /// How many were turned away, each with how many had been let in before.
    turned_away: VecDeque<(u64, u64)>,
    /// How many were turned away before the first alert that isn't done with.
    turned_away_before: u64,
    /// The reader ended without having dealt with what it had.
    given_up: bool,
}

impl SettledCounter {
    pub(super) fn first(&self) -> u64 {
        self.done + self.turned_away_before
    }

    pub(super) fn let_in(&mut self) {
        self.let_in += 1;
    }

    pub(super) fn turn_away(&mut self) {
        match self.turned_away.back_mut() {
            Some((before, n)) if *before == self.let_in => *n += 1,
            _ => self.turned_away.push_back((self.let_in, 1)),
        }
        self.advance();
    }

    /// The reader is done with the first `n` of its batch.
    pub(super) fn done(&mut self, n: usize) {
        self.done += if self.given_up { 0 } else { n as u64 };
        self.advance();
    }

    /// The reader is done with some `n` of its batch.
    pub(super) fn set_aside(&mut self, n: usize) {
        self.aside += n as u64;
    }

    /// The reader is done with its whole batch.
    pub(super) fn batch_done(&mut self) {
        let aside = std::mem::take(&mut self.aside);
        self.done += if self.given_up { 0 } else { aside };
        self.advance();
    }

    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    fn advance(&mut self) {
        while let Some((before, n)) = self.turned_away.front()
            && *before <= self.done
        {
            self.turned_away_before += n;
            self.turned_away.pop_front();
        }
    }
}
